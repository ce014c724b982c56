"""What is known of the last run of each stack of an estate, read for all at once: tags of its
base's stack.

A record counts for as long as the stack's state is the one that its run left: whatever ran since,
also what was cut off, has another time of the last update, and what took a resource out of the
state, or brought one in, another number of them (engine.stacks.listed). Of other edits by hand
(`pulumi state taint`) nothing is seen here. Two commands that write tags at once may lose a record,
and then one more run is made than needed.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from kong_oam.access.partitions import BaseOutput
from kong_oam.access.rotation import is_shared
from kong_oam.access.settings.partitions import Partition, stack_of
from kong_oam.engine.cli import SHORT, pulumi
from kong_oam.engine.stacks import listed, outputs
from kong_oam.engine.state import Outputs

_TAG = "kong-oam:ran:"
_BASE = "_"  # no partition is called so
_NEVER = "-"
NAMED = "kong-oam:stack"
"""The tag of each stack that says its name, by which one can be listed without the others."""


@dataclass(frozen=True, slots=True)
class Record:
    """The last run of a stack. `due`: the day of the next step of a rotation, or None. `ids`: a
    digest of those of its clients' ids that nobody knew before. `generation`: that of the base
    which a partition was made with."""

    fingerprint: str
    updated: str
    due: datetime.date | None
    ids: str
    generation: int = 0

    def is_of(self, fingerprint: str, today: datetime.date) -> bool:
        """Tell whether a run would change nothing."""
        return self.fingerprint == fingerprint and (
            self.due is None or today < self.due
        )


@dataclass(frozen=True, slots=True)
class Known:
    """The records that count, by partition, None for the base; and what the base has exported for
    its partitions."""

    records: Mapping[Partition, Record] = field(default_factory=dict)
    base: BaseOutput = field(default_factory=BaseOutput)

    def without(self, partition: Partition) -> Known:
        """Return the same once a run of a stack has begun, whose record does not count any more."""
        records = dict(self.records)
        records.pop(partition, None)
        return replace(self, records=records)

    def having(
        self, partition: Partition, record: Record | None, exported: Outputs
    ) -> Known:
        """Return the same once a run has exported this; with its record, where it has one."""
        records = (
            {**self.records, partition: record} if record else self.records
        )
        if partition is None:
            return Known(records, exported.get("base") or {})
        return replace(self, records=records)


def read(
    estate: str, partitions: Iterable[str], updated: Mapping[str, str | None]
) -> Known:
    """Read it. `updated`: when the state of each stack was last written (engine.stacks.listed).
    Raises engine.cli.PulumiCliError."""
    if not updated.get(
        estate
    ):  # never run, so that nothing is recorded with it
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
    """Record a run that has come to its end, with what it exported, and a digest of its clients'
    ids. None where nothing would tell whether the record still counts. Raises
    engine.cli.PulumiCliError."""
    stack = stack_of(estate, partition)
    # No run replaces a shared secret: one that is due would be run for, in vain, by every command.
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
    """Return when the state of a stack was last written. The engine reads the states of all that it
    lists, so one is found by a tag of its own; one that has not got it yet gets it, for the next
    time."""
    updated = listed("--tag", f"{NAMED}={stack}").get(stack)
    if updated:
        return updated
    pulumi("stack", "tag", "set", NAMED, stack, stack=stack, timeout=SHORT)
    return listed().get(stack)


def _parsed(text: str) -> Record | None:
    try:
        fingerprint, updated, due, ids, generation = text.split(" ")
        day = None if due == _NEVER else datetime.date.fromisoformat(due)
        return Record(fingerprint, updated, day, ids, int(generation))
    except ValueError:
        return None
