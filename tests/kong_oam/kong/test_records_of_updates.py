"""Records of requests during an update, when admission and the gate have different tables; and
numbers that show lost records. In the sandbox's Kong, a stand-in."""

from __future__ import annotations

import json
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import httpx
import jsonschema_rs
import pytest

from kong_oam.access.model import Estate
from kong_oam.access.stack import Records
from kong_oam.kong.table import revision
from sandbox.kong import Kong
from tests.support.documentation import page
from tests.support.estates import estate
from tests.support.gateway_estates import (
    Scene,
    issuers,
    nested_applications,
    stack,
)
from tests.support.json_object import JsonObject
from tests.support.mixed_gateway import mixed_gateway, plugin_of

STACK = replace(stack("tests"), records=Records())
ISSUERS = issuers(STACK, time.time())
SERVICE = "kong-oam.tests.orders.api.8080"
FORM = jsonschema_rs.validator_for(
    json.loads(page("reference/record.schema.json"))
)
OLD = nested_applications("example.com")
"""Rule `GET /orders` needs `read`; group `sales` has it."""


def changed(*edits: tuple[str, str]) -> Estate:
    """Return the estate after edits of its Applications."""
    texts = list(OLD)
    for old, new in edits:
        before = texts
        texts = [text.replace(old, new) for text in texts]
        assert texts != before
    return estate(*texts, stack=STACK)


BEFORE = estate(*OLD, stack=STACK)
OTHER_SCOPE = changed(
    (
        "{paths: [/orders], methods: [GET], scopes: [read]}",
        "{paths: [/orders], methods: [GET], scopes: [write]}",
    ),
    ("viewer: {scopes: [read]", "viewer: {scopes: [write]"),
)
"""The rule needs `write`, which `sales` has in place of `read`."""
OTHER_GROUP = changed(("groups: [sales]}", "groups: [x]}"))
"""`sales` has no scope here."""


def digest(applications: Estate) -> str:
    deployed = Scene(applications, ISSUERS).estate
    return revision(
        deployed,
        deployed.components["orders/api"],
        "8080",
        "kong-oam.tests.ring.main",
    )


def mixed(
    admission: Estate, gate: Estate, file: Path
) -> AbstractContextManager[Kong]:
    """Return a gateway with the admission of an estate and the gate of another estate."""
    scenes = Scene(admission, ISSUERS), Scene(gate, ISSUERS)
    return mixed_gateway(*scenes, SERVICE, file)


def ask(kong: Kong, file: Path, token: str) -> JsonObject:
    file.write_bytes(b"")
    raw = (
        "GET /orders HTTP/1.1\r\nHost: orders.example.com\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    kong.handle(raw.encode(), scheme=STACK.scheme)
    record: JsonObject = json.loads(file.read_bytes())
    FORM.validate(record)
    return record


USER = ISSUERS["main"].user(("read", "write"), ("sales",))


@pytest.mark.parametrize(
    ("admission", "gate"),
    [(BEFORE, OTHER_SCOPE), (OTHER_SCOPE, BEFORE)],
)
def test_an_allowed_request_has_the_scopes_that_either_table_counts(
    tmp_path: Path, admission: Estate, gate: Estate
) -> None:
    """Both revisions are recorded, and each allows the recorded caller."""
    file = tmp_path / "records"
    with mixed(admission, gate, file) as kong:
        record = ask(kong, file, USER)
    assert (record["code"], record["scopes"]) == ("allowed", ["read", "write"])
    assert record["revision"] == digest(gate)
    assert record["admitted"] == digest(admission)


@pytest.mark.parametrize(
    ("admission", "gate", "decider", "code"),
    [
        (BEFORE, OTHER_GROUP, OTHER_GROUP, "scope-missing"),
        (OTHER_GROUP, BEFORE, OTHER_GROUP, "scope-missing"),
    ],
)
def test_a_denial_names_the_groups_that_either_table_counts(
    tmp_path: Path, admission: Estate, gate: Estate, decider: Estate, code: str
) -> None:
    """`revision` is the digest of the table that denied."""
    file = tmp_path / "records"
    token = ISSUERS["main"].user(("read",), ("sales",))
    with mixed(admission, gate, file) as kong:
        record = ask(kong, file, token)
    assert (record["code"], record["revision"]) == (code, digest(decider))


def test_groups_of_the_gate_are_recorded_before_admission_knows_them(
    tmp_path: Path,
) -> None:
    """The user is in a group of each table."""
    file = tmp_path / "records"
    token = ISSUERS["main"].user(("read",), ("sales", "x"))
    with mixed(BEFORE, OTHER_GROUP, file) as kong:
        record = ask(kong, file, token)
    assert (record["code"], record["groups"]) == ("allowed", ["sales", "x"])
    assert record["scopes"] == ["read"]


def test_after_an_update_a_record_has_one_revision(tmp_path: Path) -> None:
    """`admitted` is missing if both tables are equal."""
    file = tmp_path / "records"
    with mixed(BEFORE, BEFORE, file) as kong:
        record = ask(kong, file, USER)
    assert record["revision"] == digest(BEFORE)
    assert "admitted" not in record


def test_records_of_a_worker_are_numbered(tmp_path: Path) -> None:
    """Node and worker stay the same until the scripts start again."""
    file = tmp_path / "records"
    with mixed(BEFORE, BEFORE, file) as kong:
        records = [ask(kong, file, USER) for _ in range(3)]
        identifier = plugin_of(kong, SERVICE, "pre-function")["id"]
        config = plugin_of(kong, SERVICE, "pre-function")["config"]
        httpx.patch(
            f"{kong.admin_url}/plugins/{identifier}",
            json={"config": config, "tags": ["again"]},
        ).raise_for_status()
        again = ask(kong, file, USER)
    assert [record["sequence"] for record in records] == [1, 2, 3]
    (series,) = {(record["node"], record["worker"]) for record in records}
    assert again["sequence"] == 1
    assert (again["node"], again["worker"]) != series
