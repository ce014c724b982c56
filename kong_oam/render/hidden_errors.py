"""Find errors in properties that other errors hide.

CUE reports missing values only if no value conflicts. So ask again without the properties with
reported errors.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

from kong_oam.diagnostics import suggestion
from kong_oam.render.answers import Answer, Ask, Finding, Question
from kong_oam.render.findings import at, steps_of

# The limit of further questions. Each reveals at least one more kind of errors.
_ROUNDS = 3
_OF_PROPERTIES = frozenset({"unknown", "missing", "type", "value", "wrong"})
# The kinds of findings whose properties can be left out. A wrong value may select an alternative of
# the definition, so it must stay.
_LEFT_OUT = frozenset({"unknown", "type"})

# The part of a component, from -1, and the steps below its properties.
Path = tuple[int, tuple[str, ...]]


def with_hidden(question: Question, ask: Ask) -> Answer:
    """Return the answer to a question, including findings that other findings hide. Raise
    EvaluatorError."""
    answer = ask(question)
    known = list(answer.get("findings", ()))
    without = question
    found = known
    for _ in range(_ROUNDS):
        left_out = [
            _path(finding) for finding in found if finding["kind"] in _LEFT_OUT
        ]
        fewer = _without(without, left_out) if left_out else without
        if fewer == without:
            break
        without = fewer
        answered = ask(without).get("findings", ())
        found = [finding for finding in answered if _is_new(finding, known)]
        known += found
    return {**answer, "findings": known} if known else answer


def _is_new(finding: Finding, known: Iterable[Finding]) -> bool:
    if finding["kind"] not in _OF_PROPERTIES:
        return False
    return not any(_may_cause(earlier, finding) for earlier in known)


def _path(finding: Finding) -> Path:
    return finding.get("part", -1), tuple(finding.get("path", ()))


def _may_cause(known: Finding, other: Finding) -> bool:
    """Tell whether leaving out the known finding's property may cause the other finding.

    It may at the same place, above or below it, or if a misspelt field makes another field missing.
    With a wrong type, it may anywhere in the same property, where CUE could use another
    alternative.
    """
    part, path = _path(known)
    others_part, others = _path(other)
    if part != others_part:
        return False
    if known["kind"] != "unknown":
        return path[:1] == others[:1] or not others
    length = min(len(path), len(others))
    if path[:length] == others[:length]:
        return True
    is_sibling = others[:-1] == path[:-1] and len(others) > 0
    return (
        is_sibling
        and other["kind"] == "missing"
        and _is_misspelling(known, others[-1])
    )


def _is_misspelling(unknown: Finding, field: str) -> bool:
    """Tell whether an unknown field is a misspelling of another field."""
    return (
        suggestion(unknown["path"][-1], unknown.get("wanted", ()))
        == f"; did you mean '{field}'?"
    )


def _without(question: Question, paths: Sequence[Path]) -> Question:
    """Return the question without the properties at these paths. List items stay, because their
    removal would move others."""
    parts = copy.deepcopy([question["component"], *question["traits"]])
    for number, path in paths:
        properties = parts[number + 1]["properties"]
        steps = path[:-1]
        holder = at(properties, [*steps_of(properties, steps)])
        if path and isinstance(holder, dict):
            holder.pop(path[-1], None)
    return {**question, "component": parts[0], "traits": parts[1:]}
