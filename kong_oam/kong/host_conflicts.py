"""Finds hosts and paths that routes of others have in the same Kong, before a run creates routes.

Kong takes any number of routes with the same host and path, and one of them gets the calls. Two
stacks never share calls: the winner diverts the calls of the other stack. Routes outside any stack
may stay if they get only calls that match none of ours. Kong tries regular expressions before plain
paths, and plain hosts before wildcards. All our routes are regular expressions.

A stack that adopts an older configuration takes calls over from its routes. Then only routes that
Kong may try before ours are a conflict.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from kong_oam.access.discovery import document_path, documents
from kong_oam.access.endpoint import Endpoint, Endpoints
from kong_oam.access.methods import METHODS
from kong_oam.access.model import Component, Estate
from kong_oam.access.paths import within, written
from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.engine.state import ROUTE, Resource
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.entities import Entity, NodeConfiguration
from kong_oam.kong.owners import Owner, OwnerLookup, owner_in_words
from kong_oam.kong.route_order import FLAVOR, paths_by_priority, priority
from kong_oam.kong.routes import (
    declared_path,
    literal_prefix,
    own_priority,
    routes,
)

# The relation of another route's host or path to ours. `wider`: it contains ours.
Relation = Literal["wider", "same", "narrower"]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A host and a path of another owner's route.

    `priority`: of the route with this path, in Kong's router.
    """

    host: str
    path: str
    route: Entity
    owner: Owner
    priority: int

    def conflicts_with(self, endpoint: Endpoint, *, adopts: bool) -> bool:
        """Return whether one of the two routes may get calls for the other.

        `adopts`: a route outside any stack may lose calls to ours.
        """
        by_host = _host_relation(endpoint.host, self.host)
        by_path = _path_relation(endpoint, self.path)
        if by_host is None or by_path is None:
            return False
        if self.owner.stack or self.wins_over(endpoint):
            return True
        if adopts:
            return False
        if by_host == "wider" and not endpoint.host.startswith("*"):
            return False  # our host wins
        is_regex = self.path.startswith("~")
        our_path_wins = not is_regex and "wider" in (by_host, by_path)
        return by_host == "narrower" or not our_path_wins

    def wins_over(self, endpoint: Endpoint) -> bool:
        """Return whether Kong may try the route before ours. Unknown ids decide between equals."""
        methods = self.route.get("methods")
        if methods and not set(METHODS).intersection(methods):
            return False
        return self.priority >= _own_priority(endpoint)


def host_conflicts(
    admin: AdminApi,
    estate: Estate,
    before: Iterable[Resource],
    *,
    adopts: bool = False,
) -> Findings:
    """Yield a finding for each endpoint that conflicts with others' routes. Raises
    admin.AdminError.

    An endpoint conflicts if another route may get its calls, or if it takes calls from another
    stack's route. `before`: the routes of the state. Asks Kong only if a route is new or gets other
    hosts or paths. `adopts`: routes outside any stack may lose calls to ours.
    """
    known = {
        route.name: route.outputs for route in before if route.type == ROUTE
    }
    changed = [
        component for component in estate.exposed if _changes(component, known)
    ]
    if not changed:
        return
    if adopts and (finding := _unknown_order(admin)):
        yield finding
        return
    lookup = OwnerLookup(estate.stack.name, whole=True)
    claims = _claims(admin.rows("/routes"), lookup)
    if adopts:
        claims = _possible_winners(claims, changed)
    for endpoint, overlapping in _by_endpoint(changed, claims):
        yield from _conflicts_of(endpoint, overlapping, adopts=adopts)


def winning_routes(
    rows: Iterable[Entity], estate: Estate, lookup: OwnerLookup
) -> frozenset[str]:
    """Return the ids of routes of no stack that Kong may try before a route of the estate."""
    winners = set()
    foreign = [row for row in rows if not lookup.owner(row).stack]
    claims = _possible_winners(_claims(foreign, lookup), estate.exposed)
    for endpoint, overlapping in _by_endpoint(estate.exposed, claims):
        for claim in overlapping:
            if claim.conflicts_with(endpoint, adopts=True):
                winners.add(claim.route["id"])
    return frozenset(winners)


def _by_endpoint(
    components: Iterable[Component], claims: Iterable[_Claim]
) -> Iterator[tuple[Endpoint, list[_Claim]]]:
    """Yield each endpoint with the claims whose hosts it may share."""
    by_host = defaultdict(list)
    for claim in claims:
        by_host[claim.host].append(claim)
    wildcards = [host for host in by_host if "*" in host]
    for component in components:
        for endpoint in _claimed(component):
            hosts = set(by_host)
            # A plain host conflicts only with itself and wildcards. This keeps large estates
            # linear.
            if "*" not in endpoint.host:
                hosts = hosts.intersection((endpoint.host, *wildcards))
            overlapping = []
            for host in sorted(hosts):
                overlapping += by_host[host]
            yield endpoint, overlapping


def _possible_winners(
    claims: Iterable[_Claim], components: Iterable[Component]
) -> Iterator[_Claim]:
    """Yield the claims of stacks, and claims that win over any route of the components.

    An adopted Kong may have thousands of routes that never win.
    """
    own: list[int] = []
    for component in components:
        own += map(_own_priority, _claimed(component))
    lowest = min(own, default=0)
    for claim in claims:
        if claim.owner.stack or claim.priority >= lowest:
            yield claim


