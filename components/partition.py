"""Decides what of the estate a run deploys: all of it, its base, or one of its partitions."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import pulumi

from kong_oam.access.model import Client, Component, Estate
from kong_oam.access.partitions import base_of, calls_into, part_of
from kong_oam.access.settings.partitions import stack_of
from kong_oam.access.settings.stack import Settings
from kong_oam.diagnostics import some
from kong_oam.engine.known_stacks import UNKNOWN, of_command
from kong_oam.engine.stacks import partitions_of
from kong_oam.engine.state import COMPONENT, StackState
from kong_oam.identity.kinds import kind_of

from .base import (
    highest_generation,
    read_base,
    stop_at_retired,
    with_all_in_use,
)
from .records import Base
from .refusal import refuse
from .state import outputs_of, recorded


@dataclass(frozen=True, slots=True)
class Part:
    """The part of the `estate` that a run deploys.

    `base`, in a partition: the base of its estate. In the base, `kept`: what it still offers since
    a partition uses it, in words; `made_with`: the highest generation that a partition knows.
    """

    estate: Estate
    base: Base | None = None
    kept: Sequence[str] = ()
    made_with: int = 0


def part_of_run(settings: Settings, estate: Estate, state: StackState) -> Part:
    """Gives what this run deploys. Ends one that would make anew, or delete, what another stack of
    the estate has, or is to have."""
    name, partition = settings.stack.name, settings.partition
    _stop_at_components_of_others(settings, estate, state)
    if not settings.stack.partitions:
        stop_at_retired(settings, state)
        return Part(estate)
    if partition is None:
        stop_at_retired(settings, state)
        everybodys, kept = with_all_in_use(base_of(estate), settings, state)
        return Part(everybodys, kept=kept, made_with=highest_generation(settings))
    there = recorded(name)
    part = part_of(estate, partition)
    ids = _foreign_ids(settings, part)
    unknown = [
        client.name
        for one in part.foreign
        for client in one.clients
        if one.key not in ids[client.provider] and calls_into(part, client)
    ]
    if unknown:
        pulumi.log.warn(
            f"partition: the client ids of {some(unknown)} are not known yet: they are let in by a "
            f"run of this stack after one of theirs (`python -m kong_oam up -s {name}` sees to it)"
        )
    part = replace(
        part, foreign=tuple(_not_let_in(one, unknown, part) for one in part.foreign)
    )
    base = read_base(settings, part, state, there)
    _stop_at_components_elsewhere(settings, part, state, base.state)
    return Part(part, replace(base, clients=ids))


def _stop_at_components_of_others(
    settings: Settings, estate: Estate, state: StackState
) -> None:
    """Ends a run whose state has components that another stack of the estate is to deploy: they
    would be deleted here, with all that is theirs, and made anew there."""
    name, stack = settings.stack.name, estate.stack
    there = [key for kind, key in state.urns if kind == COMPONENT]
    meant = {
        key: estate.components[key].partition
        for key in there
        if key in estate.components
    }
    if others := sorted(
        key for key, partition in meant.items() if partition != settings.partition
    ):
        first = meant[others[0]]
        where = stack_of(name, first)
        refuse(
            f"{some(others)} are in the state of this stack, and by kong-oam:partitions of "
            f"'{stack.name}' they are in another ({others[0]}: '{where}'). Move them, with all "
            f"that is theirs: `python -m kong_oam move -s {name}`"
        )


def _stop_at_components_elsewhere(
    settings: Settings, part: Estate, state: StackState, base: StackState
) -> None:
    """Ends a run that would make a component anew that another stack of the estate has. The other
    stacks are only read where this one has not all of its own yet, and of those that the command
    knows only where they have one of these (kong_oam.engine.known_stacks)."""
    name = settings.stack.name
    own = {key for kind, key in state.urns if kind == COMPONENT}
    new, known = part.own.keys() - own, of_command()
    partitions = partitions_of(settings, base.outputs)
    others = (
        stack_of(name, other) for other in partitions if other != settings.partition
    )
    read = (
        stack for stack in others if new and not known.get(stack, UNKNOWN).lacks(new)
    )
    for stack, there in ((name, base), *((stack, recorded(stack)) for stack in read)):
        if found := sorted(key for key in new if (COMPONENT, key) in there.urns):
            refuse(
                f"{some(found)} are to be in this stack, and are in the state of '{stack}'. Move "
                f"them, with all that is theirs: `python -m kong_oam move -s {name}`"
            )


def _foreign_ids(settings: Settings, part: Estate) -> Mapping[str, Mapping[str, str]]:
    """Reads the client ids of those who call from other partitions, by provider and component: as
    settings say, or as their stacks recorded them, or as they will be."""
    wanted = {one.partition for one in part.foreign if one.clients and one.partition}
    outputs = {
        name: outputs_of(stack_of(settings.stack.name, name)) for name in sorted(wanted)
    }
    ids: dict[str, dict[str, str]] = {
        provider.name: {} for provider in settings.providers
    }
    kinds = {
        provider.name: (provider, kind_of(provider)) for provider in settings.providers
    }
    never_run = {stack for stack, one in of_command().items() if not one.generation}
    state = cache(recorded)

    def moved(one: Component, client: Client) -> str | None:
        """Of a client that came to its stack since that was run last, which has exported nothing of
        it yet."""
        stack, resource = (
            stack_of(settings.stack.name, one.partition),
            kinds[client.provider][1].client_resource,
        )
        if resource is None or stack in never_run:
            return None
        return state(stack).client_ids.get(resource(client.provider, one.key))

    for one in part.foreign:
        for client in one.clients:
            provider, kind = kinds[client.provider]
            made = (
                (outputs.get(one.partition or "", {}).get("clients") or {}).get(
                    client.provider
                )
                or {}
            ).get(one.key)
            told = provider.clients.get(one.key)
            identifier = (
                told.id
                if told
                else made
                or moved(one, client)
                or kind.client_id(provider, settings.stack.name, one.key)
            )
            if identifier:
                ids[client.provider][one.key] = identifier
    return ids


def _not_let_in(foreign: Component, unknown: Container[str], part: Estate) -> Component:
    """The component without the calls here of those of its clients that are unknown."""

    def elsewhere(client: Client) -> Client:
        calls = tuple(call for call in client.calls if call.component not in part.own)
        return replace(client, calls=calls) if client.name in unknown else client

    return replace(foreign, clients=tuple(map(elsewhere, foreign.clients)))
