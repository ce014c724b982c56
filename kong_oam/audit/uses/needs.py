"""The parts of access that somebody may need: grants, groups of roles, public rules, clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from kong_oam.access.data import Names
from kong_oam.access.decide import effective_scopes
from kong_oam.access.model import (
    Component,
    Estate,
    Rule,
    applying,
    listing,
)
from kong_oam.access.paths import AmbiguousPathError, read_text, written
from kong_oam.access.tokens import Claims
from kong_oam.audit.proof import recorded_proof
from kong_oam.audit.uses.model import CallClass, Seen, Uses
from kong_oam.audit.uses.replay import decide_class, recorded_caller
from kong_oam.oam.position import NO_POSITION, SourcePosition

Kind = Literal["grant", "group", "public rule", "client"]


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """A part of access. `component` is the called component, empty for a client.

    `holder`: the client (application/component), the group, or the path of the public rule.
    `detail`: the scope of a grant, the scopes of the group's role, or the methods of a public rule.
    """

    kind: Kind
    component: str
    holder: str
    detail: str = ""
    role: str = field(default="", compare=False)
    position: SourcePosition = field(default=NO_POSITION, compare=False)


def needs_in(estate: Estate) -> Iterator[Need]:
    """Yield the parts of access that an estate gives."""
    for client in estate.clients:
        yield Need("client", "", client.component, position=client.position)
        for call in client.calls:
            for scope in call.scopes:
                yield Need(
                    "grant",
                    call.component,
                    client.component,
                    scope,
                    position=call.position,
                )
    for component in estate.exposed:
        for role in component.identity.roles:
            for group in role.groups:
                yield Need(
                    "group",
                    component.key,
                    group,
                    _listed(role.scopes),
                    role=role.name,
                    position=role.position,
                )
        for rule in component.exposure.rules:
            if rule.public:
                yield _public(component, rule)


def _public(component: Component, rule: Rule) -> Need:
    return Need(
        "public rule",
        component.key,
        written(rule.path),
        _listed(rule.methods),
        position=rule.position,
    )


def _listed(names: Names) -> str:
    return ",".join(sorted(names))


def last_uses(estate: Estate, uses: Uses) -> Mapping[Need, str]:
    """Return when each part of access was last used, by the rules of the estate.

    Only allowed calls count. Where several rules or groups allow a call, each counts.
    """
    found: dict[Need, str] = {}
    for call, seen in uses.classes.items():
        if not call.is_allowed or call.code == "opened":
            continue
        for need in _used(estate, call, seen):
            found[need] = max(seen.last, found.get(need, ""))
    return found


def _used(estate: Estate, call: CallClass, seen: Seen) -> Iterator[Need]:
    """Yield the parts of access that allow a class of calls today."""
    decision = decide_class(estate, call, seen)
    component = decision.component
    if not decision.allowed or component is None:
        return
    if call.caller:
        yield Need("client", "", call.caller)
    try:
        path = read_text(call.path.encode())
    except AmbiguousPathError:  # an allowed path is never ambiguous
        return
    rules = applying(listing(component.owning(path), call.method), path)
    public = [rule for rule in rules if rule.public]
    if public:
        # The first public rule decides, but each of them would.
        for rule in public:
            yield _public(component, rule)
        return
    effective = _effective(estate, component, call)
    for rule in rules:
        if not set(rule.scopes) <= effective:
            continue
        for scope in rule.scopes:
            yield Need("grant", component.key, call.caller or "", scope)
        yield from _groups(component, call, rule)


def _effective(
    estate: Estate, component: Component, call: CallClass
) -> frozenset[str]:
    """Return the scopes of a caller that count today."""
    proof = recorded_proof(estate, component, recorded_caller(call))
    if isinstance(proof, Claims):
        return effective_scopes(estate, component, proof)
    scopes = set[str]()
    for caller in component.identity.old_callers:
        if (caller.client, caller.by) == (call.caller, call.by):
            scopes.update(caller.scopes)
    return frozenset(scopes)


def _groups(
    component: Component, call: CallClass, rule: Rule
) -> Iterator[Need]:
    """Yield the user's groups whose roles hold a scope of the rule."""
    for role in component.identity.roles:
        if set(role.scopes).isdisjoint(rule.scopes):
            continue
        for group in role.groups:
            if group in call.groups:
                yield Need("group", component.key, group, _listed(role.scopes))
