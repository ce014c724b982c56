"""Records of runs in a folder: their values, and files that are no records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kong_oam.access.diff.snapshot import dump_model
from kong_oam.audit.history.chain import callers_by_id
from kong_oam.audit.history.facts import client_ids
from kong_oam.audit.history.read import (
    HistoryError,
    models_by_revision,
    read_history,
    read_runs,
)
from kong_oam.audit.history.run import RecordedOpening, StackRecord, Update
from tests.support.diffs import API, SHOP, model
from tests.support.history import STATE, run_fields, write_chain

PORTAL = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: portal}
spec:
  components:
    - name: web
      type: webservice
      properties: {image: portal}
      traits:
        - type: gateway
          properties: {domain: portal.example.com, http: {/: 3000}}
        - type: access
          properties: {owner: team-portal, rules: [{public: {reason: pages}}]}
"""
BEFORE = dump_model(model(API, SHOP)).split("\n")
AFTER = dump_model(model(PORTAL)).split("\n")
FIRST = 12 * "1"
SECOND = 12 * "2"
UPDATE = {
    "kind": "update",
    "start": "2026-11-25T09:58:00Z",
    "end": "2026-11-25T09:59:00Z",
    "result": "succeeded",
    "changes": {"create": 35},
    "facts": {"git.head": "abc"},
}


def test_a_record_is_read_as_a_value(tmp_path: Path) -> None:
    """Its model is read as `diff` reads an exported model."""
    stacks = {"local": {"updates": [UPDATE], "state": STATE, "resources": 37}}
    revisions = {"orders/api": {"8080": FIRST}}
    write_chain(
        tmp_path, {"stacks": stacks, "model": BEFORE, "revisions": revisions}
    )
    (run,) = read_runs(tmp_path)
    assert (run.number, run.kind, run.stack) == (1, "run", "local")
    assert run.revisions == {("orders/api", "8080"): FIRST}
    assert run.stacks["local"] == StackRecord(
        (
            Update(
                "update",
                "2026-11-25T09:58:00Z",
                "2026-11-25T09:59:00Z",
                "succeeded",
                {"git.head": "abc"},
                {"create": 35},
            ),
        ),
        STATE,
        37,
    )
    estate = run.estate()
    assert estate and {*estate.components} == {
        "orders/api",
        "shop/checkout",
        "shop/web",
    }


def test_a_record_of_an_opening_has_no_model(tmp_path: Path) -> None:
    """Records of the command `emergency` are in the same folder."""
    opening = {
        "component": "orders/api",
        "path": "/orders",
        "methods": ["GET"],
        "ends": "2026-11-25T11:00:00Z",
        "reason": "INC-1",
    }
    write_chain(tmp_path, {"kind": "open", "openings": [opening]})
    (run,) = read_runs(tmp_path)
    assert run.estate() is None
    assert run.openings == (
        RecordedOpening(
            "orders/api", "/orders", ("GET",), "2026-11-25T11:00:00Z", "INC-1"
        ),
    )


def test_each_revision_has_the_estate_that_was_in_force(tmp_path: Path) -> None:
    """The first record of a revision counts. A failed run's revisions have the wanted estate."""
    wanted = {"model": AFTER, "revisions": {"orders/api": {"8080": SECOND}}}
    revisions = {"orders/api": {"8080": FIRST}}
    write_chain(
        tmp_path,
        {"model": BEFORE, "revisions": revisions, "attempted": wanted},
        {"model": AFTER, "revisions": revisions},
    )
    estates = models_by_revision(read_runs(tmp_path))
    names = {key: {*estate.components} for key, estate in estates.items()}
    assert names == {
        ("orders/api", "8080", FIRST): {
            "orders/api",
            "shop/checkout",
            "shop/web",
        },
        ("orders/api", "8080", SECOND): {"portal/web"},
    }


def test_the_last_record_names_the_component_of_a_client_id(
    tmp_path: Path,
) -> None:
    """A component may have a client at each provider. A removed client keeps its name."""
    outputs = {
        "clients": {"okta": {"shop/web": "a"}, "entra": {"shop/web": "b"}}
    }
    ids = client_ids([outputs, {"clients": {"okta": {"shop/job": "c"}}}, {}])
    assert ids == {"shop/web": ["a", "b"], "shop/job": ["c"]}
    write_chain(
        tmp_path, {"clients": ids}, {"clients": {"shop/cart": ["a"]}}, {}
    )
    assert callers_by_id(read_runs(tmp_path)) == {
        "a": "shop/cart",
        "b": "shop/web",
        "c": "shop/job",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "not a record of a run, version 1"),
        (
            json.dumps(run_fields(version=2)).encode(),
            "not a record of a run, version 1",
        ),
        (
            json.dumps(run_fields(extra=1)).encode(),
            "not a record of a run, version 1",
        ),
    ],
)
def test_a_file_that_is_no_record_is_a_finding(
    tmp_path: Path, content: bytes, message: str
) -> None:
    """All other records are read."""
    write_chain(tmp_path, {}, {})
    (tmp_path / "000003.json").write_bytes(content)
    history = read_history(tmp_path)
    assert [run.number for run in history.runs] == [1, 2]
    assert [str(finding) for finding in history.findings] == [
        f"{tmp_path}/000003.json:1:1: error AUD601: {message}"
    ]


def test_other_files_are_no_records(tmp_path: Path) -> None:
    """Signatures and notes may be beside the records."""
    write_chain(tmp_path, {})
    (tmp_path / "000001.dsse").write_text("{}")
    (tmp_path / "README.md").write_text("Evidence")
    assert len(read_history(tmp_path).runs) == 1
    assert read_history(tmp_path).findings == ()


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    """The message names the command that writes the first record."""
    with pytest.raises(HistoryError, match="write the first record with"):
        read_runs(tmp_path / "none")
