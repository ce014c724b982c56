"""Generations of keys: one step per run, even after skipped days, and always a valid key."""

from __future__ import annotations

import datetime

from hypothesis import given
from hypothesis import strategies as st

from kong_oam.access.rotation import (
    Generation,
    Schedule,
    current_secret,
    is_shared,
    next_generation,
)
from tests.support.client_kinds import ORDERS, PATHS, messages, shop
from tests.support.estates import compiled, estate

FIRST = datetime.date(2026, 1, 1)
SCHEDULE = Schedule(every=30, overlap=7)


def date_of(day: int) -> datetime.date:
    return FIRST + datetime.timedelta(days=day)


def test_a_hundred_daily_runs() -> None:
    """A new key every thirty days; the old key is valid for a week more."""
    last, steps = None, []
    for day in range(100):
        now = next_generation(last, SCHEDULE, date_of(day))
        if now != last:
            steps.append((day, now.number, now.active))
        last = now
    assert steps == [
        (0, 1, (0,)),
        (30, 2, (0, 1)), (37, 2, (1,)),
        (60, 3, (0, 1)), (67, 3, (0,)),
        (90, 4, (0, 1)), (97, 4, (1,)),
    ]  # fmt: skip


def test_runs_that_were_skipped_for_a_year_are_not_made_up_for() -> None:
    """Each run makes one step: the key changes once, and its overlap begins on the day of that run."""
    due = Generation(2, date_of(30), overlapping=True)
    ended = next_generation(due, SCHEDULE, date_of(400))
    assert ended == Generation(2, date_of(30))
    third = next_generation(ended, SCHEDULE, date_of(400))
    assert third == Generation(3, date_of(400), overlapping=True)
    assert (
        next_generation(third, SCHEDULE, date_of(400))
        == next_generation(third, SCHEDULE, date_of(406))
        == third
    )
    assert next_generation(third, SCHEDULE, date_of(407)) == Generation(
        3, date_of(400)
    )


def test_a_day_before_the_last_run_changes_nothing() -> None:
    """An older revision was deployed."""
    last = Generation(2, date_of(30), overlapping=True)
    assert next_generation(last, SCHEDULE, date_of(0)) == last


@given(
    st.lists(st.integers(0, 200), max_size=40),
    st.integers(1, 20),
    st.integers(1, 60),
)
def test_whoever_had_a_key_has_one_that_counts(
    skipped: list[int], overlap: int, longer: int
) -> None:
    """After every run, the previous slot is still active, or its overlap has passed. A slot gets a
    new key only while it is inactive."""
    schedule, day = Schedule(overlap + longer, overlap), 0
    last = next_generation(None, schedule, date_of(0))
    left_on = {last.slot: 0}
    for gap in skipped:
        day += gap
        now = next_generation(last, schedule, date_of(day))
        assert now.slot in now.active
        if now.number != last.number:
            assert (now.number, now.slot) == (last.number + 1, 1 - last.slot)
            assert last.active == (last.slot,) and set(now.active) == {0, 1}
            left_on[last.slot] = day
        for slot in set(last.active) - set(now.active):
            assert day - left_on[slot] >= overlap
        for slot in now.active:
            assert slot not in last.active or now.generation_in(
                slot
            ) == last.generation_in(slot)
        assert now.generation_in(now.slot) == now.number
        last = now


def test_a_generation_is_read_back_as_it_was_written() -> None:
    """The output has the date of the next step."""
    generation = Generation(3, date_of(10), overlapping=True)
    assert generation.to_output(SCHEDULE) == {
        "generation": 3,
        "since": "2026-01-11",
        "due": "2026-01-18",
        "before": "counts",
    }
    assert Generation.from_output(generation.to_output(SCHEDULE)) == generation
    assert Generation.from_output(
        Generation(1, date_of(0)).to_output(SCHEDULE)
    ) == Generation(1, date_of(0))


def test_a_client_may_say_how_often() -> None:
    """The stack's value is the default. The overlap is always the stack's."""
    often = estate(
        ORDERS, shop("service", "            rotateEvery: 30d\n", "worker", "")
    )
    usual = estate(ORDERS, shop("service", "", "worker", ""))
    assert often.schedule_of(often.clients[0]) == Schedule(30, 7)
    assert usual.schedule_of(usual.clients[0]) == Schedule(90, 7)
    assert messages(
        shop("service", "            rotateEvery: 7d\n", "worker", "")
    ) == [
        "OAM103: rotateEvery: 7d must be longer than the stack's rotation.overlap of 7d"
    ]
    (unused,) = compiled(
        ORDERS, shop("browser", f"{PATHS}            rotateEvery: 30d\n")
    ).diagnostics
    assert (unused.code, unused.severity) == ("OAM109", "warning")
    assert (
        unused.message
        == "'rotateEvery' has no effect: a client of kind 'browser' has no key; remove it"
    )
    (wrong,) = messages(
        shop("service", "            rotateEvery: monthly\n", "worker", "")
    )
    assert wrong.startswith("OAM103: rotateEvery: ")


def test_a_secret_that_nobody_replaces_is_due_and_stays_what_it_is() -> None:
    """A new holder has a new secret from that day on. A day before the last run changes nothing."""
    schedule, start = Schedule(every=90, overlap=7), datetime.date(2026, 1, 1)
    first = current_secret(None, "app-1", start)
    assert (first.number, first.since, first.due(schedule)) == (
        1,
        start,
        datetime.date(2026, 4, 1),
    )
    later = start + datetime.timedelta(days=400)
    assert current_secret(first, "app-1", later) == first
    second = current_secret(first, "app-2", later)
    assert (second.number, second.since) == (2, later)
    assert current_secret(second, "app-2", start) == second
    output = second.to_output(schedule)
    assert Generation.from_output(output) == second
    assert is_shared(output) and not is_shared(
        Generation(1, start).to_output(schedule)
    )
