"""Counters of records in Prometheus' text format, and the log with the records."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kong_oam.metrics import counters
from kong_oam.metrics.counters import Counters, due_date_lines
from kong_oam.metrics.follow import LONGEST, follow


def record(**fields: Any) -> str:
    values = {
        "version": 1,
        "stack": "prod",
        "component": "orders/api",
        "decision": "allowed",
        "status": 200,
    }
    return json.dumps({**values, "code": "allowed", **fields})


def samples(*lines: str) -> list[str]:
    counted = Counters()
    for line in lines:
        counted.add(line)
    return [line for line in counted.lines() if not line.startswith("#")]


def decision(
    component: str, decision: str, code: str, status: int, count: int
) -> str:
    labels = f'component="{component}",decision="{decision}",code="{code}",status="{status}"'
    return f'kong_oam_decisions_total{{stack="prod",{labels}}} {count}'


def test_decisions_are_counted_by_component_reason_and_status() -> None:
    """The record is in a line, or in a list."""
    refused = record(decision="refused", code="scope-missing", status=403)
    assert samples(
        record(), refused, f"[{refused}, {record(component='shop/web')}]"
    ) == [
        decision("orders/api", "allowed", "allowed", 200, 1),
        decision("orders/api", "refused", "scope-missing", 403, 2),
        decision("shop/web", "allowed", "allowed", 200, 1),
        "kong_oam_failures_total 0",
        "kong_oam_unread_lines_total 0",
    ]


@pytest.mark.parametrize("code", ["failed", "not-admitted", "record-failed"])
def test_failures_are_counted_from_the_beginning(code: str) -> None:
    """The counter starts at 0, so that Prometheus sees the first failure; a record of a failure has
    little more than its code."""
    assert "kong_oam_failures_total 0" in samples()
    assert "kong_oam_failures_total 1" in samples(
        json.dumps({"version": 1, "requestId": "x", "code": code})
    )


@pytest.mark.parametrize(
    ("service", "labels"),
    [
        ("kong-oam.prod.orders.api.8080", ("prod", "orders/api")),
        ("kong-oam.prod.eu.orders.api.8080_web", ("prod.eu", "orders/api")),
        ("somebody.prod.orders.api.8080", ("", "")),
        ("kong-oam.prod", ("", "")),
        ("kong-oam", ("", "")),
        (7, ("", "")),
        (None, ("", "")),
    ],
)
@pytest.mark.parametrize("code", ["not-admitted", "record-failed"])
def test_a_record_without_its_stack_counts_for_that_of_its_service(
    service: object, labels: tuple[str, str], code: str
) -> None:
    """Such a record has little more than its code and the names in Kong."""
    bare = {
        "version": 1,
        "code": code,
        "service": {"name": service},
        "response": {"status": 503},
    }
    (line, *_) = samples(json.dumps(bare))
    stack, component = labels
    assert line.startswith(
        f'kong_oam_decisions_total{{stack="{stack}",component="{component}",'
    )
    assert 'status="503"} 1' in line


def test_a_record_that_names_its_stack_counts_for_that() -> None:
    """This holds for any name of its service."""
    (line, *_) = samples(record(service={"name": "kong-oam.other.shop.web.80"}))
    assert line == decision("orders/api", "allowed", "allowed", 200, 1)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "2026/11/28 [error] no JSON",
        "[1]",
        '"text"',
        record(version=2),
        record(code=7),
        record(component='a"} 1\nother 1'),
        record(status={"a": 1}),
        '{"version": 1, "code": "not-admitted", "service": {"name": "kong-oam.a\\"} 1.orders.api.80"}}',
        "[" * 100_000,
    ],
    ids=[
        *(
            "nothing",
            "an error log's",
            "a number",
            "a text",
            "another version",
            "no code",
            "a label",
            "a map",
        ),
        *("a label of a service", "deep"),
    ],
)
def test_a_line_without_a_record_counts_as_unread(line: str) -> None:
    """No part of the line becomes a label."""
    assert samples(line) == [
        "kong_oam_failures_total 0",
        "kong_oam_unread_lines_total 1",
    ]


def test_labels_are_counted_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A writer of the log cannot fill the memory: known labels are still counted."""
    monkeypatch.setattr(counters, "LARGEST", 2)
    assert samples(*(record(component=f"a/{n}") for n in (1, 2, 3, 4, 1)))[
        0::3
    ] == [
        decision("a/1", "allowed", "allowed", 200, 2),
        "kong_oam_unread_lines_total 2",
    ]


def test_keys_are_due_at_the_beginning_of_their_day() -> None:
    """Client and provider are the labels, from the output `credentials`."""
    outputs = {
        "credentials": {
            "shop/checkout at okta": {"generation": 1, "due": "2027-02-23"}
        }
    }
    assert [*due_date_lines(outputs)][-1] == (
        'kong_oam_key_due_timestamp_seconds{client="shop/checkout",provider="okta"} 1803340800'
    )


@pytest.mark.parametrize(
    ("outputs", "why"),
    [
        ({}, "no output `credentials`"),
        ({"credentials": []}, "no output `credentials`"),
        ({"credentials": {"a/b at okta": {}}}, "a/b at okta has no due date"),
        (
            {"credentials": {"a/b at okta": {"due": "soon"}}},
            "Invalid isoformat",
        ),
    ],
)
def test_outputs_of_something_else_are_refused(outputs: Any, why: str) -> None:
    """Such outputs do not count as a stack without keys."""
    with pytest.raises(ValueError, match=why):
        [*due_date_lines(outputs)]


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[tuple[Path, list[bytes]]]:
    """A file with a line, and the lines that a follower received since."""
    file, got = tmp_path / "records", []
    file.write_text("old\n")
    lines = follow(file)

    def collect() -> None:
        for line in lines:
            if line == b"end\n":
                return
            got.append(line)

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    time.sleep(0.1)
    yield file, got
    with file.open("a") as more:
        more.write("\nend\n")
    thread.join(5)
    lines.close()
    assert not thread.is_alive()


def seen(got: list[bytes], *lines: bytes) -> bool:
    until = time.monotonic() + 5
    while got[: len(lines)] != [*lines]:
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_a_log_is_followed_from_its_end(
    followed: tuple[Path, list[bytes]],
) -> None:
    """A line counts only when it is complete."""
    file, got = followed
    with file.open("a") as log:
        log.write("one\ntw")
        log.flush()
        assert seen(got, b"one\n")
        time.sleep(0.3)
        assert got == [b"one\n"]
        log.write("o\n")
    assert seen(got, b"one\n", b"two\n")


@pytest.mark.deep
@pytest.mark.parametrize("how", ["moved away", "emptied", "gone for a while"])
def test_a_log_is_followed_through_rotation(
    followed: tuple[Path, list[bytes]], how: str
) -> None:
    """All lines of the new file are read."""
    file, got = followed
    with file.open("a") as log:
        log.write("one\n")
    assert seen(got, b"one\n")
    if how == "emptied":
        file.write_text("")
    else:
        file.rename(file.with_suffix(".1"))
    if how == "gone for a while":
        time.sleep(0.5)
    with file.open("a") as log:
        log.write("two\n")
    assert seen(got, b"one\n", b"two\n")


def test_a_line_without_end_is_cut(followed: tuple[Path, list[bytes]]) -> None:
    """A long line does not fill the memory."""
    file, got = followed
    with file.open("ab") as log:
        log.write(b"x" * (2 * LONGEST + 5))
    assert seen(got, b"x" * LONGEST, b"x" * LONGEST)
