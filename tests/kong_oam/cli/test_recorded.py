"""`explain --request`: a request from the gateway's records, explained with the Applications."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kong_oam.cli.estates import estate_of, settings_of
from kong_oam.kong import names
from kong_oam.kong.table import revision
from kong_oam.oam.application import read_files
from tests.support.cli import Cli
from tests.support.json_object import JsonObject

ORDERS = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: orders, ports: [{port: 8080}]}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {orders.read: Read, orders.write: Write}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [orders.read]}
              - {paths: [/orders], methods: [POST, PUT, DELETE], scopes: [orders.write]}
            roles:
              viewer: {scopes: [orders.read], groups: [sales], components: [shop/checkout, shop/web]}
              editor: {scopes: [orders.read, orders.write], groups: [desk], components: [shop/web]}
"""
SHOP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: checkout
      type: worker
      properties: {image: checkout}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [orders.read]}]}}
    - name: web
      type: external
      traits:
        - {type: client, properties: {kind: native, redirectUris: ["com.example.app:/callback"], calls: [{component: orders/api, scopes: [orders.read, orders.write]}]}}
"""
STACK = """\
config:
  kong-oam:cloud: local
  kong-oam:asOf: "2026-11-25"
  kong-oam:gateway: {namespace: kong, podLabels: {app: kong}}
  kong-oam:identityProviders: [{name: okta, type: okta}]
"""
ID = "0f9fd0ab4d79e51c2e37c3fdd3a8bc1e"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project of these two Applications, in the working directory."""
    for file, text in {
        "applications/orders.yaml": ORDERS,
        "applications/shop.yaml": SHOP,
        "stacks/Pulumi.local.yaml": STACK,
    }.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    monkeypatch.chdir(tmp_path)


def current() -> str:
    """Return the revision of the table of orders/api."""
    settings = settings_of("local")
    estate = estate_of(read_files(["applications"]), settings)
    component = estate.components["orders/api"]
    return revision(
        estate,
        component,
        next(iter(component.backends)),
        names.ring("local", component.identity.provider),
    )


RECORD: Mapping[str, Any] = {
    "version": 1,
    "time": "2026-11-28T06:23:17.052Z",
    "requestId": ID,
    "stack": "local",
    "component": "orders/api",
    "port": "8080",
    "method": "POST",
    "host": "orders.example.com",
    "path": "/orders/7",
    "client": "0oa1",
    "caller": "shop/web",
    "user": True,
    "subject": "user-sales",
    "groups": ["sales"],
    "scopes": ["orders.read"],
    "decision": "refused",
    "status": 403,
    "code": "scope-missing",
    "rule": "applications/orders.yaml:18",
    "rulePath": "/orders",
    "address": "192.0.2.7",
    "latencies": {"total": 3, "gateway": 3},
}


def explanation(
    tmp_path: Path,
    cli: Cli,
    *arguments: str,
    **changes: Any,
) -> str:
    """Return the explanation of the record with these changes, among other lines. None removes a
    field."""
    record = {"revision": current(), **RECORD, **changes}
    line = json.dumps(
        {name: value for name, value in record.items() if value is not None}
    )
    file = tmp_path / "records.jsonl"
    deep = "[" * 100_000  # json stops reading at this depth
    file.write_text(
        f"not a record\n{deep}\n[{json.dumps({**RECORD, 'requestId': 'another'})}]\n{line}\n"
    )
    return cli("explain", "--request", ID, "--logs", str(file), *arguments)


def test_a_denial_has_caller_rule_and_remedy(tmp_path: Path, cli: Cli) -> None:
    """In one line each, beside the decision of the current Applications."""
    assert explanation(tmp_path, cli).splitlines()[:6] == [
        "403 POST orders.example.com/orders/7 at 2026-11-28T06:23:17.052Z",
        f"  code    scope-missing (refused), by revision {current()}",
        "  caller  shop/web (client id 0oa1) for user user-sales in sales with scopes orders.read, "
        "from 192.0.2.7",
        "  rule    applications/orders.yaml:18",
        "  today   403 scope-missing: needs orders.write",
        "  remedy  POST, PUT, DELETE with orders.write (applications/orders.yaml:18:17)",
    ]


@pytest.mark.parametrize(
    ("changes", "today", "passes"),
    [
        ({"code": "token-needed", "status": 401, "client": None}, "401 token-needed", "an access token"),
        ({"code": "token-not-verified", "status": 401, "client": None}, "401 token-not-verified", "has not expired"),
        ({"code": "ambiguous-path", "status": 400, "path": "/orders/..;/x", "client": None}, "400 ambiguous-path", "dot segments"),
        ({"method": "PATCH", "code": "method-not-listed"}, "403 method-not-listed", "GET with orders.read (applications/orders.yaml:17:17) or POST, PUT, DELETE with orders.write"),
        ({"user": False, "groups": None, "caller": "shop/checkout"}, "403 scope-missing", "POST, PUT, DELETE with orders.write (applications/orders.yaml:18:17)"),
        ({"code": "too-many-requests", "status": 429, "client": None}, "401 token-needed", "fewer requests"),
        ({"code": "body-too-large", "status": 413, "client": None}, "401 token-needed", "in the trait limits"),
        ({"method": "GET", "code": "allowed", "status": 200, "decision": "allowed"}, "200 allowed", ""),
    ],
)  # fmt: skip
def test_each_code_has_a_remedy(
    tmp_path: Path,
    cli: Cli,
    changes: JsonObject,
    today: str,
    passes: str,
) -> None:
    """An allowed request has no remedy."""
    printed = explanation(tmp_path, cli, **changes)
    assert f"  today   {today}" in printed
    assert passes in printed
    assert ("  remedy  " in printed) == bool(passes)


