"""Verbs that run something: lazy imports, errors, and former names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from kong_oam.__main__ import main
from kong_oam.audit.history.read import read_runs
from kong_oam.audit.history.signature import signature_problem
from kong_oam.emergency import changes, confirmation
from kong_oam.emergency.changes import (
    EmergencyError,
    Opening,
    Openings,
    StillOpenError,
)
from kong_oam.engine.pending import ExportedState
from kong_oam.kong import forward, preflight
from kong_oam.kong.admin import AdminError
from kong_oam.recover import recovery
from kong_oam.recover.recovery import RecoveryError, Search, SearchedPlace
from tests.support.cli import Cli
from tests.support.history import key_pair
from tests.support.projects import copy_sample, replace_once
from tests.support.repository import ROOT
from tests.support.streams import Capsys

STEERING = "\x1b]0;title\x07"
HEAVY = (
    "httpx",
    "asyncio",
    "pulumi",
    "kong_oam.emergency",
    "kong_oam.recover",
    "kong_oam.review",
    "kong_oam.access.merge",
    "kong_oam.adopt.entities",
    "kong_oam.verify.drift",
)


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("KONG_ADMIN_ADDR", "http://kong.test:8001")
    monkeypatch.setenv("KONG_ADMIN_TOKEN", "")
    monkeypatch.setenv("KONG_API_KEY", "")


def test_a_verb_starts_without_the_imports_of_others() -> None:
    """`check` runs in every editor and at every commit."""
    code = f"import sys; from kong_oam.__main__ import main; main(['check']); print(*{{*{HEAVY}}} & {{*sys.modules}})"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert ran.stdout.splitlines()[-1] == "", ran.stdout


@pytest.mark.parametrize("verb", ["recover", "emergency"])
def test_a_stack_that_does_not_exist_is_2(verb: str, capsys: Capsys) -> None:
    """Before any request."""
    assert main([verb, "-s", "lokal"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith(
        "error: no stack 'lokal'"
    )


def test_without_an_address_of_kong_the_error_names_the_setting(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For opening and closing."""
    monkeypatch.delenv("KONG_ADMIN_ADDR")
    assert cli.error("emergency", "-s", "local", "close").startswith(
        "error: the address of Kong's Admin API is missing; set kong-oam:gateway.adminUrl"
    )


# recover


class Resource(SimpleNamespace):
    def __str__(self) -> str:
        return str(self.urn)


def _search(
    monkeypatch: pytest.MonkeyPatch, removed: list[str], *places: SearchedPlace
) -> None:
    settings: Any = SimpleNamespace(
        cluster=SimpleNamespace(context=None, contexts={}),
        gateway=SimpleNamespace(dbless=None),
    )
    found = Search(
        settings, ExportedState(frozenset(), (), None), places, older=False
    )
    monkeypatch.setattr(recovery, "_search", lambda *_, **__: found)
    monkeypatch.setattr(
        recovery,
        "delete_from_state",
        lambda stack, urn: removed.append(f"{stack} forgets {urn}"),
    )


def _place(removed: list[str]) -> SearchedPlace:
    gone: Any = [
        (Resource(urn="app"), None),
        (Resource(urn="other"), "another needs it"),
    ]
    made = [
        ("route way" + STEERING, None),
        ("service api", "route way belongs to it"),
    ]
    return SearchedPlace("Kong", made, gone, "local", removed.extend)


