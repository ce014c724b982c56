"""Find which views of a gateway's entities can occur together, in the order that a run keeps.
Exact, by sets of operations.

A run is a set of operations with a partial order: the engine finishes some operations before it
begins others. Each part of the data plane (a view) shows the state of some moment. A view may lag
behind the store and behind other views.

Sets of operations are bit masks: operation `i` is `1 << i`. The operations that are done at a
moment are closed downwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations, product


@dataclass(frozen=True)
class Order:
    """`before[i]` is the mask of the operations that are finished when operation `i` begins."""

    before: tuple[int, ...]

    @cached_property
    def below(self) -> tuple[int, ...]:
        """Return for each operation all operations that precede it, directly or indirectly."""
        found: dict[int, int] = {}

        def visit(number: int) -> int:
            if number not in found:
                mask = self.before[number]
                for other in members(mask):
                    mask |= visit(other)
                found[number] = mask
            return found[number]

        return tuple(visit(number) for number in range(len(self.before)))

    def closed(self, mask: int) -> int:
        """Return the least set of completed operations that contains `mask`."""
        for number in members(mask):
            mask |= self.below[number]
        return mask

    def states(self, mask: int) -> Iterator[int]:
        """Yield every part of `mask` that can be completed at some moment."""
        inside = [
            (number, self.below[number] & mask) for number in members(mask)
        ]
        waiting, met = [0], {0}
        while waiting:
            state = waiting.pop()
            yield state
            for number, needed in inside:
                more = state | 1 << number
                if more != state and needed & ~state == 0 and more not in met:
                    met.add(more)
                    waiting.append(more)

    def views(self, *masks: int) -> Iterator[tuple[int, ...]]:
        """Yield every combination of masks that views can show at one moment; `masks` are the
        possible masks of each view.

        One view is the oldest, and shows the least that it must; each newer view adds its own
        operations.
        """
        choices = [
            [(state, self.closed(state)) for state in self.states(mask)]
            for mask in masks
        ]
        ages = tuple(permutations(range(len(masks))))
        for chosen in product(*choices):
            if any(_possible(chosen, masks, order) for order in ages):
                yield tuple(state for state, _ in chosen)


def _possible(
    chosen: Sequence[tuple[int, int]], masks: Sequence[int], ages: Sequence[int]
) -> bool:
    """Return whether the views can have been refreshed in this order, each with its choice: (state,
    closed)."""
    done = 0
    for view in ages:
        done |= chosen[view][1]
        if done & masks[view] != chosen[view][0]:
            return False
    return True


def members(mask: int) -> Iterator[int]:
    """Yield the numbers of the operations of a set."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
