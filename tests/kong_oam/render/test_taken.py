"""Real Applications in the whole pipeline: accepted, or rejected with reasons."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_oam.access.model import Stack
from kong_oam.oam.definitions.definition import Definitions
from kong_oam.render.stage import Renderer
from kong_oam.render.tools import Tools
from tests.support.granting_stacks import ALLOWING, ELSEWHERE
from tests.support.oam_corpus import corpus, need_corpus, rows_of
from tests.support.third_party_applications import compiled_application

REASONS = {
    "no definition": r"^unknown \w+ type|has no version",
    "policies that are not deployed": "is not deployed; |^resource-update |cannot read workflow",
    "steps that are not run": "is not run here|unknown step type 'inline-deploy'",
    "ref-objects": "its objects are in a cluster",
    "a context that the stack has not": "no context of the stack|deployed to one namespace",
    "values": "cannot take the value|use output, outputs and context|secretconsumer 'myweb': its definition fails",
    "names": r"name(space)?: .* does not match|is already defined",
    "properties and fields": "unknown field|must be of type|needs '|cannot be \"",
    "definitions that fail": "its definition fails|which is not allowed; remove it",
    "opening": "path past the gateway|opens the Service outside|its pods would|its pods could|its node would|the port would be open|keeps old values",
    "shapes": "must be ",
}
"""Patterns of messages by reason; the first match counts."""
REFUSED = Path(__file__).with_name("refused.tsv")
"""Each rejected Application with its reason, or with the settings that allow it."""


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renderer]:
    need_corpus()
    with Tools() as tools:
        yield Renderer(tools)


def _found(
    file: str, renderer: Renderer, stack: Stack, addons: Definitions = ()
) -> list[str]:
    compiled = compiled_application(file, stack, renderer, addons)
    assert all(diagnostic.position for diagnostic in compiled.diagnostics), file
    return [
        diagnostic.message
        for diagnostic in compiled.diagnostics
        if diagnostic.severity == "error"
    ]


def _why(file: str, renderer: Renderer) -> str:
    """The reason for a rejection; empty if it is accepted."""
    if found := _found(file, renderer, ALLOWING):
        reasons = (
            why
            for why, item in REASONS.items()
            if any(re.search(item, message) for message in found)
        )
        return next(reasons, f"not known: {found}")
    wanted = {
        message.rpartition(": cluster.")[2].removeprefix("allow, ")
        for message in _found(file, renderer, ELSEWHERE)
    }
    return f"to be allowed: {', '.join(sorted(wanted))}" if wanted else ""


def test_every_application_is_taken_or_refused_for_a_reason_that_is_known(
    renderer: Renderer, tmp_path: Path
) -> None:
    """The numbers of 389 Applications (without wasmCloud's) that a strict and an allowing stack
    accept. Each finding has a position."""
    with REFUSED.open(encoding="utf-8") as rows:
        listed = dict(csv.reader(rows, delimiter="\t"))
    refused = {
        file: why
        for file in corpus("applications")
        if (why := _why(file, renderer))
    }
    made = tmp_path / REFUSED.name
    made.write_text(
        "".join(f"{file}\t{why}\n" for file, why in refused.items()), "utf-8"
    )
    assert refused == listed, f"the list as it is now: {made}"
    ours = [
        file
        for file in corpus("applications")
        if not file.startswith("wasmCloud")
    ]
    taken = [file for file in ours if file not in refused]
    allowed = [
        why for why in refused.values() if why.startswith("to be allowed")
    ]
    assert (len(ours), len(taken), len(taken) + len(allowed)) == (389, 188, 244)


def test_definitions_of_init_accept_what_the_addons_accept(
    renderer: Renderer, addons: Definitions
) -> None:
    """A strict stack accepts 36 of 54 Applications with types of Flux or Terraform, an allowing stack
    44. With the addons' own definitions, the numbers are 35 and 43."""
    accepted = Counter[str]()
    for file in corpus("applications"):
        if {"fluxcd", "terraform"} & {row["where"] for row in rows_of(file)}:
            for name, stack in (("strict", ELSEWHERE), ("allowing", ALLOWING)):
                accepted[name] += not _found(file, renderer, stack, addons)
            accepted["all"] += 1
    assert accepted == {"strict": 36, "allowing": 44, "all": 54}
