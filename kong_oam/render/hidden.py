"""What is wrong with properties, and hidden by what else is: CUE says that a value is incomplete
where nothing in it conflicts, so that it is asked again without what it has told of."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

from kong_oam.diagnostics import suggestion
from kong_oam.render.answers import Answer, Ask, Finding, Question
from kong_oam.render.findings import at, steps_of

_ROUNDS = 3
"""How often it is asked again: each brings the findings of at least one more kind."""
_OF_PROPERTIES = frozenset({"unknown", "missing", "type", "value", "wrong"})
_LEFT_OUT = frozenset({"unknown", "type"})
"""The kinds of findings without whose properties the others mean the same. A wrong value may be the
one by which a definition chooses what else there is."""

Path = tuple[int, tuple[str, ...]]
"""The part of a component, from -1, and the steps below its properties."""


def with_hidden(asked: Question, ask: Ask) -> Answer:
    """Return the answer to a question, with the findings that come once the first ones are mended.
    Raises EvaluatorError."""
    answer = ask(asked)
    known = list(answer.get("findings", ()))
    without = asked
    found = known
    for _ in range(_ROUNDS):
        left_out = [
            _path(finding) for finding in found if finding["kind"] in _LEFT_OUT
        ]
        fewer = _without(without, left_out)
        if not left_out or fewer == without:
            break
        without = fewer
        answered = ask(without).get("findings", ())
        found = [finding for finding in answered if _is_new(finding, known)]
        known += found
    return {**answer, "findings": known} if known else answer


def _is_new(finding: Finding, known: Iterable[Finding]) -> bool:
    if finding["kind"] not in _OF_PROPERTIES:
        return False
    return not any(_bears_on(earlier, finding) for earlier in known)


def _path(finding: Finding) -> Path:
    return finding.get("part", -1), tuple(finding.get("path", ()))


def _bears_on(known: Finding, other: Finding) -> bool:
    """Tell whether the other finding may come of what was left out for the known one: at its
    place, above or below it; that a field is missing which is only misspelt; and all in the same
    property where a type is wrong, by which CUE may have taken another alternative."""
    part, path = _path(known)
    others_part, others = _path(other)
    if part != others_part:
        return False
    if known["kind"] != "unknown":
        return path[:1] == others[:1] or not others
    length = min(len(path), len(others))
    if path[:length] == others[:length]:
        return True
    beside = others[:-1] == path[:-1] and len(others) > 0
    return beside and other["kind"] == "missing" and _means(known, others[-1])


def _means(unknown: Finding, field: str) -> bool:
    """Tell whether a field that is not known is taken for another one."""
    return (
        suggestion(unknown["path"][-1], unknown.get("wanted", ()))
        == f"; did you mean '{field}'?"
    )


def _without(asked: Question, paths: Sequence[Path]) -> Question:
    """Return the question without the properties at these paths. Items of lists stay: others would
    take their places."""
    parts = copy.deepcopy([asked["component"], *asked["traits"]])
    for number, path in paths:
        properties = parts[number + 1]["properties"]
        steps = path[:-1]
        holder = at(properties, [*steps_of(properties, steps)])
        if path and isinstance(holder, dict):
            holder.pop(path[-1], None)
    return {**asked, "component": parts[0], "traits": parts[1:]}
