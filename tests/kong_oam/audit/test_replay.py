"""Decide recorded calls again: differences, unknown parts, gaps, and calls that cannot be judged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from kong_oam.access.model import Estate
from kong_oam.audit.uses.declared import declared_in
from kong_oam.audit.uses.model import Uses
from kong_oam.audit.uses.replay import (
    ANSWER,
    CREDENTIAL,
    Opening,
    Replay,
    replay,
)
from tests.support.json_object import JsonObject
from tests.support.recorded_calls import (
    ACCESS,
    REVISION,
    call,
    decision,
    orders,
    record,
    records,
    write_log,
)

pytest.importorskip("duckdb", reason="the extra `audit` is not installed")

from kong_oam.audit.uses.logs import collect
from kong_oam.audit.uses.store import read_uses

NARROWER = "fedcba987654"
GATE = ("orders/api", "8080", REVISION)
BEHIND = ("behind/api", "8080", REVISION)
NEXT_GATE = ("orders/api", "8080", NARROWER)


def uses_of(tmp_path: Path, made: list[JsonObject], *models: Estate) -> Uses:
    log = write_log(tmp_path / "log", made)
    target = tmp_path / "uses.parquet"
    collect([log], declared_in(models), ["local"], target, lambda *_: None)
    return read_uses([target])


def replayed(tmp_path: Path, made: list[JsonObject], model: Estate) -> Replay:
    return replay(uses_of(tmp_path, made, model), {GATE: model, BEHIND: model})


def without_write() -> Estate:
    """The estate after a change: POST needs both scopes, and another path is public."""
    return orders(
        ACCESS.replace("methods: [POST], scopes: [orders.write]", "methods: [POST], scopes: [orders.read, orders.write]")
        .replace("{paths: [/orders/health]", "{paths: [/orders/Items]")
    )  # fmt: skip


def test_calls_as_intended_have_no_finding(tmp_path: Path) -> None:
    result = replayed(tmp_path, records(orders(), 20_000), orders())
    assert not result.differences and not result.gaps
    assert not result.unknown_revisions
    assert result.judged == 20_000
    assert set(result.unjudged) == {CREDENTIAL}


def test_a_wrong_gate_has_exactly_its_calls(tmp_path: Path) -> None:
    """A gate that ignores the rules of one path, during some calls."""
    model = orders()
    made = records(model, 20_000)
    random = Random(2)
    wrong = 0
    for fields in made:
        if fields["code"] == "scope-missing" and random.random() < 0.1:
            fields |= {"decision": "allowed", "code": "allowed", "status": 200}
            wrong += 1
    result = replayed(tmp_path, made, model)
    assert wrong > 100
    assert sum(each.seen.count for each in result.differences) == wrong
    assert {each.intended.code for each in result.differences} == {
        "scope-missing"
    }
    assert {each.call.decision for each in result.differences} == {"allowed"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"rulePath": "/orders/health"},
        {"code": "public"},
        {"decision": "refused", "code": "no-rule"},
        {"path": "/orders/health/7"},
        {"component": "behind/api"},
    ],
)
def test_each_field_of_the_answer_is_compared(
    tmp_path: Path, wrong: Mapping[str, str]
) -> None:
    model = orders()
    good = next(
        fields
        for fields in records(model, 1000)
        if fields["code"] == "allowed" and fields["path"] == "/orders"
    )
    models = {GATE: model, ("behind/api", "8080", REVISION): model}
    result = replay(uses_of(tmp_path, [good, {**good, **wrong}], model), models)
    assert [each.seen.count for each in result.differences] == [1]


def test_deleted_records_are_missing(tmp_path: Path) -> None:
    """100 deleted records are exactly 100 missing numbers."""
    made = records(orders(), 20_000)
    inner = range(1000, len(made) - 1000)
    deleted = set(Random(3).sample(inner, 100))
    kept = [
        fields for number, fields in enumerate(made) if number not in deleted
    ]
    Random(4).shuffle(kept)
    result = replayed(tmp_path, kept, orders())
    assert sum(gap.count for gap in result.gaps) == 100
    assert not result.differences


def test_a_rollout_is_judged_by_both_models(tmp_path: Path) -> None:
    """A request passes only if gate and admission allow it. The scopes are what either counts."""
    old, new = orders(), without_write()
    random = Random(5)
    made = []
    for number in range(10_000):
        each = call(random)
        if "/other" in each.path.lower():
            continue
        gate = decision(new, each)
        admission = decision(old, each)
        decided = admission if gate.allowed and not admission.allowed else gate
        made.append(
            record(each, decided, number)
            | {
                "component": "orders/api",
                "revision": NARROWER,
                "admitted": REVISION,
            }
        )
    uses = uses_of(tmp_path, made, old, new)
    assert not replay(uses, {GATE: old, NEXT_GATE: new}).differences
    assert replay(uses, {GATE: old, NEXT_GATE: old}).differences
    assert replay(uses, {NEXT_GATE: new}).unknown_revisions == {GATE: len(made)}


def test_unknown_revisions_are_named_and_not_judged(tmp_path: Path) -> None:
    made = records(orders(), 100)
    for fields in made[:30]:
        fields["revision"] = NARROWER
    result = replayed(tmp_path, made, orders())
    assert result.unknown_revisions[NEXT_GATE] > 20
    assert sum(result.unknown_revisions.values()) == 30
    assert result.judged == 70
    assert result.has_findings


def test_clients_outside_the_estate_are_named(tmp_path: Path) -> None:
    result = replayed(tmp_path, records(orders(), 2000), orders())
    assert set(result.unknown_clients) == {
        ("id of ", "orders/api"),
        ("id of ", "behind/api"),
    }
    assert not result.allowed_unknown and not result.has_findings


def test_answers_of_plugins_are_counted(tmp_path: Path) -> None:
    """A plugin's denial is not judged. An answer after the gate is judged by the gate's part."""
    model = orders()
    good = next(
        fields for fields in records(model, 1000) if fields["code"] == "allowed"
    )
    denied = next(
        fields
        for fields in records(model, 1000)
        if fields["code"] == "scope-missing"
    )
    made = [
        {**good, "decision": "refused", "code": "too-many-requests"},
        {**good, "code": "upstream-failed"},
        {**denied, "decision": "allowed", "code": "upstream-failed"},
    ]
    result = replayed(tmp_path, made, model)
    assert result.unjudged == {ANSWER: 1}
    assert [each.call.path for each in result.differences] == [
        next(iter(_paths(tmp_path, denied)))
    ]


def test_a_malformed_header_is_not_judged(tmp_path: Path) -> None:
    """Without the header, a public rule would allow the call."""
    model = orders()
    public = next(
        fields for fields in records(model, 1000) if fields["code"] == "public"
    )
    refused = {"decision": "refused", "code": "malformed-authorization"}
    result = replayed(tmp_path, [{**public, **refused}], model)
    assert result.unjudged == {CREDENTIAL: 1}
    assert not result.differences


def _paths(tmp_path: Path, fields: JsonObject) -> list[str]:
    return [each.path for each in uses_of(tmp_path, [fields], orders()).classes]


def test_openings_need_a_record(tmp_path: Path) -> None:
    model = orders()
    refused = next(
        fields
        for fields in records(model, 1000)
        if fields["code"] == "scope-missing" and fields["rulePath"] == "/orders"
    )
    made = [
        {
            **refused,
            "decision": "allowed",
            "code": "opened",
            "time": f"2026-11-01T10:{minute}:00.000Z",
        }
        for minute in (10, 50)
    ]
    uses = uses_of(tmp_path, made, model)
    assert replay(uses, {GATE: model}).unrecorded_openings

    def opened(until: int) -> Opening:
        start = datetime(2026, 11, 1, 10, 5, tzinfo=UTC)
        return Opening(
            "orders/api",
            "/orders",
            (refused["method"],),
            start,
            start.replace(minute=until),
        )

    assert replay(uses, {GATE: model}, [opened(40)]).unrecorded_openings
    result = replay(uses, {GATE: model}, [opened(55)])
    assert not result.unrecorded_openings and not result.has_findings
