"""The routes of an older configuration that a stack accepts until a date (`gateway.adopted`).

They take only calls that match no route of the stack, so they change no decision of a gate. Routes
that may win over a route of the stack are no part of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kong_oam.access.model import Estate
from kong_oam.kong.effects import HTTP
from kong_oam.kong.entities import (
    Entities,
    EntitiesOfKind,
    Entity,
    reference,
)
from kong_oam.kong.host_conflicts import winning_routes
from kong_oam.kong.owners import OwnerLookup
from kong_oam.verify.balancer import Balancer
from kong_oam.verify.terms import Terms


@dataclass(frozen=True, slots=True)
class WayAround:
    """A way to a workload that no gate guards. `route`, `service`: labels; `address`: host:port."""

    route: str
    service: str
    address: str
    component: str

    def __str__(self) -> str:
        return (
            f"{self.route} leads to {self.component} around its gate, through {self.service} to "
            f"{self.address}"
        )


def older_routes(
    live: Entities, intended: Entities, estate: Estate
) -> EntitiesOfKind:
    """Return the routes of no stack that never take a call from a route of the estate.

    A route to a service of a stack, or to an Upstream of this stack, is not among them.
    """
    lookup = OwnerLookup(estate.stack.name, whole=True)
    winners = winning_routes(live.routes, estate, lookup)
    upstreams = {upstream["name"] for upstream in intended.upstreams}
    own = {
        service["id"]
        for service in live.services
        if lookup.owner(service).stack or service["host"] in upstreams
    }
    older = []
    for route in live.routes:
        is_apart = reference(route, "service") not in own
        if (
            is_apart
            and route["id"] not in winners
            and _is_foreign(lookup, route)
        ):
            older.append(route)
    return tuple(older)


def _is_foreign(lookup: OwnerLookup, entity: Entity) -> bool:
    return lookup.owner(entity).kind == "foreign"


def without(live: Entities, older: EntitiesOfKind) -> Entities:
    """Return the entities without older routes, the services that only they use, and plugins on
    both."""
    gone = {route["id"] for route in older}
    routes = tuple(route for route in live.routes if route["id"] not in gone)
    unused = {reference(route, "service") for route in older}
    unused.difference_update(reference(route, "service") for route in routes)
    services = tuple(
        service for service in live.services if service["id"] not in unused
    )
    plugins = tuple(
        plugin
        for plugin in live.plugins
        if reference(plugin, "route") not in gone
        and reference(plugin, "service") not in unused - {""}
    )
    return replace(live, services=services, routes=routes, plugins=plugins)


def ways_around(
    live: Entities, older: EntitiesOfKind, terms: Terms
) -> Iterator[WayAround]:
    """Yield each older route that leads to a workload of the estate, by route and address."""
    services = {service["id"]: service for service in live.services}
    balancer = Balancer(live)
    ways: list[WayAround] = []
    for route in older:
        service = services.get(reference(route, "service"))
        if service is None or not HTTP.intersection(route["protocols"]):
            continue
        if service.get("enabled", True):
            ways += _ways(live, route, service, balancer, terms)
    yield from sorted(ways, key=lambda way: (way.route, way.address))


def _ways(
    live: Entities,
    route: Entity,
    service: Entity,
    balancer: Balancer,
    terms: Terms,
) -> Iterator[WayAround]:
    for end in balancer.ends(service["host"], service["port"]):
        address = (end.address or "").lower()
        workload = terms.targets.get(address, address)
        component = terms.workloads.get(workload)
        if component:
            yield WayAround(
                live.labels["route", route["id"]],
                live.labels["service", service["id"]],
                address,
                component,
            )
