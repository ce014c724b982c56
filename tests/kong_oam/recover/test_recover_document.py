"""`recover` frees the document of a dead command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kong_oam.kong.dbless.file import DocumentFile
from kong_oam.recover.document import document_lock
from tests.support.cli import Cli
from tests.support.projects import STACK, replace_once, write_project

PLACE = "gateway: {cidrs: [192.0.2.0/24], reach: loadBalancer"
NODES = "nodes: ['http://127.0.0.1:9'], document: {file: kong.json.gz}"
RECOVER = ("recover", "-s", "local")
NEXT = (
    "Next: python -m kong_oam dbless -s local -- "
    "python -m kong_oam recover -s local\n"
)
LOCK = Path("kong.json.gz.lock")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project whose stack has a node without a database, which never has to answer."""
    assert PLACE in STACK
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KONG_ADMIN_ADDR", raising=False)
    replace_once(Path("stacks/Pulumi.local.yaml"), PLACE, f"{PLACE}, {NODES}")


def lock_of_a_dead_command() -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    place = DocumentFile(Path("kong.json.gz"))
    with place.locked("pulumi up"):
        holder = {**place.holder(), "process": dead.pid}
    LOCK.write_text(json.dumps(holder))


def test_the_lock_of_a_dead_command_is_listed(cli: Cli) -> None:
    lock_of_a_dead_command()
    printed = cli(*RECOVER, status=1)
    assert "document kong.json.gz: held by 'pulumi up' (process " in printed
    assert (
        "which is dead\nNext: python -m kong_oam recover -s local --remove"
        in printed
    )
    assert LOCK.exists()


def test_the_lock_of_a_dead_command_is_removed(cli: Cli) -> None:
    """All other steps need `dbless`."""
    lock_of_a_dead_command()
    printed = cli(*RECOVER, "--remove", status=1)
    assert "document kong.json.gz: freed from 'pulumi up'" in printed
    assert printed.endswith(NEXT)
    assert not LOCK.exists()
    assert cli(*RECOVER, "--remove", status=1) == (
        f"document kong.json.gz: no command holds it\n{NEXT}"
    )


def test_the_lock_of_a_living_command_stays(cli: Cli) -> None:
    with DocumentFile(Path("kong.json.gz")).locked("pulumi up"):
        for arguments in (RECOVER, (*RECOVER, "--remove")):
            message = cli.usage(*arguments)
            assert "in use by 'pulumi up'" in message
            assert "which may still run" in message
        assert LOCK.exists()


def test_inside_dbless_the_lock_is_no_finding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its holder is the `dbless` around this command."""
    monkeypatch.setenv("KONG_ADMIN_ADDR", "http://127.0.0.1:18445")
    with DocumentFile(Path("kong.json.gz")).locked("recover"):
        assert document_lock("local", removes=True) is None
        assert LOCK.exists()
