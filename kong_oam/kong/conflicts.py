"""Names in Kong that are needed and taken: found before anything is made, where a creation would fail half-way.

Unique in a workspace are names of services, routes, upstreams and consumers, and the hosts of certificates. What
carries the stack's tags and is not in its state was made by a run that was interrupted; anything else is somebody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from kong_oam.access.model import Estate
from kong_oam.diagnostics import Diagnostic, Position
from kong_oam.engine.state import Held
from kong_oam.kong import names
from kong_oam.kong.account import Kong
from kong_oam.kong.admin import rows
from kong_oam.kong.certificates import hosts_by_certificate
from kong_oam.kong.preflight import client
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
    """Every name of the stack that somebody else could have."""
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


def inspect(account: Kong, workspace: str | None, estate: Estate, held: Held) -> tuple[Diagnostic, ...]:
    """All that is wrong with names in the workspace. Raises preflight.PreflightError."""
    with client(account.admin_url, account.token, workspace, account.api_key) as admin:
        return tuple(name_conflicts(admin, account.admin_url, estate, held))


def name_conflicts(admin: httpx.Client, admin_url: str, estate: Estate, held: Held) -> Iterator[Diagnostic]:
    """Names that the state does not hold and that Kong has. Raises preflight.PreflightError.

    Kong is asked for kinds of which something is new, and for no other, but for certificates: one that is held may be
    given more hosts.
    """
    asked: dict[str, dict[str, Needed]] = {}
    for one in needed(estate):
        if one.type == _CERTIFICATE or (one.type, one.logical) not in held:
            asked.setdefault(one.type, {})[one.name] = one
    own = frozenset(names.tags(estate.stack.name))
    for kind, wanted in asked.items():
        for row in rows(admin, f"/{_COLLECTIONS[kind]}", admin_url):
            ours = own <= frozenset(row.get("tags") or ())
            for one in (wanted[name] for name in _names(row) if name in wanted):
                if not (ours and (one.type, one.logical) in held):
                    yield _problem(estate.stack.name, one, row, ours=ours)


def _problem(stack: str, one: Needed, row: Row, *, ours: bool) -> Diagnostic:
    kind, tags = _COLLECTIONS[one.type][:-1], row.get("tags") or ()
    what = f"certificate for host '{one.name}'" if one.type == _CERTIFICATE else f"{kind} '{one.name}'"
    if ours:
        message = (
            f"Kong has {what} ({row['id']}) of stack '{stack}', whose state does not know it: an interrupted run made "
            f"it, or this is another state. See what `python -m kong_oam.recover -s {stack}` says"
        )
        return Diagnostic("ENV406", message, one.place)
    whose = f"its tags are {', '.join(map(repr, tags))}" if tags else "it has no tags"
    message = (
        f"Kong has {what} ({row['id']}) that stack '{stack}' did not make: {whose}. It is left as it is; have it "
        f"{'take other hosts' if one.type == _CERTIFICATE else 'renamed'} or removed by whoever made it"
    )
    return Diagnostic("ENV405", message, one.place)


def _names(row: Row) -> Iterable[str]:
    """What the entity is called; a certificate has the hosts that it is shown for."""
    return row.get("snis") or [row.get("name") or row.get("username") or ""]
