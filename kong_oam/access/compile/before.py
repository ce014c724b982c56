"""Compile before: the old credential of a client, and the clients that components accept by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import cast

import kong_oam.oam.model as oam
from kong_oam.access.before import (
    Acceptance,
    Before,
    BeforeYaml,
    OldCaller,
    old_callers,
)
from kong_oam.access.client import Call, ClientYaml, has_key, signs_in
from kong_oam.access.compile.dates import date_findings
from kong_oam.access.model import Application, Component
from kong_oam.diagnostics import Diagnostic, Findings, Report
from kong_oam.oam.position import SourcePosition

# Components by key, as far as others name them.
_Components = Mapping[str, Component]


def before_of(
    part: oam.ComponentSpec,
    client: ClientYaml,
    position: SourcePosition,
    calls: Iterable[Call],
    out: Report,
) -> Before | None:
    """Compile the `before` of a client trait with the client's granted calls. Findings are added to
    `out`."""
    if "before" not in client:
        return None
    where = position.at("before")
    before = cast("BeforeYaml", client["before"])
    kind = client["kind"]
    out += date_findings(before["until"], where.at("until"))
    if signs_in(kind):
        message = (
            f"a client of kind '{kind}' calls for its users, and an old credential names no user; "
            "remove `before`"
        )
        out.append(Diagnostic("ACC284", message, position.key("before")))
    return Before(
        before["consumer"],
        before["by"],
        before["until"],
        before["reason"],
        tuple(calls),
        has_key(kind) or "jwksUri" in part.properties,
        where,
    )


def with_old_callers(
    applications: Iterable[Application], out: Report
) -> tuple[Application, ...]:
    """Return the applications with the old callers that both sides agree on. Findings are added to
    `out`."""
    applications = tuple(applications)
    components: dict[str, Component] = {}
    for application in applications:
        for component in application.components:
            components[component.key] = component
    clients = [
        (key, component.identity.before)
        for key, component in components.items()
        if component.identity.before
    ]
    out += _shared_credentials(clients)
    for key, before in clients:
        out += _unaccepted(key, before, components)
    return tuple(
        _with_callers_of(application, clients) for application in applications
    )


def _with_callers_of(
    application: Application, clients: Iterable[tuple[str, Before]]
) -> Application:
    made = [_with_callers(each, clients) for each in application.components]
    return replace(application, components=tuple(made))


def _with_callers(
    component: Component, clients: Iterable[tuple[str, Before]]
) -> Component:
    accepted = component.identity.accept_before
    if accepted is None:
        return component
    callers: tuple[OldCaller, ...] = tuple(
        sorted(
            old_callers(component.key, accepted, clients),
            key=lambda caller: caller.consumer,
        )
    )
    identity = replace(component.identity, old_callers=callers)
    return replace(component, identity=identity)


def _shared_credentials(clients: Iterable[tuple[str, Before]]) -> Findings:
    """Find two clients with one old credential: the gate could not tell them apart."""
    first: dict[tuple[str, str], tuple[str, Before]] = {}
    for key, before in clients:
        credential = before.consumer, before.by
        owner, earlier = first.setdefault(credential, (key, before))
        if owner != key:
            message = (
                f"'{owner}' already calls as consumer '{before.consumer}' by {before.by} "
                f"({earlier.position}); name another consumer"
            )
            yield Diagnostic("ACC283", message, before.position.at("consumer"))


def _unaccepted(
    key: str, before: Before, components: _Components
) -> Iterator[Diagnostic]:
    """Find calls that no component accepts by the client's old credential.

    It is an error if the client has nothing else. Otherwise its tokens still work, so that the
    owner of a called component can end the old credentials alone.
    """
    accepted = 0
    for call in before.calls:
        callee = components.get(call.component)
        if callee is None or _accepts(callee.identity.accept_before, before):
            accepted += 1
        elif not before.registered:
            message = (
                f"'{call.component}' accepts no old credential by {before.by}; ask its owner for "
                f"`acceptBefore: {{by: {before.by}, ...}}`, or use a token"
            )
            yield Diagnostic("ACC280", message, call.position.at("component"))
    if before.registered and not accepted:
        message = (
            f"`before` has no effect: no called component of '{key}' accepts it; remove it, or ask "
            f"for `acceptBefore: {{by: {before.by}, ...}}`"
        )
        yield Diagnostic("ACC281", message, before.position, "warning")


def _accepts(accepted: Acceptance | None, before: Before) -> bool:
    return accepted is not None and accepted.by == before.by