def test_leftovers_are_listed_and_certain_ones_removed(
    capsys: Capsys,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the reasons to keep the others, counts, and the next command. A name cannot control the
    terminal."""
    removed: list[str] = []
    _search(monkeypatch, removed, _place(removed))
    listed = [
        "Kong: 2 created, but missing in the state",
        "  route way?]0;title?",
        "  service api, kept: route way belongs to it",
        "Kong: 2 deleted, but still in the state",
        "  app",
        "  other, kept: another needs it",
    ]
    last = "Next: pulumi refresh -s local --yes --clear-pending-creates && pulumi up -s local"
    assert main(["recover", "-s", "local"]) == 1
    lines = [
        *listed,
        "0 of 4 removed",
        "Next: python -m kong_oam recover -s local --remove",
    ]
    assert capsys.readouterr().out.splitlines() == lines and removed == []
    assert (
        cli("recover", "-s", "local", "--older-state", status=1).splitlines()[
            -1
        ]
        == f"{lines[-1].removesuffix(' --remove')} --older-state --remove"
    )
    assert cli("recover", "-s", "local", "--remove", status=1).splitlines() == [
        *listed,
        "2 of 4 removed",
        last,
    ]
    assert removed == ["route way" + STEERING, "local forgets app"]
    _search(
        monkeypatch,
        removed,
        SearchedPlace("Kong", [], [], "local", removed.extend),
    )
    assert cli("recover", "-s", "local").splitlines() == [
        "Kong: 0 created, but missing in the state",
        last,
    ]


def test_a_failure_during_removal_is_one_line_after_the_list(
    capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user has already seen the list."""

    def fails(_: object) -> None:
        raise AdminError("Kong's Admin API does not answer")

    _search(
        monkeypatch,
        [],
        SearchedPlace("Kong", [("route way", None)], [], "local", fails),
    )
    assert main(["recover", "-s", "local", "--remove"]) == 2
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "Kong: 1 created, but missing in the state",
        "  route way",
    ]
    assert printed.err == "error: Kong's Admin API does not answer\n"
    with pytest.raises(RecoveryError), recovery.search("local", older=False):
        raise AdminError


# emergency


OPEN = Opening(
    "tiny/api",
    "/things",
    ("GET", "HEAD"),
    1.0,
    "INC-1" + STEERING,
    is_over=False,
)
SHOWN = "GET,HEAD /things of tiny/api for everybody until 1970-01-01T00:00:01Z (INC-1?]0;title?)"


