"""Find the records that a log lost: each worker numbers the records of a component's port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from kong_oam.audit.uses.model import BLOCK, Block, Counter


@dataclass(frozen=True, slots=True)
class Gap:
    """The numbers from `first` to `last` of a counter, without records."""

    counter: Counter
    first: int
    last: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1


def gaps(blocks: Mapping[tuple[Counter, int], Block]) -> Iterator[Gap]:
    """Yield the gaps between the first and the last recorded number of each counter."""
    ordered = sorted(blocks.items(), key=_order)
    for counter, entries in groupby(ordered, key=lambda entry: entry[0][0]):
        expected: int | None = None
        for first, last in _ranges(entries):
            if expected is not None and first > expected:
                yield Gap(counter, expected, first - 1)
            expected = last + 1


def earlier(blocks: Mapping[tuple[Counter, int], Block]) -> int:
    """Return how many records precede the first records. They are in earlier logs, or lost."""
    first: dict[Counter, int] = {}
    for (counter, number), block in blocks.items():
        lowest = (block.bits & -block.bits).bit_length() - 1
        start = number * BLOCK + lowest
        first[counter] = min(start, first.get(counter, start))
    # Numbers begin at 1.
    return sum(start - 1 for start in first.values() if start > 1)


def _order(
    entry: tuple[tuple[Counter, int], Block],
) -> tuple[str, str, str, str, int]:
    counter, number = entry[0]
    return (
        counter.component,
        counter.port,
        counter.node,
        counter.worker,
        number,
    )


# The bits of a block without a gap.
_FULL = (1 << BLOCK) - 1


def _ranges(
    entries: Iterable[tuple[tuple[Counter, int], Block]],
) -> Iterator[tuple[int, int]]:
    """Yield the first and last number of each range of recorded numbers, in order. A range ends
    with its block."""
    for (_, number), block in entries:
        start = number * BLOCK
        if block.bits == _FULL:
            yield start, start + BLOCK - 1
            continue
        for bit in range(BLOCK):
            if block.bits >> bit & 1:
                yield start + bit, start + bit
