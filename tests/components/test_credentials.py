"""The key or secret of a client from a run on, and the run's messages: `components.credentials`,
without an engine."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks, set_mocks

from components.credentials import Recorded, Rotation, once_deployed
from kong_oam.access.rotation import Generation
from tests.support.estates import api, estate
from tests.support.json_object import JsonObject
from tests.support.mocks import on_the_loop

ACCESS = """
            owner: team
            scopes: {read: r}
            rules: [{scopes: [read]}]
            roles: {reader: {scopes: [read], components: [shop/job]}}
"""
SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - {type: client, properties: {kind: service, rotateEvery: 30d, calls: [{component: orders/api, scopes: [read]}]}}
"""
ESTATE = estate(api(access=ACCESS), SHOP)
(JOB,) = ESTATE.clients
NAME = "shop/job at main"
"""Its key changes every 30 days, the one before counts for 7 more."""
FIRST = datetime.date(2026, 1, 1)


def on(day: int) -> datetime.date:
    return FIRST + datetime.timedelta(days=day)


@dataclass
class Run:
    """The result of one run with `previous` on a day: `output` is the client's part of
    `credentials`."""

    output: Mapping[str, Any] | None = None
    generation: Generation | None = None
    messages: list[str] = field(default_factory=list)


def run(
    ask: Callable[[Rotation, Run], Recorded],
    previous: Mapping[str, Any] | None,
    day: int,
    *,
    rolled_out: bool = True,
    preview: bool = True,
) -> Run:
    """`ask` is given the Rotation, and gives the record. Where the workload was not `rolled_out`, nobody knows yet what runs with the key."""
    outcome = Run()

    async def program() -> None:
        recorded = {} if previous is None else previous
        proofs = {"key-a": "old", "key-b": "old"}
        rotation = Rotation(ESTATE, on(day), recorded, proofs)
        record = ask(rotation, outcome)
        urn = pulumi.Output.from_input("urn") if rolled_out else _unknown()
        note = once_deployed(record, [SimpleNamespace(urn=urn)])  # type: ignore[list-item]
        outcome.output = await note.future() if await note.is_known() else None

    with pytest.MonkeyPatch.context() as patch:
        for level in ("info", "warn"):
            patch.setattr(
                pulumi.log,
                level,
                lambda text, level=level: outcome.messages.append(
                    f"{level}: {text}"
                ),
            )
        set_mocks(_Nothing(), preview=preview)
        on_the_loop(program)
    return outcome


class _Nothing(mocks.Mocks):
    def new_resource(
        self, args: mocks.MockResourceArgs
    ) -> tuple[str | None, JsonObject]:
        raise AssertionError("no resource is made here")

    def call(self, args: mocks.MockCallArgs) -> JsonObject:
        raise AssertionError("nothing is called here")


def _unknown() -> pulumi.Output[str]:
    async def value(result: Any) -> Any:
        return result

    return pulumi.Output(
        set(),
        asyncio.ensure_future(value(None)),
        asyncio.ensure_future(value(False)),
    )


def keyed() -> Callable[[Rotation, Run], Recorded]:
    """With a key that the state does not know."""
    return watched("new", "key-c")


def shared(holder: str) -> Callable[[Rotation, Run], Recorded]:
    return lambda rotation, _: rotation.shared_secret(
        JOB, pulumi.Output.from_input(holder), "main-app-shop/job"
    )


def recorded(
    generation: int, since: int, due: int, before: str = "ended", **fields: str
) -> JsonObject:
    days = {"since": on(since).isoformat(), "due": on(due).isoformat()}
    return {"generation": generation, **days, "before": before, **fields}


# Keys


def test_a_client_has_its_first_key_on_the_day_on_which_it_is_made() -> None:
    """On the first run of a stack, and of a client beside others."""
    for previous in (None, {}, {"shop/other at main": recorded(7, 0, 30)}):
        outcome = run(keyed(), previous, 5)
        assert (outcome.generation, outcome.output, outcome.messages) == (
            Generation(1, on(5)),
            recorded(1, 5, 35),
            [],
        )


def test_what_is_not_due_stays() -> None:
    """And nothing is said."""
    outcome = run(keyed(), {NAME: recorded(3, 0, 30)}, 29)
    assert (outcome.generation, outcome.output, outcome.messages) == (
        Generation(3, on(0)),
        recorded(3, 0, 30),
        [],
    )


def test_a_step_is_taken_on_its_day_and_said() -> None:
    """The next key takes over while the one before counts; then that one ends. By the client's own schedule."""
    outcome = run(keyed(), {NAME: recorded(1, 0, 30)}, 30)
    assert outcome.output == recorded(2, 30, 37, "counts")
    assert outcome.messages == [
        f"info: credentials: {NAME}: generation 2 takes over"
    ]
    ended = run(keyed(), {NAME: outcome.output}, 37)
    assert (ended.generation, ended.output) == (
        Generation(2, on(30)),
        recorded(2, 30, 60),
    )
    assert ended.messages == [f"info: credentials: {NAME}: generation 1 ends"]


def test_a_client_turns_in_the_run_in_which_its_next_key_takes_over() -> None:
    """Not with its first key, not while nothing is due, and not when the old key ends."""
    records = (
        None,
        recorded(1, 0, 30),
        recorded(1, 0, 30),
        recorded(2, 30, 37, "counts"),
    )
    turned = []

    def record_turn(rotation: Rotation, _: Run) -> Recorded:
        turn = rotation.turn(JOB)
        turned.append(turn.is_new)
        return turn.record("key-c", pulumi.Output.from_input("new"))

    for last, day in zip(records, (5, 29, 30, 37), strict=True):
        run(record_turn, last and {NAME: last}, day)
    assert turned == [False, False, True, False]


