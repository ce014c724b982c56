"""Reads and writes the values that the base of an estate gives its partitions. A run knows them
from its start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pulumi import Input, Output, log
from pulumi.runtime import is_dry_run

from kong_oam.access.model import Estate
from kong_oam.access.partitions import (
    Granted,
    Owners,
    Uses,
    add_used_offers,
    all_of,
    missing_offers,
    offered,
    owners_of_scopes,
    used_by,
    uses,
    uses_of,
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

# Reads the grants of a stack's clients from its state.
GrantedIn = Callable[[StackState, Owners], Granted]

# The stack outputs that a base and its partitions read from each other.
OUTPUT = "base"
USES = "uses"


def read_base(
    settings: Settings, estate: Estate, own: StackState, state: StackState
) -> Base:
    """Read the base of the estate from its state; `own` is the state of the partition's stack.

    Ends the run if the base is older than the partition's Applications need, or than the base of
    the last run. A preview only warns, and shows missing values as unknown.
    """
    name = settings.stack.name
    output = state.outputs.get(OUTPUT) or {}
    missing = missing_offers(uses(estate), offered_by(state))
    generation = int(output.get("generation") or 0)
    before = int(own.outputs.get("generation") or 0)
    if not output:
        _stop(
            f"'{name}', the base of this estate, was not deployed as a base yet: run `pulumi up "
            f"-s {name}` first"
        )
    elif missing:
        _stop(
            f"the base of this estate, '{name}', lacks {some(missing)}: run `pulumi up -s "
            f"{name}` first"
        )
    elif generation < before:
        _stop(
            f"the base of this estate, '{name}', has generation {generation}, but this stack was "
            f"made with {before}. Check that its state is current, then run `pulumi up -s "
            f"{name}` first"
        )
    made = output.get("providers") or {}
    providers = {
        provider.name: Record(made.get(provider.name) or {})
        for provider in settings.providers
    }
    return Base(
        state, generation, providers, Record(output.get("gateway") or {})
    )


def with_used_offers(
    estate: Estate, settings: Settings, state: StackState, granted_in: GrantedIn
) -> tuple[Estate, list[str]]:
    """Return the base's estate with all offers that a partition still uses, and their descriptions.

    The partition may be missing from the settings since the base's last run, and its components may
    have moved. `granted_in` reads what its clients are granted.
    """
    before = offered_by(state)
    if not missing_offers(before, offered(estate)):
        return estate, []
    names = partitions_of(settings, state.outputs)
    # A scope stays for a component that declares it, also where another component had it before.
    owners = {
        **owners_of_scopes(estate, before),
        **owners_of_scopes(estate, {}),
    }
    used = []
    for name in names:
        partition = recorded(stack_of(settings.stack.name, name))
        used.append(_used_by(partition, before, owners, granted_in))
    kept, words = add_used_offers(estate, before, used)
    if words:
        log.info(
            f"base: {some(words)} left the Applications, but partitions still use it. Run these "
            f"partitions; the next run of '{settings.stack.name}' removes it"
        )
    return kept, words


def exported(
    estate: Estate,
    state: StackState,
    made_with: int,
    providers: Mapping[str, Mapping[str, Input[Any]]],
    gateway: Mapping[str, Input[Any]],
) -> Outputs:
    """Return the outputs of the base for its partitions.

    The generation counts changes of the base's offers. It is never below `made_with`, the highest
    generation of any partition, also after the base was destroyed or restored.
    """
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
    """Return the outputs of a partition for its base: its needs, and its needs `before` until all
    gates match this run."""
    now = uses(estate)
    either = all_of(now, uses_of(before.outputs.get(USES) or {}))
    return as_meant.apply(
        lambda all_are: {
            key: use.to_output()
            for key, use in (now if all_are else either).items()
        }
    )


def highest_generation(settings: Settings) -> int:
    """Return the highest generation of the base that a partition was made with.

    The command that starts the run knows it (kong_oam.engine.known_stacks), or else the partition's
    stack.
    """
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


def stop_at_removed_partitions(settings: Settings, state: StackState) -> None:
    """End a run of the base if a removed partition still has components in its stack.

    No run would update or delete these components, and another stack might make them a second time.
    """
    name = settings.stack.name
    now = settings.stack.partitions
    for gone in earlier_partitions(state.outputs):
        if gone in now:
            continue
        stack = stack_of(name, gone)
        left = recorded(stack).components
        if left:
            refuse(
                f"partition '{gone}' left kong-oam:partitions of '{name}', but its stack "
                f"'{stack}' still has {some(sorted(left))}. Run `python -m kong_oam move -s "
                f"{name}` to move components of Applications, then `pulumi destroy -s {stack}` "
                "to delete the rest"
            )


def _used_by(
    partition: StackState, offered: Uses, owners: Owners, granted_in: GrantedIn
) -> Uses:
    """Return the offers of the base that the partition may use.

    It may use all of them after an interrupted run, whose gates may differ from the record. The
    same holds before its first run with components that moved here. Its state always has its
    clients' grants.
    """
    never_run = USES not in partition.outputs and partition.components
    if never_run or not partition.is_confirmed:
        return offered
    of_clients = used_by(granted_in(partition, owners), offered)
    return all_of(uses_of(partition.outputs.get(USES) or {}), of_clients)


def offered_by(state: StackState) -> Uses:
    return uses_of((state.outputs.get(OUTPUT) or {}).get("offered") or {})


def _stop(message: str) -> None:
    if not is_dry_run():
        refuse(message)
    log.warn(f"base: {message}. Its values are shown as unknown")
