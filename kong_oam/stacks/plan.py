"""Plans the runs over the stacks of an estate: of which stack, and after which other runs. Pure.

A client and the gate that asks for its scopes may be in two partitions. A client gets a scope
before the gate asks for it, and loses a scope once the gate does not ask for it any more. A change
that needs both orders ends the command.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from kong_oam.access.data import Names
from kong_oam.access.settings.partitions import Partition, stack_of
from kong_oam.diagnostics import some
from kong_oam.errors import InputError


@dataclass(frozen=True, slots=True)
class Exchange:
    """A client that gets scopes and loses others, each with the component: `orders.read of
    orders/api`."""

    client: str
    gets: Names
    loses: Names


Before = Mapping[str, frozenset[str]]
"""For a partition, those that are to be run before it."""


@dataclass(frozen=True, slots=True)
class GrantChanges:
    """What a change of grants asks of the runs.

    `needed`: partitions before others, by what the states say. `wanted`: more of them, for what a
    run may have left that was cut off, and where no circle comes of it. `exchanges`: changes for
    which there is no order.
    """

    needed: Before = field(default_factory=dict)
    wanted: Before = field(default_factory=dict)
    exchanges: tuple[Exchange, ...] = ()


Partitions = Sequence[Partition]
"""Partitions of an estate, in the order in which they were chosen."""


NO_CHANGES = GrantChanges()


class RunOrderError(InputError):
    """No order of runs serves a change: some client would be refused meanwhile."""


@dataclass(frozen=True, slots=True)
class Step:
    """One run of the stack of a partition, None: of the base. `after`: the numbers of the steps
    that must succeed before, counted from 1."""

    partition: Partition
    after: tuple[int, ...] = ()


Plan = tuple[Step, ...]


def plan(verb: str, chosen: Partitions, changes: GrantChanges) -> Plan:
    """Return the steps of a verb over these stacks. Raises RunOrderError."""
    return plan_down(chosen) if verb == "destroy" else plan_up(chosen, changes)


def plan_up(chosen: Partitions, changes: GrantChanges = NO_CHANGES) -> Plan:
    """Return the steps of all verbs but `destroy`: the base, then partitions. Raises
    RunOrderError."""
    if changes.exchanges:
        raise RunOrderError(_exchanged(changes.exchanges))
    steps = [Step(None)] if None in chosen else []
    base = tuple(range(1, len(steps) + 1))
    numbers: dict[str, int] = {}
    names = [name for name in chosen if name is not None]
    first = _first(names, changes)
    for name in _in_order(names, first):
        before = sorted(numbers[other] for other in first[name])
        steps.append(Step(name, tuple(before) or base))
        numbers[name] = len(steps)
    return tuple(steps)


def _first(names: Sequence[str], changes: GrantChanges) -> Before:
    """Return, for each of the partitions, those of them that are run before it. Raises
    RunOrderError."""
    needed = {}
    wanted = {}
    none: frozenset[str] = frozenset()
    for name in names:
        needed[name] = changes.needed.get(name, none).intersection(names)
        more = changes.wanted.get(name, none).intersection(names)
        wanted[name] = needed[name] | more
    if not _circle(wanted):
        return wanted
    circle = _circle(needed)
    if circle:
        raise RunOrderError(
            f"partitions {some(circle)} wait for each other: clients of each get or lose scopes as "
            "the rules of another change. Run `up` for each of three changes: what clients get, "
            "the rules, what clients lose"
        )
    return needed


def _circle(first: Before) -> list[str]:
    """Return partitions that wait for each other, sorted; none where there is an order."""
    try:
        TopologicalSorter(first).prepare()
    except CycleError as error:
        return sorted({*error.args[1]})
    return []


def _in_order(names: Sequence[str], first: Before) -> Iterator[str]:
    """Yield partitions, each after those before it, else in the order in which they were
    chosen."""
    sorter = TopologicalSorter(first)
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=names.index)
        yield from ready
        sorter.done(*ready)


def _exchanged(exchanges: Sequence[Exchange]) -> str:
    """Say what is wrong with exchanges of scopes, and what to do, by the first of them."""
    exchange, *more = exchanges
    others = f" (and of {some(other.client for other in more)})" if more else ""
    return (
        f"the change gives {exchange.client} {some(exchange.gets)}, and takes "
        f"{some(exchange.loses)}{others}: tokens would be refused until its pods are rolled out. "
        "Make two changes, and run `up` for each: first give the new scopes, then take the old ones"
    )


def plan_down(chosen: Partitions) -> Plan:
    """Return the steps of `destroy`: partitions, and then the base on which they stand."""
    steps = [Step(name) for name in chosen if name is not None]
    if None in chosen:
        numbers = range(1, len(steps) + 1)
        steps.append(Step(None, after=tuple(numbers)))
    return tuple(steps)


def waves(steps: Plan) -> Iterator[dict[int, Step]]:
    """Yield steps by their numbers, those together that can be run side by side."""
    left = dict(enumerate(steps, 1))
    while left:
        wave = {}
        for number, step in left.items():
            if left.keys().isdisjoint(step.after):
                wave[number] = step
        yield wave
        for number in wave:
            del left[number]


def lines(plan: Plan, estate: str) -> Iterator[str]:
    """Yield a line for each step: its number, its stack, and the steps that come before it."""
    for number, step in enumerate(plan, 1):
        after = (
            f"  after {', '.join(map(str, step.after))}" if step.after else ""
        )
        yield f"{number:>2}  {stack_of(estate, step.partition)}{after}"
