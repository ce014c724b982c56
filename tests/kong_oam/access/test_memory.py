"""Cached results of unchanged parts are equal to new results."""

from __future__ import annotations

import datetime

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.lint.finding import LintFinding
from kong_oam.access.lint.lint import lint
from kong_oam.access.memory import Memory
from kong_oam.oam.application import Reading, join_readings, read_bytes
from tests.support.estates import STACK
from tests.support.repository import ROOT
from tests.support.tiers import examples

FILES = {
    file.name: file.read_text("utf-8")
    for file in sorted((ROOT / "applications").glob("*.yaml"))
}
TODAY, LATER = datetime.date(2026, 11, 25), datetime.date(2028, 1, 1)

EDITS = (
    ("orders.yaml", "groups: [sales], components: [shop/checkout, shop/web]", "components: [shop/web]"),
    ("orders.yaml", "components: [shop/checkout, shop/web]", "components: [shop/checkout, shop/web, reports/renderer]"),
    ("orders.yaml", "http: {/orders: 8080}", "http: {/orders: 8080, /orders/more: 8080}"),
    ("orders.yaml", ', until: "2027-12-31"', ""),
    ("reports.yaml", "groups: [sales, order-desk]", "groups: [salse, order-desk]"),
    ("orders.yaml", "owner: team-orders", "owner: team-sales"),
    ("orders.yaml", "- {paths: [/orders/health]", "- {paths: [/orders/taken]"),
    ("shop.yaml", "calls: [{component: orders/api, scopes: [orders.read]}]", "calls: []"),
    ("shop.yaml", "name: checkout", "name: till"),
    ("shop.yaml", "calls: [{component: orders/api, scopes: [orders.read]}]", "calls: [{component: orders/apl, scopes: [x]}]"),
    ("orders.yaml", "- name: api", "- name: apart"),
    ("orders.yaml", "apiVersion", "# a line\n\napiVersion"),
    ("hello.yaml", "owner: team-hello", "team: hello"),
    ("hello.yaml", "kind: Application", "kind: Aplication"),
)  # fmt: skip
TAKER = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: taker}
spec:
  components:
    - name: reader
      type: webservice
      properties: {image: i, ports: [{port: 80}]}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders/taken: 80, /orders/health: 80}}
        - type: access
          properties: {owner: team-orders}
    - name: asker
      type: worker
      properties: {image: i, env: [{name: A, value: "http://api:8080"}]}
"""


def answer(
    reading: Reading, day: datetime.date, memory: Memory | None = None
) -> tuple[Compiled, tuple[LintFinding, ...]]:
    compiled = compile_estate(reading, STACK, memory)
    return compiled, lint(
        reading.applications, compiled.estate, day, memory
    ) if compiled.estate else ()


def summary(
    answered: tuple[Compiled, tuple[LintFinding, ...]],
) -> tuple[object, ...]:
    compiled, findings = answered
    shown = [
        (str(finding.diagnostic), finding.remedy, finding.suggestion())
        for finding in findings
    ]
    return [*map(str, compiled.diagnostics)], shown, compiled.estate


def test_every_edit_can_be_made() -> None:
    assert [old for file, old, _ in EDITS if FILES[file].count(old) != 1] == []


@settings(max_examples=examples(200), deadline=None)
@given(
    st.lists(st.sampled_from([*range(len(EDITS)), "taker", "day"]), max_size=8)
)
@example([5, "taker"])
@example(["taker", 2])
@example([8, 9])
@example([0, 11])
@example(["day"])
def test_every_answer_is_that_of_whoever_remembers_nothing(
    saves: list[int | str],
) -> None:
    """The checks follow each save of a file: an edit, its reversal, a new file that takes paths, or
    another day."""
    edits: set[int | str] = set()
    memory, readings = Memory(), dict[tuple[str, str], Reading]()
    for save in (None, *saves):
        edits ^= {save} - {None}
        texts = {**FILES} | ({"taker.yaml": TAKER} if "taker" in edits else {})
        for number, (file, old, new) in enumerate(EDITS):
            texts[file] = (
                texts[file].replace(old, new)
                if number in edits
                else texts[file]
            )
        parts = [
            readings.setdefault((file, text), read_bytes(file, text.encode()))
            for file, text in texts.items()
        ]
        reading, day = join_readings(parts), LATER if "day" in edits else TODAY
        remembered = summary(answer(reading, day, memory))
        memory.forget()
        assert remembered == summary(answer(reading, day))


def test_what_did_not_change_is_not_made_again() -> None:
    """Forgotten results are computed again."""
    memory, source, calls = Memory(), ["part"], list[int]()

    def make() -> int:
        calls.append(len(calls))
        return calls[-1]

    assert [
        memory.recall("a", source, 1, make),
        memory.recall("a", source, 1, make),
    ] == [0, 0]
    assert memory.recall("b", source, 1, make) == 1
    assert memory.recall("a", source, 2, make) == 2
    assert memory.recall("a", [*source], 2, make) == 3
    memory.forget()
    assert memory.recall("a", source, 2, make) == 2
    memory.forget()
    memory.forget()
    assert memory.recall("a", source, 2, make) == 4
