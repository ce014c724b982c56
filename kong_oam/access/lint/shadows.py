"""Rules that never decide: those of the same path and method that ask for less, and those that no request reaches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kong_oam.access.lint.finding import LintFinding, Removal
from kong_oam.access.lint.subject import LintSubject
from kong_oam.access.model import METHODS, Component, Rule
from kong_oam.access.paths import PathSegments, within, written


def shadowed_rules(subject: LintSubject) -> Iterator[LintFinding]:
    """Rules, or single paths of one, without which every request would get the answer that it gets with them."""
    if not subject.access:
        return
    weaker = weaker_rules(subject.component)
    for index, rule in enumerate(subject.access.get("rules", ())):
        place = subject.place("rules", index)
        mine = [number for number, one in enumerate(subject.component.rules) if one.place == place]
        beaten = [number for number in mine if number in weaker]
        if beaten and beaten == mine:
            message = f"never decides: {_said(weaker[mine[0]])}"
            yield LintFinding("LINT304", subject.key, message, place, Removal(place))
            continue
        for number in beaten:
            change = place.at("paths", mine.index(number)) if "paths" in rule else None
            path = written(subject.component.rules[number].path)
            message = f"never decides on {path}: {_said(weaker[number])}"
            yield LintFinding("LINT304", subject.key, message, change or place, Removal(change) if change else None)


def _said(rule: Rule) -> str:
    needs = "is public already" if rule.public else f"needs no more than {' and '.join(rule.scopes)}"
    listed = ", ".join(method for method in METHODS if rule.lists(method))
    return f"{listed} {written(rule.path)} {needs} (line {rule.place.line})"


def weaker_rules(component: Component) -> Mapping[int, Rule]:
    """Positions in `component.rules` of those that never decide, to a rule of the same path that asks for less.

    A rule with the same needs as one before it is one of them. Whoever satisfies such a rule satisfies the other.
    """
    by_path: dict[PathSegments, list[int]] = {}
    for position, rule in enumerate(component.rules):
        by_path.setdefault(rule.path, []).append(position)
    found = {}
    for positions in by_path.values():
        for position in positions if len(positions) > 1 else ():
            rule = component.rules[position]
            others = [(other, component.rules[other]) for other in positions if other != position]
            weaker = [
                next((one for other, one in others if one.lists(method) and _less(one, rule, other < position)), None)
                for method in METHODS
                if rule.lists(method)
            ]
            if weaker[0] and all(weaker):
                found[position] = weaker[0]
    return found


def _less(one: Rule, rule: Rule, earlier: bool) -> bool:
    """Whether `one` asks for less than `rule`, or for the same and comes first. Both are public, or none is."""
    if one.public or rule.public:
        return bool(one.public and rule.public) and earlier
    return set(one.scopes) < set(rule.scopes) or (set(one.scopes) == set(rule.scopes) and earlier)


def unreachable_rules(subject: LintSubject) -> Iterator[LintFinding]:
    """Rules on paths that lead to another component on every host, since its gateway trait has a longer path.

    They still count for other spellings of their paths (those are refused), so removing one is not certain.
    """
    for index, rule in enumerate(subject.access.get("rules", ())):
        place = subject.place("rules", index)
        for one in (one for one in subject.component.rules if one.place == place):
            if owner := _taken_by(subject, one.path):
                at = place.at("paths", [*rule["paths"]].index(written(one.path))) if _literal(rule, one.path) else place
                message = f"never decides: requests for {written(one.path)} go to '{owner.key}'"
                yield LintFinding("LINT304", subject.key, message, at)


def _literal(rule: Mapping[str, object], path: PathSegments) -> bool:
    paths = rule.get("paths")
    return isinstance(paths, list) and written(path) in paths


def _taken_by(subject: LintSubject, path: PathSegments) -> Component | None:
    """The component that gets all requests at or below `path` instead of this one; None where this one gets some."""
    taker = None
    for endpoint in subject.component.endpoints:
        if within(endpoint.path, path):
            return None
        if within(path, endpoint.path):
            owners = [pair for pair in subject.estate.by_host[endpoint.host] if within(path, pair[0].path)]
            _, taker = max(owners, key=lambda pair: len(pair[0].path))
            if taker is subject.component:
                return None
    return taker
