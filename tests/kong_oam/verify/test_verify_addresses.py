"""Changes by hand in the networks of a gate's table: `verify` prints the addresses that have
access."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from kong_oam.access.paths import written
from kong_oam.access.settings.stack import parse
from kong_oam.verify.classes import classes
from kong_oam.verify.scripts import script_of, with_table
from tests.support.estates import PROVIDER, STACK, api, estate
from tests.support.gateway_cases import Case
from tests.support.gateway_tokens import Issuer
from tests.support.tiers import examples
from tests.support.verified_gateway import (
    ISSUER,
    Deployment,
    Hands,
    Running,
)

ACCESS = """
            owner: team
            scopes: {read: r, write: w}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders], methods: [POST], scopes: [write]}
              - {paths: [/orders/health], methods: [GET], public: {reason: probes}}
            roles: {batch: {scopes: [read, write], components: [shop/batch]}}
"""
ALLOWED = """\
        - type: ip-allow
          properties:
            from: [10.0.0.0/8, "2001:db8::/32"]
            rules: [{paths: [/orders], methods: [POST], from: [10.1.0.0/16]}]
"""
SHOP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: batch
      type: worker
      properties: {image: x}
      traits: [{type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read, write]}]}}]
"""
SAMPLED = examples(1500)
"""So many of the classes are asked of the proxy."""
URL = "http://orders.example.com/orders"
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


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    provider = replace(PROVIDER, issuer=ISSUER)
    stack = replace(STACK, providers={"main": provider}, scheme="http")
    settings = replace(SETTINGS, stack=stack)
    deployment = Deployment(
        settings,
        estate(api(access=ACCESS) + ALLOWED, SHOP, stack=stack),
        Issuer(time.time(), provider),
    )
    with Running(deployment) as verified:
        yield verified


Addresses = dict[str, dict[str, list[str]]]


def change(hands: Hands, changed: Callable[[Addresses], Any]) -> None:
    """The networks of admission's table and the gate's, both."""
    for kind in ("pre-function", "post-function"):
        plugin = hands.find(
            "plugins", name=kind, service="kong-oam.tests.orders.api.8080"
        )
        table = json.loads(json.dumps(script_of(plugin).table))  # type: ignore[union-attr]
        found = changed(table["addresses"])
        table = (
            {**table, "addresses": found}
            if found is not None
            else {n: v for n, v in table.items() if n != "addresses"}
        )
        hands.change(
            "plugins",
            plugin,
            config={
                **plugin["config"],
                **with_table(plugin, lambda _, new=table: json.dumps(new)),
            },
        )


def test_what_was_deployed_is_what_is_meant(running: Running) -> None:
    assert running.lines() == []


CHANGES: dict[str, tuple[Callable[[Addresses], Any], list[str]]] = {
    "all taken out": (
        lambda _: None,
        [
            f"  shop/batch | GET,HEAD | {URL} from anywhere but not 10.0.0.0/8, 2001:db8::/32",
            f"  shop/batch | POST | {URL} from anywhere but not 10.0.0.0/8, 2001:db8::/32; 10.0.0.0/8 but not 10.1.0.0/16; 2001:db8::/32",
            f"  anybody, without a token | GET,HEAD | {URL}/health from anywhere but not 10.0.0.0/8, 2001:db8::/32",
        ],
    ),
    "one network more": (
        lambda found: {**found, "/orders/health": {"*": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.0/24"]}},
        [f"  anybody, without a token | GET,HEAD | {URL}/health from 192.0.2.0/24"],
    ),
    "a wider one": (
        lambda found: {**found, "/orders": {**found["/orders"], "POST": ["10.0.0.0/15"]}},
        [f"  shop/batch | POST | {URL} from 10.0.0.0/15 but not 10.1.0.0/16"],
    ),
    "a narrower one": (
        lambda found: {**found, "/orders": {**found["/orders"], "POST": ["10.1.2.0/24"]}},
        [f"  shop/batch | POST | {URL} from 10.1.0.0/16 but not 10.1.2.0/24"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_by_hand_is_said_with_where_one_calls_from(
    running: Running, name: str
) -> None:
    """And nothing besides; once it is undone there is nothing to be said."""
    changed, expected = CHANGES[name]
    with Hands(running.kong.admin_url) as hands:
        change(hands, changed)
        kind, *found = running.lines()
        assert kind.startswith("closed: " if "narrower" in name else "opened: ")
        assert sorted(found) == sorted(expected)
    assert running.lines() == []


def test_networks_that_nobody_can_read_count_as_open(running: Running) -> None:
    """Whatever the gate makes of them."""
    with Hands(running.kong.admin_url) as hands:
        change(hands, lambda found: {**found, "/orders": {"*": ["10.0.0.1/8"]}})
        assert running.lines()[0].startswith("opened: ")


@pytest.mark.parametrize("name", ["nothing", *CHANGES])
def test_the_reading_of_networks_is_what_the_gateway_does(
    running: Running, name: str
) -> None:
    """The proxy answers calls of every class as the reading says, from an address of each class."""
    with Hands(running.kong.admin_url) as hands:
        if name != "nothing":
            change(hands, CHANGES[name][0])
        live, entities = running.gateway(), running.entities()
        outcomes = set()
        every_call = list(classes(running.deployment.estate, live))
        for call, caller, _ in random.Random(name).sample(
            every_call, min(SAMPLED, len(every_call))
        ):
            (verdict,) = live.verdicts(call, caller)
            tokens = running.deployment.tokens(caller, entities)
            cases = [
                Case(
                    call.method,
                    call.host,
                    written(call.path).encode(),
                    (f"Bearer {t}",) if t else (),
                )
                for t in tokens
            ]
            peer = call.address or "127.0.0.1"
            reached = any(
                running.kong.handle(case.raw(), call.scheme, peer).upstream
                for case in cases
            )
            assert reached == verdict.allowed, (call, caller)
            outcomes.add((call.address, reached))
        assert len(outcomes) >= 6
