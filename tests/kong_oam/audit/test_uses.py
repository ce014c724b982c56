"""Aggregate records: classes that `decide` cannot tell apart, and everything that does not count."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from kong_oam.access.model import Estate
from kong_oam.audit.uses.declared import Declared, declared_in
from kong_oam.audit.uses.logs import collect
from kong_oam.audit.uses.model import Uses
from kong_oam.audit.uses.replay import decide_class, rule_path
from kong_oam.audit.uses.store import read_uses
from tests.support.json_object import JsonObject
from tests.support.recorded_calls import ACCESS, orders, records, write_log

pytest.importorskip("duckdb", reason="the extra `audit` is not installed")


def uses_of(tmp_path: Path, declared: Declared, *logs: Path) -> Uses:
    """Return the uses of logs of the stack `local`."""
    target = tmp_path / "uses.parquet"
    collect(logs, declared, ["local"], target, lambda *_: None)
    return read_uses([target])


def problems(uses: Uses) -> set[tuple[str, str, int, int | None]]:
    return {
        (each.file, each.problem, each.count, each.line) for each in uses.unread
    }


def test_each_class_has_one_decision_and_all_its_records(
    tmp_path: Path,
) -> None:
    """The decision of a class is the decision of each of its records."""
    model = orders()
    made = records(model, 20_000)
    uses = uses_of(
        tmp_path, declared_in([model]), write_log(tmp_path / "log", made)
    )
    expected: Counter[tuple[object, ...]] = Counter()
    for fields in made:
        allowed = fields["decision"] == "allowed"
        expected[
            fields["method"],
            fields.get("caller"),
            allowed,
            fields["code"],
            fields.get("rulePath"),
        ] += 1
    found: Counter[tuple[object, ...]] = Counter()
    for call, seen in uses.classes.items():
        decided = decide_class(model, call, seen)
        found[
            call.method,
            call.caller,
            decided.allowed,
            decided.code,
            rule_path(decided),
        ] += seen.count
    assert found == expected
    assert len(uses.classes) <= 1500
    assert not any("/7" in call.path for call in uses.classes)
    assert problems(uses) == set()


def paths_of(tmp_path: Path, model: Estate, *paths: str) -> list[str]:
    """Return the paths of the classes of records with these paths."""
    first = records(model, 1)[0]
    log = write_log(
        tmp_path / "log", [{**first, "path": path} for path in paths]
    )
    return sorted(
        call.path
        for call in uses_of(tmp_path, declared_in([model]), log).classes
    )


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/orders/1234", "/orders/~"),
        ("/orders/1234/lines/7", "/orders/~"),
        ("/orders/", "/orders/~"),
        ("/orders", "/orders"),
        ("/orders/health", "/orders/health"),
        ("/orders/HEALTH/7", "/orders/HEALTH/~"),
        ("/orders/Items/7", "/orders/Items/~"),
        ("/orders/ann@example.com", "/orders/~"),
        ("/orders/ann%40example.com", "/orders/~"),
        ("/orders/x%20y", "/orders/~"),
        ("/orders/.well-known", "/orders/~"),
        ("/orders/..", "/orders/.."),
        ("/orders/x~1", "/orders/x~1"),
        ("/orders/secret.", "/orders/secret."),
        ("/orders//7", "/orders//7"),
        ("/orders/%37", "/orders/%37"),
        ("/orders/other/7", "/orders/other/~"),
        ("/", "/"),
    ],
)  # fmt: skip
def test_a_path_keeps_its_declared_elements(
    tmp_path: Path, path: str, kept: str
) -> None:
    assert paths_of(tmp_path, orders(), path) == [kept]


def test_refused_texts_keep_their_paths_apart(tmp_path: Path) -> None:
    """A refusal compares texts, so its elements are not enough."""
    refusing = ACCESS.replace(
        "methods: [GET], scopes: [orders.read]}",
        "methods: [GET], scopes: [orders.read], refusals: {begins: [/orders/db], exactly: [/orders/a/]}}",
    )
    kept = paths_of(
        tmp_path,
        orders(refusing),
        "/orders/dbx/7",
        "/orders/db/7",
        "/orders/a/",
        "/orders/a",
        "/orders/a/7",
        "/orders/7",
    )
    assert kept == [
        "/orders/a",
        "/orders/a/",
        "/orders/a/~",
        "/orders/db/~",
        "/orders/dbx/7",
        "/orders/~",
    ]


def test_an_address_stays_where_networks_are_limited(tmp_path: Path) -> None:
    model = orders()
    uses = uses_of(
        tmp_path,
        declared_in([model]),
        write_log(tmp_path / "log", records(model, 500)),
    )
    addresses = {call.rule_path: call.address for call in uses.classes}
    assert addresses["/orders"] and not addresses["/orders/health"]


def test_no_subject_is_kept(tmp_path: Path) -> None:
    model = orders()
    log = write_log(tmp_path / "log", records(model, 100))
    assert b"someone" in log.read_bytes()
    uses = uses_of(tmp_path, declared_in([model]), log)
    assert "someone" not in repr(uses)


def lines_of(listed: Iterable[object]) -> list[str]:
    return [json.dumps(each) for each in listed]


def test_lines_that_do_not_count_are_counted(tmp_path: Path) -> None:
    """Each file has the number and the first line of each problem."""
    model = orders()
    made = records(model, 9)
    good = lines_of(made)
    bad = [
        {**made[0], "path": 7},
        {**made[0], "scopes": "a,b,"} | {"scopes": [1]},
        {**made[0], "user": "yes"},
        {**made[0], "stack": "other"},
        {**made[0], "version": 2},
        {name: value for name, value in made[0].items() if name != "revision"},
        {"version": 1, "requestId": "x", "code": "record-failed"},
        {"version": 1, "requestId": "x", "code": "not-admitted", "status": 503},
    ]
    text = "\n".join(
        [
            good[0],
            good[1][:40],
            "",
            "7",
            f"[{good[2]}, {good[3]}]",
            *lines_of(bad),
            good[4],
        ]
    )
    plain = tmp_path / "plain.jsonl"
    plain.write_bytes(text.encode() + b'\n{"version": "\xff"}\n')
    zipped = write_log(tmp_path / "zipped.gz", made[5:])
    uses = uses_of(tmp_path, declared_in([model]), plain, zipped)
    assert uses.count == 8
    assert problems(uses) == {
        ("plain.jsonl", "torn", 3, 2),
        ("plain.jsonl", "type", 3, 6),
        ("plain.jsonl", "stack", 1, 9),
        ("plain.jsonl", "version", 1, 10),
        ("plain.jsonl", "incomplete", 1, 11),
        ("plain.jsonl", "record-failed", 1, 12),
        ("plain.jsonl", "not-admitted", 1, 13),
    }


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_problem_names_its_line_among_all_lines(
    tmp_path: Path, is_packed: bool
) -> None:
    """Empty lines, ends of Windows, and bytes that are no text count as lines."""
    model = orders()
    made = records(model, 6)
    good = [line.encode() for line in lines_of(made)]
    wrong = json.dumps({**made[0], "path": 7}).encode()
    other = json.dumps({**made[0], "stack": "other"}).encode()
    lines = [
        b"",
        good[0],
        b"  ",
        good[1] + b"\r",
        b"\r",
        good[2].replace(b"/", b"\\/"),
        b"\xff\x80",
        b"a\x01b\x01c",
        good[3] + good[4],
        wrong,
        b"",
        other,
        good[5],
    ]
    text = b"\n".join(lines)
    log = tmp_path / "log"
    log.write_bytes(gzip.compress(text) if is_packed else text)
    uses = uses_of(tmp_path, declared_in([model]), log)
    assert uses.count == 4
    assert problems(uses) == {
        ("log", "torn", 3, 7),
        ("log", "type", 1, 10),
        ("log", "stack", 1, 12),
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("port", 8080),
        ("revision", 123456789012),
        ("path", True),
        ("client", {"id": "x"}),
        ("caller", ["shop/web"]),
        ("user", 1),
        ("user", "true"),
        ("version", "1"),
        ("sequence", "7"),
        ("scopes", {"orders.read": 1}),
        ("groups", ["sales", 7]),
    ],
)
def test_a_value_of_another_type_is_no_text(
    tmp_path: Path, field: str, value: object
) -> None:
    """DuckDB reads numbers and objects as texts. A record with such a value does not count."""
    model = orders()
    good, bad = records(model, 2)
    log = write_log(tmp_path / "log", [good, {**bad, field: value}])
    uses = uses_of(tmp_path, declared_in([model]), log)
    assert uses.count == 1
    assert problems(uses) == {("log", "type", 1, 2)}


def test_logs_packed_with_zstd_are_read(tmp_path: Path) -> None:
    import duckdb

    model = orders()
    log = write_log(tmp_path / "log.json", records(model, 500))
    packed = tmp_path / "log.json.zst"
    duckdb.sql(
        f"COPY (SELECT json FROM read_json_objects('{log}')) TO '{packed}' "
        "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIM '\x01', COMPRESSION zstd)"
    )
    assert packed.read_bytes().startswith(b"\x28\xb5\x2f\xfd")
    declared = declared_in([model])
    found = uses_of(tmp_path, declared, packed)
    assert found == uses_of(tmp_path, declared, log)


def test_a_cut_archive_does_not_stop_the_others(tmp_path: Path) -> None:
    model = orders()
    made = records(model, 3000)
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress("\n".join(lines_of(made)).encode())[:-2000])
    uses = uses_of(
        tmp_path,
        declared_in([model]),
        cut,
        write_log(tmp_path / "log", made[:10]),
    )
    assert uses.count == 10
    assert problems(uses) == {("cut.gz", "unreadable", 1, None)}


def test_escapes_in_json_are_read(tmp_path: Path) -> None:
    model = orders()
    made = {
        **records(model, 1)[0],
        "groups": ['a"b', "ö"],
        "scopes": [],
        "caller": "shop\\u002fweb",
    }
    log = tmp_path / "log"
    log.write_text(json.dumps(made).replace("\\\\u002f", "\\u002f"))
    [call] = uses_of(tmp_path, declared_in([model]), log).classes
    assert (call.groups, call.scopes, call.caller) == (
        ('a"b', "ö"),
        (),
        "shop/web",
    )


def test_repeated_and_late_records_count_and_are_named(tmp_path: Path) -> None:
    model = orders()
    made = records(model, 1000)
    log = write_log(tmp_path / "log", [*made, made[7], made[3]])
    again = write_log(tmp_path / "again", made[500:510])
    uses = uses_of(tmp_path, declared_in([model]), log, again)
    assert uses.count == 1012
    assert problems(uses) == {
        ("log", "repeated", 2, 1001),
        ("log", "late", 2, 1001),
        ("again", "repeated", 10, 1),
    }


def test_daily_files_join(tmp_path: Path) -> None:
    """The uses of two days are the uses of both logs."""
    model = orders()
    made = records(model, 4000)
    declared = declared_in([model])
    whole = uses_of(tmp_path, declared, write_log(tmp_path / "log", made))
    days = []
    for number, part in enumerate((made[:2011], made[2011:])):
        day = tmp_path / f"day{number}.parquet"
        collect(
            [write_log(tmp_path / f"log{number}", part)],
            declared,
            ["local"],
            day,
            lambda *_: None,
        )
        days.append(day)
    assert uses_of(tmp_path, declared, *days) == whole
    assert read_uses(days) == whole


def test_parquet_logs_count_as_lines_do(tmp_path: Path) -> None:
    import duckdb

    model = orders()
    log = write_log(tmp_path / "log.json", records(model, 2000))
    columnar = tmp_path / "log.parquet"
    duckdb.sql(
        f"COPY (SELECT * REPLACE (strftime(time, '%Y-%m-%dT%H:%M:%S.%gZ') AS time) FROM read_json('{log}')) TO '{columnar}'"
    )
    declared = declared_in([model])
    assert uses_of(tmp_path, declared, columnar) == uses_of(
        tmp_path, declared, log
    )


def _telemetry_value(value: object) -> JsonObject:
    """Return an attribute's value as Kong's plugin sends it: numbers as doubles, lists as words."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, list):
        return {"stringValue": " ".join(value)}
    if isinstance(value, int | float):
        return {"doubleValue": value}
    return {"stringValue": value}


