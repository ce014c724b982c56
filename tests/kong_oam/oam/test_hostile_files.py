"""Files of up to a megabyte that keep a reader busy: they need seconds, and get short answers."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.lint.lint import lint
from kong_oam.oam.application import Reading, read_bytes
from kong_oam.oam.document import (
    MAX_BYTES,
    MAX_DOCUMENTS,
    MAX_ENTRIES,
    MAX_FINDINGS,
)
from tests.support.estates import STACK
from tests.support.tiers import examples

BOUND = 5.0
"""CPU seconds for reading, checking and printing one file."""
HEAD = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: %s}\nspec:\n  components:\n"
COMPONENT = (
    "  - name: %s\n    type: webservice\n    properties:\n      image: a\n"
)
GATEWAY = "    - {type: gateway, properties: {domain: %s.example.com, http: {/: 80}}}\n"
ACCESS = "    - type: access\n      properties:\n        owner: o\n"

Filler = Callable[[int], str]
"""The text of the n-th item."""
PLACES: dict[str, tuple[str, Filler]] = {
    "documents": ("", lambda n: "---\na: 1\n"),
    "Applications": ("", lambda n: f"---\n{HEAD % f'a{n}'}{COMPONENT % f'c{n}'}"),
    "one key of the document": ("", lambda n: "k: 1\n"),
    "components": (HEAD % "a", lambda n: f"  - {{name: c{n}, type: worker, properties: {{image: a}}}}\n"),
    "properties": (HEAD % "a" + COMPONENT % "c", lambda n: f"      k{n}: 1\n"),
    "variables": (HEAD % "a" + COMPONENT % "c" + "      env:\n", lambda n: f"      - {{nam: k{n}}}\n"),
    "traits": (HEAD % "a" + COMPONENT % "c" + "    traits:\n", lambda n: "    - {type: scaler, properties: {replicas: x}}\n"),
    "hosts": (HEAD % "a" + COMPONENT % "c" + "    traits:\n", lambda n: GATEWAY % f"h{n}"),
    "rules": (
        HEAD % "a" + COMPONENT % "c" + "    traits:\n" + GATEWAY % "h" + ACCESS + "        rules:\n",
        lambda n: f"        - {{paths: [/p{n}], methods: [GET], public: {{reason: x}}}}\n",
    ),
    "roles": (
        HEAD % "a" + COMPONENT % "c" + "    traits:\n" + GATEWAY % "h" + ACCESS + "        roles:\n",
        lambda n: f"        - {{name: r{n}, groups: [g{n}], scopes: [s{n}]}}\n",
    ),
    "policies": (HEAD % "a" + COMPONENT % "c" + "  policies:\n", lambda n: f"  - {{type: override, properties: {{components: [{{name: z{n}}}]}}}}\n"),
    "overrides": (
        HEAD % "a" + "".join(f"  - {{name: c{n}, type: x}}\n" for n in range(900)) + "  policies:\n  - type: override\n    properties:\n      components:\n",
        lambda n: f"      - {{name: '*c*c*{n}*', properties: {{a: {n}}}}}\n",
    ),
    "steps": (
        HEAD % "a" + COMPONENT % "c" + "  policies:\n  - {name: o, type: override, properties: {components: [{properties: {a: b}}]}}\n  workflow:\n    steps:\n",
        lambda n: f"    - {{name: s{n}, type: deploy, dependsOn: [s{n - 1}], properties: {{policies: [o, o, o]}}}}\n",
    ),
    "values": (
        HEAD % "a",
        lambda n: f"  - {{name: c{n}, type: x, outputs: [{{name: o{n}, valueFrom: a}}], inputs: [{{from: u{n}, parameterKey: a}}]}}\n",
    ),
    "comments": (HEAD % "a" + COMPONENT % "c", lambda n: "#\n"),
    "brackets": ("a: ", lambda n: "["),
    "anchors": ("", lambda n: f"k{n}: &a{n} [1]\nl{n}: *a{n}\n"),
    "levels": ("", lambda n: " " * n + "a:\n"),
    "tags": ("", lambda n: f"---\na: !x y\n---\n{HEAD % f'a{n}'}{COMPONENT % f'c{n}'}"),
    "tabs": ("a:\n", lambda n: "\t\n"),
}  # fmt: skip


def _filled(position: str, count: int) -> bytes:
    """A file with so many items, or with a megabyte of them."""
    text, filler = PLACES[position]
    parts, size = [text], len(text)
    for n in range(count):
        part = filler(n)
        size += len(part)
        if size > MAX_BYTES:
            break
        parts.append(part)
    return "".join(parts).encode()


def _checked(raw: bytes) -> tuple[Reading, str, float]:
    """The output of `check`, and its CPU seconds. Only plain components need no evaluator."""
    began = time.process_time()
    reading = read_bytes("a.yaml", raw)
    is_plain = all(
        component.plain
        for application in reading.applications
        for component in application.components
    )
    compiled = (
        compile_estate(reading, STACK)
        if is_plain
        else Compiled(None, reading.diagnostics)
    )
    findings = (
        lint(reading.applications, compiled.estate, datetime.date(2026, 11, 27))
        if compiled.estate
        else ()
    )
    output = "\n".join(
        str(diagnostic)
        for diagnostic in (
            *compiled.diagnostics,
            *(finding.diagnostic for finding in findings),
        )
    )
    return reading, output, time.process_time() - began


MANY = [position for position in PLACES if position != "comments"]


@pytest.mark.parametrize("position", MANY)
def test_a_megabyte_of_one_thing_is_one_finding(position: str) -> None:
    """Within seconds, with a remedy."""
    reading, output, seconds = _checked(_filled(position, MAX_BYTES))
    assert [diagnostic.code for diagnostic in reading.diagnostics] == [
        "OAM101"
    ], output[:2000]
    assert reading.applications == () and seconds < BOUND
    assert len(output) < 1_000


@pytest.mark.parametrize(
    ("position", "count", "message"),
    [
        (
            "documents",
            MAX_DOCUMENTS + 1,
            "more than 1000 documents in one file; split it",
        ),
        (
            "one key of the document",
            MAX_ENTRIES + 1,
            "more than 1000 entries in one mapping or list; split it",
        ),
        (
            "components",
            MAX_ENTRIES + 1,
            "more than 1000 entries in one mapping or list; split it",
        ),
    ],
)
def test_the_limits_are_said(position: str, count: int, message: str) -> None:
    """One more than the limit."""
    reading, _, _ = _checked(_filled(position, count))
    assert [diagnostic.message for diagnostic in reading.diagnostics] == [
        message
    ]
    within, _, _ = _checked(_filled(position, count - 1))
    assert message not in [
        diagnostic.message for diagnostic in within.diagnostics
    ]


@pytest.mark.parametrize(
    "count",
    [MAX_FINDINGS - 1, MAX_FINDINGS, MAX_FINDINGS + 1, 5 * MAX_FINDINGS - 1],
)
def test_documents_that_cannot_be_read_are_findings_like_others(
    count: int,
) -> None:
    """If there are too many, the reader stops for good documents too."""
    reading, _, _ = _checked(_filled("tags", count))
    over = count > MAX_FINDINGS
    assert [diagnostic.code for diagnostic in reading.diagnostics] == [
        "OAM101"
    ] * (min(count, MAX_FINDINGS) + over)
    assert len(reading.applications) == (0 if over else count)
    assert len(reading.malformed) == (count if over else 0) + 1, (
        "and those whose name nobody could read"
    )


def test_of_many_findings_the_first_are_shown() -> None:
    """With a note about the rest; other Applications are not reported as missing."""
    raw = (
        _filled("properties", 700)
        + b"---\n"
        + (HEAD % "b" + COMPONENT % "d").encode()
    )
    reading, _, _ = _checked(raw)
    assert len(reading.diagnostics) == MAX_FINDINGS + 1
    last = reading.diagnostics[-1]
    assert last.code == "OAM101"
    assert (
        last.message
        == "more than 100 findings in this file; the rest is not read. Correct these first"
    )
    assert reading.malformed == {"a", "b"}


@settings(max_examples=examples(60), deadline=None)
@given(
    position=st.sampled_from(sorted(PLACES)),
    count=st.integers(1, MAX_ENTRIES),
    times=st.integers(1, 60),
)
def test_within_the_limits_it_takes_seconds_too(
    position: str, count: int, times: int
) -> None:
    """For any kind and number of items."""
    raw = b"---\n".join([_filled(position, count)] * times)[:MAX_BYTES]
    reading, _, seconds = _checked(raw)
    assert seconds < BOUND, seconds
    assert len(reading.diagnostics) <= MAX_FINDINGS + 1


def test_a_trait_whose_name_is_a_list_is_a_violation() -> None:
    """And it causes no other error."""
    trait = "    - {type: gateway, properties: {name: [x], http: {/: 80}}}\n"
    reading = read_bytes(
        "a.yaml", f"{HEAD % 'a'}{COMPONENT % 'c'}    traits:\n{trait}".encode()
    )
    assert [diagnostic.message for diagnostic in reading.diagnostics] == [
        "name must be of type string, not array"
    ]
