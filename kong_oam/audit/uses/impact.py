"""Estimate by recorded calls how a change affects callers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from kong_oam.access.decide import Decision
from kong_oam.access.model import Component, Estate
from kong_oam.audit.uses.declared import REST, Declared, declared_in
from kong_oam.audit.uses.model import CallClass, Seen, Uses
from kong_oam.audit.uses.replay import decide_class

# Models that both have to allow a request: a deployed state may have two.
Estates = tuple[Estate, ...]


@dataclass(frozen=True, slots=True)
class Affected:
    """A class of calls with another decision: before and after the change."""

    call: CallClass
    seen: Seen
    before: Decision
    after: Decision


@dataclass(frozen=True, slots=True)
class Impact:
    """The recorded calls that a change denies, and the calls that it newly allows.

    `touched`: the components that the change touches. `evaluated`: their calls. `uncertain`: calls
    whose paths were aggregated without the elements that the change declares.
    """

    denied: tuple[Affected, ...]
    allowed: tuple[Affected, ...]
    touched: frozenset[str]
    evaluated: int
    uncertain: int


def impact(uses: Uses, old: Estates, new: Estate) -> Impact:
    """Compare the decisions of both sides on the calls of the components that a change touches."""
    touched = touched_components(old, new)
    known = _elements(declared_in(old))
    added = _elements(declared_in([new]))
    denied = []
    allowed = []
    evaluated = 0
    uncertain = 0
    for call, seen in uses.classes.items():
        if call.component not in touched:
            continue
        evaluated += seen.count
        key = call.component
        if _is_uncertain(call, added.get(key, set()) - known.get(key, set())):
            uncertain += seen.count
        before = _decided(old, call, seen)
        after = decide_class(new, call, seen)
        if before.allowed == after.allowed:
            continue
        affected = Affected(call, seen, before, after)
        # Only a call that passed can be denied. Another answer stopped the others.
        if before.allowed and call.is_allowed:
            denied.append(affected)
        elif after.allowed and not call.is_allowed:
            allowed.append(affected)
    return Impact(
        _by_count(denied), _by_count(allowed), touched, evaluated, uncertain
    )


def _decided(estates: Estates, call: CallClass, seen: Seen) -> Decision:
    """Return the decision of estates that all have to allow a request."""
    decisions = [decide_class(estate, call, seen) for estate in estates]
    for decision in decisions:
        if not decision.allowed:
            return decision
    return decisions[0]


def _by_count(affected: Iterable[Affected]) -> tuple[Affected, ...]:
    return tuple(sorted(affected, key=lambda each: -each.seen.count))


def touched_components(old: Estates, new: Estate) -> frozenset[str]:
    """Return the components about whose requests the two sides may decide differently."""
    touched = set[str]()
    for estate in old:
        keys = {*estate.components, *new.components}
        for key in keys:
            before = estate.components.get(key)
            after = new.components.get(key)
            if before is None or after is None:
                touched.update(_named(before, after))
            elif _facts(estate, before) != _facts(new, after):
                touched.add(key)
        # A changed host or path may take requests from another component.
        moved = _places(estate) ^ _places(new)
        hosts = {host for host, _, _ in moved}
        for side in (estate, new):
            for component in side.exposed:
                if not hosts.isdisjoint(_hosts(side, component)):
                    touched.add(component.key)
    return frozenset(touched)


def _named(*components: Component | None) -> set[str]:
    return {component.key for component in components if component}


def _places(estate: Estate) -> set[tuple[str, tuple[str, ...], str]]:
    places = set()
    for component in estate.exposed:
        for endpoint in component.exposure.endpoints:
            places.add((endpoint.host, endpoint.path, component.key))
    return places


def _hosts(estate: Estate, component: Component) -> set[str]:
    """Return the hosts of the endpoints that may take a component's requests."""
    hosts = set()
    for endpoint in component.exposure.endpoints:
        place = endpoint.host, endpoint.path
        hosts.add(endpoint.host)
        rivals = chain(
            estate.below[place], estate.below_wildcard.get(place, ())
        )
        hosts.update(rival.host for rival, _ in rivals)
    return hosts


def _facts(estate: Estate, component: Component) -> tuple[object, ...]:
    """Return the values by which `decide` answers requests to a component."""
    provider = estate.provider_of(component)
    identity = component.identity
    roles = {
        (frozenset(role.scopes), frozenset(map(provider.listed, role.groups)))
        for role in identity.roles
    }
    return (
        frozenset(component.exposure.rules),
        frozenset(roles),
        dict(estate.granted_at(component, users=True)),
        dict(estate.granted_at(component, users=False)),
        identity.provider,
        identity.old_callers,
        provider.per_api,
        estate.apis_at(component),
        component.allowed_from,
    )


def _elements(declared: Declared) -> dict[str, set[str]]:
    """Return the declared paths of each component."""
    found: dict[str, set[str]] = {}
    for component, prefix in declared.prefixes:
        found.setdefault(component, set()).add(prefix)
    return found


def _is_uncertain(call: CallClass, added: Iterable[str]) -> bool:
    """Return whether an added path may be among the left-out elements of a class."""
    if not call.path.endswith(f"/{REST}"):
        return False
    above = call.path.removesuffix(REST).lower()
    return any(prefix.startswith(above) for prefix in added)
