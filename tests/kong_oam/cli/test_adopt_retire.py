"""The verb `adopt retire`: files in, a patch or a script out."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_oam.__main__ import main
from sandbox.kong import Kong
from tests.support.cli import Cli
from tests.support.documentation import page
from tests.support.legacy_orders import ORDERS, write_project
from tests.support.streams import Capsys

OLD = """\
_format_version: "3.0"
services:
  - name: orders
    url: http://orders.internal:8080
    plugins:
      - name: key-auth
    routes:
      - name: orders
        paths: [/orders/]
  - name: billing
    host: billing.internal
    routes:
      # Its Application comes later.
      - name: billing
        paths: [/billing]
consumers:
  - username: robot
    keyauth_credentials: [{key: S3CRET}]
"""


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capsys) -> Cli:
    monkeypatch.chdir(tmp_path)
    write_project(ORDERS)
    Path("kong.yaml").write_text(OLD, "utf-8")
    return Cli(capsys)


def test_the_page_shows_a_patch_and_its_notes(cli: Cli, capsys: Capsys) -> None:
    assert main(("adopt", "retire", "kong.yaml")) == 1
    printed = capsys.readouterr()
    lines = [*printed.err.splitlines(), *printed.out.splitlines()]
    shown = page("how-to/retire-a-kong.md").partition("retire kong.yaml\n")[2]
    expected = [
        line.removeprefix("    ")
        for line in shown.partition("\n\n")[0].splitlines()
    ]
    assert [line for line in lines if line in expected] == expected
    assert "S3CRET" not in printed.err + printed.out


def test_a_script_for_files_uses_names(cli: Cli) -> None:
    script = cli("adopt", "retire", "kong.yaml", "--format", "api", status=1)
    assert (
        "# goes: route 'orders'; then 404: other hosts, other methods\n"
        in script
    )
    assert '"$KONG_ADMIN_ADDR"/routes/orders\n' in script
    assert "/routes/billing" not in script and "S3CRET" not in script


def test_json_lists_all_entities(cli: Cli) -> None:
    assert cli.json("adopt", "retire", "kong.yaml", "--json", status=1) == {
        "routes": [
            {"name": "orders", "lost": ["other hosts", "other methods"]}
        ],
        "services": ["orders"],
        "upstreams": [],
        "consumers": [],
        "staying": [
            {
                "entity": "route 'billing'",
                "reason": "the Applications do not expose api.example.com/billing",
                "place": "kong.yaml:14:9",
            },
            {
                "entity": "consumer 'robot'",
                "reason": "old routes stay, and may accept its credentials",
                "place": "kong.yaml:17:5",
            },
        ],
    }


CLIENT = """\
    - name: robot
      type: external
      traits:
        - type: client
          properties:
            kind: external
            before: {consumer: robot, by: key-auth, until: 2027-03-31, reason: adopted}
            calls: [{component: legacy/orders, scopes: [orders.read]}]
"""
ACCEPTS = """\
            acceptBefore: {by: key-auth, until: 2027-03-31, reason: adopted}
            roles: {readers: {scopes: [orders.read], components: [legacy/robot]}}
"""
WITHOUT_BILLING = OLD.replace(
    OLD[OLD.index("  - name: billing") : OLD.index("consumers:")], ""
)


@pytest.mark.parametrize(
    ("added", "consumers", "reasons"),
    [
        ("", ["robot"], []),
        (ACCEPTS + CLIENT, [], ["a client calls by its credential until 2027-03-31"]),
    ],
)  # fmt: skip
def test_a_consumer_stays_while_a_client_keeps_its_key(
    cli: Cli, added: str, consumers: list[str], reasons: list[str]
) -> None:
    Path("kong.yaml").write_text(WITHOUT_BILLING, "utf-8")
    Path("applications/legacy.yaml").write_text(ORDERS + added, "utf-8")
    plan = cli.json("adopt", "retire", "kong.yaml", "--json", status=1)
    assert plan["consumers"] == consumers
    assert [each["reason"] for each in plan["staying"]] == reasons


def test_an_empty_kong_has_nothing_to_remove(cli: Cli) -> None:
    with Kong() as kong:
        assert cli("adopt", "retire", "--admin", kong.admin_url) == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name decK files, or a running Kong by --admin"),
        (["kong.yaml", "--admin", "http://a"], "name decK files, or a running Kong by --admin"),
        (["--admin", "http://a", "--format", "deck"], "--format deck needs decK files; name them"),
        (["none.yaml"], "none.yaml: No such file or directory"),
        (["--admin", "http://u:S3CRET@a"], "--admin is not http(s)://HOST[:PORT][/PATH]"),
        (["--admin", "http://127.0.0.1:9"], "does not answer (ConnectError)"),
        (["applications/legacy.yaml"], "_format_version"),
    ],
)  # fmt: skip
def test_wrong_usage_is_a_message(
    cli: Cli, arguments: list[str], message: str
) -> None:
    printed = cli.usage("adopt", "retire", *arguments)
    assert message in printed and "S3CRET" not in printed
