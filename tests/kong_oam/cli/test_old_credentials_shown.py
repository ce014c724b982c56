"""The commands show callers with an old key, and its last day."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.graphs import read_mermaid
from tests.support.legacy_orders import ORDERS, write_project
from tests.support.streams import Capsys

ACCEPTED = """\
            roles: {readers: {scopes: [orders.read], components: [legacy/robot]}}
            acceptBefore: {by: key-auth, until: 2027-03-31, reason: the old Kong}
"""
CLIENT = """\
    - name: robot
      type: external
      traits:
        - type: client
          properties:
            kind: external
            before: {consumer: acme, by: key-auth, until: 2027-06-30, reason: the old Kong}
            calls: [{component: legacy/orders, scopes: [orders.read]}]
"""
APPLICATION = ORDERS + ACCEPTED + CLIENT


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capsys) -> Cli:
    monkeypatch.chdir(tmp_path)
    write_project(APPLICATION)
    return Cli(capsys)


@pytest.mark.parametrize(
    "command",
    [
        ("who", "GET", "api.example.com/orders/7"),
        ("who", "--component", "legacy/orders"),
        ("what", "legacy/robot"),
        ("matrix",),
    ],
)
def test_the_earlier_date_is_beside_the_caller(
    cli: Cli, command: tuple[str, ...]
) -> None:
    assert "(as acme by key, until 2027-03-31)" in cli(*command)


def test_the_graph_has_a_box_for_a_client_with_a_key(cli: Cli) -> None:
    """Its line to the role has the last day."""
    read = read_mermaid(cli("graph", "--principal", "legacy/robot"))
    assert read.nodes["consumer_legacy_robot"] == "legacy/robot\nconsumer acme"
    role = "role_legacy_orders_readers"
    scope = "scope_legacy_orders_orders_read"
    assert read.edges == [
        ("consumer_legacy_robot", role, "by key, until 2027-03-31"),
        (role, scope, ""),
        (scope, "component_legacy_orders", "GET,HEAD /orders"),
    ]
    of_application = read_mermaid(cli("graph", "--application", "legacy"))
    assert of_application.edges == read.edges
    svg = cli("graph", "--format", "svg")
    assert "legacy/robot: by key, until 2027-03-31" in svg


def test_explain_decides_for_a_consumer(cli: Cli) -> None:
    allowed = cli(
        "explain", "GET", "api.example.com/orders/7", "--consumer", "acme"
    )
    assert "has orders.read, as acme by key, until 2027-03-31" in allowed
    assert "an old key of consumer 'acme'" in allowed


def test_a_caller_with_a_key_is_a_caller(cli: Cli) -> None:
    """`check` reminds of components without callers."""
    reminder = "nobody may call legacy/orders yet"
    assert reminder not in cli("check", status=1)
    calls = APPLICATION.index("            calls:")
    write_project(APPLICATION[:calls])
    assert reminder in cli("check", status=1)
