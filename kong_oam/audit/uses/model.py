"""Uses as values: classes of calls, days, sequences and unread records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kong_oam.access.data import Names


@dataclass(frozen=True, slots=True)
class CallClass:
    """The fields of records that `decide` looks at, and the answer of the gate.

    `revision`: the gate's revision. `admitted`: admission's, where it differs. The path ends with
    the element `~` after its declared elements. `client` is set only without `caller`. `address` is
    set only where an `ip-allow` applies. `scopes` and `groups` are sorted.
    """

    component: str
    port: str
    revision: str
    admitted: str | None
    method: str
    host: str
    path: str
    caller: str | None
    client: str | None
    by: str | None
    user: bool | None
    scopes: Names
    groups: Names
    address: str | None
    decision: str
    code: str
    rule_path: str | None

    @property
    def is_allowed(self) -> bool:
        """Whether the gate sent the request to the workload."""
        return self.decision == "allowed"


@dataclass(frozen=True, slots=True)
class Seen:
    """How often a class was recorded, its first and last time (RFC 3339), and the id of one
    request."""

    count: int
    first: str
    last: str
    example: str

    def joined(self, other: Seen) -> Seen:
        """Return the sum of two aggregations of a class."""
        return Seen(
            self.count + other.count,
            min(self.first, other.first),
            max(self.last, other.last),
            min(self.example, other.example),
        )


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter that numbers records: a worker of a node has one for each port of a component."""

    component: str
    port: str
    node: str
    worker: str


@dataclass(frozen=True, slots=True)
class Block:
    """The numbers of a counter from `BLOCK * n`: a bit for each recorded number, and the count of
    the records."""

    bits: int
    count: int

    @property
    def repeated(self) -> int:
        """The records beyond the first with their number."""
        return self.count - self.bits.bit_count()

    def joined(self, other: Block) -> Block:
        """Return the sum of two aggregations of a block."""
        return Block(self.bits | other.bits, self.count + other.count)


# Numbers in a block. A signed integer of 64 bits holds them in every SQL engine.
BLOCK = 60


@dataclass(frozen=True, slots=True)
class Unread:
    """Records or lines of a file with a problem: their number, and the first line, or None."""

    file: str
    problem: str
    count: int
    line: int | None


@dataclass(frozen=True, slots=True)
class Uses:
    """Aggregated records.

    `classes`: how often each class was recorded. `days`: the records of each day (YYYY-MM-DD).
    `blocks`: the recorded numbers, by counter and number of the block. `unnumbered`: records
    without a number. `unread`: problems, by file.
    """

    classes: Mapping[CallClass, Seen] = field(default_factory=dict)
    days: Mapping[str, int] = field(default_factory=dict)
    blocks: Mapping[tuple[Counter, int], Block] = field(default_factory=dict)
    unnumbered: int = 0
    unread: tuple[Unread, ...] = ()

    @property
    def count(self) -> int:
        """The number of records."""
        return sum(seen.count for seen in self.classes.values())


def joined(first: Uses, second: Uses) -> Uses:
    """Return the sum of two aggregations of different records."""
    classes = dict(first.classes)
    for call, seen in second.classes.items():
        before = classes.get(call)
        classes[call] = before.joined(seen) if before else seen
    days = dict(first.days)
    for day, count in second.days.items():
        days[day] = days.get(day, 0) + count
    blocks = dict(first.blocks)
    for key, block in second.blocks.items():
        known = blocks.get(key)
        blocks[key] = known.joined(block) if known else block
    return Uses(
        classes,
        days,
        blocks,
        first.unnumbered + second.unnumbered,
        (*first.unread, *second.unread),
    )
