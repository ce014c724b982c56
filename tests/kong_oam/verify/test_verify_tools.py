"""Changes by hand of tools in a gate's table: `verify` prints the tools that callers may call."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from kong_oam.access.settings.stack import parse
from kong_oam.kong.script import Table
from kong_oam.kong.table import table
from kong_oam.verify.gate import requirement
from kong_oam.verify.questions import Call
from kong_oam.verify.scripts import script_of, with_table
from tests.support.estates import PROVIDER, STACK, estate
from tests.support.gateway_tokens import Issuer
from tests.support.mcp_estates import HOST, PAGES, desk, desk_estate
from tests.support.verified_gateway import ISSUER, Deployment, Hands, Running

SETTINGS = parse(
    "tests",
    {
        "cloud": "aws",
        "asOf": "2026-01-31",
        "gateway": {
            "cidrs": ["192.0.2.0/24"],
            "reach": "loadBalancer",
            "scheme": "http",
        },
        "identityProviders": [
            {
                "name": "main",
                "type": "oidc",
                "issuer": ISSUER,
                "audience": "api://tests",
            }
        ],
    },
)
URL = f"http://{HOST}/mcp"
Rules = dict[str, Any]


def _deployment(*texts: str) -> Deployment:
    provider = replace(PROVIDER, issuer=ISSUER)
    stack = replace(STACK, providers={"main": provider}, scheme="http")
    return Deployment(
        replace(SETTINGS, stack=stack),
        estate(*texts, stack=stack),
        Issuer(time.time(), provider),
    )


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with Running(_deployment(desk())) as verified:
        yield verified


def change(hands: Hands, changed: Callable[[Rules], None]) -> None:
    """Change the rules of the path in admission's table and in the gate's."""
    for kind in ("pre-function", "post-function"):
        plugin = hands.find(
            "plugins", name=kind, service="kong-oam.tests.desk.mcp.8000"
        )
        found = json.loads(json.dumps(script_of(plugin).table))  # type: ignore[union-attr]
        changed(found["rules"]["/mcp"])
        config = with_table(plugin, lambda _, new=found: json.dumps(new))
        hands.change("plugins", plugin, config={**plugin["config"], **config})


def test_the_deployed_tools_are_the_intended_tools(running: Running) -> None:
    assert running.lines() == []


def test_the_document_of_an_endpoint_is_no_difference() -> None:
    """The gateway answers it before any public rule on the host."""
    rule = "              - {paths: [/other], methods: [POST], scopes: [tickets.use]}\n"
    public = "              - {paths: [/], public: {reason: pages}}\n"
    for texts in (
        (desk((rule, public)),),
        (desk(), PAGES.replace("PATH", "/.well-known")),
    ):
        with Running(_deployment(*texts)) as verified:
            assert verified.lines() == []


CHANGES: dict[str, tuple[Callable[[Rules], Any], list[str]]] = {
    "a tool for more callers": (
        lambda rules: rules.update({"call close": [["tickets.read"]]}),
        [f"  desk/bot | call close | {URL}"],
    ),
    "another tool": (
        lambda rules: rules.update({"call open": [["tickets.read"]]}),
        [f"  desk/bot | call open | {URL}"],
    ),
    # Without public rules in the Application, `jwt` still denies callers without a token.
    "a public tool": (
        lambda rules: rules.update({"call close": "public"}),
        [
            f"  desk/bot, any other client of main, anybody with another token of main (an ID token, another API's) | call close | {URL}"
        ],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_tool_that_opens_is_printed(running: Running, name: str) -> None:
    changed, lines = CHANGES[name]
    with Hands(running.kong.admin_url) as hands:
        change(hands, changed)
        kind, *found = running.lines()
        assert kind.startswith("opened: ")
        assert found == lines
    assert running.lines() == []


@pytest.mark.parametrize(
    ("method", "path", "required"),
    [
        ("call search", ("mcp",), [["tickets.read"]]),
        ("call open", ("mcp",), ()),
        ("call *", ("mcp", "below"), ()),
        ("POST", ("mcp",), [["tickets.use"]]),
        ("call search", ("other",), [["tickets.use"]]),
        ("call a b", ("mcp",), ()),
    ],
)
def test_a_table_is_read_as_the_gate_reads_it(
    method: str, path: tuple[str, ...], required: object
) -> None:
    found = desk_estate()
    text = table(found, found.components["desk/mcp"], "8000", "ring")
    read: Table = json.loads(text)
    call = Call("https", method, HOST, path)
    assert requirement(read, call) == required
