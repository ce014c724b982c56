"""Runs the engine over the stacks of an estate, step by step of a plan (kong_oam.stacks.plan).

The command line of the engine does each run, as everywhere here; a lock on each stack is the
engine's.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock

from kong_oam.access.data import Texts
from kong_oam.access.settings.partitions import Partition, stack_of
from kong_oam.diagnostics import some
from kong_oam.engine import known_stacks
from kong_oam.engine.cli import PulumiCliError, show
from kong_oam.engine.export import exported, resources_in
from kong_oam.engine.known_stacks import Contents
from kong_oam.engine.stacks import (
    existing,
    outputs,
    partitions_of,
    when_written,
)
from kong_oam.engine.state import STACK, Resources
from kong_oam.stacks import records
from kong_oam.stacks.create import create, without_file
from kong_oam.stacks.fingerprint import configurations
from kong_oam.stacks.grant_changes import grant_changes
from kong_oam.stacks.order import Estates
from kong_oam.stacks.plan import (
    NO_CHANGES,
    Partitions,
    Plan,
    Step,
    plan,
    plan_up,
    waves,
)

KEPT = "kept"
"""The output of a base with what it still offers, since a partition uses it, and no Application
asks for any more."""

Say = Callable[[str, str], None]
"""Shows a line of a stack's run: the stack's name, and the line."""

_ARGUMENTS = {
    "up": ("up", "--yes", "--skip-preview"),
    "preview": ("preview",),
    "refresh": ("refresh", "--yes", "--skip-preview"),
    "destroy": ("destroy", "--yes", "--skip-preview"),
}


@dataclass
class Runs:
    """A command's runs. `only`: the partitions that it may run; `there`: the stacks that there were
    when it began, as engine.stacks.listed tells of them; `known`: what is recorded of them, and of
    the runs since; `more`: what else the engine is told. `failed` and `left_out` are stacks, in the
    order in which that turned out; `interrupted`: that no further run begins."""

    estates: Estates
    verb: str
    parallel: int
    say: Say
    only: Collection[str]
    there: Mapping[str, str | None]
    known: records.Known = field(default_factory=records.Known)
    more: Sequence[str] = ()
    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    interrupted: bool = False
    _writing: Lock = field(default_factory=Lock)
    _shared: Texts = field(default_factory=dict)
    _running: set[subprocess.Popen[str]] = field(default_factory=set)

    @property
    def estate(self) -> str:
        """The name of the estate, and of its base's stack."""
        return self.estates.settings.stack.name

    def name(self, partition: Partition) -> str:
        """Return the name of a partition's stack; None: the base's."""
        return stack_of(self.estate, partition)

    def over(self, partitions: Partitions) -> None:
        """Run these stacks in the order that the verb asks for. Raises engine.cli.PulumiCliError.

        A step that fails leaves out those after it; the others go on.
        """
        missing = []
        for partition in partitions:
            stack = self.name(partition)
            if stack not in self.there:
                missing.append(partition)
                continue
            missing_file = without_file(self.estates.settings, stack)
            if missing_file:
                raise PulumiCliError(missing_file)
        if self.verb == "up":
            self._stop_at_lost_base()
        else:
            for partition in missing:
                self.say(
                    self.name(partition),
                    "there is no such stack yet: `up` makes it",
                )
            partitions = [name for name in partitions if name not in missing]
        steps = self.plan(partitions)
        known = self._contents(missing)
        with known_stacks.shared(known) as self._shared:
            self._carry_out(steps)
            if self.verb == "up":
                self._again()

    def plan(self, partitions: Partitions) -> Plan:
        """Return the steps that these stacks take, by what their states have now.

        Raises engine.cli.PulumiCliError, stacks.plan.RunOrderError.
        """
        changes = NO_CHANGES
        if self.verb == "up":
            states = {
                name: self._resources(name)
                for name in partitions
                if name is not None
            }
            changes = grant_changes(self.estates, self.known, states)
        return plan(self.verb, partitions, changes)

    def _stop_at_lost_base(self) -> None:
        """Raise PulumiCliError where the base was destroyed, and partitions that stood on it are as they
        were before: they would be run against what is there no more."""
        at, resources = when_written(self.there.get(self.estate))
        left = []
        for name in map(self.name, self.estates.settings.stack.partitions):
            before, count = when_written(self.there.get(name))
            if count and before < at:
                left.append(name)
        if at and not resources and left:
            raise PulumiCliError(
                f"the base of this estate was destroyed, and {some(left)} stood on it: `python -m "
                f"kong_oam refresh -s {self.estate} --yes` takes out of their states what went "
                "with it. Then the same command goes on"
            )

    def _create(self, partitions: Iterable[Partition]) -> None:
        """Make those of the stacks that are not there, with their files."""
        missing = [
            stack
            for stack in map(self.name, partitions)
            if stack not in self.there
        ]
        if missing and not self.interrupted:
            for stack in missing:
                create(self.estates.settings, stack)
            self.there = {**self.there, **dict.fromkeys(missing)}
            self.estates = replace(
                self.estates, configured=configurations(self.estates.settings)
            )

    def _contents(self, missing: Collection[Partition]) -> dict[str, Contents]:
        """Return what is known of the partitions' stacks that are missing, and of those that are as
        their recorded runs left them. Which components are in such a stack is known where it is as
        it is meant."""
        outdated = {
            *self.estates.outdated(self.known, self.estates.settings.as_of)
        }
        contents = {}
        for name in self.estates.settings.stack.partitions:
            stack = self.name(name)
            components = self.estates.given(name).own
            record = self.known.records.get(name)
            if name in missing:
                contents[stack] = Contents([*components])
            elif record and name in outdated:
                contents[stack] = Contents(None, record.generation)
            elif record:
                contents[stack] = Contents([*components], record.generation)
        return contents

    def interrupt(self) -> None:
        """Begin no run any more, and have the engine end those under way, as Ctrl-C does; the
        second time at once."""
        self.interrupted = True
        for process in [*self._running]:
            process.send_signal(signal.SIGINT)

    def _carry_out(self, steps: Plan) -> None:
        """Run the steps, side by side those that wait for no other. A step that fails leaves out
        those after it."""
        succeeded: dict[int, bool] = {}
        for wave in waves(steps):
            ready = {}
            for number, step in wave.items():
                if self._may_run(step, succeeded):
                    ready[number] = step
            if self.verb == "up":
                self._create(step.partition for step in ready.values())
            with ThreadPoolExecutor(max_workers=max(1, self.parallel)) as pool:
                results = pool.map(self._run, ready.values())
                succeeded |= zip(ready, results, strict=True)

    def _may_run(self, step: Step, succeeded: Mapping[int, bool]) -> bool:
        """Tell whether all that the step comes after has been done. Where not, its stack is left
        out."""
        ready = all(succeeded.get(number) for number in step.after)
        if self.verb == "destroy" and step.partition is None:
            ready = self._stands_alone() and ready
        if not ready:
            self._leave_out(step)
        return ready

    def _leave_out(self, step: Step) -> None:
        stack = self.name(step.partition)
        if stack not in (*self.left_out, *self.failed):
            self.left_out.append(stack)

    def _resources(self, partition: str) -> Resources:
        """Return what its stack has; nothing where that is not there."""
        stack = self.name(partition)
        return resources_in(exported(stack)) if stack in self.there else ()

    def _again(self) -> None:
        """Run what has become outdated by the runs before, and then a base that kept what
        partitions still used."""
        if not self.failed and not self.interrupted:
            # The base has something else for a partition, or callers got ids.
            outdated = self.estates.outdated(
                self.known, self.estates.settings.as_of
            )
            waiting = [name for name in outdated if name and name in self.only]
            self._carry_out(plan_up(waiting))
        if not self.failed and not self.interrupted and self._keeps():
            self._carry_out(plan_up([None]))

    def _keeps(self) -> bool:
        # Of what kept something is none.
        if (
            not self.estates.settings.stack.partitions
            or None in self.known.records
        ):
            return False
        return bool(outputs(self.name(None)).get(KEPT))

    def _stands_alone(self) -> bool:
        """Tell whether nothing of the estate stands on its base any more."""
        settings = self.estates.settings
        partitions = map(
            self.name, partitions_of(settings, outputs(self.name(None)))
        )
        standing = [
            stack
            for stack in existing(partitions)
            if stack in self.failed or self._has_resources(stack)
        ]
        if standing:
            self.say(
                self.estate,
                f"stays: {', '.join(standing)} stand on it: `pulumi destroy` of these comes first",
            )
        return not standing

    def _has_resources(self, stack: str) -> bool:
        return any(
            entry["type"] != STACK for entry in resources_in(exported(stack))
        )

    def _run(self, step: Step) -> bool:
        if self.interrupted:
            self._leave_out(step)
            return False
        stack = self.name(step.partition)
        try:
            ok = self._ran(step)
        except PulumiCliError as error:
            # What is run beside it goes on.
            self.say(stack, f"error: {error}")
            ok = False
        (self.done if ok else self.failed).append(stack)
        return ok

    def _ran(self, step: Step) -> bool:
        partition = step.partition
        stack = self.name(partition)
        marked = self.verb == "up"
        with self._writing:
            mark = (
                self.estates.fingerprint(partition, self.known)
                if marked
                else ""
            )
            self.known = self.known.without(partition)
        succeeded = show(
            *_ARGUMENTS[self.verb],
            *self.more,
            stack=stack,
            say=partial(self._told, stack),
            running=self._running,
            environment=self._shared,
        )
        # An interrupted engine may say that it has done what it left.
        if not succeeded or self.interrupted:
            return False
        if marked:
            self._record(partition, mark)
        return True

    def _told(self, stack: str, line: str) -> None:
        """Say a line, and behind one that says so what is to be done about a lock."""
        self.say(stack, line)
        if "the stack is currently locked" in line:
            self.say(
                stack,
                f"where no run of it is under way: `pulumi cancel -s {stack} --yes`, then `python "
                f"-m kong_oam recover -s {stack}`",
            )

    def _record(self, partition: Partition, mark: str) -> None:
        exports = outputs(self.name(partition))
        # What kept something is to be run once more, also by the next command.
        ended = not exports.get(KEPT)
        ids = self.estates.ids(exports.get("clients") or {})
        with self._writing:
            record = (
                records.write(self.estate, partition, mark, exports, ids)
                if ended
                else None
            )
            self.known = self.known.having(partition, record, exports)