def test_a_step_counts_from_the_run_in_which_the_workload_had_it() -> None:
    """Where that is not known, nothing is: the key before must not end after a run that failed on the way there."""
    outcome = run(keyed(), {NAME: recorded(1, 0, 30)}, 30, rolled_out=False)
    assert outcome.generation == Generation(2, on(30), overlapping=True)
    assert outcome.output is None


def test_a_key_in_place_of_a_secret_is_the_first() -> None:
    """The record of the secret has no facts about keys; a warning describes the effect on running
    pods."""
    outcome = run(keyed(), {NAME: recorded(4, 0, 30, secretOf="app1")}, 3)
    assert (outcome.generation, outcome.output) == (
        Generation(1, on(3)),
        recorded(1, 3, 33),
    )
    assert outcome.messages == [
        f"warn: credentials: {NAME}: a key replaces the secret that it shared; running pods get no "
        "tokens until they restart"
    ]


# Keys that are replaced out of turn


def watched(
    key: str | None, resource: str = "key-a"
) -> Callable[[Rotation, Run], Recorded]:
    """The identification of the client's key after this run; None is unknown."""

    def ask(rotation: Rotation, outcome: Run) -> Recorded:
        turn = rotation.turn(JOB)
        outcome.generation = turn.generation
        return turn.record(
            resource, pulumi.Output.from_input(key) if key else _unknown()
        )

    return ask


REPLACED = (
    f"info: credentials: {NAME}: the key of generation 3, since 2026-01-01, was replaced out of turn on "
    "2026-01-21; the provider denies the old key"
)


@pytest.mark.parametrize(
    ("key", "preview"), [("new", False), ("new", True), (None, True)]
)
def test_a_key_that_is_replaced_out_of_turn_is_recorded_and_said(
    key: str | None, preview: bool
) -> None:
    """With the day; a preview does not know the new key and tells it by that. The generation stays, and its days."""
    outcome = run(watched(key), {NAME: recorded(3, 0, 30)}, 20, preview=preview)
    assert outcome.output == recorded(3, 0, 30, replaced="2026-01-21")
    assert outcome.messages == [REPLACED]


def test_a_replaced_key_is_remembered_until_the_next_takes_over() -> None:
    """Whatever it is replaced by until then; what is due comes on its day."""
    replaced = recorded(3, 0, 30, replaced="2026-01-21")
    assert run(watched("old"), {NAME: replaced}, 25).output == replaced
    assert run(watched("old"), {NAME: replaced}, 25).messages == []
    assert run(watched("new"), {NAME: replaced}, 25).output == {
        **replaced,
        "replaced": "2026-01-26",
    }
    assert run(
        watched("new", "key-b"), {NAME: replaced}, 30
    ).output == recorded(4, 30, 37, "counts")
    overlapping = recorded(3, 0, 7, "counts", replaced="2026-01-03")
    assert run(watched("old"), {NAME: overlapping}, 7).output == recorded(
        3, 0, 30, replaced="2026-01-03"
    )


def test_without_a_replaced_key_the_output_is_as_it_was() -> None:
    """The same key; a key that the state does not know; a key that a run leaves out; and a client's
    first key."""
    for ask, preview in (
        (watched("old"), True),
        (watched("new", "key-c"), True),
        (watched(None), False),
    ):
        outcome = run(ask, {NAME: recorded(3, 0, 30)}, 20, preview=preview)
        assert (outcome.output, outcome.messages) == (recorded(3, 0, 30), [])
    assert run(watched("new"), None, 20).output == recorded(1, 20, 50)


# Secrets that the provider knows one at a time of


def test_a_shared_secret_is_as_old_as_what_has_it() -> None:
    """Another app has another secret: the next number, since that day."""
    first = run(shared("app1"), None, 0)
    assert (first.output, first.messages) == (
        recorded(1, 0, 30, secretOf="app1"),
        [],
    )
    assert run(shared("app1"), {NAME: first.output}, 20).output == first.output
    second = run(shared("app2"), {NAME: first.output}, 20)
    assert (second.output, second.messages) == (
        recorded(2, 20, 50, secretOf="app2"),
        [],
    )


def test_a_shared_secret_is_said_to_be_due_from_its_day_on_with_what_replaces_it() -> (
    None
):
    """In each run, since nobody replaces it by a schedule; nothing changes by that."""
    previous = {NAME: recorded(1, 0, 30, secretOf="app1")}
    assert run(shared("app1"), previous, 29).messages == []
    for day in (30, 400):
        outcome = run(shared("app1"), previous, day)
        assert outcome.output == previous[NAME]
        assert outcome.messages == [
            f"warn: credentials: {NAME}: the shared secret is due since 2026-01-31. Replace it: "
            "pulumi up -s stack --replace '**::main-app-shop/job'"
        ]


def test_a_secret_in_place_of_a_key_is_the_first() -> None:
    """And the warning is the other way round."""
    outcome = run(shared("app1"), {NAME: recorded(4, 0, 30)}, 3)
    assert outcome.output == recorded(1, 3, 33, secretOf="app1")
    assert [text.split(";")[0] for text in outcome.messages] == [
        f"warn: credentials: {NAME}: a shared secret replaces its key"
    ]
