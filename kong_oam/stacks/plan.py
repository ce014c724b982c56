"""Plans the runs over the stacks of an estate: of which stack, with which grants, after which other runs. Pure.

A client and the gate that asks for its scopes may be in two partitions. A change of both goes as a change of a database
schema does: the client gets the new grant beside the old one, then gates change, then the old grant goes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kong_oam.access.settings.partitions import stack_of
from kong_oam.engine.stacks import GATES_CHANGE, GATES_STAY
from kong_oam.engine.state import Resources
from kong_oam.stacks.order import Estates
from kong_oam.stacks.records import Known
from kong_oam.stacks.regranted import NOTHING, Regranted, changes

AS_MEANT = ""
_GRANTS = {AS_MEANT: "", GATES_STAY: "old and new grants, gates stay", GATES_CHANGE: "old and new grants"}


@dataclass(frozen=True, slots=True)
class Step:
    """One run of the stack of a partition, None: of the base. `grants`: which of the old ones clients keep in it
    (engine.stacks.KEEP_GRANTS). `after`: the numbers of the steps that must succeed before, counted from 1. `whole`:
    the engine leaves nothing out, though gates stay."""

    partition: str | None
    grants: str = AS_MEANT
    after: tuple[int, ...] = ()
    whole: bool = False


Plan = tuple[Step, ...]


def plan(
    verb: str, chosen: Sequence[str | None], estates: Estates, known: Known, states: Mapping[str, Resources]
) -> Plan:
    """The steps of a verb over these stacks. `states`: what the stacks of partitions have, for `up` alone."""
    if verb == "destroy":
        return plan_down(chosen)
    return plan_up(chosen, changes(estates, known, states))


def plan_up(chosen: Collection[str | None], changed: Mapping[str, Regranted]) -> Plan:
    """The steps of `up` over these stacks. `changed`: by partition; a partition that is not there regrants nothing.

    The base is run first. A partition whose clients get a grant is run ahead of the gates that may ask for it, and a
    partition whose clients lose one is run as meant once those gates have changed.
    """
    change = {partition: changed.get(partition, NOTHING) for partition in chosen if partition is not None}
    # The partitions whose gates may ask for what some client gets or loses.
    asked = {called for each in change.values() for called in each.got | each.lost}
    # By partition, those whose clients get what its gates may ask for, and itself.
    givers = {called: [name for name in change if called in {name, *change[name].got}] for called in change}
    steps = [Step(None)] if None in chosen else []
    base = tuple(range(1, len(steps) + 1))
    numbers: dict[tuple[str, str], int] = {}

    def add(phase: str, name: str, grants: str, *after: tuple[Iterable[str], str], whole: bool = False) -> None:
        before = sorted(numbers[other, at] for others, at in after for other in others if (other, at) in numbers)
        steps.append(Step(name, grants, tuple(before) or base, whole))
        numbers[name, phase] = len(steps)

    # Clients get the new grants beside the old ones. Gates that cannot stay meanwhile come last.
    for name in change:
        if change[name].clients and not change[name].readdressed:
            add("ahead", name, GATES_STAY, whole=change[name].moved)
    for name in change:
        if change[name].readdressed:
            add("ahead", name, GATES_CHANGE, (givers[name], "ahead"))
    # Gates change. Where clients lose a grant they keep it in this run, which is made if others wait for these gates.
    for name in change:
        if not change[name].lost:
            add("gates", name, AS_MEANT, (givers[name], "ahead"))
        elif name in asked:
            add("gates", name, GATES_CHANGE, (givers[name], "ahead"))
    # The old grants go.
    for name in change:
        if change[name].lost:
            add("last", name, AS_MEANT, (givers[name], "ahead"), ({name, *change[name].lost}, "gates"))
    return tuple(steps)


def plan_down(chosen: Sequence[str | None]) -> Plan:
    """The steps of `destroy`: partitions, and then the base on which they stand."""
    partitions = [Step(name) for name in chosen if name is not None]
    base = [Step(None, after=tuple(range(1, len(partitions) + 1)))] if None in chosen else []
    return (*partitions, *base)


def waves(steps: Plan) -> Iterator[dict[int, Step]]:
    """Yields steps by their numbers, those together that can be run side by side."""
    left = dict(enumerate(steps, 1))
    while left:
        wave = {number: step for number, step in left.items() if left.keys().isdisjoint(step.after)}
        yield wave
        left = {number: step for number, step in left.items() if number not in wave}


def lines(plan: Plan, estate: str) -> Iterator[str]:
    """A line for each step: its number, its stack, which grants clients keep, and the steps that come before it."""
    for number, step in enumerate(plan, 1):
        after = f"after {', '.join(map(str, step.after))}" if step.after else ""
        about = "; ".join(filter(None, (_GRANTS[step.grants], after)))
        yield f"{number:>2}  {stack_of(estate, step.partition)}  {about}".rstrip()
