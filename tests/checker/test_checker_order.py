"""Compare the sets of operations with a machine of single steps, on every small order."""

from __future__ import annotations

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.checker.order import Order
from tests.support.tiers import examples

VIEWS = 3


def _by_brute_force(
    order: Order, masks: tuple[int, ...]
) -> set[tuple[int, ...]]:
    """Return the same by walking: operations in turn, views refreshed in turn. It uses no closed
    sets, no oldest view and no shortcut."""
    nothing = (0, (0,) * len(masks))  # completed operations, state of each view
    met, waiting = {nothing}, deque([nothing])
    found: set[tuple[int, ...]] = set()

    def step(state: tuple[int, tuple[int, ...]]) -> None:
        if state not in met:
            met.add(state)
            waiting.append(state)

    while waiting:
        done, shown = waiting.popleft()
        found.add(
            tuple(view & mask for view, mask in zip(shown, masks, strict=True))
        )
        for number in range(len(order.before)):
            if not order.before[number] & ~done:
                step((done | 1 << number, shown))
        for view in range(len(masks)):
            step((done, (*shown[:view], done, *shown[view + 1 :])))
    return found


@st.composite
def _orders(draw: st.DrawFn) -> tuple[Order, tuple[int, ...]]:
    """Draw up to five operations, each after some earlier operations, and each of one view or of
    none."""
    count = draw(st.integers(1, 5))
    before = tuple(
        draw(st.integers(0, (1 << number) - 1)) for number in range(count)
    )
    masks = [0] * (VIEWS + 1)
    for number in range(count):
        masks[draw(st.integers(0, VIEWS))] |= 1 << number
    return Order(before), tuple(masks[:VIEWS])


@settings(
    max_examples=examples(400), deadline=None, derandomize=True, database=None
)
@given(_orders())
def test_views_show_the_states_of_a_simple_machine(
    case: tuple[Order, tuple[int, ...]],
) -> None:
    """Both give exactly the same combinations."""
    order, masks = case
    assert set(order.views(*masks)) == _by_brute_force(order, masks)
