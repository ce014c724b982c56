"""Calls of the `pulumi` CLI, its failures in one sentence, and settings that are read only when
needed."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kong_oam.access.settings.stack import read_file
from kong_oam.access.settings.values import Settings
from kong_oam.engine.cli import PulumiCliError, pulumi, run, stream
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.stack_configuration import stack_configuration
from kong_oam.kong.account import Account, AccountError, account
from tests.support.repository import ROOT

TOKEN, KEY = (
    ("kong:kongAdminToken", "KONG_ADMIN_TOKEN"),
    ("kong:kongApiKey", "KONG_API_KEY"),
)
URL = "http://kong.test:8001"

Script = Callable[[str], None]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Return a function that writes a stand-in for the CLI, which only runs a script. The working
    directory is a project without stacks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/bin:/usr/bin")

    def written(text: str) -> None:
        file = tmp_path / "bin/pulumi"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    return written


def _ask(*arguments: str, timeout: float = 30.0) -> str:
    return pulumi(*arguments, stack="prod", timeout=timeout)


def test_the_stack_is_named_and_no_prompt_appears(script: Script) -> None:
    """The given variables extend the environment of this process."""
    script('echo "$PULUMI_HOME $*"')
    printed = pulumi(
        "stack",
        "export",
        stack="prod",
        timeout=30.0,
        environment={"PULUMI_HOME": "/p"},
    )
    assert printed == "/p stack export --stack prod --non-interactive\n"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("stack", "export"), "`pulumi stack export`"),
        (("config", "--json", "--show-secrets"), "`pulumi config`"),
        (("config", "get", "kong:kongAdminToken"), "`pulumi config get`"),
        (("state", "delete", "urn:pulumi:x", "--yes"), "`pulumi state delete`"),
        (("refresh", "--yes"), "`pulumi refresh`"),
    ],
)
def test_a_failure_message_has_only_standard_error(
    script: Script, arguments: tuple[str, ...], named: str
) -> None:
    """The message is one line after the command's first words. Standard output may be a secret."""
    script("echo s3cr3t; printf 'error: it is\\n  locked\\n' >&2; exit 7")
    with pytest.raises(PulumiCliError) as found:
        _ask(*arguments)
    assert str(found.value) == f"{named} failed: it is locked"
    done = run(*arguments, stack="prod", timeout=30.0)
    assert (done.returncode, done.stdout, done.stderr) == (
        7,
        "s3cr3t\n",
        "error: it is\n  locked\n",
    )
    script("echo s3cr3t; exit 7")
    with pytest.raises(
        PulumiCliError, match=rf"^{named} failed: exit status 7$"
    ):
        _ask(*arguments)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("postgres://deployer:s3cr3t@db.test/states", "postgres://****@db.test/states"),
        ("postgres://deployer:s3c@s3cr3t@db.test/states", "postgres://****@db.test/states"),
        ("postgres://db.test/states?password=s3cr3t&sslmode=disable", "postgres://db.test/states?password=****&sslmode=disable"),
        ('"postgres://db.test/states?password=s3cr3t"', '"postgres://db.test/states?password=****"'),
        ("file:///states by root@vm", "file:///states by root@vm"),
    ],
)  # fmt: skip
def test_the_login_of_a_backend_is_hidden(
    script: Script, address: str, expected: str
) -> None:
    """Versions of the CLI before 3.274 print the whole address of a backend that they cannot open."""
    script(
        f"echo 'error: unable to open bucket {address}: refused' >&2; exit 1"
    )
    with pytest.raises(PulumiCliError) as found:
        _ask("stack", "output")
    assert (
        str(found.value)
        == f"`pulumi stack output` failed: unable to open bucket {expected}: refused"
    )


def test_a_command_that_does_not_end_is_ended(script: Script) -> None:
    """The message leaves out the earlier output."""
    script("echo s3cr3t; exec sleep 60")
    for ask in (pulumi, run):
        with pytest.raises(
            PulumiCliError,
            match=r"^`pulumi stack export` took more than 0\.3 seconds$",
        ):
            ask("stack", "export", stack="prod", timeout=0.3)


