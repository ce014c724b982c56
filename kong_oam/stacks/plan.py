"""Plan of the runs over an estate's stacks: each stack, and the runs that precede it. Pure.

A client and the gate that requires its scopes may be in two partitions. A client gets a scope
before the gate requires it. It loses a scope after the gate stops requiring it. A change that needs
both orders ends the command.
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
    """A client that gains and loses scopes, with components: `orders.read of orders/api`."""

    client: str
    gets: Names
    loses: Names


# For each partition, the partitions that run before it.
Before = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class GrantChanges:
    """The order of runs that a change of grants requires.

    `needed`: the order that the states require. `wanted`: a further order in case an earlier run
    was interrupted, ignored if it causes a cycle. `exchanges`: changes that no order supports.
    """

    needed: Before = field(default_factory=dict)
    wanted: Before = field(default_factory=dict)
    exchanges: tuple[Exchange, ...] = ()


# Partitions of an estate, in the requested order.
Partitions = Sequence[Partition]


NO_CHANGES = GrantChanges()


class RunOrderError(InputError):
    """No order of runs supports a change: some client's calls would be denied meanwhile."""


@dataclass(frozen=True, slots=True)
class Step:
    """A run of the stack of a partition, None for the base. `after`: numbers of the steps that must
    succeed before, counted from 1."""

    partition: Partition
    after: tuple[int, ...] = ()


Plan = tuple[Step, ...]


def plan(verb: str, chosen: Partitions, changes: GrantChanges) -> Plan:
    """Return the steps of a verb over these stacks. Raises RunOrderError."""
    return plan_down(chosen) if verb == "destroy" else plan_up(chosen, changes)


def plan_up(chosen: Partitions, changes: GrantChanges = NO_CHANGES) -> Plan:
    """Return the steps of all verbs but `destroy`, the base first. Raises RunOrderError."""
    if changes.exchanges:
        raise RunOrderError(_exchange_message(changes.exchanges))
    steps = [Step(None)] if None in chosen else []
    base = tuple(range(1, len(steps) + 1))
    numbers: dict[str, int] = {}
    names = [name for name in chosen if name is not None]
    first = _predecessors(names, changes)
    for name in _in_order(names, first):
        before = sorted(numbers[other] for other in first[name])
        steps.append(Step(name, tuple(before) or base))
        numbers[name] = len(steps)
    return tuple(steps)


def _predecessors(names: Sequence[str], changes: GrantChanges) -> Before:
    """Return for each partition the other partitions that run before it. Raises RunOrderError."""
    needed = {}
    wanted = {}
    none: frozenset[str] = frozenset()
    for name in names:
        needed[name] = changes.needed.get(name, none).intersection(names)
        more = changes.wanted.get(name, none).intersection(names)
        wanted[name] = needed[name] | more
    if not _cycle(wanted):
        return wanted
    circle = _cycle(needed)
    if circle:
        raise RunOrderError(
            f"dependency cycle of partitions {some(circle)}: clients of each get or lose scopes "
            "while another's rules change. Make three changes, and run `up` for each: first give "
            "the new scopes, then change the rules, then take the old scopes"
        )
    return needed


def _cycle(first: Before) -> list[str]:
    """Return the partitions of a dependency cycle, sorted; empty if there is none."""
    try:
        TopologicalSorter(first).prepare()
    except CycleError as error:
        return sorted({*error.args[1]})
    return []


def _in_order(names: Sequence[str], first: Before) -> Iterator[str]:
    """Yield partitions in an order that respects `first`, and else in the requested order."""
    sorter = TopologicalSorter(first)
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=names.index)
        yield from ready
        sorter.done(*ready)


def _exchange_message(exchanges: Sequence[Exchange]) -> str:
    """Return the message about exchanges of scopes, with the first exchange in detail."""
    exchange, *more = exchanges
    others = (
        f" (also for {some(other.client for other in more)})" if more else ""
    )
    return (
        f"the change gives {exchange.client} {some(exchange.gets)}, and takes "
        f"{some(exchange.loses)}{others}: calls would be denied until its pods are rolled out. "
        "Make two changes, and run `up` for each: first give the new scopes, then take the others"
    )


def plan_down(chosen: Partitions) -> Plan:
    """Return the steps of `destroy`: partitions, then the base that they depend on."""
    steps = [Step(name) for name in chosen if name is not None]
    if None in chosen:
        numbers = range(1, len(steps) + 1)
        steps.append(Step(None, after=tuple(numbers)))
    return tuple(steps)


def waves(steps: Plan) -> Iterator[dict[int, Step]]:
    """Yield groups of steps, by number, that can run at the same time."""
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
