"""An external component with two targets: `verify` knows its Upstream, and finds others that use
it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.model import Component
from kong_oam.access.upstream import Target, Upstream
from kong_oam.kong import names
from kong_oam.kong.upstreams import addresses, name_of
from kong_oam.oam.application import join_readings, read_bytes
from tests.support.estates import external
from tests.support.kong_deployment import Entities
from tests.support.verified_gateway import Deployment, Hands, Running, sample

ACCESS = "        - {type: access, properties: {owner: o, forward: {/: /v1}, rules: [{methods: [GET], public: {reason: r}}]}}\n"
HOSTS = Upstream(
    (Target("a.example.net"), Target("b.example.net", 81)),
    "http",
    balanced=True,
)
SERVICE = "kong-oam.local.legacy.crm.8080"
NAME = "kong-oam.local.legacy.crm.to-1ae1278c"


@dataclass(frozen=True)
class Balanced(Deployment):
    """A deployment whose gate leads to the Upstream."""

    def workload(self, component: Component) -> str:
        return NAME


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    on, _ = sample()
    stack = replace(on.stack, upstreams={"legacy/crm": HOSTS})
    on = replace(on, stack=stack)
    text = external(more=ACCESS)
    made = compile_estate(
        join_readings([read_bytes("legacy.yaml", text.encode())]), stack
    ).estate
    assert made is not None
    component = made.components["legacy/crm"]
    upstream = component.exposure.upstream
    assert upstream is not None
    assert name_of("local", component, upstream) == NAME
    deployed = Balanced(on, made, Deployment.of(on, made).issuer)
    with Running(deployed) as verified:
        with Entities(verified.kong.admin_url, keep=True) as entities:
            tags = names.tags("local", component)
            entities.make("/upstreams", {"name": NAME, "tags": tags})
            for target in addresses(upstream):
                body = {"target": target, "tags": tags}
                entities.make(f"/upstreams/{NAME}/targets", body)
        yield verified


def test_what_is_deployed_is_what_is_meant(running: Running) -> None:
    assert running.lines() == []


def test_a_service_that_uses_the_upstream_is_found(running: Running) -> None:
    with Hands(running.kong.admin_url) as hands:
        hands.make("/services", name="theirs", host=NAME)
        assert running.lines() == [
            f"weakened: service 'theirs' is not ours and leads to upstream '{NAME}' around its gate"
        ]


def test_another_target_is_found(running: Running) -> None:
    with Hands(running.kong.admin_url) as hands:
        hands.make(f"/upstreams/{NAME}/targets", target="c.example.net:80")
        assert running.lines() == [
            f"diverted: target 'c.example.net:80' of upstream '{NAME}' is not ours",
            "  anybody, without a token | GET,HEAD | http://crm.example.com/",
        ]


def change_script(hands: Hands, old: str, new: str) -> None:
    """Replace a text of the gate's script."""
    gate = hands.find("plugins", name="post-function", service=SERVICE)
    script = gate["config"]["access"][0]
    changed = script.replace(old, new)
    assert changed != script
    config = {**gate["config"], "access": [changed]}
    hands.change("plugins", gate, config=config)


def test_another_host_header_is_found(running: Running) -> None:
    address = f"{{'host':'{NAME}'"
    with Hands(running.kong.admin_url) as hands:
        change_script(hands, address, f"{address},'host_header':'evil.net'")
        lines = running.lines()
        assert any(
            'it sends Host "evil.net", not its usual Host header' in line
            for line in lines
        ), lines


def test_another_forward_is_named_with_both_paths(running: Running) -> None:
    with Hands(running.kong.admin_url) as hands:
        change_script(hands, "'/v1'", "'/v2','/x':'/y'")
        assert running.lines() == [
            f"weakened: plugin post-function of service '{SERVICE}': "
            'forward of / is "/v2", not "/v1"; forward of /x is "/y", not null'
        ]
