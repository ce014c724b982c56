"""`kong-oam dbless`: a command writes to nodes without a database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from kong_oam.cli.estates import settings_of
from kong_oam.engine.configuration import Configuration
from kong_oam.kong.account import AccountError, account
from sandbox.kong import Kong
from tests.support.dbless import nodes
from tests.support.projects import STACK, write_project
from tests.support.repository import ROOT

PLACE = "gateway: {cidrs: [192.0.2.0/24], reach: loadBalancer"
POST = (
    "import os, sys, httpx; "
    "answer = httpx.post(os.environ['KONG_ADMIN_ADDR'] + '/services', "
    "json={'name': 'orders', 'host': 'orders.local'}); "
    "sys.exit(0 if answer.status_code == 201 else 9)"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KONG_ADMIN_TOKEN", "")
    monkeypatch.setenv("KONG_API_KEY", "")
    return tmp_path


def _set_gateway(project: Path, more: str) -> None:
    text = STACK.replace(PLACE, f"{PLACE}, {more}")
    assert text != STACK
    (project / "stacks/Pulumi.local.yaml").write_text(text)


def _set_nodes(project: Path, standing: Sequence[Kong]) -> None:
    urls = ", ".join(node.admin_url for node in standing)
    _set_gateway(project, f"nodes: [{urls}], document: {{file: kong.json.gz}}")


def _run(*command: str) -> tuple[int, str]:
    """Return the exit status and the errors."""
    # Another process keeps the event loop of other tests.
    verb = ("-m", "kong_oam", "dbless", "-s", "local", "--port", "0", "--")
    ran = subprocess.run(
        [sys.executable, *verb, *command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return ran.returncode, ran.stderr


def test_a_command_writes_to_each_node(project: Path) -> None:
    with nodes(2) as standing:
        _set_nodes(project, standing)
        assert _run(sys.executable, "-c", POST) == (0, "")
        for node in standing:
            assert [made["name"] for made in node.entities("services")] == [
                "orders"
            ]
        # The second time, another service has the name.
        assert _run(sys.executable, "-c", POST) == (9, "")
    assert (project / "kong.json.gz").is_file()
    assert not (project / "kong.json.gz.lock").exists()


def test_the_status_of_a_killed_command_is_a_shells(project: Path) -> None:
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    with nodes(1) as standing:
        _set_nodes(project, standing)
        assert _run(sys.executable, "-c", killed) == (137, "")


def test_nodes_without_the_document_at_the_end_are_an_error(
    project: Path,
) -> None:
    """Whatever the status of the command."""
    with nodes(2) as standing:
        _set_nodes(project, standing)
        url = standing[1].admin_url
        empty = {"config": '{"_format_version": "3.0"}'}
        load = f"httpx.post('{url}/config', json={empty!r})"
        script = f"{POST.rpartition('; ')[0]}; {load}"
        status, shown = _run(sys.executable, "-c", script)
    assert status == 2
    assert "error: not all nodes have the document kong.json.gz" in shown
    assert f"the node {url} has another document" in shown


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("scheme: https", "the stack 'local' has no gateway.nodes; set nodes"),
        ("nodes: ['http://127.0.0.1:9']", "gateway: set nodes and document together"),
        ("document: {file: a}", "gateway: set nodes and document together"),
        (
            "nodes: ['http://127.0.0.1:9'], document: {file: a}, adminUrl: 'http://a'",
            "gateway: a Kong without a database has no adminUrl; remove it",
        ),
        (
            "nodes: ['http://127.0.0.1:9'], document: {file: a}",
            "the node http://127.0.0.1:9 does not answer (ConnectError)",
        ),
        (
            "nodes: ['http://127.0.0.1:9'], document: {file: no/a}",
            "the document no/a cannot be locked (No such file or directory)",
        ),
    ],
)  # fmt: skip
def test_a_command_does_not_start_without_usable_settings(
    more: str, message: str, project: Path
) -> None:
    _set_gateway(project, more)
    status, shown = _run("touch", "ran")
    assert status == 2
    assert message in shown
    assert not (project / "ran").exists()


def test_a_missing_command_is_named(project: Path) -> None:
    with nodes(1) as standing:
        _set_nodes(project, standing)
        status, shown = _run("no-such-command")
    assert status == 2
    assert "no-such-command cannot be run" in shown


def test_other_commands_need_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writable Admin API exists only while it runs."""
    monkeypatch.delenv("KONG_ADMIN_ADDR", raising=False)
    _set_gateway(project, "nodes: ['http://127.0.0.1:9'], document: {file: a}")
    configuration = Configuration(lambda _: None)
    with pytest.raises(
        AccountError, match="with `kong-oam dbless -s local -- COMMAND`"
    ):
        account(settings_of("local"), configuration)
