"""The lines of a report: each grant, public rule and waiver of an estate.

A recorded model has the same lines without reasons and waivers, which it does not contain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from kong_oam.access.before import KIND_WORDS, OldCaller
from kong_oam.access.data import Names
from kong_oam.access.diff.wording import methods
from kong_oam.access.internal import Connection
from kong_oam.access.model import Client, Component, Estate, Rule, but_not
from kong_oam.access.paths import written

LineKind = Literal[
    # The calls of a client to a component.
    "client",
    # A group in the roles of a component.
    "group",
    # A component without rules accepts each token of its provider.
    "any token",
    # A consumer of the gateway that calls until a date.
    "old credential",
    # A caller inside the cluster.
    "connection",
    "public",
    "waiver",
]
KINDS: tuple[LineKind, ...] = get_args(LineKind)


@dataclass(frozen=True, slots=True, order=True)
class LineKey:
    """The identity of a line in all reports.

    The `holder` of a grant is a client (`application/component`), a group, a provider, or a caller
    with its port. For a public rule: methods and path. For a waiver: the code of the finding.
    """

    component: str
    kind: LineKind
    holder: str


@dataclass(frozen=True, slots=True)
class Line:
    """A right at a component, or a waiver.

    `owner` is the owner of the component, and `holder_owner` the owner of the client or caller.
    `scopes` are sorted. `reason` and `until` (YYYY-MM-DD) are texts of the Application. `groups`:
    the groups whose users may sign in through the client. `refused`: the refused paths of a public
    rule, in words.
    """

    key: LineKey
    owner: str = ""
    holder_owner: str = ""
    scopes: Names = ()
    groups: Names = field(default=(), compare=False)
    reason: str = field(default="", compare=False)
    until: str = ""
    refused: str = ""


def lines_of(estate: Estate) -> tuple[Line, ...]:
    """Return the lines of an estate, sorted by component, kind and holder."""
    found: dict[LineKey, Line] = {}
    for component in estate.components.values():
        for line in lines_at(estate, component):
            # Two waivers of a finding are a line.
            found.setdefault(line.key, line)
    return tuple(found[key] for key in sorted(found, key=_order))


def _order(key: LineKey) -> tuple[str, int, str]:
    return key.component, KINDS.index(key.kind), key.holder


def lines_at(estate: Estate, component: Component) -> Iterator[Line]:
    """Yield the lines that a component declares: the calls of its clients, and who may call it."""
    for client in component.identity.clients:
        yield from _called(estate, component, client)
    yield from _groups(component)
    if component.any_token and component.exposure.endpoints:
        key = LineKey(
            component.key,
            "any token",
            f"tokens of {component.identity.provider}",
        )
        yield Line(key, component.owner or "")
    yield from _old_credentials(estate, component)
    for connection in component.connections:
        holder = connection_holder(connection)
        key = LineKey(component.key, "connection", holder)
        caller = "" if connection.is_peer else connection.caller
        yield Line(key, component.owner or "", _owner(estate, caller))
    yield from _public(component)
    for waiver in component.waivers:
        key = LineKey(component.key, "waiver", waiver.finding)
        yield Line(
            key,
            component.owner or "",
            reason=waiver.reason,
            until=waiver.until,
        )


def _owner(estate: Estate, key: str) -> str:
    component = estate.components.get(key)
    return (component.owner if component else None) or ""


def _called(
    estate: Estate, component: Component, client: Client
) -> Iterator[Line]:
    """Yield a line for each component that a client calls. A client has the same calls at each
    provider: the provider of the called component counts."""
    scopes: dict[str, set[str]] = {}
    for call in client.calls:
        callee = estate.components.get(call.component)
        if callee and callee.identity.provider != client.provider:
            continue
        scopes.setdefault(call.component, set()).update(call.scopes)
    for callee_key, held in scopes.items():
        yield Line(
            LineKey(callee_key, "client", component.key),
            _owner(estate, callee_key),
            component.owner or "",
            tuple(sorted(held)),
            client.groups if client.user_facing else (),
        )


def _groups(component: Component) -> Iterator[Line]:
    scopes: dict[str, set[str]] = {}
    for role in component.identity.roles:
        for group in role.groups:
            scopes.setdefault(group, set()).update(role.scopes)
    for group, held in scopes.items():
        key = LineKey(component.key, "group", group)
        yield Line(key, component.owner or "", scopes=tuple(sorted(held)))


def _old_credentials(estate: Estate, component: Component) -> Iterator[Line]:
    for caller in component.identity.old_callers:
        yield Line(
            old_credential_key(component, caller),
            component.owner or "",
            _owner(estate, caller.client),
            tuple(sorted(caller.scopes)),
            until=caller.until,
        )


def _public(component: Component) -> Iterator[Line]:
    for rule in component.exposure.rules:
        if rule.public:
            yield Line(
                LineKey(component.key, "public", public_holder(rule)),
                component.owner or "",
                reason=rule.public.reason,
                until=rule.public.until or "",
                refused=but_not(rule).strip(),
            )


def old_credential_key(component: Component, caller: OldCaller) -> LineKey:
    """Return the line of an old credential: `acme/partner as acme by key`."""
    by = KIND_WORDS[caller.by]
    holder = f"{caller.client} as {caller.consumer} by {by}"
    return LineKey(component.key, "old credential", holder)


def connection_holder(connection: Connection) -> str:
    """Return the holder of a connection: `blog/wordpress to 3306`."""
    return f"{connection.by} to {connection.at}"


def public_holder(rule: Rule) -> str:
    """Return the holder of a public rule: `GET /orders/health`."""
    return f"{methods(sorted(rule.methods))} {written(rule.path)}"
