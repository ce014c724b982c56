"""Reads and writes what goes from the base of an estate to its partitions: values that a run knows
when it begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi import Input, Output
from pulumi.runtime import is_dry_run

from kong_oam.access.model import Estate
from kong_oam.access.partitions import (
    Granted,
    Owners,
    Uses,
    all_of,
    lacking,
    offered,
    owners_of_scopes,
    used_by,
    uses,
    uses_of,
    with_kept,
)
from kong_oam.access.settings.partitions import stack_of
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import some
from kong_oam.engine.known_stacks import read_known_stacks
from kong_oam.engine.stacks import earlier_partitions, partitions_of
from kong_oam.engine.state import Outputs, StackState

from .records import Base, Record
from .refusal import refuse
from .state import outputs_of, recorded

GrantedIn = Callable[[StackState, Owners], Granted]
"""Reads from a state what the clients of its stack are granted."""

OUTPUT = "base"
USES = "uses"
"""The output of a base that its partitions read, and that of a partition that its base reads."""


def read_base(
    settings: Settings, estate: Estate, own: StackState, state: StackState
) -> Base:
    """Read the base of the estate from its state; `own` is that of the partition's stack.

    A run ends where the base is older than the partition's Applications need, or than the one that
    the partition was made with before; a preview warns, and shows as unknown what is not there yet.
    """
    name = settings.stack.name
    output = state.outputs.get(OUTPUT) or {}
    missing = lacking(uses(estate), offered_by(state))
    generation = int(output.get("generation") or 0)
    before = int(own.outputs.get("generation") or 0)
    if not output:
        _stop(
            f"'{name}', the base of this estate, was never deployed as one: run `pulumi up -s "
            f"{name}` first"
        )
    elif missing:
        _stop(
            f"the base of this estate, '{name}', has no {some(missing)} yet: run `pulumi up -s "
            f"{name}` first"
        )
    elif generation < before:
        _stop(
            f"the base of this estate, '{name}', is of generation {generation}, and this stack was "
            f"made with {before}: is that its last state? If it is, run `pulumi up -s {name}` first"
        )
    made = output.get("providers") or {}
    providers = {
        provider.name: Record(made.get(provider.name) or {})
        for provider in settings.providers
    }
    return Base(
        state, generation, providers, Record(output.get("gateway") or {})
    )


def with_all_in_use(
    estate: Estate, settings: Settings, state: StackState, granted_in: GrantedIn
) -> tuple[Estate, list[str]]:
    """Return the base's estate with all that it offered and some partition still uses, and what
    that is, in words.

    A partition may also be one that went from the settings since the base's last run, whose
    components others have by now. `granted_in` reads what its clients are granted.
    """
    before = offered_by(state)
    if not lacking(before, offered(estate)):
        return estate, []
    names = partitions_of(settings, state.outputs)
    # A scope that some component declares is there for it, of whichever it was before.
    owners = {
        **owners_of_scopes(estate, before),
        **owners_of_scopes(estate, {}),
    }
    used = []
    for name in names:
        partition = recorded(stack_of(settings.stack.name, name))
        used.append(_used_by(partition, before, owners, granted_in))
    kept, words = with_kept(estate, before, used)
    if words:
        pulumi.log.info(
            f"base: {some(words)} went from the Applications, and partitions still use it: it "
            f"stays until they have been run, and goes with the next run of '{settings.stack.name}'"
        )
    return kept, words


def exported(
    estate: Estate,
    state: StackState,
    made_with: int,
    providers: Mapping[str, Mapping[str, Input[Any]]],
    gateway: Mapping[str, Input[Any]],
) -> Outputs:
    """Return what the base exports for its partitions. The generation counts sets of what it
    offers; it is never below `made_with`, the highest that a partition was made with, also after
    the base was destroyed or put back."""
    now = offered(estate)
    generation = int((state.outputs.get(OUTPUT) or {}).get("generation") or 0)
    return {
        "generation": max(generation, made_with)
        + (now != offered_by(state) or not generation),
        "offered": {key: offer.to_output() for key, offer in now.items()},
        "partitions": [*estate.stack.partitions],
        "providers": {name: dict(made) for name, made in providers.items()},
        "gateway": dict(gateway),
    }


def exported_uses(
    estate: Estate, before: StackState, as_meant: Output[bool]
) -> Output[Outputs]:
    """Return what a partition exports for its base: what it needs, and what it needed `before` as
    long as not all gates are as they are meant."""
    now = uses(estate)
    either = all_of(now, uses_of(before.outputs.get(USES) or {}))
    return as_meant.apply(
        lambda all_are: {
            key: use.to_output()
            for key, use in (now if all_are else either).items()
        }
    )


def highest_generation(settings: Settings) -> int:
    """Return the highest generation of the base that a partition was made with: as the command that
    makes this run knows it (kong_oam.engine.known_stacks), or else as the partition's stack
    says."""
    known = read_known_stacks()
    highest = 0
    for name in settings.stack.partitions:
        stack = stack_of(settings.stack.name, name)
        if stack in known:
            highest = max(highest, known[stack].generation)
        else:
            highest = max(
                highest, int(outputs_of(stack).get("generation") or 0)
            )
    return highest


def stop_at_retired(settings: Settings, state: StackState) -> None:
    """End a run of the base where a partition that it had is not in the settings any more, and its
    stack still has components: nobody would run it again, and what it has would stay, or be made a
    second time elsewhere."""
    name = settings.stack.name
    now = settings.stack.partitions
    for gone in earlier_partitions(state.outputs):
        if gone in now:
            continue
        stack = stack_of(name, gone)
        left = recorded(stack).components
        if left:
            refuse(
                f"partition '{gone}' went from kong-oam:partitions of '{name}', and its stack "
                f"'{stack}' still has {some(sorted(left))}: `python -m kong_oam move -s {name}` "
                "brings those that Applications have to where they are to be, and `pulumi destroy "
                f"-s {stack}` takes away what is left"
            )


def _used_by(
    partition: StackState, offered: Uses, owners: Owners, granted_in: GrantedIn
) -> Uses:
    """Return what the partition may use of what the base offered.

    That is all of it where its last run was cut off, since its gates are not those of which it said
    what they use, and where it has components and was not run since they came. What its clients are
    granted its state says, whatever run left it so.
    """
    never_run = USES not in partition.outputs and partition.components
    if never_run or not partition.is_confirmed:
        return offered
    of_clients = used_by(granted_in(partition, owners), offered)
    return all_of(uses_of(partition.outputs.get(USES) or {}), of_clients)


def offered_by(state: StackState) -> Uses:
    """Return what the base offers by its state."""
    return uses_of((state.outputs.get(OUTPUT) or {}).get("offered") or {})


def _stop(message: str) -> None:
    if not is_dry_run():
        refuse(message)
    pulumi.log.warn(f"base: {message}. What it would give is shown as unknown")
