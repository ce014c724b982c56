"""Runs the engine over the stacks of an estate: its base, then partitions side by side, then what the base still kept.

The command line of the engine does each run, as everywhere here; a lock on each stack is the engine's.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock
from typing import Any

from kong_oam.access.partitions import Granted, owners_of_scopes, uses_of
from kong_oam.access.settings.partitions import stack_of
from kong_oam.engine import known_stacks
from kong_oam.engine.cli import SHORT, CliError, pulumi, show
from kong_oam.engine.export import exported, resources_in
from kong_oam.engine.known_stacks import Contents
from kong_oam.engine.stacks import GATES_CHANGE, GATES_STAY, KEEP_GRANTS, existing, partitions_of, when_written
from kong_oam.engine.state import STACK, Resources, from_resources
from kong_oam.identity.common.looked_up import shared
from kong_oam.identity.kinds import granted_in
from kong_oam.stacks import records
from kong_oam.stacks.create import create, without_file
from kong_oam.stacks.fingerprint import configurations
from kong_oam.stacks.order import Estates
from kong_oam.stacks.regranted import Regranted, changes_address, has_moved, regranted

KEPT = "kept"
"""The output of a base with what it still offers, since a partition uses it, and no Application asks for any more."""

Say = Callable[[str, str], None]
"""Shows a line of a stack's run: the stack's name, and the line."""

AT_THE_GATEWAY = ("--exclude", "**kong:index/**")
"""What the engine is told for it to change nothing at the gateway. Workloads stay by what the program says
(components.graph.leave_workloads): of what is left out the engine takes all that it depended on as it was, and then
refuses it where the program comes to it later."""

_ARGUMENTS = {
    "up": ("up", "--yes", "--skip-preview"),
    "preview": ("preview",),
    "refresh": ("refresh", "--yes", "--skip-preview"),
    "destroy": ("destroy", "--yes", "--skip-preview"),
}


@dataclass
class Runs:
    """A command's runs. `only`: the partitions that it may run; `there`: the stacks that there were when it began, as
    engine.stacks.listed tells of them; `known`: what is recorded of them, and of the runs since; `more`: what else the
    engine is told. `failed` and `left_out` are stacks, in the order in which that turned out; `interrupted`: that no
    further run begins."""

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
    _moved: Collection[str | None] = ()
    """The partitions to which something was moved."""
    _writing: Lock = field(default_factory=Lock)
    _shared: Mapping[str, str] = field(default_factory=dict)
    _running: set[subprocess.Popen[str]] = field(default_factory=set)

    @property
    def estate(self) -> str:
        """The name of the estate, and of its base's stack."""
        return self.estates.settings.stack.name

    def name(self, partition: str | None) -> str:
        """The name of a partition's stack; None: the base's."""
        return self.estate if partition is None else stack_of(self.estate, partition)

    def over(self, partitions: Sequence[str | None]) -> None:
        """Runs these stacks in the order that the verb asks for. Raises engine.cli.CliError.

        Where one that others build on fails, these are left out; else each goes on without the others. Groups are
        looked up once for all of them.
        """
        for stack in map(self.name, partitions):
            if stack in self.there and (missing_file := without_file(self.estates.settings, stack)):
                raise CliError(missing_file)
        missing = [partition for partition in partitions if self.name(partition) not in self.there]
        if self.verb == "up":
            self._stop_at_lost_base()
        else:
            for partition in missing:
                self.say(self.name(partition), "there is no such stack yet: `up` makes it")
            partitions = [partition for partition in partitions if partition not in missing]
        known = self._contents(missing)
        with shared() as groups, known_stacks.shared(known) as stacks:
            self._shared = {**groups, **stacks}
            self._over(partitions)

    def _stop_at_lost_base(self) -> None:
        """Raises CliError where the base was destroyed, and partitions that stood on it are as they were before: they
        would be run against what is there no more."""
        at, resources = when_written(self.there.get(self.estate))
        names = map(self.name, self.estates.settings.stack.partitions)
        written = {name: when_written(self.there.get(name)) for name in names}
        left = [name for name, (before, count) in written.items() if count and before < at]
        if at and not resources and left:
            raise CliError(
                f"the base of this estate was destroyed, and {', '.join(left)} stood on it: `python -m kong_oam "
                f"refresh -s {self.estate} --yes` takes out of their states what went with it. Then the same command "
                "goes on"
            )

    def _create(self, partitions: Iterable[str | None]) -> None:
        """Makes those of the stacks that are not there, with their files."""
        missing = [stack for stack in map(self.name, partitions) if stack not in self.there]
        for stack in missing if not self.interrupted else ():
            create(self.estates.settings, stack)
        if missing:
            self.estates = replace(self.estates, configured=configurations(self.estates.settings))

    def _contents(self, missing: Collection[str | None]) -> dict[str, Contents]:
        """What is known of the partitions' stacks that are missing, and of those that are as their recorded runs left
        them. Which components are in such a stack is known where it is as it is meant."""
        outdated = {*self.estates.outdated(self.known, self.estates.settings.as_of)}
        found = {}
        for one in self.estates.settings.stack.partitions:
            if one in missing:
                found[self.name(one)] = Contents([*self.estates.given(one).own])
            elif record := self.known.records.get(one):
                components = None if one in outdated else [*self.estates.given(one).own]
                found[self.name(one)] = Contents(components, record.generation)
        return found

    def interrupt(self) -> None:
        """Begins no run any more, and has the engine end those under way, as Ctrl-C does; the second time at once."""
        self.interrupted = True
        for process in [*self._running]:
            process.send_signal(signal.SIGINT)

    def _over(self, partitions: Sequence[str | None]) -> None:
        chosen = [partition for partition in partitions if partition is not None]
        if self.verb == "destroy":
            self._side_by_side(chosen)
            if None in partitions:
                self._after_all()
            return
        if self.verb == "up":
            self._create([None] if None in partitions else [])
        if None in partitions and not self._run(None):
            self.left_out += map(self.name, chosen)
            return
        if self.verb == "up":
            self._create(chosen)
            self._up(chosen)
            self._again()
        else:
            self._side_by_side(chosen)

    def _up(self, chosen: Sequence[str]) -> None:
        """Has grants added first, then gates changed, then grants taken away."""
        states = {one: self._resources(one) for one in chosen}
        before = self._granted(states.values())
        changed = {one: self._regranted(one, before, chosen) for one in chosen}
        ahead = {one: changed[one].clients for one in chosen if changed[one].clients}
        readdressed = [one for one in ahead if changes_address(self.estates.given(one), states[one], ahead[one])]
        self._moved = {one for one in ahead if has_moved(states[one])}
        self._side_by_side([one for one in ahead if one not in readdressed], GATES_STAY)
        held = self._held(changed)
        self._side_by_side([one for one in readdressed if one not in held], GATES_CHANGE)
        held = self._held(changed)
        last = [one for one in chosen if changed[one].lost and one not in held]
        self._side_by_side([one for one in chosen if one not in {*last, *held}])
        asked = {other for of_one in changed.values() for other in of_one.got | of_one.lost}
        self._side_by_side([one for one in last if one in asked], GATES_CHANGE)
        failed = {one for one in chosen if self.name(one) in self.failed}
        # A gate that still asks for a grant does so until its partition is run.
        waiting = {one for one in last if changed[one].lost & (failed | held)}
        self.left_out += [self.name(one) for one in chosen if one in (waiting | held) - failed]
        self._side_by_side([one for one in last if one not in waiting | failed])

    def _held(self, changed: Mapping[str, Regranted]) -> set[str]:
        """The partitions that failed, and those whose gates may ask for what these were to grant."""
        failed = {one for one in changed if self.name(one) in self.failed}
        return failed.union(*(changed[one].got for one in failed))

    def _resources(self, partition: str) -> Resources:
        """What its stack has; nothing where that is not there."""
        stack = self.name(partition)
        return resources_in(exported(stack)) if stack in self.there else ()

    def _granted(self, states: Iterable[Resources]) -> Granted:
        """What clients are granted by these states; one that was moved, by that of the stack that has it now."""
        providers = self.estates.settings.providers
        owners = owners_of_scopes(self.estates.whole, uses_of(self.known.base.get("offered") or {}))
        found = (granted_in(providers, from_resources(one), owners) for one in states)
        return {client: calls for one in found for client, calls in one.items()}

    def _regranted(self, partition: str, before: Granted, chosen: Collection[str]) -> Regranted:
        given, recorded = self.estates.given(partition), partition in self.known.records
        return regranted(self.estates.whole, given, before, chosen, recorded=recorded)

    def _waiting(self) -> list[str]:
        """The partitions that have become outdated by now: the base has something else for them, or callers got ids."""
        outdated = self.estates.outdated(self.known, self.estates.settings.as_of)
        return [one for one in outdated if one is not None and one in self.only]

    def _again(self) -> None:
        """Runs what has become outdated by the runs before, and then a base that kept what partitions still used."""
        if self.failed or self.interrupted:
            return
        self._side_by_side(self._waiting())
        if not self.failed and not self.interrupted and self._keeps():
            self._run(None)

    def _keeps(self) -> bool:
        if not self.estates.settings.stack.partitions or None in self.known.records:  # of what kept something is none
            return False
        return bool(self._outputs(None).get(KEPT))

    def _after_all(self) -> None:
        """Destroys the base, once nothing of the estate stands on it any more."""
        others = existing(map(self.name, partitions_of(self.estates.settings, self._outputs(None))))
        standing = [name for name in others if name in self.failed or self._has_resources(name)]
        if standing:
            self.left_out.append(self.estate)
            self.say(self.estate, f"stays: {', '.join(standing)} stand on it: `pulumi destroy` of these comes first")
        else:
            self._run(None)

    def _has_resources(self, stack: str) -> bool:
        return any(one["type"] != STACK for one in resources_in(exported(stack)))

    def _side_by_side(self, partitions: Sequence[str], keeps: str = "") -> None:
        with ThreadPoolExecutor(max_workers=max(1, self.parallel)) as pool:
            list(pool.map(partial(self._run, keeps=keeps), partitions))

    def _run(self, partition: str | None, *, keeps: str = "") -> bool:
        stack = self.name(partition)
        if self.interrupted:
            self.left_out += [] if stack in self.left_out else [stack]
            return False
        try:
            ok = self._ran(partition, keeps)
        except CliError as error:
            # What is run beside it goes on.
            self.say(stack, f"error: {error}")
            ok = False
        (self.done if ok else self.failed).append(stack)
        return ok

    def _ran(self, partition: str | None, keeps: str) -> bool:
        marked = self.verb == "up" and not keeps
        with self._writing:
            mark = self.estates.fingerprint(partition, self.known) if marked else ""
            self.known = self.known.without(partition)
        stack, given = self.name(partition), {**self._shared, KEEP_GRANTS: keeps}
        say = partial(self._told, stack)
        more = self.more
        if keeps == GATES_STAY:
            if more and not self._judged(stack, say):
                return False
            more = () if partition in self._moved else AT_THE_GATEWAY
        if not show(*_ARGUMENTS[self.verb], *more, stack=stack, say=say, running=self._running, environment=given):
            return False
        if self.interrupted:  # the engine may say that it has done what it left
            return False
        if marked:
            self._record(partition, mark, self._outputs(partition))
        return True

    def _told(self, stack: str, line: str) -> None:
        """Says a line, and behind one that says so what is to be done about a lock."""
        self.say(stack, line)
        if "the stack is currently locked" in line:
            self.say(
                stack,
                f"where no run of it is under way: `pulumi cancel -s {stack} --yes`, then `python -m kong_oam recover "
                f"-s {stack}`",
            )

    def _judged(self, stack: str, say: Callable[[str], None]) -> bool:
        """Whether policies have nothing against all that is to come. In a run that leaves something out they would take
        it for empty."""
        given = {**self._shared, KEEP_GRANTS: ""}
        return show("preview", *self.more, stack=stack, say=say, running=self._running, environment=given)

    def _record(self, partition: str | None, mark: str, outputs: Mapping[str, Any]) -> None:
        # What kept something is to be run once more, also by the next command.
        ended = not outputs.get(KEPT)
        ids = self.estates.ids(outputs.get("clients") or {})
        with self._writing:
            record = records.write(self.estate, partition, mark, outputs, ids) if ended else None
            self.known = self.known.having(partition, record, outputs)

    def _outputs(self, partition: str | None) -> dict[str, Any]:
        outputs: dict[str, Any] = json.loads(
            pulumi("stack", "output", "--json", stack=self.name(partition), timeout=SHORT)
        )
        return outputs
