"""The lint rules about access rules that never decide.

Another rule of the same path and method asks for less, or no request reaches the rule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from kong_oam.access.compile.refusals import (
    Form,
    listed_refusals,
    refused_text,
)
from kong_oam.access.data import PathSegments
from kong_oam.access.lint.finding import LintFinding, LintFindings, removal
from kong_oam.access.lint.subject import LintSubject
from kong_oam.access.lint.weaker import weaker_rules
from kong_oam.access.model import Rule
from kong_oam.access.paths import within, written
from kong_oam.diagnostics import some
from kong_oam.oam.position import SourcePosition


def shadowed_rules(subject: LintSubject) -> LintFindings:
    """Find rules, or single paths of a rule, whose removal changes no decision (LINT304)."""
    if not subject.access:
        return
    weaker = weaker_rules(subject.component)
    for index, rule in enumerate(subject.access.get("rules", ())):
        position = subject.position("rules", index)
        indexes = list(_compiled_at(subject, position))
        shadowed = [number for number in indexes if number in weaker]
        if shadowed and shadowed == indexes:
            message = f"never decides: {_in_words(weaker[indexes[0]])}"
            yield LintFinding(
                "LINT304", subject.key, message, position, removal(position)
            )
            continue
        for number in shadowed:
            path = written(subject.component.exposure.rules[number].path)
            message = f"never decides on {path}: {_in_words(weaker[number])}"
            at = position
            change = None
            if "paths" in rule:
                at = position.at("paths", indexes.index(number))
                change = removal(at)
            yield LintFinding("LINT304", subject.key, message, at, change)


def _compiled_at(
    subject: LintSubject, position: SourcePosition
) -> Iterator[int]:
    """Yield the indexes of the compiled rules of one rule of the trait: one for each path."""
    for index, rule in enumerate(subject.component.exposure.rules):
        if rule.position == position:
            yield index


def _in_words(rule: Rule) -> str:
    needs = "is public already"
    if not rule.public:
        needs = f"needs only {some(rule.scopes, ' and ')}"
    listed = ", ".join(rule.listed)
    return f"{listed} {written(rule.path)} {needs} (line {rule.position.line})"


def unreachable_rules(subject: LintSubject) -> LintFindings:
    """Find rules on paths that lead to another component on all hosts, by a longer path (LINT304).

    These rules still apply to other spellings of their paths, which the gate denies. So removing
    such a rule is not certain.
    """
    for index, _ in enumerate(subject.access.get("rules", ())):
        position = subject.position("rules", index)
        for index in _compiled_at(subject, position):
            path = subject.component.exposure.rules[index].path
            if winner := _component_reached(subject, path):
                message = f"never decides: requests for {written(path)} go to '{winner}'"
                yield LintFinding("LINT304", subject.key, message, position)


def _component_reached(subject: LintSubject, path: PathSegments) -> str | None:
    """Return the key of the component that gets all requests at or below `path` instead.

    None if the subject's component gets some of them.
    """
    winner = None
    for endpoint in subject.component.exposure.endpoints:
        if within(endpoint.path, path):
            return None
        if within(path, endpoint.path):
            pairs = subject.hosts[endpoint.host]
            owners = [pair for pair in pairs if within(path, pair[0])]
            _, winner = max(owners, key=lambda pair: len(pair[0]))
            if winner == subject.key:
                return None
    return winner


def idle_refusals(subject: LintSubject) -> LintFindings:
    """Find refusals whose removal changes no decision (LINT304).

    A longer rule owns all their paths, or an earlier refusal of the rule begins them.
    """
    for index, rule in enumerate(subject.access.get("rules", ())):
        where = subject.position("rules", index)
        paths = [
            subject.component.exposure.rules[number].path
            for number in _compiled_at(subject, where)
        ]
        beginnings: set[str] = set()
        for form, text, position in listed_refusals(
            rule.get("refusals", {}), where
        ):
            refused = refused_text(form, text)
            reason = _idle_reason(subject, form, refused, paths)
            for beginning in sorted(beginnings):
                if refused.startswith(beginning):
                    reason = f"the rule refuses '{beginning}*' already"
            if form != "exactly":
                beginnings.add(refused)
            if reason:
                message = f"{form} '{text}' refuses nothing: {reason}"
                # Without its only text, the list would be invalid.
                is_alone = len(rule["refusals"][form]) == 1
                change = None if is_alone else removal(position)
                yield LintFinding(
                    "LINT304", subject.key, message, position, change
                )


def _idle_reason(
    subject: LintSubject,
    form: Form,
    refused: str,
    paths: Collection[PathSegments],
) -> str:
    """Return why a longer rule decides on all refused paths; empty if the rule decides on some."""
    owner: PathSegments = ()
    for path in subject.component.owned:
        below = f"{written(path).removesuffix('/')}/"
        is_owned = refused.startswith(below) or (
            form == "exactly" and refused == written(path)
        )
        if is_owned and len(path) > len(owner):
            owner = path
    if owner and owner not in paths:
        return f"the rules on {written(owner)} own these paths"
    return ""
