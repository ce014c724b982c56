"""Finds hosts and paths that routes of others have in the same Kong, before a run creates routes.

Kong takes any number of routes with the same host and path, and one of them gets the calls. Two
stacks never share calls: the winner diverts the calls of the other stack. Routes outside any stack
may stay if they get only calls that match none of ours. Kong tries regular expressions before plain
paths, and plain hosts before wildcards. All our routes are regular expressions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal

from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import Component, Estate
from kong_oam.access.paths import within, written
from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.engine.state import ROUTE, Resource
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.entities import Entity
from kong_oam.kong.owners import Owner, OwnerLookup, owner_in_words
from kong_oam.kong.routes import declared_path, literal_prefix, routes

# The relation of another route's host or path to ours. `wider`: it contains ours.
Relation = Literal["wider", "same", "narrower"]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A host and a path of another owner's route."""

    host: str
    path: str
    route: Entity
    owner: Owner

    def conflicts_with(self, endpoint: Endpoint) -> bool:
        """Return whether one of the two routes may get calls for the other."""
        by_host = _host_relation(endpoint.host, self.host)
        by_path = _path_relation(endpoint, self.path)
        if by_host is None or by_path is None:
            return False
        if self.owner.stack or _comes_first(self.route):
            return True
        if by_host == "wider" and not endpoint.host.startswith("*"):
            return False  # our host wins
        is_regex = self.path.startswith("~")
        our_path_wins = not is_regex and "wider" in (by_host, by_path)
        return by_host == "narrower" or not our_path_wins


def host_conflicts(
    admin: AdminApi, estate: Estate, before: Iterable[Resource]
) -> Findings:
    """Yield a finding for each endpoint that conflicts with others' routes. Raises
    admin.AdminError.

    An endpoint conflicts if another route may get its calls, or if it takes calls from another
    stack's route. `before`: the routes of the state. Asks Kong only if a route is new or gets other
    hosts or paths.
    """
    known = {
        route.name: route.outputs for route in before if route.type == ROUTE
    }
    changed = [
        component for component in estate.exposed if _changes(component, known)
    ]
    if not changed:
        return
    lookup = OwnerLookup(estate.stack.name, whole=True)
    by_host = defaultdict(list)
    for claim in _claims(admin.rows("/routes"), lookup):
        by_host[claim.host].append(claim)
    wildcards = [host for host in by_host if "*" in host]
    for component in changed:
        for endpoint in component.exposure.endpoints:
            hosts = set(by_host)
            # A plain host conflicts only with itself and wildcards. This keeps large estates
            # linear.
            if "*" not in endpoint.host:
                hosts = hosts.intersection((endpoint.host, *wildcards))
            claims = []
            for host in sorted(hosts):
                claims += by_host[host]
            yield from _conflicts_of(endpoint, claims)


def _conflicts_of(endpoint: Endpoint, claims: Iterable[_Claim]) -> Findings:
    """Yield a finding for each owner of claims that conflict with the endpoint."""
    by_owner = defaultdict(list)
    for claim in claims:
        if claim.conflicts_with(endpoint):
            by_owner[claim.owner].append(claim)
    for claims_of_owner in by_owner.values():
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
        paths = sorted(row.get("paths") or ["/"])
        for host, path in product(hosts, paths):
            yield _Claim(host.partition(":")[0].lower(), path, row, owner)


def _comes_first(route: Entity) -> bool:
    """Return whether Kong tries a route before all of ours: with at least four kinds of conditions
    (recorded)."""
    conditions = map(
        route.get, ("hosts", "paths", "methods", "headers", "snis")
    )
    return sum(map(bool, conditions)) >= 4


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