def test_a_run_is_shown_line_by_line_and_can_be_interrupted(
    script: Script,
) -> None:
    """The process has its own process group, so an interrupt of this program does not reach it."""
    script(
        'sleep 30 >/dev/null 2>&1 & trap "kill $!; echo ended; exit 3" INT; echo "$*"; echo an error >&2; wait'
    )
    lines: list[str] = []
    running: set[subprocess.Popen[str]] = set()

    def say(line: str) -> None:
        lines.append(line)
        if line == "an error":
            (process,) = running
            assert os.getpgid(process.pid) == process.pid
            process.send_signal(signal.SIGINT)

    assert not stream("up", "--yes", stack="prod", say=say, running=running)
    assert lines == [
        "up --yes --color never --stack prod --non-interactive",
        "an error",
        "ended",
    ]
    assert running == set()
    script('echo "$PULUMI_HOME"')
    assert stream(
        "up",
        stack="prod",
        say=lines.append,
        running=running,
        environment={"PULUMI_HOME": "/p"},
    )
    assert lines[-1] == "/p"


def test_a_missing_cli_is_reported(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence says so, also if the CLI exists but cannot run."""
    script("exit 0")
    Path("bin/pulumi").chmod(0o644)
    with pytest.raises(
        PulumiCliError,
        match=r"^`pulumi stack` cannot be run: Permission denied$",
    ):
        _ask("stack")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PulumiCliError, match=r"^`pulumi` is not on the PATH$"):
        _ask("stack")


def test_in_a_clone_the_message_names_the_sandbox(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shell lacks the exports."""
    Path("sandbox").mkdir()
    Path("sandbox/__main__.py").touch()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        PulumiCliError,
        match=r"^`pulumi` is not on the PATH: run the exports that `make sandbox` prints",
    ):
        _ask("stack")


def _settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    for variable in ("KONG_ADMIN_TOKEN", "KONG_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("KONG_ADMIN_ADDR", URL)
    return read_file(ROOT / "stacks/Pulumi.local.yaml")


def test_a_command_reads_settings_that_the_environment_lacks(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment variable comes first, even if it is empty. The CLI reads only settings in the
    stack's file."""
    script(
        f"echo $* >> asked; test $3 = {shlex.quote(TOKEN[0])} && echo configured"
    )
    settings = _settings(monkeypatch)
    assert account(settings, stack_configuration("prod")) == Account(URL)
    Path("stacks").mkdir()
    Path("stacks/Pulumi.prod.yaml").write_text(
        f"config:\n  {TOKEN[0]}:\n    secure: v1:x\n"
    )
    monkeypatch.setenv(TOKEN[1], "")
    assert account(settings, stack_configuration("prod")).token == ""
    assert not Path("asked").exists()
    monkeypatch.delenv(TOKEN[1])
    assert account(settings, stack_configuration("prod")) == Account(
        URL, "configured"
    )
    assert (
        Path("asked").read_text()
        == f"config get {TOKEN[0]} --stack prod --non-interactive\n"
    )


def test_the_program_reads_the_configuration_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The environment is the default; an account has the stack's workspace in either case."""
    settings = _settings(monkeypatch)
    configured = {TOKEN[0]: "configured"}
    monkeypatch.setenv(TOKEN[1], "of the environment")
    monkeypatch.setenv(KEY[1], "key")
    assert account(settings, Configuration(configured.get)) == Account(
        URL, "configured", "key"
    )
    environment_first = Configuration(configured.get, environment_first=True)
    assert account(settings, environment_first) == Account(
        URL, "of the environment", "key"
    )


def test_without_an_address_the_message_names_the_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The check precedes the first request."""
    settings = _settings(monkeypatch)
    monkeypatch.delenv("KONG_ADMIN_ADDR")
    with pytest.raises(
        AccountError,
        match=r"set kong-oam:gateway\.adminUrl, or KONG_ADMIN_ADDR",
    ):
        account(settings, Configuration({}.__getitem__))
