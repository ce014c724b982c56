"""Records of the last run of each stack of an estate, kept as tags of the base's stack and read at
once.

A record is valid while the stack's state is unchanged since the run. Every later run, even an
interrupted run, changes the time of the last update. Commands that remove or import resources
change their number (engine.stacks.list_stacks). Other manual edits (`pulumi state taint`) are not
noticed. If two commands write tags at once, a record may be lost, which costs a superfluous run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from kong_oam.access.partitions import BaseOutput
from kong_oam.access.rotation import is_shared
from kong_oam.access.settings.partitions import Partition, stack_of
from kong_oam.engine.cli import SHORT, pulumi
from kong_oam.engine.stacks import list_stacks, outputs
from kong_oam.engine.state import Outputs

_TAG = "kong-oam:ran:"
_BASE = "_"  # no partition has this name
_NEVER = "-"
# The tag with a stack's own name, which allows the backend to list this stack alone.
NAME_TAG = "kong-oam:stack"


@dataclass(frozen=True, slots=True)
class Record:
    """The last run of a stack.

    `due`: the day of the next step of a rotation, or None. `ids`: a digest of the client ids that
    cannot be predicted. `generation`: the base generation that a partition was run with.
    """

    fingerprint: str
    updated: str
    due: date | None
    ids: str
    generation: int = 0

    def is_of(self, fingerprint: str, today: date) -> bool:
        """Return whether a run would change nothing."""
        return self.fingerprint == fingerprint and (
            self.due is None or today < self.due
        )


@dataclass(frozen=True, slots=True)
class Known:
    """The valid records by partition (None: the base), and the base's output for partitions."""

    records: Mapping[Partition, Record] = field(default_factory=dict)
    base: BaseOutput = field(default_factory=BaseOutput)

    def without(self, partition: Partition) -> Known:
        """Return a copy without the record of a stack, whose run has started."""
        records = dict(self.records)
        records.pop(partition, None)
        return replace(self, records=records)

    def having(
        self, partition: Partition, record: Record | None, exported: Outputs
    ) -> Known:
        """Return a copy after a run, with its outputs, and its record if there is one."""
        records = (
            {**self.records, partition: record} if record else self.records
        )
        if partition is None:
            return Known(records, exported.get("base") or {})
        return replace(self, records=records)


def read(
    estate: str, partitions: Iterable[str], updated: Mapping[str, str | None]
) -> Known:
    """Read the records. `updated`: the last update of each stack's state
    (engine.stacks.list_stacks). Raises engine.cli.PulumiCliError."""
    if not updated.get(estate):  # never run, so there are no records
        return Known()
    tags = json.loads(
        pulumi("stack", "tag", "ls", "--json", stack=estate, timeout=SHORT)
    )
    records = {}
    for partition in (None, *partitions):
        record = _parsed(str(tags.get(_tag(partition)) or ""))
        written = updated.get(stack_of(estate, partition))
        if record and record.updated == written:
            records[partition] = record
    return Known(records, outputs(estate).get("base") or {})


def write(
    estate: str,
    partition: Partition,
    fingerprint: str,
    exported: Outputs,
    ids: str,
) -> Record | None:
    """Record a complete run with its outputs and a digest of its client ids. Raises
    engine.cli.PulumiCliError.

    Return None if the backend tells no time of the update, so that a record could not expire.
    """
    stack = stack_of(estate, partition)
    # No run replaces a shared secret. If its due date counted, every command would run the stack in
    # vain.
    credentials = (exported.get("credentials") or {}).values()
    days = [str(entry["due"]) for entry in credentials if not is_shared(entry)]
    updated = _update_of(stack)
    if updated is None:
        return None
    generation = int(exported.get("generation") or 0)
    due = min(days, default=_NEVER)
    text = f"{fingerprint} {updated} {due} {ids} {generation}"
    tag = _tag(partition)
    pulumi("stack", "tag", "set", tag, text, stack=estate, timeout=SHORT)
    return _parsed(text)


def _tag(partition: Partition) -> str:
    return f"{_TAG}{partition or _BASE}"


def _update_of(stack: str) -> str | None:
    """Return the last update of a stack's state.

    The engine reads the states of all listed stacks, so the stack is found by its own tag. A stack
    without the tag gets it for the next time.
    """
    updated = list_stacks("--tag", f"{NAME_TAG}={stack}").get(stack)
    if updated:
        return updated
    pulumi("stack", "tag", "set", NAME_TAG, stack, stack=stack, timeout=SHORT)
    return list_stacks().get(stack)


def _parsed(text: str) -> Record | None:
    try:
        fingerprint, updated, due, ids, generation = text.split(" ")
        day = None if due == _NEVER else date.fromisoformat(due)
        return Record(fingerprint, updated, day, ids, int(generation))
    except ValueError:
        return None
