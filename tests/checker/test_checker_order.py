"""The sets of operations are held against a machine that does one thing at a time, on every small order."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checker.order import Order, members
from tests.tiers import examples

VIEWS = 3


def _by_brute_force(order: Order, masks: tuple[int, ...]) -> set[tuple[int, ...]]:
    """The same by walking: operations one after the other, views refreshed one at a time, settle steps that begin, wait
    until every view has been refreshed since, and end. Knows no sets that are closed, no oldest view, no shortcut."""
    count = len(order.before)
    nothing = (0, (0,) * len(masks), ())  # done, what each view shows, (settle step, views refreshed since it began)
    met, waiting = {nothing}, deque([nothing])
    found: set[tuple[int, ...]] = set()

    def step(state: tuple[int, tuple[int, ...], tuple[tuple[int, int], ...]]) -> None:
        if state not in met:
            met.add(state)
            waiting.append(state)

    while waiting:
        done, shown, pauses = waiting.popleft()
        found.add(tuple(view & mask for view, mask in zip(shown, masks, strict=True)))
        begun = {number for number, _ in pauses}
        for number in range(count):
            if done >> number & 1 or number in begun or order.before[number] & ~done:
                continue
            if order.settles >> number & 1:
                step((done, shown, tuple(sorted((*pauses, (number, 0))))))
            else:
                step((done | 1 << number, shown, pauses))
        for view in range(len(masks)):
            refreshed = tuple((number, since | 1 << view) for number, since in pauses)
            step((done, (*shown[:view], done, *shown[view + 1 :]), refreshed))
        for pause in pauses:
            if pause[1] == (1 << len(masks)) - 1:
                step((done | 1 << pause[0], shown, tuple(one for one in pauses if one != pause)))
    return found


@st.composite
def _orders(draw: st.DrawFn) -> tuple[Order, tuple[int, ...]]:
    """Up to five operations, each after some of those before it; some settle, each other one is of one view."""
    count = draw(st.integers(1, 5))
    before = tuple(draw(st.integers(0, (1 << number) - 1)) for number in range(count))
    masks = [0] * VIEWS
    settles = 0
    for number in range(count):
        kind = draw(st.integers(0, VIEWS))
        if kind == VIEWS:
            settles |= 1 << number
        else:
            masks[kind] |= 1 << number
    return Order(before, settles), tuple(masks)


@settings(max_examples=examples(400), deadline=None, derandomize=True, database=None)
@given(_orders())
def test_what_views_can_show_is_what_a_machine_comes_to(case: tuple[Order, tuple[int, ...]]) -> None:
    """Nothing is left out, and nothing is made up."""
    order, masks = case
    assert set(order.views(*masks)) == _by_brute_force(order, masks)


def _chain(*kinds: str) -> tuple[Order, tuple[int, ...]]:
    """Operations in a row: of the view "r", "p" or "c", or a settle step "s"."""
    masks = tuple(sum(1 << number for number, kind in enumerate(kinds) if kind == view) for view in "rpc")
    settles = sum(1 << number for number, kind in enumerate(kinds) if kind == "s")
    return Order(tuple((1 << number) - 1 for number in range(len(kinds))), settles), masks


def test_order_alone_does_not_keep_a_route_from_being_seen_first() -> None:
    """A plugin and then a route, without a pause: some worker has the route and not the plugin."""
    order, masks = _chain("p", "r")
    assert (0b10, 0, 0) in set(order.views(*masks))


def test_a_settle_step_between_them_does() -> None:
    """Whoever sees the route sees the plugin."""
    order, masks = _chain("p", "s", "r")
    assert set(order.views(*masks)) == {(0, 0, 0), (0, 0b1, 0), (0b100, 0b1, 0)}


def test_a_settle_step_beside_them_does_not() -> None:
    """A pause that the route does not wait for promises nothing about it."""
    order = Order((0, 0b1, 0b1), settles=0b10)
    assert (0b100, 0, 0) in set(order.views(0b100, 0b1, 0))


def test_operations_without_an_order_come_in_any() -> None:
    """Of two plugins either is seen first; of two routes as well, and views differ, but never about which was first."""
    order = Order((0, 0))
    assert set(order.views(0b11)) == {(0,), (0b01,), (0b10,), (0b11,)}
    assert (0b01, 0b10) not in set(order.views(0b11, 0b11))


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="before itself"):
        Order((0b10, 0b01)).closed(0b1)


def test_members_are_in_order() -> None:
    found = list(members(0b101100))
    assert found == [2, 3, 5]
    assert all(first < second for first, second in pairwise(found))
