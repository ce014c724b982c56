"""Never more open than the looser end, while it happens: callers hammer through create, change, move and destroy."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from access.model import Component, Estate
from tests.estates import api, estate
from tests.gateway_cases import Case
from tests.kong_entities import Entities
from tests.live.live_gateway import LiveGateway
from tests.live.live_hammer import Hammer
from tests.live.live_run import HAMMER_DOMAIN, RUN, issuer, stack, upstream_host

STACK = f"{RUN}-hammer"
HOST = f"orders.{HAMMER_DOMAIN}"


def _estate(port: int, scope: str) -> Estate:
    """One component that lets GET through for `scope`, on a service of its own for each port."""
    access = f"{{owner: t, scopes: {{read: r, write: w}}, rules: [{{methods: [GET], scopes: [{scope}]}}]}}"
    return estate(api("orders", domain=HOST, http=f"{{/orders: {port}}}", access=access), stack=stack(STACK))


@dataclass(frozen=True, slots=True)
class Changing:
    """The entities of one component as they change; after each change it waits until every worker shows it."""

    live: LiveGateway
    entities: Entities

    def settle(self) -> None:
        """The pause that the program makes: as long as the Admin API's settings amount to."""
        time.sleep(self.entities.facts.settle)

    def guard(self, estate: Estate) -> None:
        """The component's gated service."""
        self.entities.guard(estate, _component(estate), upstream_host(), self.live.upstream.port)

    def shown(self, **statuses: int) -> None:
        """Waits until a token with a scope gets its status: shown(read=200, write=403)."""
        expected = [(_case(issuer(STACK).service([scope])), status) for scope, status in statuses.items()]
        self.live.await_steady(expected, bound=2 * self.entities.facts.settle + 15)


def _component(estate: Estate) -> Component:
    return estate.components["orders/api"]


def _case(token: str | None = None) -> Case:
    return Case("GET", HOST, b"/orders/7", (f"Bearer {token}",) if token else ())


@pytest.mark.timeout(300)
def test_nobody_is_let_through_while_a_component_is_made_changed_moved_and_destroyed(live: LiveGateway) -> None:
    """Without a token, or with one that lacks every scope, not one request of thousands reaches the upstream."""
    old, ruled, moved = _estate(8080, "read"), _estate(8080, "write"), _estate(9090, "read")
    callers = {"without-a-token": _case(), "lacking-the-scope": _case(issuer(STACK).service(["other"]))}
    with Entities(live.target.admin_url, live.target.token) as entities, Hammer(live, callers) as hammer:
        changing = Changing(live, entities)

        entities.rings(old, {"main": {issuer(STACK).kid: issuer(STACK).pem}})
        changing.guard(old)
        changing.settle()
        entities.lead(old, _component(old))
        changing.shown(read=200, write=403)

        (gate,) = entities.paths("/plugins", name="post-function")
        config = entities.configs(ruled, _component(ruled), 8080)["post-function"]
        entities.change(gate, {"config": config})
        changing.shown(read=403, write=200)

        old_guards = [*entities.paths("/services"), *entities.paths("/plugins")]
        changing.guard(moved)
        changing.settle()
        (route,) = entities.paths("/routes")
        new_service = entities.paths("/services")[-1].rpartition("/")[2]
        entities.change(route, {"service": {"id": new_service}})
        changing.settle()
        entities.remove(old_guards)
        changing.shown(read=200, write=403)

        entities.remove([route])
        changing.settle()
        entities.remove(list(entities.made))
        changing.shown(read=404, write=404)

    said = {name: dict(counts) for name, counts in hammer.counts.items()}
    print("let through:", hammer.let_through(), "of all answers:", said)
    assert hammer.let_through() == {}, said
    # They asked all the while: before there was a route, and while there was one.
    assert min(hammer.counts["without-a-token"][404], hammer.counts["without-a-token"][401]) > 20, said
    assert min(hammer.counts["lacking-the-scope"][404], hammer.counts["lacking-the-scope"][403]) > 20, said
