"""The commands show callers with an old key, and its last day."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.streams import Capsys

APPLICATION = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: legacy}
spec:
  components:
    - name: orders
      type: external
      traits:
        - type: gateway
          properties: {domain: api.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: sales
            scopes: {orders.read: Read}
            rules: [{paths: [/orders], methods: [GET], scopes: [orders.read]}]
            roles: {readers: {scopes: [orders.read], components: [legacy/robot]}}
            acceptBefore: {by: key-auth, until: 2027-03-31, reason: the old Kong}
    - name: robot
      type: external
      traits:
        - type: client
          properties:
            kind: external
            before: {consumer: acme, by: key-auth, until: 2027-06-30, reason: the old Kong}
            calls: [{component: legacy/orders, scopes: [orders.read]}]
"""
STACK = """\
config:
  kong-oam:cloud: bare-metal
  kong-oam:asOf: "2026-12-01"
  kong-oam:gateway:
    upstreams:
      legacy/orders: {host: orders.example.net, port: 8080, scheme: http}
  kong-oam:identityProviders:
    - {name: main, type: oidc, issuer: "https://issuer.example.com", audience: api://shop}
"""


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capsys) -> Cli:
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "stacks/Pulumi.local.yaml": STACK,
        "applications/legacy.yaml": APPLICATION,
    }.items():
        file = Path(name)
        file.parent.mkdir()
        file.write_text(text, "utf-8")
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
    client = APPLICATION.index("            calls:")
    Path("applications/legacy.yaml").write_text(APPLICATION[:client], "utf-8")
    assert reminder in cli("check", status=1)
