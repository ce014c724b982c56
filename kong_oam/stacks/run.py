"""Runs of the engine over the stacks of an estate, in the steps of a plan (kong_oam.stacks.plan).

The engine's command line does each run and locks each stack.
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
from kong_oam.engine.cli import PulumiCliError, stream
from kong_oam.engine.export import export_state, resources_in
from kong_oam.engine.known_stacks import Contents
from kong_oam.engine.stacks import (
    existing_stacks,
    last_update,
    outputs,
    partitions_of,
)
from kong_oam.engine.state import STACK, Resources
from kong_oam.stacks import records
from kong_oam.stacks.create import create, missing_file_message
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

# The output of a base that lists scopes, groups or apps which partitions still use and no
# Application needs.
KEPT = "kept"

# Prints a line of a stack's run: the stack's name, and the line.
Say = Callable[[str, str], None]

_ARGUMENTS = {
    "up": ("up", "--yes", "--skip-preview"),
    "preview": ("preview",),
    "refresh": ("refresh", "--yes", "--skip-preview"),
    "destroy": ("destroy", "--yes", "--skip-preview"),
}


@dataclass
class Runs:
    """The runs of a command.

    `only`: the partitions that may run. `existing`: the stacks that existed at the start, as
    engine.stacks.list_stacks returns them. `known`: the records, updated after each run. `more`:
    further arguments of the engine. `failed` and `left_out`: stacks in the order of these events.
    `interrupted`: no further run starts.
    """

    estates: Estates
    verb: str
    parallel: int
    say: Say
    only: Collection[str]
    existing: Mapping[str, str | None]
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

    def run_stacks(self, partitions: Partitions) -> None:
        """Run these stacks in the verb's order. Raises engine.cli.PulumiCliError.

        A failed step skips its dependents; unaffected steps continue.
        """
        missing = []
        for partition in partitions:
            stack = self.name(partition)
            if stack not in self.existing:
                missing.append(partition)
                continue
            missing_file = missing_file_message(self.estates.settings, stack)
            if missing_file:
                raise PulumiCliError(missing_file)
        if self.verb == "up":
            self._stop_at_lost_base()
        else:
            for partition in missing:
                self.say(
                    self.name(partition),
                    "skipped: the stack does not exist yet; `up` creates it",
                )
            partitions = [name for name in partitions if name not in missing]
        steps = self.plan(partitions)
        known = self._contents(missing)
        with known_stacks.known_stacks_file(known) as self._shared:
            self._carry_out(steps)
            if self.verb == "up":
                self._run_outdated()

    def plan(self, partitions: Partitions) -> Plan:
        """Return the steps for these stacks, from their current states.

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
        """Raise PulumiCliError if the base was destroyed after the last run of some partition: that
        partition would refer to deleted objects."""
        at, resources = last_update(self.existing.get(self.estate))
        left = []
        for name in map(self.name, self.estates.settings.stack.partitions):
            before, count = last_update(self.existing.get(name))
            if count and before < at:
                left.append(name)
        if at and not resources and left:
            raise PulumiCliError(
                f"the base of this estate was destroyed, and {some(left)} still refer "
                "to it: remove deleted objects from their states with `python -m "
                f"kong_oam refresh -s {self.estate} --yes`, then repeat this command"
            )

    def _create(self, partitions: Iterable[Partition]) -> None:
        """Create the missing stacks of these partitions, with their files."""
        missing = [
            stack
            for stack in map(self.name, partitions)
            if stack not in self.existing
        ]
        if missing and not self.interrupted:
            for stack in missing:
                create(self.estates.settings, stack)
            self.existing = {**self.existing, **dict.fromkeys(missing)}
            self.estates = replace(
                self.estates, configured=configurations(self.estates.settings)
            )

    def _contents(self, missing: Collection[Partition]) -> dict[str, Contents]:
        """Return the known contents of missing stacks and of stacks with a valid record.

        The components of a stack are known only if the stack is up to date.
        """
        outdated = {
            *self.estates.outdated(self.known, self.estates.settings.as_of)
        }
        contents = {}
        for name in self.estates.settings.stack.partitions:
            stack = self.name(name)
            components = self.estates.partition_estate(name).own
            record = self.known.records.get(name)
            if name in missing:
                contents[stack] = Contents([*components])
            elif record and name in outdated:
                contents[stack] = Contents(None, record.generation)
            elif record:
                contents[stack] = Contents([*components], record.generation)
        return contents

    def interrupt(self) -> None:
        """Start no further run, and interrupt the active runs as Ctrl-C does. The second interrupt
        stops them at once."""
        self.interrupted = True
        for process in [*self._running]:
            process.send_signal(signal.SIGINT)

    def _carry_out(self, steps: Plan) -> None:
        """Run the steps, independent steps in parallel. A failed step skips its dependents."""
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
        """Return whether all earlier steps of this step succeeded. Otherwise skip its stack."""
        ready = all(succeeded.get(number) for number in step.after)
        if self.verb == "destroy" and step.partition is None:
            ready = self._is_base_unused() and ready
        if not ready:
            self._leave_out(step)
        return ready

    def _leave_out(self, step: Step) -> None:
        stack = self.name(step.partition)
        if stack not in (*self.left_out, *self.failed):
            self.left_out.append(stack)

    def _resources(self, partition: str) -> Resources:
        """Return the resources of a partition's stack; empty if the stack is missing."""
        stack = self.name(partition)
        return (
            resources_in(export_state(stack)) if stack in self.existing else ()
        )

    def _run_outdated(self) -> None:
        """Run the stacks that the earlier runs made outdated. Then run a base that kept objects for
        partitions."""
        if not self.failed and not self.interrupted:
            # The base may have new outputs for a partition, or new client ids for callers.
            outdated = self.estates.outdated(
                self.known, self.estates.settings.as_of
            )
            waiting = [name for name in outdated if name and name in self.only]
            self._carry_out(plan_up(waiting))
        if (
            not self.failed
            and not self.interrupted
            and self._has_kept_objects()
        ):
            self._carry_out(plan_up([None]))

    def _has_kept_objects(self) -> bool:
        # A base that kept something has no record.
        if (
            not self.estates.settings.stack.partitions
            or None in self.known.records
        ):
            return False
        return bool(outputs(self.name(None)).get(KEPT))

    def _is_base_unused(self) -> bool:
        """Return whether no other stack of the estate depends on its base."""
        settings = self.estates.settings
        partitions = map(
            self.name, partitions_of(settings, outputs(self.name(None)))
        )
        dependents = [
            stack
            for stack in existing_stacks(partitions)
            if stack in self.failed or self._has_resources(stack)
        ]
        if dependents:
            self.say(
                self.estate,
                f"kept, since {', '.join(dependents)} depend "
                "on it: run `pulumi destroy` for them first",
            )
        return not dependents

    def _has_resources(self, stack: str) -> bool:
        return any(
            entry["type"] != STACK
            for entry in resources_in(export_state(stack))
        )

    def _run(self, step: Step) -> bool:
        if self.interrupted:
            self._leave_out(step)
            return False
        stack = self.name(step.partition)
        try:
            ok = self._run_engine(step)
        except PulumiCliError as error:
            # Parallel runs continue.
            self.say(stack, f"error: {error}")
            ok = False
        (self.done if ok else self.failed).append(stack)
        return ok

    def _run_engine(self, step: Step) -> bool:
        partition = step.partition
        stack = self.name(partition)
        is_recorded = self.verb == "up"
        with self._writing:
            fingerprint = (
                self.estates.fingerprint(partition, self.known)
                if is_recorded
                else ""
            )
            self.known = self.known.without(partition)
        succeeded = stream(
            *_ARGUMENTS[self.verb],
            *self.more,
            stack=stack,
            say=partial(self._print_line, stack),
            running=self._running,
            environment=self._shared,
        )
        # An interrupted engine may report success for incomplete runs.
        if not succeeded or self.interrupted:
            return False
        if is_recorded:
            self._record(partition, fingerprint)
        return True

    def _print_line(self, stack: str, line: str) -> None:
        """Print a line, followed by the remedy if the line reports a lock."""
        self.say(stack, line)
        if "the stack is currently locked" in line:
            self.say(
                stack,
                f"if no run is active, run `pulumi cancel -s {stack} --yes`, then `python -m "
                f"kong_oam recover -s {stack}`",
            )

    def _record(self, partition: Partition, fingerprint: str) -> None:
        exports = outputs(self.name(partition))
        # A base that kept something has to run again, also in the next command.
        ended = not exports.get(KEPT)
        ids = self.estates.ids(exports.get("clients") or {})
        with self._writing:
            record = (
                records.write(self.estate, partition, fingerprint, exports, ids)
                if ended
                else None
            )
            self.known = self.known.having(partition, record, exports)