@pytest.mark.parametrize(
    ("changes", "caller"),
    [
        ({"client": None}, "nobody (no valid token), from 192.0.2.7"),
        ({"client": None, "address": None}, "nobody (no valid token)"),
        ({"caller": None, "user": None}, "no component of the stack (client id 0oa1) with scopes orders.read, from 192.0.2.7"),
    ],
)  # fmt: skip
def test_a_caller_is_only_named_by_the_record(
    tmp_path: Path, cli: Cli, changes: JsonObject, caller: str
) -> None:
    """Without a token, without an address, and with a client id of no component."""
    printed = explanation(tmp_path, cli, **changes)
    assert f"  caller  {caller}" in printed.splitlines()


def test_another_revision_is_named(tmp_path: Path, cli: Cli) -> None:
    """The Applications changed after the request, or the stack runs another commit."""
    printed = explanation(tmp_path, cli, revision="0123456789ab")
    assert (
        f"by revision 0123456789ab, not from these Applications: the current revision is {current()}"
        in printed
    )


def test_a_record_cannot_control_a_terminal(tmp_path: Path, cli: Cli) -> None:
    """A hostile writer of the log may put any text into any field."""
    texts = {
        name: "\x1b[31m\u202ex"
        for name in RECORD
        if name not in ("requestId", "stack")
    }
    changes = {
        name: value
        for name, value in texts.items()
        if isinstance(RECORD[name], str)
    }
    printed = explanation(
        tmp_path,
        cli,
        revision="\x1b[31m",
        groups=["\x1b[31m"],
        scopes=["\x1b[31m"],
        **changes,
    )
    assert not {"\x1b", "\u202e"} & set(printed)


def test_other_lines_of_the_log_hide_no_record(
    tmp_path: Path, cli: Cli
) -> None:
    """Invalid UTF-8, and line separators of Python that are none in JSON."""
    record = {"revision": current(), **RECORD, "subject": "user\u2028sales\x85"}
    file = tmp_path / "records.jsonl"
    file.write_bytes(
        b"\xff\xfe\n"
        + json.dumps(record, ensure_ascii=False).encode()
        + b"\n\xff"
    )
    assert "for user user" in cli(
        "explain", "--request", ID, "--logs", str(file)
    )


def test_json_has_the_record_and_the_current_decision(
    tmp_path: Path, cli: Cli
) -> None:
    """With the current rule."""
    answer = json.loads(explanation(tmp_path, cli, "--json"))
    assert (answer["currentRevision"], answer["record"]["code"]) == (
        current(),
        "scope-missing",
    )
    assert answer["now"]["rule"] == {
        "file": "applications/orders.yaml",
        "line": 18,
        "column": 17,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "specify METHOD and URL, or --request and --logs"),
        (("GET",), "specify METHOD and URL"),
        (("--request", "x"), "--request ID and --logs FILE belong together"),
        (("--logs", "x"), "--request ID and --logs FILE belong together"),
        (
            ("GET", "a.b", "--request", "x", "--logs", "y"),
            "--request reads these values from the record",
        ),
        (
            ("--request", "x", "--logs", "no/such"),
            "no/such: No such file or directory",
        ),
        (
            ("--request", "x", "--logs", "stacks/Pulumi.local.yaml"),
            "no record of request 'x' among 0 records in 'stacks/Pulumi.local.yaml'",
        ),
    ],
)
def test_wrong_usage_is_2(
    cli: Cli, arguments: tuple[str, ...], message: str
) -> None:
    """With the remedy."""
    assert message in cli.error("explain", *arguments)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"stack": "prod"},
            "stack 'prod' recorded the request: add --stack prod",
        ),
        ({"version": 2}, "does not have version 1"),
        ({"path": None}, "fields are missing"),
        ({"status": "403"}, "have other types"),
        ({"path": "/\ud800"}, "have other types"),
        ({"scopes": ["orders.read", None]}, "have other types"),
        ({"user": "yes"}, "have other types"),
    ],
)
def test_an_unusable_record_is_wrong_usage(
    tmp_path: Path,
    cli: Cli,
    changes: JsonObject,
    expected: str,
) -> None:
    """A record of another stack or version, or with invalid fields."""
    record = {"revision": "0" * 12, **RECORD, **changes}
    file = tmp_path / "records.jsonl"
    file.write_text(
        json.dumps(
            {name: value for name, value in record.items() if value is not None}
        )
    )
    assert expected in cli.error(
        "explain", "--request", ID, "--logs", str(file)
    )