def _telemetry_line(listed: Iterable[JsonObject]) -> str:
    """Return records as a line of OTLP's JSON, after an entry of Kong's error log."""
    place = {"key": "introspection.source", "value": {"stringValue": "a.lua"}}
    error_log: JsonObject = {"attributes": [place]}
    entries: list[JsonObject] = [error_log]
    for fields in listed:
        attributes = [
            {"key": name, "value": _telemetry_value(value)}
            for name, value in fields.items()
            if not isinstance(value, dict)
        ]
        entries.append({"attributes": attributes})
    scopes = [{"scope": {"name": "kong-oam"}, "logRecords": entries}]
    resources = [{"resource": {"attributes": []}, "scopeLogs": scopes}]
    return json.dumps({"resourceLogs": resources})


def test_a_log_of_whole_batches_of_opentelemetry_is_read(
    tmp_path: Path,
) -> None:
    """Each line is a JSON object, as a plain record is."""
    model = orders()
    log = tmp_path / "telemetry"
    log.write_text(_telemetry_line(records(model, 50)))
    found = uses_of(tmp_path, declared_in([model]), log)
    assert (found.count, found.unread) == (50, ())


@pytest.mark.parametrize("is_packed", [False, True])
def test_records_of_opentelemetry_make_the_same_classes(
    tmp_path: Path, is_packed: bool
) -> None:
    """The collector writes batches as lines of JSON. Entries of the error log are no records."""
    model = orders()
    made = records(model, 500)
    lines = [_telemetry_line(made[n : n + 50]) for n in range(0, 500, 50)]
    text = "\n".join([*lines, lines[0][:90]]).encode()
    log = tmp_path / "telemetry"
    log.write_bytes(gzip.compress(text) if is_packed else text)
    declared = declared_in([model])
    found = uses_of(tmp_path, declared, log)
    plain = write_log(tmp_path / "plain", made)
    assert found.classes == uses_of(tmp_path, declared, plain).classes
    assert found.count == 500
    assert problems(found) == {("telemetry", "torn", 1, 11)}
