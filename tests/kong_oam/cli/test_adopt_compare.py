"""`adopt compare`: the table, JSON, recorded requests, and wrong usage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.estates import api

KONG = """\
_format_version: "3.0"
services:
- name: orders
  url: http://api.orders:8080
  routes:
  - name: orders
    hosts: [orders.example.com]
    paths: [/orders]
    methods: [GET]
    strip_path: false
    preserve_host: true
  plugins: [{name: key-auth}]
consumers: [{username: acme, keyauth_credentials: [{key: hunter2}]}]
"""
CLOSED = "{owner: x, scopes: {orders.read: x}, rules: [{paths: [/orders], methods: [GET], scopes: [orders.read]}]}"
OPEN = "{owner: x, rules: [{paths: [/orders], methods: [GET], public: {reason: x, until: 2099-01-01}}]}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with an old Kong and an Application that closes its route."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kong.yaml").write_text(KONG)
    (tmp_path / "applications").mkdir()
    (tmp_path / "applications/orders.yaml").write_text(api(access=CLOSED))
    return tmp_path


def test_the_table_lists_differences_and_their_number(
    cli: Cli, folder: Path
) -> None:
    """Keys are not accepted by the Application, so their holders lose the call."""
    assert cli("adopt", "compare", "kong.yaml").splitlines() == [
        "CHANGE  METHODS  WHERE                                            CALLERS           BEFORE                     AFTER",
        "closed  GET      orders.example.com /orders, /orders/, /orders/*  acme by key-auth  to http://api.orders:8080  401 token-needed",
        "",
        "1 closed; compared 64 classes of requests by 4 classes of callers",
    ]


def test_something_opened_is_exit_status_1(cli: Cli, folder: Path) -> None:
    """A review can stop by it."""
    (folder / "applications/orders.yaml").write_text(api(access=OPEN))
    printed = cli.json("adopt", "compare", "kong.yaml", "--json", status=1)
    opened = [row for row in printed["rows"] if row["kind"] == "opened"]
    assert opened[0]["callers"] == ["nobody", "unknown token"]
    assert "hunter2" not in json.dumps(printed)


def test_recorded_requests_count_for_their_row(cli: Cli, folder: Path) -> None:
    """A record of a holder counts for the row with this caller."""
    request = {
        "method": "GET",
        "uri": "/orders/7?x=1",
        "headers": {"host": "orders.example.com"},
    }
    record = {
        "request": request,
        "authenticated_entity": {"id": "k"},
        "consumer": {"username": "acme"},
    }
    (folder / "log").write_text(
        f"{json.dumps(record)}\n{json.dumps({'request': request})}\n"
    )
    printed = cli.json(
        "adopt", "compare", "kong.yaml", "--logs", "log", "--json"
    )
    assert [(row["kind"], row["requests"]) for row in printed["rows"]] == [
        ("closed", 1)
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name decK files, or a running Kong by --admin"),
        (["a.yaml", "--admin", "http://x"], "name decK files, or a running Kong by --admin"),
        (["--admin", "http://u:hunter2@x"], "--admin is not http(s)://HOST[:PORT][/PATH]"),
        (["missing.yaml"], "missing.yaml: No such file or directory"),
        (["--admin", "http://127.0.0.1:1"], "Kong's Admin API at http://127.0.0.1:1 does not answer"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_message(
    cli: Cli, folder: Path, arguments: list[str], message: str
) -> None:
    """The message never has a credential."""
    printed = cli.usage("adopt", "compare", *arguments)
    assert message in printed and "hunter2" not in printed


def test_a_broken_file_is_a_finding_with_its_place(
    cli: Cli, folder: Path
) -> None:
    """Nothing is compared."""
    (folder / "kong.yaml").write_text(KONG.replace("services:", "services: ["))
    assert "kong.yaml:3:1: error ADOPT501" in cli.usage(
        "adopt", "compare", "kong.yaml"
    )
