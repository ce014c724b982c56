"""Plans the removal of old routes that an estate has replaced, and of entities that only they use.

The removal itself opens nothing in Kong. A route first loses its service, and still takes its
requests, so they neither pass nor fall to a lower route. Then the route goes, and its plugins with
it. Source: kong/init.lua answers 503 to a request without a service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from kong_oam.access.data import Names, Texts
from kong_oam.access.methods import METHODS
from kong_oam.adopt.coverage import Coverage, Exposed, priorities
from kong_oam.adopt.entities import (
    OldConsumer,
    OldKong,
    OldPlugin,
    OldRoute,
    OldService,
    OldUpstream,
)
from kong_oam.adopt.expressions import literal_prefix
from kong_oam.diagnostics import Position
from kong_oam.kong.names import stack_in_name
from kong_oam.kong.owners import OwnerLookup
from kong_oam.kong.plugin_kinds import PLUGIN_KINDS

# Plugins of these effects never answer in place of a service.
_NEVER_ANSWER = frozenset(
    {
        "authenticates",
        "closes",
        "harmless",
        "lets pages read",
        "limits",
        "rewrites",
    }
)


@dataclass(frozen=True, slots=True)
class RetiredRoute:
    """A route to remove. `left`: requests that get 404 afterwards, in words."""

    route: OldRoute
    left: Names


@dataclass(frozen=True, slots=True)
class Staying:
    """An entity that stays, in words, and the reason."""

    entity: str
    reason: str
    position: Position


@dataclass(frozen=True, slots=True)
class Retirement:
    """Entities to remove, each kind in the order of its source, and entities that stay."""

    routes: tuple[RetiredRoute, ...] = ()
    services: tuple[OldService, ...] = ()
    upstreams: tuple[OldUpstream, ...] = ()
    consumers: tuple[OldConsumer, ...] = ()
    staying: tuple[Staying, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (
            self.routes or self.services or self.upstreams or self.consumers
        )


def foreign(old: OldKong, stack: str) -> OldKong:
    """Return the entities that belong to no stack."""
    lookup = OwnerLookup(stack, whole=True)

    def is_foreign(name: str, tags: Names) -> bool:
        # A stack's name counts even if somebody removed the tags.
        if stack_in_name(name):
            return False
        return lookup.owner({"name": name, "tags": tags}).kind == "foreign"

    services = tuple(s for s in old.services if is_foreign(s.name, s.tags))
    routes = tuple(r for r in old.routes if is_foreign(r.name, r.tags))
    consumers = tuple(c for c in old.consumers if is_foreign(c.name, c.tags))
    upstreams = tuple(u for u in old.upstreams if is_foreign(u.name, u.tags))
    plugins = tuple(p for p in old.plugins if is_foreign("", p.tags))
    return replace(
        old,
        services=services,
        routes=routes,
        plugins=plugins,
        consumers=consumers,
        upstreams=upstreams,
    )


def has_other_stack(old: OldKong, stack: str) -> bool:
    """Return whether the Kong has services of another stack."""
    lookup = OwnerLookup(stack, whole=True)
    for service in old.services:
        entity = {"name": service.name, "tags": service.tags}
        if lookup.owner(entity).kind == "another stack's":
            return True
    return False


def retirement(
    everything: OldKong,
    stack: str,
    exposed: Exposed,
    kept: Texts | None = None,
    *,
    is_shared: bool = False,
) -> Retirement:
    """Plan the removal.

    `kept`: the last day of each consumer whose old credential a client still uses. None: unknown,
    and all consumers stay. `is_shared`:
    another stack may accept old credentials.
    """
    old = foreign(everything, stack)
    coverages = {route.name: exposed.coverage(route) for route in old.routes}
    reasons = _reasons(old, coverages, exposed.hosts)
    routes = []
    staying: list[Staying] = []
    for route in old.routes:
        reason = reasons.get(route.name)
        if reason is None:
            left = coverages[route.name].left
            routes.append(RetiredRoute(route, left))
        else:
            name = f"route '{route.name}'"
            staying.append(Staying(name, reason, route.position))
    rest = [route for route in everything.routes if route.name in reasons]
    rest += [route for route in everything.routes if route not in old.routes]
    services = _unused_services(old, rest)
    upstreams = _unused_upstreams(everything, old, services)
    if reasons:
        hosts = {service.host for service in services}
        upstreams = [each for each in upstreams if each.name in hosts]
    consumers = []
    for consumer in old.consumers:
        reason = _reason_for_consumer(consumer, reasons, kept)
        if not reason and is_shared:
            reason = "another stack may accept its credentials"
        if reason:
            name = f"consumer '{consumer.name}'"
            staying.append(Staying(name, reason, consumer.position))
        else:
            consumers.append(consumer)
    return Retirement(
        tuple(routes),
        tuple(services),
        tuple(upstreams),
        tuple(consumers),
        tuple(staying),
    )


def _reasons(
    old: OldKong, coverages: Mapping[str, Coverage], hosts: Names
) -> dict[str, str]:
    """Return why each staying route stays, by name.

    A route stays if a staying route below it would take its remaining requests.
    """
    reasons = {}
    for route in old.routes:
        reason = coverages[route.name].missing or _own_answer(old, route)
        if reason:
            reasons[route.name] = reason
    while True:
        found = _fallen(old, coverages, reasons, hosts)
        if not found:
            return reasons
        reasons |= found


def _fallen(
    old: OldKong,
    coverages: Mapping[str, Coverage],
    reasons: Mapping[str, str],
    hosts: Names,
) -> dict[str, str]:
    """Return further routes that stay, since their requests would fall to a staying route."""
    found = {}
    staying = [route for route in old.routes if route.name in reasons]
    for route in old.routes:
        coverage = coverages[route.name]
        if route.name in reasons or not coverage.left:
            continue
        for lower in staying:
            taken = rest_taken(lower, route, coverage, hosts)
            if taken:
                found[route.name] = (
                    f"without it, route '{lower.name}' would take its requests for {taken}"
                )
                break
    return found


def rest_taken(
    lower: OldRoute, route: OldRoute, coverage: Coverage, hosts: Names
) -> str:
    """Return the requests, in words, that a lower route would take of the requests left by a
    route. Empty: none."""
    is_lower = min(priorities(lower)) <= max(priorities(route))
    takes_requests = lower.is_http or lower.is_grpc
    if not takes_requests or not is_lower or not _share_paths(lower, route):
        return ""
    methods = set(lower.methods or METHODS)
    shares_methods = not methods.isdisjoint(route.methods or METHODS)
    shares_hosts = _share_hosts(lower.hosts, route.hosts)
    if coverage.longer and shares_methods and shares_hosts:
        return f"paths that continue {coverage.longer[0]}"
    has_others = not lower.methods or not methods <= set(METHODS)
    if coverage.other_methods and has_others and shares_hosts:
        return "other methods"
    has_other_hosts = not lower.hosts or not set(lower.hosts) <= set(hosts)
    if coverage.other_hosts and shares_methods and has_other_hosts:
        return "other hosts"
    return ""


def _share_paths(lower: OldRoute, route: OldRoute) -> bool:
    for a in map(_beginning, lower.paths or ("/",)):
        for b in map(_beginning, route.paths or ("/",)):
            if a.startswith(b) or b.startswith(a):
                return True
    return False


def _beginning(path: str) -> str:
    return literal_prefix(path[1:]) if path.startswith("~") else path


def _share_hosts(some: Names, others: Names) -> bool:
    """Return whether two lists of hosts may match one host. Wildcards may match any host."""
    if not some or not others or "*" in "".join((*some, *others)):
        return True
    plain = {host.partition(":")[0] for host in some}
    return any(host.partition(":")[0] in plain for host in others)


def _own_answer(old: OldKong, route: OldRoute) -> str:
    """Return why a route must keep its service, or an empty text.

    A plugin of the route that answers by itself depends on the service's plugins, such as
    authentication.
    """
    service = route.service.name if route.service else ""
    guards = [
        plugin
        for plugin in old.plugins
        if service
        and plugin.service == service
        and not plugin.route
        and plugin.enabled
    ]
    for plugin in old.plugins:
        acts = plugin.enabled and _acts_without_service(plugin, route)
        if guards and acts and _may_answer(plugin):
            return f"its plugin {plugin.name} may answer by itself; remove it by hand"
    return ""


def _acts_without_service(plugin: OldPlugin, route: OldRoute) -> bool:
    return plugin.route == route.name or plugin.is_global


def _may_answer(plugin: OldPlugin) -> bool:
    return PLUGIN_KINDS.get(plugin.name) not in _NEVER_ANSWER


def _unused_services(
    old: OldKong, rest: Iterable[OldRoute]
) -> list[OldService]:
    """Return the old services without a remaining route."""
    used = {route.service.name for route in rest if route.service}
    return [service for service in old.services if service.name not in used]


def _unused_upstreams(
    everything: OldKong, old: OldKong, gone: Iterable[OldService]
) -> list[OldUpstream]:
    """Return the old upstreams whose name is the host of no remaining service."""
    removed = {service.name for service in gone}
    used = {
        service.host
        for service in everything.services
        if service.name not in removed
    }
    return [upstream for upstream in old.upstreams if upstream.name not in used]


def _reason_for_consumer(
    consumer: OldConsumer, reasons: Texts, kept: Texts | None
) -> str:
    if kept is None:
        return "clients may call by its credentials; remove it by hand"
    if consumer.name in kept:
        return f"a client calls by its credential until {kept[consumer.name]}"
    if reasons:
        return "old routes stay, and may accept its credentials"
    return ""
