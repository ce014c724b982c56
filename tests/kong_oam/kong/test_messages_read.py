"""The gate's reading of MCP messages: all parsers of servers read the accepted messages alike."""

from __future__ import annotations

import json
import time

import pytest

from tests.support.messages.gate_reading import PLAIN, GateReading
from tests.support.messages.mutations import SOUND, mutated_messages
from tests.support.messages.readings import (
    GO,
    NODE,
    read_by_go,
    read_by_javascript,
    read_by_python,
)
from tests.support.tiers import examples

COUNT = examples(100_000)
SEED = 7


@pytest.fixture(scope="module")
def gate() -> GateReading:
    return GateReading()


@pytest.mark.generated
@pytest.mark.timeout(300)
@pytest.mark.skipif(not NODE or not GO, reason="node or go is missing")
def test_parsers_read_accepted_messages_alike(gate: GateReading) -> None:
    """Two parsers read no accepted message differently. They read many rejected messages
    differently, so the messages can fail."""
    bodies = mutated_messages(SEED, COUNT)
    readings = zip(
        bodies,
        read_by_python(bodies),
        read_by_javascript(bodies),
        read_by_go(bodies),
        strict=True,
    )
    accepted = rejected_differently = 0
    for body, python, javascript, go in readings:
        is_alike = python == javascript == go
        mine = gate.read(body)
        if mine is None:
            rejected_differently += not is_alike
            continue
        accepted += 1
        assert is_alike, (body, python, javascript, go)
        assert python is not None
        _, method, name, _ = python
        assert mine[0] == (method or "")
        if mine[2]:
            assert (mine[2], method) == (name, "tools/call")
        else:
            assert method != "tools/call", body
    assert accepted > COUNT / 10
    assert rejected_differently > 300 * COUNT / 100_000


def test_sound_messages_are_read(gate: GateReading) -> None:
    """The gate accepts each message that the mutations begin with."""
    for sound in SOUND:
        read = gate.read(json.dumps(sound).encode())
        assert read is not None
        assert read[0] == sound.get("method", "")


@pytest.mark.parametrize(
    ("headers", "is_read"),
    [
        (PLAIN, True),
        ({"content-type": "Application/JSON; charset=UTF-8"}, True),
        ({**PLAIN, "mcp-protocol-version": "2025-06-18"}, True),
        ({**PLAIN, "mcp-protocol-version": ["2025-06-18"] * 2}, False),
        ({**PLAIN, "content-encoding": "identity"}, False),
        ({"content-type": "application/json; charset=utf-16"}, False),
        ({"content-type": ["application/json"] * 2}, False),
        ({}, False),
    ],
)
def test_headers_that_change_the_reading_are_rejected(
    gate: GateReading, headers: dict[str, str | list[str]], is_read: bool
) -> None:
    """One media type, one charset, no coding and at most one version of the protocol."""
    body = json.dumps(SOUND[0]).encode()
    assert (gate.read(body, headers) is not None) == is_read


def test_time_is_linear_in_the_size(gate: GateReading) -> None:
    """Reading 1 MiB takes at most 20 times as long as 64 KiB, however the bytes are spent."""
    for filler in ('"x', "\u00fc", "\\u0061", "1,", "[],", '"a":1,'):
        small, large = (
            min(_seconds(gate, filler, size) for _ in range(5))
            for size in (2**16, 2**20 - 200)
        )
        assert large < 20 * small + 0.02, filler


def _seconds(gate: GateReading, filler: str, size: int) -> float:
    count = size // len(filler.encode())
    inner = f'"{filler * count}"'
    if filler == '"x':
        inner = f'"{"x" * size}"'
    elif filler == '"a":1,':
        entries = ",".join(f'"{number:06}":1' for number in range(size // 11))
        inner = f"{{{entries}}}"
    elif filler.endswith(","):
        inner = f"[{(filler * count)[:-1]}]"
    body = (
        '{"jsonrpc":"2.0","id":1,"method":"tools/call",'
        f'"params":{{"name":"a","arguments":{{"a":{inner}}}}}}}'
    ).encode()
    start = time.process_time()
    assert gate.read(body) == ("tools/call", "a", "a")
    return time.process_time() - start
