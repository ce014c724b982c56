"""Completion in real shells: always bash, and zsh and fish if they are installed."""

from __future__ import annotations

import argparse
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_oam.__main__ import COMMANDS, _parser, main
from kong_oam.cli.completion import candidates
from tests.support.cli import Cli
from tests.support.repository import ROOT
from tests.support.streams import Capsys


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with three stacks; the name of a fourth stack would run as a command."""
    monkeypatch.chdir(tmp_path)
    Path("stacks").mkdir()
    for stack in ("local", "logs", "aws", "$(touch evil)"):
        Path("stacks", f"Pulumi.{stack}.yaml").touch()


@pytest.fixture
def scripts(project: None, capsys: Capsys) -> dict[str, Path]:
    """Each shell's script in a file of the project."""
    found = {}
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        found[shell] = Path(f"kong-oam.{shell}").resolve()
        found[shell].write_text(capsys.readouterr().out, "utf-8")
    return found


def offered(*words: str) -> list[str]:
    """Return the candidates for the last of these words."""
    return [word for word, _ in candidates(_parser(), words)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ch"], ["check"]),
        (["--v"], ["--version"]),
        (["check", "--s"], ["--stack", "--since", "--sarif"]),
        (["check", "--stack", ""], ["aws", "local", "logs"]),
        (["check", "--stack", "lo"], ["local", "logs"]),
        (["check", "--stack=local", "--sta"], ["--stack"]),
        (["check", "--stack", "check", "--j"], ["--json"]),
        (["recover", "-s", "a"], ["aws"]),
        (["new", "--client", "b"], ["browser"]),
        (["new", "--component", "what", "--client", "w"], ["web"]),
        (["emergency", "-s", "local", ""], ["open", "close"]),
        (["emergency", "-s", "open", "o"], ["open"]),
        (
            ["emergency", "-s", "local", "open", "--m"],
            ["--methods", "--minutes"],
        ),
        (["who", "--applications", "a", "b", "--st"], ["--stack"]),
        (["explain", "--user-in", "--st"], ["--stack"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
    ],
)
def test_verbs_options_choices_and_stacks_are_candidates(
    project: None, words: list[str], expected: list[str]
) -> None:
    """The options of the verb in the line, in any order."""
    assert sorted(offered(*words)) == sorted(expected)


@pytest.mark.parametrize(
    "words",
    [
        ["check", ""],
        ["check", "--sarif", "c"],
        ["forward", "--to", "u", "--", "-"],
        ["who", "--applications", ""],
    ],
)
def test_other_words_have_no_candidates(
    project: None, words: list[str]
) -> None:
    """The shell then completes files."""
    assert offered(*words) == []


def _all(
    parser: argparse.ArgumentParser, *path: str
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    yield path, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from _all(inner, *path, name)


def test_all_verbs_and_options_are_candidates(project: None) -> None:
    """At any depth, as the command line's parser accepts them."""
    assert offered("") == [command.name for command in COMMANDS]
    for path, parser in _all(_parser()):
        flags = offered(*path, "-")
        assert flags == [
            flag for action in parser._actions for flag in action.option_strings
        ]
        assert "--help" in flags


def test_each_candidate_has_a_description(project: None, cli: Cli) -> None:
    """After a tab, for shells that show descriptions."""
    assert (
        cli("completion", "zsh", "--", "forward", "--k")
        == "--key\tits private key, in PEM, without a passphrase\n"
    )


KONG_OAM = (
    'kong-oam() { if [ "$1" = completion ]; then '
    f'PYTHONPATH={ROOT} {sys.executable} -m kong_oam "$@"; else '
    "printf '<%s>' beg''in \"$@\" en''d; fi; }"
)
"""A stand-in for the command. It completes, and prints its arguments."""


def typed(command: list[str], setup: str, keys: str) -> str:
    """Return the words that a shell on a terminal passes to `kong-oam` after these keys, each in
    angle brackets."""
    ours, theirs = pty.openpty()
    env = {"PATH": os.environ["PATH"], "TERM": "xterm", "HOME": str(Path.cwd())}
    shell = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        os.write(ours, f"{KONG_OAM}\n{setup}; echo rea''dy\n".encode())
        _until(ours, "ready\r\n")
        os.write(ours, f"{keys}\n".encode())
        return (
            _until(ours, "<end>").rpartition("<begin>")[2].partition("<end>")[0]
        )
    finally:
        shell.kill()
        shell.wait(10)
        os.close(ours)


def _until(terminal: int, words: str) -> str:
    """Return the terminal's output up to these words. Raises TimeoutError."""
    output, end = "", time.monotonic() + 30
    while words not in output:
        if not select.select(
            [terminal], [], [], max(0.0, end - time.monotonic())
        )[0]:
            raise TimeoutError(output)
        output += os.read(terminal, 65536).decode()
    return output


KEYS = [
    ("kong-oam ch\t--stack loc\t--js\t", "<check><--stack><local><--json>"),
    ("kong-oam emergency -s a\top\t", "<emergency><-s><aws><open>"),
    (
        "kong-oam check --sarif stacks/Pulumi.a\t",
        "<check><--sarif><stacks/Pulumi.aws.yaml>",
    ),
    (
        "kong-oam who -f README st\tPulumi.a\t",
        "<who><-f><README><stacks/Pulumi.aws.yaml>",
    ),
    ("kong-oam check --stack '$\t'", "<check><--stack><$>"),
]


@pytest.mark.parametrize(("keys", "passed"), KEYS)
def test_bash_completes_on_a_terminal(
    scripts: dict[str, Path], keys: str, passed: str
) -> None:
    """With readline's own word breaks. No file name is executed."""
    assert (
        typed(
            ["bash", "--norc", "--noprofile", "-i"],
            f"source {scripts['bash']}",
            keys,
        )
        == passed
    )
    assert not Path("evil").exists()


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh on PATH")
@pytest.mark.parametrize(("keys", "passed"), KEYS[:-1])
def test_zsh_completes_on_a_terminal(
    scripts: dict[str, Path], keys: str, passed: str
) -> None:
    """As in bash."""
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
def test_fish_completes(
    scripts: dict[str, Path], line: str, expected: list[str]
) -> None:
    """With fish's own command for candidates."""
    ours = f"function kong-oam; {sys.executable} -m kong_oam $argv; end; source $argv[1]; complete -C $argv[2]"
    command = ["fish", "--no-config", "-c", ours, str(scripts["fish"]), line]
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(Path.cwd()),
        "PYTHONPATH": str(ROOT),
    }
    completed = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=20, env=env
    )
    assert (
        sorted(
            line.partition("\t")[0] for line in completed.stdout.splitlines()
        )
        == expected
    )
    assert completed.stderr == ""