def _unknown_order(admin: AdminApi) -> Diagnostic | None:
    """Return a finding if the order of this Kong's router is not the order of `route_order`."""
    configuration: NodeConfiguration = admin.get("/").get("configuration") or {}
    flavor = configuration.get("router_flavor", FLAVOR)
    if flavor == FLAVOR:
        return None
    message = (
        f"gateway.adopted: this Kong's router_flavor is '{flavor}', so an older route may win over "
        f"ours; set router_flavor to {FLAVOR}, the default"
    )
    return Diagnostic("ENV426", message)


def _claimed(component: Component) -> Endpoints:
    """Return the endpoints of a component, and the paths of documents about its MCP endpoints."""
    claimed = [*component.exposure.endpoints]
    for endpoint, path in documents(component):
        claimed.append(replace(endpoint, path=document_path(path)))
    return tuple(claimed)


def _own_priority(endpoint: Endpoint) -> int:
    return own_priority(endpoint.host, len(endpoint.path))


def _conflicts_of(
    endpoint: Endpoint, claims: Iterable[_Claim], *, adopts: bool
) -> Findings:
    """Yield a finding for each owner of claims that conflict with the endpoint."""
    by_owner = defaultdict(list)
    for claim in claims:
        if claim.conflicts_with(endpoint, adopts=adopts):
            by_owner[claim.owner].append(claim)
    for owner, claims_of_owner in by_owner.items():
        if adopts and not owner.stack:
            yield _winner(endpoint, claims_of_owner)
        else:
            yield _diagnostic(endpoint, claims_of_owner)


def _changes(component: Component, known: Mapping[str, Entity]) -> bool:
    """Return whether a route of the component is new, or has other hosts or paths than in the
    state."""
    for plan in routes(component):
        recorded = known.get(f"{component.key}-{plan.role}-{plan.backend}", {})
        if sorted(recorded.get("hosts") or ()) != sorted(plan.hosts):
            return True
        if sorted(recorded.get("paths") or ()) != sorted(plan.kong_paths):
            return True
    return False


def _claims(rows: Iterable[Entity], lookup: OwnerLookup) -> Iterator[_Claim]:
    """Yield the claims of others' routes by name. A route without hosts claims every host."""
    for row in sorted(rows, key=lambda row: (str(row.get("name")), row["id"])):
        owner = lookup.owner(row)
        if owner.kind == "ours":
            continue
        hosts = sorted(row.get("hosts") or ["*"])
        priorities: dict[str, int] = {}
        for paths in paths_by_priority(row):
            priorities |= dict.fromkeys(paths or ["/"], priority(row, paths))
        for host, path in product(hosts, sorted(priorities)):
            plain = host.partition(":")[0].lower()
            yield _Claim(plain, path, row, owner, priorities[path])


def _host_relation(ours: str, theirs: str) -> Relation | None:
    if ours == theirs:
        return "same"
    if _stands_for(theirs, ours):
        return "wider"
    return "narrower" if _stands_for(ours, theirs) else None


def _stands_for(wildcard: str, host: str) -> bool:
    """Return whether a wildcard host covers another host or a wildcard below it.

    Kong takes `*` at one end.
    """
    if wildcard.startswith("*"):
        return host.endswith(wildcard[1:])
    # `shop.*` and `*.example.com` both cover shop.example.com.
    return wildcard.endswith("*") and host.startswith((wildcard[:-1], "*"))


def _path_relation(endpoint: Endpoint, path: str) -> Relation | None:
    elements = declared_path(path)
    if elements == endpoint.path:
        return "same"
    if elements is not None:
        if within(endpoint.path, elements):
            return "wider"
        return "narrower" if within(elements, endpoint.path) else None
    # Another owner's path is a prefix, or a regular expression that begins with a literal prefix.
    ours = written(endpoint.path)
    text = literal_prefix(path)
    if text.rstrip("/") == ours.rstrip("/"):
        return "same"
    if ours.startswith(text):
        return "wider"
    return "narrower" if text.startswith(ours.rstrip("/") + "/") else None


def _winner(endpoint: Endpoint, claims: list[_Claim]) -> Diagnostic:
    """Return the finding about an endpoint and older routes that win over it."""
    first = claims[0]
    name = first.route.get("name") or first.route["id"]
    routes = {claim.route["id"] for claim in claims}
    more = f" (and {len(routes) - 1} more)" if len(routes) > 1 else ""
    message = (
        f"Kong may try route '{name}'{more} of no stack before ours for "
        f"{endpoint.host}{written(endpoint.path)}, so calls could pass around the gate. Remove "
        "that route, or its headers, SNIs, regex_priority or narrower host"
    )
    return Diagnostic("ENV426", message, endpoint.position)


def _diagnostic(
    endpoint: Endpoint, claims_of_owner: list[_Claim]
) -> Diagnostic:
    """Return the finding about an endpoint and the claims of one owner."""
    first = claims_of_owner[0]
    elements = declared_path(first.path)
    path = first.path if elements is None else written(elements)
    name = first.route.get("name") or first.route["id"]
    routes = {claim.route["id"] for claim in claims_of_owner}
    more = f", and {len(routes) - 1} more," if len(routes) > 1 else ""
    remedy = "deploy both from one stack"
    if not first.owner.stack:
        remedy = "ask the owner of that route to remove it"
    message = (
        f"{endpoint.host}{written(endpoint.path)} conflicts with {first.host}{path} "
        f"of Kong's route '{name}'{more} {owner_in_words(first.route, first.owner)}. "
        f"Either could get the other's calls; use another host or path, or {remedy}"
    )
    return Diagnostic("ENV420", message, endpoint.position)
