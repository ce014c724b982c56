"""Compile the refusals of a rule: texts of paths that the rule does not list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, TypedDict

from kong_oam.access.compile.elements import elements_of
from kong_oam.access.data import PathSegments, TextList
from kong_oam.access.paths import written
from kong_oam.access.refusals import Refusals, beginning_below
from kong_oam.diagnostics import Diagnostic, Report, some
from kong_oam.oam.position import SourcePosition

Form = Literal["exactly", "below", "begins"]


class RefusalsYaml(TypedDict, total=False):
    """The `refusals` of a rule, as texts of paths."""

    exactly: TextList
    below: TextList
    begins: TextList


def refusals_of(
    refusals: RefusalsYaml,
    position: SourcePosition,
    paths: Iterable[PathSegments],
    out: Report,
) -> Refusals:
    """Compile the refusals of a rule on `paths`. Findings are added to `out`."""
    rule_paths = [*map(written, paths)]
    exactly = set()
    begins = set()
    for form, text, where in listed_refusals(refusals, position):
        if elements_of(text, where, out) is None:
            continue
        beginning = refused_text(form, text)
        if form == "exactly":
            exactly.add(text)
        else:
            begins.add(beginning)
        if problem := _problem(form, beginning, rule_paths):
            message = f"{form} '{text}' {problem}"
            out.append(Diagnostic("ACC266", message, where))
    return Refusals(tuple(sorted(exactly)), tuple(sorted(begins)))


def refused_text(form: Form, text: str) -> str:
    """Return the text that refused paths equal, or with which they begin."""
    return beginning_below(text) if form == "below" else text


def listed_refusals(
    refusals: RefusalsYaml, position: SourcePosition
) -> Iterator[tuple[Form, str, SourcePosition]]:
    """Yield form, text and position of each refusal of the rule at `position`."""
    forms: tuple[Form, ...] = ("exactly", "below", "begins")
    for form in forms:
        for index, text in enumerate(refusals.get(form, ())):
            yield form, text, position.at("refusals", form, index)


def _problem(form: Form, text: str, rule_paths: list[str]) -> str:
    """Return why a refusal cannot be meant; empty if it refuses a part of the rule's requests."""
    if form != "exactly":
        for path in rule_paths:
            if path.startswith(text):
                return (
                    f"refuses all of '{path}'; remove this path from the rule"
                )
    if rule_paths and not any(
        _is_part(form, text, path) for path in rule_paths
    ):
        shown = some(rule_paths)
        return f"refuses nothing of {shown}; write a path below, or remove it"
    return ""


def _is_part(form: Form, text: str, path: str) -> bool:
    """Return whether the refused texts are texts that the path owns."""
    return text.startswith(beginning_below(path)) or (
        form == "exactly" and text == path
    )
