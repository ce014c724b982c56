"""Writing records: the chain goes on, and nothing of a secret or a free text gets in."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from kong_oam.audit.history import engine, write
from kong_oam.audit.history.check import findings_of_folder
from kong_oam.audit.history.read import HistoryError, read_history, read_runs
from kong_oam.audit.history.signature import (
    SignatureError,
    check_private_key,
    signature_problem,
)
from kong_oam.audit.history.write import check_folder, write_record
from kong_oam.cli.audit_record import _policy, folder_of
from kong_oam.cli.audit_replay import openings
from kong_oam.cli.command import UsageError

OPENINGS = {"openings": [{"component": "orders/api"}]}


def test_each_record_follows_the_last(tmp_path: Path) -> None:
    """The folder is created for the first record."""
    folder = tmp_path / "evidence"
    files = [
        write_record(folder, "open", "local", OPENINGS).name,
        write_record(folder, "close", "local", OPENINGS).name,
    ]
    assert files == ["000001.json", "000002.json"]
    first, second = read_runs(folder)
    assert (first.previous, second.previous) == (None, first.digest)
    assert [*findings_of_folder(read_history(folder))] == []


def test_an_opening_ends_with_the_second_of_its_closing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record has whole seconds: calls of that second may precede it. The next second is closed."""
    opened = {
        "component": "orders/api",
        "path": "/orders",
        "methods": ["GET"],
        "reason": "INC-4711",
    }
    of = {"openings": [{**opened, "ends": "2026-11-01T11:00:00Z"}]}
    monkeypatch.setattr(write, "now", lambda: "2026-11-01T10:00:07Z")
    write_record(tmp_path, "open", "local", of)
    write_record(tmp_path, "close", "local", of)
    (opening,) = openings(read_runs(tmp_path))
    assert opening.start.isoformat() == "2026-11-01T10:00:07+00:00"
    assert opening.end.isoformat() == "2026-11-01T10:00:08+00:00"


def test_a_record_names_its_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account, and the account in CI."""
    monkeypatch.setenv("LOGNAME", "ann")
    monkeypatch.setenv("GITHUB_ACTOR", "ann-at-github")
    write_record(tmp_path, "open", "local", OPENINGS)
    (run,) = read_runs(tmp_path)
    assert run.data["by"]["account"] == "ann"
    assert run.data["by"]["ci"] == "ann-at-github"


def test_an_emergency_waits_for_no_repair(tmp_path: Path) -> None:
    """The next record follows the bytes of a file that is no record."""
    (tmp_path / "000007.json").write_text("{")
    assert (
        write_record(tmp_path, "open", "local", OPENINGS).name == "000008.json"
    )
    history = read_history(tmp_path)
    assert [finding.code for finding in history.findings] == ["AUD601"]
    assert history.runs[0].previous


def test_no_record_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another command may write at the same moment."""
    first = write_record(tmp_path, "open", "local", OPENINGS)
    content = first.read_bytes()
    monkeypatch.setattr(write, "_end_of_chain", lambda _: (0, None))
    with pytest.raises(HistoryError, match="run the command again"):
        write_record(tmp_path, "close", "local", OPENINGS)
    assert first.read_bytes() == content


def test_a_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    """The check comes before the change of an emergency."""
    file = tmp_path / "evidence"
    file.write_text("")
    with pytest.raises(HistoryError, match="evidence: "):
        check_folder(file)


def test_an_update_is_recorded_without_configuration_and_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both are free texts. Other facts name files of the machine."""
    printed = {
        "kind": "update",
        "version": 0,
        "startTime": "2026-11-25T09:58:00.000Z",
        "endTime": "2026-11-25T09:59:00.000Z",
        "message": "hidden-1",
        "result": "succeeded",
        "resourceChanges": {"create": 2},
        "config": {"kong:kongAdminToken": {"value": "hidden-2"}},
        "environment": {
            "git.head": "abc",
            "pulumi.version": "v3.274.1",
            "runtime.executable": "/home/ann/python",
        },
    }
    provider = "pulumi:providers:kong"
    route = {"urn": "urn:y::route", "type": "kong:index/route:Route"}
    state = {
        "deployment": {
            "resources": [
                {
                    "urn": "urn:x",
                    "type": "pulumi:pulumi:Stack",
                    "outputs": {"__model": "1"},
                },
                # Updates count none of these.
                {**route, "urn": "urn:y::default_5", "type": provider},
                {**route, "external": True},
                {**route, "delete": True},
                {**route, "urn": "urn:y::gateway", "type": provider},
                route,
            ]
        }
    }
    monkeypatch.setattr(
        engine, "pulumi", lambda *_, **__: json.dumps([printed])
    )
    monkeypatch.setattr(engine, "export_state", lambda _: state)
    stack = engine.read_stack("local")
    assert stack.updates == (
        {
            "kind": "update",
            "start": "2026-11-25T09:58:00.000Z",
            "end": "2026-11-25T09:59:00.000Z",
            "result": "succeeded",
            "changes": {"create": 2},
            "facts": {"git.head": "abc", "pulumi.version": "v3.274.1"},
        },
    )
    assert (stack.resources, stack.outputs) == (3, {"__model": "1"})
    assert not stack.has_failed


def test_findings_of_the_policy_pack_come_from_event_logs(
    tmp_path: Path,
) -> None:
    """Messages of other packs may have secrets."""
    event = {
        "policyName": "public-needs-a-reason",
        "policyPackName": "kong-oam",
        "enforcementLevel": "advisory",
        "message": "Its description.\norders/api has no reason",
    }
    foreign = {**event, "policyPackName": "theirs", "message": "hidden"}
    file = tmp_path / "events.json"
    lines = [json.dumps({"policyEvent": entry}) for entry in (event, foreign)]
    file.write_text("\n".join(lines))
    assert _policy([file]) == {
        "policy": [
            {
                "policy": "public-needs-a-reason",
                "level": "advisory",
                "message": "orders/api has no reason",
            }
        ]
    }
    assert _policy(None) == {}


def test_a_folder_has_to_be_named() -> None:
    """By the command or by the stack."""
    settings = Namespace(evidence=None)
    with pytest.raises(UsageError, match="kong-oam:evidence"):
        folder_of(None, settings)  # type: ignore[arg-type]
    settings.evidence = "evidence"
    assert folder_of(None, settings) == Path("evidence")  # type: ignore[arg-type]
    assert folder_of(Path("x"), settings) == Path("x")  # type: ignore[arg-type]


def test_without_the_package_the_message_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only signatures need it."""
    monkeypatch.setitem(sys.modules, "securesystemslib.dsse", None)
    for use in (
        lambda: check_private_key(tmp_path / "key"),
        lambda: signature_problem(tmp_path / "a.json", tmp_path / "key"),
    ):
        with pytest.raises(SignatureError, match=r"kong-oam\[audit\]"):
            use()
