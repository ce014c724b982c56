"""Properties of every verb: pure JSON on request, exit statuses, colours on terminals, hostile
text."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import kong_oam.verify.stack
from kong_oam.__main__ import COMMANDS, main
from kong_oam.verify.deviations import AffectedCalls, Deviation
from kong_oam.verify.stack import Altered, Reason, Result, Workloads
from tests.support.cli import Cli
from tests.support.projects import copy_sample, replace_once
from tests.support.repository import ROOT
from tests.support.streams import Capsys

ORDERS = Path("applications/orders.yaml")
URL = "https://orders.example.com/orders"
LONG = "a" * 300
ESCAPES = "\x1b]0;title\x07"

ARGUMENTS: dict[str, list[str]] = {
    "check": ["check"],
    "diff": ["diff", "before", "."],
    "merge": ["merge", ".", "before"],
    "explain": shlex.split(f"explain GET {URL} --as shop/web --user-in sales"),
    "who": ["who", "GET", URL],
    "what": ["what", "shop/web"],
    "matrix": ["matrix"],
    "graph": ["graph"],
    "render": ["render", "orders"],
    "new": shlex.split(
        "new --app billing --component nightly --type worker --image i --owner team"
    ),
    "verify": ["verify"],
}
STATUS = dict.fromkeys(ARGUMENTS, 0) | {
    "check": 1,
    "merge": 1,
    "verify": 1,
}
"""In the estate below, with findings of lint and of `verify`, and with each name twice."""

VERBS = pytest.mark.parametrize("verb", ARGUMENTS)


@pytest.fixture(autouse=True)
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample estate in the working directory, with a rule that grants more than in the folder
    `before`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    copy_sample(Path())
    copy_sample(Path("before"))
    edit(
        "methods: [GET], scopes: [orders.read]",
        "methods: [GET, PATCH], scopes: [orders.read]",
    )
    edit(', until: "2027-12-31"', "")
    exposure = AffectedCalls(("everybody",), ("GET",), (f"{URL}{ESCAPES}",))
    found = (
        (
            Deviation("opened", (), (exposure,)),
            (Reason(f"a route{ESCAPES}", "remove it"),),
        ),
    )
    monkeypatch.setattr(
        kong_oam.verify.stack, "verify", lambda *_: Result(found, 1)
    )
    altered = Altered(
        f"Service 'default/api{ESCAPES}'",
        (Reason(f"a port{ESCAPES}", "take it out"),),
    )
    monkeypatch.setattr(
        kong_oam.verify.stack, "workloads", lambda *_: Workloads((altered,), 1)
    )


def edit(old: str, new: str) -> None:
    replace_once(ORDERS, old, new)


class Terminal(io.StringIO):
    """A terminal with colours."""

    def isatty(self) -> bool:
        return True


def printed_on_terminal(
    monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> str:
    """Return the output on a terminal, of both streams. Standard input is no terminal, so no
    question is asked."""
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", out)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    main(arguments)
    return out.getvalue()


def test_every_verb_has_a_case_below() -> None:
    """Except for the verbs that run something, which have no JSON and their own tests."""
    assert [*ARGUMENTS] == [
        command.name for command in COMMANDS if command.answer is not None
    ]


@VERBS
def test_json_is_the_only_output(verb: str, capsys: Capsys) -> None:
    """With the same exit status as text."""
    assert main([*ARGUMENTS[verb], "--json"]) == STATUS[verb]
    printed = capsys.readouterr()
    assert json.loads(printed.out)
    assert printed.err == ""


@VERBS
def test_only_findings_have_status_1(verb: str, capsys: Capsys) -> None:
    """A denied request and a change of access are answers."""
    assert main(ARGUMENTS[verb]) == STATUS[verb]
    printed = capsys.readouterr()
    assert printed.out
    assert printed.err == ""


@VERBS
def test_an_unusable_stack_is_2(verb: str, cli: Cli) -> None:
    """A missing stack, with the nearest name, or a stack with an invalid setting. Nothing is
    printed on standard output."""
    printed = cli.usage(*ARGUMENTS[verb], "--stack", "lokal")
    assert "no stack 'lokal'" in printed
    assert "did you mean 'local'?" in printed
    for file in (
        Path("stacks/Pulumi.local.yaml"),
        Path("before/stacks/Pulumi.local.yaml"),
    ):
        file.write_text(
            file.read_text("utf-8").replace(
                "kong-oam:cloud: local", "kong-oam:cloud: lokal"
            ),
            "utf-8",
        )
    printed = cli.usage(*ARGUMENTS[verb])
    assert 'kong-oam:cloud: "lokal" is not one of' in printed


@VERBS
def test_applications_with_an_error_are_2(verb: str, capsys: Capsys) -> None:
    """With every error on standard error. For `check`, errors are the answer: status 1, on standard
    output."""
    edit(
        "[GET, PATCH], scopes: [orders.read]",
        "[GET, PATCH], scopes: [orders.reed]",
    )
    edit("components: [shop/web]}", "components: [shop/wob]}")
    assert main(ARGUMENTS[verb]) == (1 if verb == "check" else 2)
    printed = capsys.readouterr()
    errors, empty = printed.err, printed.out
    if verb == "check":
        errors, empty = empty, errors
    assert empty == ""
    assert f"{ORDERS}:24:" in errors and "error ACC201" in errors
    assert f"{ORDERS}:29:" in errors and "error ACC214" in errors


@pytest.mark.parametrize(
    "arguments",
    [
        *([*command, "--stack", LONG] for command in ARGUMENTS.values()),
        ["check", LONG],
        ["diff", LONG],
        ["what", "shop/web", "--applications", LONG],
    ],
)
def test_an_impossible_file_name_is_2(arguments: list[str], cli: Cli) -> None:
    """As a stack, as Applications, as a side of a comparison."""
    printed = cli.usage(*arguments)
    assert printed.endswith(": File name too long\n")


def test_a_full_disk_is_2() -> None:
    """With a single message, and none when the interpreter ends."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "kong_oam", "what", "anonymous"]
        ran = subprocess.run(
            command,
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    assert (ran.returncode, ran.stderr) == (
        2,
        b"standard output: No space left on device\n",
    )


@VERBS
def test_colours_need_a_terminal(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No colours for JSON or a picture, with NO_COLOR, or on a terminal without colours. The text
    is the same without."""
    coloured = printed_on_terminal(monkeypatch, *ARGUMENTS[verb])
    assert ("\x1b[" in coloured) == (verb not in ("graph", "render"))
    Path("applications/billing.yaml").unlink(missing_ok=True)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = printed_on_terminal(monkeypatch, *ARGUMENTS[verb])
    assert "\x1b" not in plain
    for code in ("0", "1", "31", "32", "33"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == plain
    monkeypatch.delenv("NO_COLOR")
    for silenced in (["--json"], []):
        Path("applications/billing.yaml").unlink(missing_ok=True)
        assert "\x1b" not in printed_on_terminal(
            monkeypatch, *ARGUMENTS[verb], *silenced
        )
        monkeypatch.setenv("TERM", "dumb")


def test_an_error_is_red_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And plain with NO_COLOR."""
    assert "\x1b[31m" in printed_on_terminal(
        monkeypatch, "check", "--stack", "lokal"
    )
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in printed_on_terminal(
        monkeypatch, "check", "--stack", "lokal"
    )


@VERBS
def test_hostile_text_cannot_control_a_terminal(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In reasons, names of groups and fields, and names from Kong."""
    escapes = ESCAPES.replace("\x1b", "\\e").replace("\x07", "\\a")
    edit("reason: probes of the load balancer", f'reason: "{escapes}"')
    edit("groups: [sales]", f'groups: [sales, "{escapes}"]')
    for arguments in (
        ARGUMENTS[verb],
        [
            URL + "/health" if argument == URL else argument
            for argument in ARGUMENTS[verb]
        ],
    ):
        assert not {"\x07", "\x1b]"} & {
            *printed_on_terminal(monkeypatch, *arguments)
        }
        assert "\x1b]" not in printed_on_terminal(monkeypatch, *arguments)
    edit("owner: team-orders", f'"{escapes}": team-orders')
    page = printed_on_terminal(monkeypatch, *ARGUMENTS[verb])
    assert "title" in page
    assert "\x07" not in page and "\x1b]" not in page


@pytest.mark.parametrize("verb", ["explain", "who", "what", "diff"])
def test_arguments_may_be_invalid_utf_8(verb: str) -> None:
    """They are answered or rejected without a traceback. JSON stays valid."""
    arguments: list[str | bytes] = [
        verb,
        *(["GET"] if verb in ("explain", "who") else []),
        b"a.example.com/\xff\x1b",
    ]
    for options in ([], ["--json"]):
        command = [sys.executable, "-m", "kong_oam", *arguments, *options]
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONIOENCODING": "ascii",
        }
        ran = subprocess.run(
            command, env=environment, capture_output=True, timeout=60
        )
        assert ran.returncode == (0 if verb in ("explain", "who") else 2), (
            ran.stderr
        )
        assert b"Traceback" not in ran.stderr
        assert b"\x1b" not in ran.stdout + ran.stderr
        if options:
            json.loads(ran.stdout)
