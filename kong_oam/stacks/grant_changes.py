"""Order of partitions that a change of grants requires, and changes that no order supports. Pure.

A client requests all of its scopes at once, and a provider denies a request with one scope too many
(RFC 6749, 5.2: invalid_scope). So a client cannot gain and lose scopes at once while it keeps
calling.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Mapping

from kong_oam.access.data import Names, Texts
from kong_oam.access.diff.snapshot import (
    ModelError,
    exported_model,
    join_models,
    load_model,
)
from kong_oam.access.model import Component, Estate
from kong_oam.access.partitions import granted, owners_of_scopes, uses_of
from kong_oam.engine.state import Resources, StackState, from_resources
from kong_oam.identity.kinds import granted_in
from kong_oam.stacks.order import Estates
from kong_oam.stacks.plan import Before, Exchange, GrantChanges
from kong_oam.stacks.records import Known

_Order = defaultdict[str, set[str]]
# The scopes of a client, by the called component.
_Scopes = Mapping[str, Collection[str]]

# The access checks of a component: hosts with paths and ports, and rules.
AccessChecks = frozenset[tuple[object, ...]]


def grant_changes(
    estates: Estates, known: Known, states: Mapping[str, Resources]
) -> GrantChanges:
    """Compare the estate's grants and rules with the states of the partitions to run. `states`:
    exported resources by partition."""
    whole = estates.whole
    read = {}
    owners = owners_of_scopes(whole, uses_of(known.base.get("offered") or {}))
    before: dict[str, _Scopes] = {}
    for partition, resources in states.items():
        state = read[partition] = from_resources(resources)
        before |= granted_in(estates.settings.providers, state, owners)
    homes = _homes(whole, read)
    rules = _rules_in(read.values())
    now = granted(whole)
    needed: _Order = defaultdict(set)
    wanted: _Order = defaultdict(set)
    exchanges = []
    for client in whole.own_clients:
        home = homes.get(client.component)
        # A new client has nothing to lose and waits for no gate.
        if home is None or client.name not in before:
            continue
        old = before[client.name]
        new = now[client.name]
        exchanges.append(_exchange(client.name, old, new, whole.components))
        for called in {*old, *new}:
            there = homes.get(called, home)
            if there == home:
                continue
            rules_now = _access_checks(whole.components.get(called))
            has_other_rules = rules.get(called) != rules_now
            order = needed if has_other_rules else wanted
            old_scopes = {*old.get(called, ())}
            new_scopes = {*new.get(called, ())}
            lost = old_scopes - new_scopes
            # An interrupted run may have changed the gate without changing its outputs.
            if has_other_rules or there not in known.records:
                if lost:
                    order[home].add(there)
                if new_scopes - old_scopes:
                    order[there].add(home)
            # An interrupted run may have granted scopes that its pods do not request yet.
            if home not in known.records and not lost:
                wanted[there].add(home)
    return GrantChanges(
        _frozen(needed), _frozen(wanted), tuple(filter(None, exchanges))
    )


def _homes(whole: Estate, states: Mapping[str, StackState]) -> Texts:
    """Return the partition of each component by key, for the partitions to run. Deleted components
    are included."""
    homes: dict[str, str] = {}
    for name, state in states.items():
        homes |= dict.fromkeys(state.components, name)
    for key, component in whole.components.items():
        if component.partition and component.partition in states:
            homes[key] = component.partition
    return homes


def _exchange(
    client: str, old: _Scopes, new: _Scopes, components: Container[str]
) -> Exchange | None:
    """Return the scopes that a client gains and loses at remaining components, if it keeps calling
    some component. None otherwise.

    A deleted component does not count: the change cannot keep it for later.
    """
    staying = {
        called: scopes for called, scopes in old.items() if called in components
    }
    gets = _missing_scopes(new, old)
    loses = _missing_scopes(staying, new)
    keeps_calling = old.keys() & new.keys()
    return (
        Exchange(client, gets, loses)
        if gets and loses and keeps_calling
        else None
    )


def _missing_scopes(more: _Scopes, less: _Scopes) -> Names:
    """Return the scopes in one grant that the other lacks, as sorted texts."""
    beyond = []
    for called, scopes in more.items():
        missing = {*scopes} - {*less.get(called, ())}
        beyond += [f"{scope} of {called}" for scope in missing]
    return tuple(sorted(beyond))


def _frozen(order: Mapping[str, set[str]]) -> Before:
    return {partition: frozenset(others) for partition, others in order.items()}


def _rules_in(states: Iterable[StackState]) -> Mapping[str, AccessChecks]:
    """Return the access checks of the components in exported models, by key. Empty if a model is
    unreadable."""
    texts = filter(None, (exported_model(state.outputs) for state in states))
    try:
        model = load_model(join_models(texts))
    except ModelError:
        return {}
    return {
        key: _access_checks(component)
        for key, component in model.estate.components.items()
    }


def _access_checks(component: Component | None) -> AccessChecks:
    """Return the access checks of a component; empty for a deleted component."""
    if component is None:
        return frozenset()
    endpoints = {
        (endpoint.host, endpoint.path, endpoint.port)
        for endpoint in component.exposure.endpoints
    }
    rules = {
        (rule.path, rule.methods, rule.scopes, rule.public is not None)
        for rule in component.exposure.rules
    }
    return frozenset({*endpoints, *rules})
