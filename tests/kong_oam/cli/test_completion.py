"""Completion in shells that run: bash everywhere, zsh and fish where they are installed."""

from __future__ import annotations

import argparse
import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_oam.__main__ import COMMANDS, _parser, main
from kong_oam.cli.completion import read
from kong_oam.cli.completion_scripts import Verb

ASK = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kong_oam; printf "%s\\n" "${COMPREPLY[@]}"'


@pytest.fixture
def scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Each shell's script in a file, in a project with three stacks; the name of a fourth would be a command."""
    found = {}
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        found[shell] = tmp_path / f"kong-oam.{shell}"
        found[shell].write_text(capsys.readouterr().out, "utf-8")
    monkeypatch.chdir(tmp_path)
    Path("stacks").mkdir()
    for stack in ("local", "logs", "aws", "$(touch evil)"):
        Path("stacks", f"Pulumi.{stack}.yaml").touch()
    return found


def offered(script: Path, *words: str) -> list[str]:
    """What bash completes the last of these words to, after the others."""
    command = ["bash", "--norc", "-c", ASK, str(script), "kong-oam", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ch"], ["check"]),
        (["--v"], ["--version"]),
        (["check", "--s"], ["--stack", "--since", "--sarif"]),
        (["check", "--stack", ""], ["aws", "local", "logs"]),
        (["check", "--stack", "lo"], ["local", "logs"]),
        (["check", "--stack", "=", "lo"], ["local", "logs"]),
        (["check", "--stack", "="], ["aws", "local", "logs"]),
        (["check", "--stack", "check", "--j"], ["--json"]),
        (["recover", "-s", "a"], ["aws"]),
        (["new", "--client", "b"], ["browser"]),
        (["new", "--component", "what", "--client", "w"], ["web"]),
        (["emergency", "-s", "local", ""], ["open", "close"]),
        (["emergency", "-s", "open", "o"], ["open"]),
        (["emergency", "-s", "local", "open", "--m"], ["--methods", "--minutes"]),
        (["who", "--applications", "a", "b", "--st"], ["--stack"]),
        (["explain", "--user-in", "--st"], ["--stack"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
    ],
)
def test_bash_completes_verbs_options_choices_and_stacks(
    scripts: dict[str, Path], words: list[str], expected: list[str]
) -> None:
    """Of the verb that was said, however its options are written."""
    assert sorted(offered(scripts["bash"], *words)) == sorted(expected)


@pytest.mark.parametrize(
    "words",
    [["check", ""], ["check", "--sarif", "c"], ["forward", "--to", "u", "--", "-"], ["who", "--applications", ""]],
)
def test_bash_leaves_the_rest_to_what_it_does_by_itself(scripts: dict[str, Path], words: list[str]) -> None:
    """Which is files."""
    assert offered(scripts["bash"], *words) == []


def _all(verb: Verb, *path: str) -> Iterator[tuple[tuple[str, ...], Verb]]:
    yield path, verb
    for inner in verb.verbs:
        yield from _all(inner, *path, inner.name)


def test_everything_that_can_be_said_is_completed(scripts: dict[str, Path]) -> None:
    """Each verb, at any depth, and each of its options, as the command line itself takes them."""
    assert offered(scripts["bash"], "") == [command.name for command in COMMANDS]
    for path, verb in _all(read(_parser())):
        flags = offered(scripts["bash"], *path, "-")
        assert flags == [flag for option in verb.options for flag in option.flags]
        assert "--help" in flags


def test_what_takes_a_value_is_known() -> None:
    """From the parser: a file, a stack, one of some words, as often as it may stand."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--stack", action="append", help="one of 100%%")
    parser.add_argument("--paths", nargs="+", metavar="PATH")
    parser.add_argument("--path", metavar="PATH")
    parser.add_argument("--report", type=Path)
    parser.add_argument("mode", nargs="?", choices=("a", "b"))
    verb = read(parser)
    said = [(one.flags, one.takes, one.kind, one.repeatable) for one in verb.options]
    assert said == [
        (("--all",), "none", "", False),
        (("--stack",), "one", "stacks", True),
        (("--paths",), "many", "files", False),
        (("--path",), "one", "", False),
        (("--report",), "one", "files", False),
    ]
    assert verb.options[1].summary == "one of 100%"
    assert [(one.kind, one.words, one.optional) for one in verb.operands] == [("words", ("a", "b"), True)]


def typed(command: list[str], setup: str, keys: str) -> str:
    """What a shell on a terminal passes to `kong-oam` when these keys are pressed; each word in angle brackets."""
    ours, theirs = pty.openpty()
    env = {"PATH": os.environ["PATH"], "TERM": "xterm", "HOME": str(Path.cwd())}
    shell = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True)
    os.close(theirs)
    try:
        os.write(ours, f"kong-oam() {{ printf '<%s>' beg''in \"$@\" en''d; }}\n{setup}; echo rea''dy\n".encode())
        _until(ours, "ready\r\n")
        os.write(ours, f"{keys}\n".encode())
        return _until(ours, "<end>").rpartition("<begin>")[2].partition("<end>")[0]
    finally:
        shell.kill()
        shell.wait(10)
        os.close(ours)


def _until(terminal: int, words: str) -> str:
    """What a terminal shows up to these words. Raises TimeoutError."""
    shown, end = "", time.monotonic() + 30
    while words not in shown:
        if not select.select([terminal], [], [], max(0.0, end - time.monotonic()))[0]:
            raise TimeoutError(shown)
        shown += os.read(terminal, 65536).decode()
    return shown


KEYS = [
    ("kong-oam ch\t--stack=loc\t--js\t", "<check><--stack=local><--json>"),
    ("kong-oam emergency -s a\top\t", "<emergency><-s><aws><open>"),
    ("kong-oam check --sarif stacks/Pulumi.a\t", "<check><--sarif><stacks/Pulumi.aws.yaml>"),
    ("kong-oam who -f README st\tPulumi.a\t", "<who><-f><README><stacks/Pulumi.aws.yaml>"),
    ("kong-oam review --stack aws --stack loc\t", "<review><--stack><aws><--stack><local>"),
    ("kong-oam check --stack '$\t'", "<check><--stack><$>"),
]


@pytest.mark.parametrize(("keys", "passed"), KEYS)
def test_it_is_typed_in_bash(scripts: dict[str, Path], keys: str, passed: str) -> None:
    """On a terminal, with readline's own rules of what a word is. No file's name is run."""
    assert typed(["bash", "--norc", "--noprofile", "-i"], f"source {scripts['bash']}", keys) == passed
    assert not Path("evil").exists()


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh on PATH")
@pytest.mark.parametrize(("keys", "passed"), KEYS[:-1])
def test_it_is_typed_in_zsh(scripts: dict[str, Path], keys: str, passed: str) -> None:
    """The same."""
    setup = f"autoload -Uz compinit; compinit -u -D; source {scripts['zsh']}"
    assert typed(["zsh", "-f", "-i"], setup, keys) == passed
    assert not Path("evil").exists()


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish on PATH")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("kong-oam ch", ["check"]),
        ("kong-oam check --stack lo", ["local", "logs"]),
        ("kong-oam emergency -s local ", ["close", "open"]),
        ("kong-oam emergency -s local open --m", ["--methods", "--minutes"]),
        ("kong-oam new --client b", ["browser"]),
        ("kong-oam check stacks/Pulumi.a", ["stacks/Pulumi.aws.yaml"]),
        ("kong-oam completion z", ["zsh"]),
    ],
)
def test_fish_completes(scripts: dict[str, Path], line: str, expected: list[str]) -> None:
    """By fish's own word for what it would offer."""
    command = ["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", str(scripts["fish"]), line]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20, env={"PATH": os.environ["PATH"], "HOME": str(Path.cwd())})  # fmt: skip
    assert sorted(one.partition("\t")[0] for one in done.stdout.splitlines()) == expected
    assert done.stderr == ""
