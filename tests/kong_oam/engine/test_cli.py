"""The `pulumi` CLI: what it is called with, its failures in one sentence, and settings that it is asked for lazily."""

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

ROOT = Path(__file__).resolve().parents[3]
TOKEN, KEY = (
    ("kong:kongAdminToken", "KONG_ADMIN_TOKEN"),
    ("kong:kongApiKey", "KONG_API_KEY"),
)
URL = "http://kong.test:8001"

Script = Callable[[str], None]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Makes a stand-in for the CLI that only runs a script; the working directory is a project without stacks."""
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


def test_the_stack_is_named_and_nobody_is_asked(script: Script) -> None:
    """With the environment that is given, besides this process's own."""
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
def test_a_failure_is_told_by_standard_error_alone(
    script: Script, arguments: tuple[str, ...], named: str
) -> None:
    """On one line, after the command's first words; what was printed may be a secret."""
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
def test_a_login_of_the_backend_is_not_told(
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
    """And what it printed until then is not told."""
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


def test_without_the_cli_that_is_what_is_said(
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


def test_in_a_clone_what_the_sandbox_has_is_said(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a shell has no exports."""
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


def test_a_command_asks_for_what_the_environment_lacks_and_the_file_has(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment's word counts, also an empty one; a setting that the file does not have is not asked for."""
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


def test_the_program_takes_what_is_configured_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And the environment's where nothing is; an account has the stack's workspace in either case."""
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


def test_without_an_address_it_is_said_where_to_set_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before anything is asked for."""
    settings = _settings(monkeypatch)
    monkeypatch.delenv("KONG_ADMIN_ADDR")
    with pytest.raises(
        AccountError,
        match=r"set kong-oam:gateway\.adminUrl, or KONG_ADMIN_ADDR",
    ):
        account(settings, Configuration({}.__getitem__))