@pytest.mark.parametrize(
    ("found", "lines", "status"),
    [
        (Openings(()), ["no emergency opening exists"], 0),
        (Openings((OPEN,)), [f"open: {SHOWN}"], 1),
        (
            Openings((replace(OPEN, is_over=True),)),
            [f"over: {SHOWN}"],
            0,
        ),
    ],
)
def test_openings_are_listed(
    found: Openings,
    lines: list[str],
    status: int,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """1 while a path is open. An expired opening is listed and is no finding."""
    monkeypatch.setattr(changes, "openings", lambda *_: found)
    assert cli("emergency", "-s", "local", status=status).splitlines() == lines


def test_a_failed_opening_is_an_error(
    capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 2, and nothing on standard output."""

    def fails(*_: object) -> Opening:
        raise EmergencyError("close that first")

    monkeypatch.setattr(changes, "open_path", fails)
    assert (
        main(
            [
                "emergency",
                "-s",
                "local",
                "open",
                "tiny/api",
                "/things",
                "--reason",
                "x",
            ]
        )
        == 2
    )
    assert capsys.readouterr() == ("", "error: close that first\n")


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Kong at which opening and closing works."""
    monkeypatch.setattr(changes, "open_path", lambda *_: OPEN)
    monkeypatch.setattr(changes, "close", lambda *_: {"tiny/api": OPEN})
    monkeypatch.setattr(confirmation, "show_at_gateway", _answer_at_gateway)
    yield


def _answer_at_gateway(*_: object, is_open: bool) -> list[str]:
    return ["its evaluation exceeds it on" if is_open else "it refuses it"]


@pytest.mark.usefixtures("changed")
@pytest.mark.parametrize(
    ("seconds", "ending"),
    [
        (12.0, "effective at all nodes within about 12 seconds"),
        (2.4, "effective at all nodes within about 3 seconds"),
        (0.0, "effective at each node after its next configuration update"),
        (None, "effective at each node after its next configuration update"),
    ],
)
def test_the_delay_of_kongs_workers_is_printed(
    seconds: float | None,
    ending: str,
    capsys: Capsys,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From Kong's configuration. If the delay is unknown, the result is printed all the same."""

    def settle(*_: object) -> float:
        if seconds is None:
            raise AdminError("does not answer")
        return seconds

    monkeypatch.setattr(preflight, "settle", settle)
    assert (
        main(
            [
                "emergency",
                "-s",
                "local",
                "open",
                "tiny/api",
                "/things",
                "--reason",
                "x",
            ]
        )
        == 0
    )
    opened = [
        f"open: {SHOWN}; {ending}",
        "To close it earlier: python -m kong_oam emergency -s local close",
    ]
    assert capsys.readouterr().out.splitlines() == [
        *opened,
        "its evaluation exceeds it on",
    ]
    assert cli("emergency", "-s", "local", "close").splitlines() == [
        f"closed: tiny/api; {ending}",
        "it refuses it",
    ]


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project whose stack keeps records."""
    copy_sample(tmp_path)
    monkeypatch.chdir(tmp_path)
    replace_once(
        Path("stacks/Pulumi.local.yaml"),
        "  kong-oam:cloud: local\n",
        "  kong-oam:cloud: local\n  kong-oam:evidence: evidence\n",
    )


OPENS = ("emergency", "-s", "local", "open", "tiny/api", "/things")


@pytest.mark.usefixtures("changed", "recording")
def test_records_of_openings_are_signed(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The envelope of each record is valid."""
    monkeypatch.setattr(preflight, "settle", lambda *_: 0.0)
    private, public = key_pair(tmp_path, "ours")
    sign = ("--sign", str(private))
    opened = cli(*OPENS, "--reason", "x", *sign)
    assert "evidence/000001.dsse: the signature\n" in opened
    closed = cli("emergency", "-s", "local", "close", *sign)
    assert "evidence/000002.dsse: the signature\n" in closed
    runs = read_runs(Path("evidence"))
    assert [run.kind for run in runs] == ["open", "close"]
    for run in runs:
        assert signature_problem(Path(run.file), public) == ""


@pytest.mark.usefixtures("changed", "recording")
def test_a_key_that_cannot_sign_opens_nothing(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check comes before the change."""
    monkeypatch.setattr(changes, "open_path", _fails)
    Path("key").write_text("")
    arguments = (*OPENS, "--reason", "x", "--sign", "key")
    assert cli.error(*arguments).startswith(
        "error: key: not a private key that signs"
    )
    assert not [*Path("evidence").iterdir()]


@pytest.mark.usefixtures("changed")
def test_a_signature_needs_a_record(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a folder of records, the command opens nothing."""
    monkeypatch.setattr(changes, "open_path", _fails)
    arguments = (*OPENS, "--reason", "x", "--sign", "key")
    assert cli.error(*arguments) == (
        "error: --sign needs a record: set kong-oam:evidence in the stack's file\n"
    )


def _fails(*_: object) -> NoReturn:
    raise AssertionError


@pytest.mark.usefixtures("changed")
def test_closed_paths_are_listed_before_failures(
    capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway is asked about the closed paths, and the exit status is 2."""

    def fails(*_: object) -> NoReturn:
        raise StillOpenError("not all is closed: shop", {"tiny/api": OPEN})

    monkeypatch.setattr(changes, "close", fails)
    monkeypatch.setattr(preflight, "settle", lambda *_: 0.0)
    assert main(["emergency", "-s", "local", "close"]) == 2
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "closed: tiny/api; effective at each node after its next configuration update",
        "it refuses it",
    ]
    assert printed.err == "error: not all is closed: shop\n"


@pytest.mark.parametrize(
    ("found", "out"), [((OPEN,), f"open: {SHOWN}\n"), ((), "")]
)
def test_unreadable_scripts_are_an_error_after_the_list(
    found: tuple[Opening, ...],
    out: str,
    capsys: Capsys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The list then never says that nothing is open."""
    monkeypatch.setattr(
        changes,
        "openings",
        lambda *_: Openings(found, ("of shop nobody can say",)),
    )
    assert main(["emergency", "-s", "local"]) == 2
    assert capsys.readouterr() == (out, "error: of shop nobody can say\n")


# forward


def test_words_after_two_hyphens_are_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With its own options, even if a verb has the same option. Its exit status is returned."""
    ran: list[object] = []
    monkeypatch.setattr(forward, "target", lambda *operands: operands)
    monkeypatch.setattr(
        forward, "forward", lambda *operands: ran.append(operands) or 7
    )
    own = [
        "--to",
        "https://kong.test",
        "--certificate",
        "c",
        "--key",
        "k",
        "--port",
        "1",
    ]
    assert (
        main(
            [
                "forward",
                *own,
                "--",
                "pulumi",
                "up",
                "-s",
                "prod",
                "--json",
                "--to",
                "x",
                "--",
                "y",
            ]
        )
        == 7
    )
    words = ["pulumi", "up", "-s", "prod", "--json", "--to", "x", "--", "y"]
    assert ran == [(("https://kong.test", "c", "k", None), 1, words)]
