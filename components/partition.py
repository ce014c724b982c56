"""Decides which part of the estate a run deploys: the whole, its base, or a partition."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache, partial

from pulumi import log

from kong_oam.access.model import Component, Estate
from kong_oam.access.partitions import base_of, calls_into, part_of
from kong_oam.access.settings.partitions import stack_of
from kong_oam.access.settings.values import ProviderSettings, Settings
from kong_oam.diagnostics import some
from kong_oam.engine.known_stacks import UNKNOWN, read_known_stacks
from kong_oam.engine.stacks import partitions_of
from kong_oam.engine.state import StackState
from kong_oam.identity.kinds import granted_in, kind_of
from kong_oam.oam.position import Texts

from .base import (
    highest_generation,
    read_base,
    stop_at_removed_partitions,
    with_used_offers,
)
from .records import Base
from .refusal import refuse
from .state import outputs_of, recorded


@dataclass(frozen=True, slots=True)
class Part:
    """The part of the `estate` that a run deploys.

    A partition has the estate's `base`. The base has `kept`: descriptions of old offers that a
    partition still uses; and `made_with`: the highest generation that a partition knows.
    """

    estate: Estate
    base: Base | None = None
    kept: Sequence[str] = ()
    made_with: int = 0


def part_of_run(settings: Settings, estate: Estate, state: StackState) -> Part:
    """Return what this run deploys. End a run that would make anew or delete components of another
    stack of the estate."""
    name = settings.stack.name
    partition = settings.partition
    _stop_at_components_of_others(settings, estate, state)
    if not settings.stack.partitions:
        stop_at_removed_partitions(settings, state)
        return Part(estate)
    if partition is None:
        stop_at_removed_partitions(settings, state)
        base_estate, kept = with_used_offers(
            base_of(estate),
            settings,
            state,
            partial(granted_in, settings.providers),
        )
        return Part(
            base_estate, kept=kept, made_with=highest_generation(settings)
        )
    base_state = recorded(name)
    part = part_of(estate, partition)
    ids = _foreign_ids(settings, part)
    unknown = []
    for component in part.foreign:
        for client in component.identity.clients:
            is_known = component.key in ids[client.provider]
            if not is_known and calls_into(part, client):
                unknown.append(client.name)
    if unknown:
        log.warn(
            f"partition: the client ids of {some(unknown)} are unknown until their stacks run, "
            f"so their calls are denied here. Run `python -m kong_oam up -s {name}`, which runs "
            "the stacks in order"
        )
    without_unknown = [
        _without_unknown_calls(component, unknown, part)
        for component in part.foreign
    ]
    part = replace(part, foreign=tuple(without_unknown))
    base = read_base(settings, part, state, base_state)
    _stop_at_components_elsewhere(settings, part, state, base.state)
    return Part(part, replace(base, clients=ids))


def _stop_at_components_of_others(
    settings: Settings, estate: Estate, state: StackState
) -> None:
    """End a run whose state has components that another stack of the estate deploys.

    This run would delete them with all their resources, and the other stack would make them anew.
    """
    name = settings.stack.name
    others = {}
    for key in state.components & estate.components.keys():
        partition = estate.components[key].partition
        if partition != settings.partition:
            others[key] = stack_of(name, partition)
    if others:
        first = min(others)
        refuse(
            f"{some(sorted(others))} are in the state of this stack, but kong-oam:partitions of "
            f"'{estate.stack.name}' puts them in another ({first}: '{others[first]}'). Move them "
            f"with all their resources: `python -m kong_oam move -s {name}`"
        )


def _stop_at_components_elsewhere(
    settings: Settings, part: Estate, state: StackState, base: StackState
) -> None:
    """End a run that would make a component anew that another stack of the estate has.

    It reads other stacks only if this stack lacks a component that it deploys. The command tells
    which stacks may have it (kong_oam.engine.known_stacks).
    """
    name = settings.stack.name
    known = read_known_stacks()
    new = part.own.keys() - state.components
    if not new:
        return
    _stop_where_made(new, name, name, base)
    for partition in partitions_of(settings, base.outputs):
        stack = stack_of(name, partition)
        may_have = not known.get(stack, UNKNOWN).lacks(new)
        if partition != settings.partition and may_have:
            _stop_where_made(new, name, stack, recorded(stack))


def _stop_where_made(
    new: Set[str], base: str, stack: str, state: StackState
) -> None:
    made = sorted(new & state.components)
    if made:
        refuse(
            f"{some(made)} belong to this stack, but are in the state of '{stack}'. Move them "
            f"with all their resources: `python -m kong_oam move -s {base}`"
        )


def _foreign_ids(settings: Settings, part: Estate) -> Mapping[str, Texts]:
    """Read the client ids of callers in other partitions, by provider and component.

    They come from settings, from the recorded outputs of their stacks, or from the provider's rule.
    """
    name = settings.stack.name
    never_run = {
        stack
        for stack, known in read_known_stacks().items()
        if not known.generation
    }
    # Read each stack once, for all its clients.
    outputs = cache(outputs_of)
    state = cache(recorded)

    def recorded_id(
        key: str, stack: str, provider: ProviderSettings
    ) -> str | None:
        exported = outputs(stack).get("clients") or {}
        made: str | None = (exported.get(provider.name) or {}).get(key)
        resource = kind_of(provider).client_resource
        if made or resource is None or stack in never_run:
            return made
        # Its stack has not run since it moved there, and so exports nothing of it yet.
        return state(stack).client_ids.get(resource(provider.name, key))

    ids: dict[str, dict[str, str]] = {}
    for provider in settings.providers:
        ids[provider.name] = by_component = {}
        for component in part.foreign:
            providers = [
                client.provider for client in component.identity.clients
            ]
            if provider.name not in providers:
                continue
            key = component.key
            stack = stack_of(name, component.partition)
            named = provider.clients.get(key)
            identifier = (
                named.id
                if named
                else recorded_id(key, stack, provider)
                or kind_of(provider).client_id(provider, name, key)
            )
            if identifier:
                by_component[key] = identifier
    return ids


def _without_unknown_calls(
    foreign: Component, unknown: Container[str], part: Estate
) -> Component:
    """Return the component without the calls of its unknown clients."""
    clients = []
    for client in foreign.identity.clients:
        if client.name in unknown:
            calls = [
                call for call in client.calls if call.component not in part.own
            ]
            client = replace(client, calls=tuple(calls))
        clients.append(client)
    return foreign.with_clients(clients)
