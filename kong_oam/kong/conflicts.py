"""Finds names in Kong that are needed and taken, before anything is made: a creation would fail half-way.

Unique in a workspace are names of services, routes, upstreams and consumers, and the hosts of certificates. What
carries the stack's tags and is not in its state was made by a run that was interrupted; anything else is somebody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kong_oam.access.model import Estate
from kong_oam.diagnostics import Diagnostic, Position
from kong_oam.engine.state import Held
from kong_oam.kong import names
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.certificates import hosts_by_certificate
from kong_oam.kong.routes import routes

Row = Mapping[str, Any]

_SERVICE = "kong:index/service:Service"
_ROUTE = "kong:index/route:Route"
_UPSTREAM = "kong:index/upstream:Upstream"
_CONSUMER = "kong:index/consumer:Consumer"
_CERTIFICATE = "kong:index/certificate:Certificate"
_COLLECTIONS = {
    _SERVICE: "services",
    _ROUTE: "routes",
    _UPSTREAM: "upstreams",
    _CONSUMER: "consumers",
    _CERTIFICATE: "certificates",
}


@dataclass(frozen=True, slots=True)
class Needed:
    """A name that an entity needs, and the resource that would make it: its type and logical name."""

    type: str
    name: str
    logical: str
    place: Position | None = None


def needed(estate: Estate) -> Iterator[Needed]:
    """Yields every name of the stack that somebody else could have."""
    stack = estate.stack.name
    for component in estate.exposed:
        for port in component.ports:
            name = names.service(stack, component, port)
            yield Needed(_SERVICE, name, f"{component.key}-{port}-service", component.place)
        for plan in routes(component):
            name = names.route(stack, component, plan.port, plan.role)
            yield Needed(_ROUTE, name, f"{component.key}-{plan.role}-{plan.port}", component.place)
    yield Needed(_UPSTREAM, names.nowhere(stack), "gateway-nowhere")
    yield Needed(_CONSUMER, names.anonymous(stack), "gateway-anonymous")
    for provider in estate.stack.providers:
        yield Needed(_CONSUMER, names.ring(stack, provider), f"gateway-ring-{provider}")
    for (namespace, certificate), hosts in hosts_by_certificate(estate).items():
        for host in hosts:
            yield Needed(_CERTIFICATE, host, f"certificate-{namespace}/{certificate}")


def inspect(account: Account, estate: Estate, held: Held) -> tuple[Diagnostic, ...]:
    """Finds all that is wrong with names in the workspace. Raises admin.AdminError."""
    with AdminApi(account) as admin:
        return tuple(name_conflicts(admin, estate, held))


def name_conflicts(admin: AdminApi, estate: Estate, held: Held) -> Iterator[Diagnostic]:
    """Finds names that the state does not hold and that Kong has. Raises admin.AdminError.

    Kong is asked for kinds of which something is new, and for no other, but for certificates: one that is held may be
    given more hosts.
    """
    by_type: dict[str, dict[str, Needed]] = {}
    for need in needed(estate):
        if need.type == _CERTIFICATE or (need.type, need.logical) not in held:
            by_type.setdefault(need.type, {})[need.name] = need
    tags = frozenset(names.tags(estate.stack.name))
    for kind, by_name in by_type.items():
        for row in admin.rows(f"/{_COLLECTIONS[kind]}"):
            ours = tags <= frozenset(row.get("tags") or ())
            for need in (by_name[name] for name in _names(row) if name in by_name):
                if not (ours and (need.type, need.logical) in held):
                    yield _diagnostic(estate.stack.name, need, row, ours=ours)


def _diagnostic(stack: str, need: Needed, row: Row, *, ours: bool) -> Diagnostic:
    kind, tags = _COLLECTIONS[need.type][:-1], row.get("tags") or ()
    what = f"certificate for host '{need.name}'" if need.type == _CERTIFICATE else f"{kind} '{need.name}'"
    if ours:
        message = (
            f"Kong has {what} ({row['id']}) of stack '{stack}', whose state does not know it: an interrupted run made "
            f"it, or this is another state. See what `python -m kong_oam recover -s {stack}` says"
        )
        return Diagnostic("ENV406", message, need.place)
    whose = f"its tags are {', '.join(map(repr, tags))}" if tags else "it has no tags"
    message = (
        f"Kong has {what} ({row['id']}) that stack '{stack}' did not make: {whose}. It is left as it is; have it "
        f"{'take other hosts' if need.type == _CERTIFICATE else 'renamed'} or removed by whoever made it"
    )
    return Diagnostic("ENV405", message, need.place)


def _names(row: Row) -> Iterable[str]:
    """The entity's names; a certificate has the hosts that it is shown for."""
    return row.get("snis") or [row.get("name") or row.get("username") or ""]
