"""A run as the checker replays it: the changes of Kong and of the workloads, and their required
order.

A run of the engine alone (`replay`) is put together from three records. Its events give the steps
with begin and end. The states before and after it give the dependencies. The stand-ins give every
commit. They must agree: each write belongs to one step, and no step begins before its dependencies
have ended. Where other programs write too (`watched`), only the observed order is known.

The engine promises that a resource is created or updated after all its dependencies, since its
program waits for them. Deletes come last. If one deleted resource depends on another, it goes
first. This holds from each resource to the next, but not across a resource that stays
(step_generator.go, ScheduleDeletes). The checker relies on nothing else, in any observed order of
steps.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from kong_rules.entities import Entity, Snapshot
from tests.support.checker.order import Order

Resource = Mapping[str, Any]
KONG = "kong:index/"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
_DELETES = frozenset({"delete", "delete-replaced"})
_CHANGES = frozenset({"create", "update", "create-replacement"})


class DisagreementError(AssertionError):
    """The records of a run do not fit together: an assumption of the checker is wrong."""


@dataclass(frozen=True, slots=True)
class Write:
    """One change of an entity of Kong: None before its creation and after its deletion."""

    kind: str
    before: Entity | None
    after: Entity | None

    @property
    def entity(self) -> Entity:
        found = self.after or self.before
        assert found is not None
        return found


Images = Mapping[str, str]
"""The image that a component's pods run, by component."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One step: `name` is for people, `writes` are its writes to Kong, `images` the images that run
    since (None: no change)."""

    name: str
    writes: tuple[Write, ...] = ()
    images: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moment:
    """The state that an observer of the stand-ins sees: all entities of Kong, and the images that
    run."""

    entities: Snapshot
    images: Images


@dataclass(frozen=True, slots=True)
class Replay:
    """The state before a run and its operations in an order (`before`: the earlier operations of
    each operation)."""

    start: Moment
    operations: tuple[Operation, ...]
    before: tuple[int, ...]

    @property
    def order(self) -> Order:
        return Order(self.before)

    def then(self, other: Replay) -> Replay:
        """Return this run followed by another."""
        count = len(self.operations)
        everything = (1 << count) - 1
        return replace(
            self,
            operations=(*self.operations, *other.operations),
            before=(
                *self.before,
                *(mask << count | everything for mask in other.before),
            ),
        )


@dataclass(slots=True)
class Step:
    """A step of the engine. `begun` and `ended` are numbers of events; a step that failed or was
    cut off has not ended."""

    op: str
    urn: str
    type: str
    begun: int
    ended: int | None = None
    identifier: str = ""

    @property
    def deletes(self) -> bool:
        return self.op in _DELETES

    @property
    def name(self) -> str:
        return f"{self.op} {self.urn.rsplit('::', 1)[1]}"

    def images(
        self, changed: Mapping[str, str | None]
    ) -> Mapping[str, str | None]:
        """Return the changed images that this step rolls out."""
        key = self.urn.rsplit("::", 1)[1].removesuffix("-deployment")
        return (
            {key: changed[key]}
            if self.type == DEPLOYMENT and key in changed
            else {}
        )


def replay(
    printed: str,
    before: Sequence[Resource],
    after: Sequence[Resource],
    moments: Sequence[Moment],
) -> Replay:
    """Return a run of the engine from its records. These are the output of `--json`, the resources
    of the state before and after it, and the entities after each change.

    Raises DisagreementError.
    """
    steps = [step for step in _steps(printed) if step.op in _DELETES | _CHANGES]
    waits = waits_of(steps, before, after)
    _hold_against_the_log(steps, waits)
    changes = [_change("", old, new) for old, new in pairwise(moments)]
    writes = _assigned(
        steps, [write for change in changes for write in change.writes]
    )
    images = {
        key: image for change in changes for key, image in change.images.items()
    }
    operations = tuple(
        Operation(step.name, tuple(writes.get(number, ())), step.images(images))
        for number, step in enumerate(steps)
    )
    if images.keys() - {
        key for operation in operations for key in operation.images
    }:
        raise DisagreementError(f"no step changed all of {', '.join(images)}")
    return _narrowed(Replay(moments[0], operations, tuple(waits)))


def watched(moments: Sequence[Moment]) -> Replay:
    """Return a replay of all changes in the order in which they happened."""
    operations = tuple(
        _change(f"change {number}", *pair)
        for number, pair in enumerate(pairwise(moments))
    )
    return Replay(
        moments[0],
        operations,
        tuple((1 << number) - 1 for number in range(len(operations))),
    )


def _change(name: str, old: Moment, new: Moment) -> Operation:
    images = {key: new.images.get(key) for key in {**old.images, **new.images}}
    changed = {
        key: image
        for key, image in images.items()
        if image != old.images.get(key)
    }
    return Operation(name, tuple(written(old.entities, new.entities)), changed)


def _steps(printed: str) -> list[Step]:
    steps: dict[tuple[str, str], Step] = {}
    for event in (
        json.loads(line)
        for line in printed.splitlines()
        if line.startswith("{")
    ):
        about = event.get("resourcePreEvent") or event.get("resOutputsEvent")
        if not about:
            continue
        data = about["metadata"]
        key = data["op"], data["urn"]
        known = (
            data.get("new") if data["op"] not in _DELETES else data.get("old")
        ) or {}
        if not known.get("custom"):
            continue  # A component has no object, and its children do not wait for its end.
        if "resourcePreEvent" in event:
            steps[key] = Step(*key, data["type"], event["sequence"])
        elif key in steps:
            steps[key].ended = event["sequence"]
        if key in steps:
            steps[key].identifier = known.get("id") or steps[key].identifier
    return list(steps.values())


def waits_of(
    steps: Sequence[Step], before: Sequence[Resource], after: Sequence[Resource]
) -> list[int]:
    """Return for each step the steps that must end before it begins."""
    needs, named = _reachable(_direct(after)), _direct(before)
    changes = {
        step.urn: number
        for number, step in enumerate(steps)
        if not step.deletes
    }
    deletes = {
        step.urn: number for number, step in enumerate(steps) if step.deletes
    }
    # Deleted before it is replaced, amid the changes.
    early = {
        urn
        for urn in deletes
        if urn in changes
        and steps[deletes[urn]].begun < steps[changes[urn]].begun
    }
    all_changes = sum(1 << number for number in changes.values())
    waits = []
    for step in steps:
        needed = sum(
            1 << changes[urn]
            for urn in needs.get(step.urn, ())
            if urn in changes
        )
        dependents = sum(
            1 << number
            for urn, number in deletes.items()
            if step.urn in named.get(urn, ())
        )
        if not step.deletes:
            waits.append(
                needed | (1 << deletes[step.urn] if step.urn in early else 0)
            )
        else:
            waits.append(dependents | (0 if step.urn in early else all_changes))
    return waits


def _direct(resources: Sequence[Resource]) -> dict[str, set[str]]:
    """Return the direct dependencies of each resource, by URN. A replaced resource that waits for
    its deletion shares its URN with its successor; the dependencies of both count."""
    direct: dict[str, set[str]] = {}
    for resource in resources:
        provider = str(resource.get("provider", "")).rsplit("::", 1)[0]
        names = (
            *(resource.get("dependencies") or ()),
            resource.get("parent"),
            provider,
        )
        direct.setdefault(resource["urn"], set()).update(
            name for name in names if name and name != resource["urn"]
        )
    return direct


def _reachable(direct: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    """Return direct and indirect dependencies."""
    found: dict[str, frozenset[str]] = {}

    def visit(urn: str) -> frozenset[str]:
        if urn not in found:
            found[urn] = frozenset()
            below = direct.get(urn, set())
            found[urn] = frozenset(below).union(*map(visit, below)) - {urn}
        return found[urn]

    return {urn: visit(urn) for urn in direct}


def _hold_against_the_log(steps: Sequence[Step], waits: Sequence[int]) -> None:
    for number, step in enumerate(steps):
        for other, first in enumerate(steps):
            if waits[number] >> other & 1 and (
                first.ended is None or first.ended > step.begun
            ):
                raise DisagreementError(
                    f"'{step.name}' began before '{first.name}' had ended"
                )


def written(old: Snapshot, new: Snapshot) -> Iterable[Write]:
    for kind, table in new.tables.items():
        was = old.tables[kind]
        if table is not was:
            for key in sorted({*table, *was}):
                if table.get(key) is not was.get(key):
                    yield Write(kind, was.get(key), table.get(key))


def _assigned(
    steps: Sequence[Step], writes: Iterable[Write]
) -> dict[int, list[Write]]:
    """Return the writes by the number of their step. A step whose answer was lost has no id: its
    writes belong to the step that has no writes yet and never ended."""
    found: dict[int, list[Write]] = {}
    for write in writes:
        deletes = write.after is None
        named = [
            number
            for number, step in enumerate(steps)
            if step.type.startswith(KONG)
            and step.deletes == deletes
            and step.identifier.split("|")[0].rsplit("/", 1)[-1]
            == write.entity["id"]
        ]
        lost = [
            number
            for number, step in enumerate(steps)
            if step.type.startswith(KONG)
            and not step.identifier
            and not step.deletes
            and number not in found
        ]
        if len(owners := named or lost) != 1:
            raise DisagreementError(
                f"{len(owners)} steps changed {write.kind} {write.entity['id']}"
            )
        found.setdefault(owners[0], []).append(write)
    return found


def _narrowed(whole: Replay) -> Replay:
    """Return the replay without operations that change nothing here. Later operations take over
    their dependencies."""
    kept = [
        number
        for number, operation in enumerate(whole.operations)
        if operation.writes or operation.images
    ]
    below = whole.order.below
    before = tuple(
        sum(
            1 << new for new, old in enumerate(kept) if below[number] >> old & 1
        )
        for number in kept
    )
    return Replay(
        whole.start, tuple(whole.operations[number] for number in kept), before
    )
