"""The rules of an exposed path, and the requests that they close.

A rule has refusals for each cell that it must not open. Refusals are coarser than cells, so a rule
may refuse more than it has to; such requests are closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product

from kong_oam.access.data import PathSegments
from kong_oam.access.model import METHODS
from kong_oam.access.paths import written
from kong_oam.access.refusals import Refusals, beginning_below
from kong_oam.adopt.writing.cells import Cell, elements
from kong_oam.adopt.writing.judge import Judge, Region, text_of
from kong_oam.adopt.writing.outcomes import Holder, Holders, Outcome


@dataclass(frozen=True, slots=True)
class Permission:
    """The callers that may call: everybody, or the holders under a name, such as an ACL group."""

    name: str = ""
    holders: Holders = frozenset()

    @property
    def is_public(self) -> bool:
        return not self.name


PUBLIC = Permission()


@dataclass(frozen=True, slots=True)
class Refused:
    """The refusals of a rule, as an Application writes them."""

    exactly: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.exactly or self.below or self.begins)

    @property
    def meaning(self) -> Refusals:
        """The refusals as the gate reads them."""
        beginnings = set(map(beginning_below, self.below))
        return Refusals(
            self.exactly, tuple(sorted({*self.begins, *beginnings}))
        )


@dataclass(frozen=True, slots=True)
class PlannedRule:
    """A rule of one path. GET includes HEAD."""

    path: PathSegments
    methods: tuple[str, ...]
    permission: Permission
    refused: Refused = Refused()

    def lists(self, method: str) -> bool:
        return method in self.methods or (
            method == "HEAD" and "GET" in self.methods
        )

    def allows(self, method: str, cell: Cell) -> bool:
        """Return whether the rule lists the requests of a cell."""
        if not self.lists(method):
            return False
        text = text_of(cell.example)
        return text is not None and not self.refused.meaning.refuse(text)


@dataclass(frozen=True, slots=True)
class Part:
    """The fate of the requests of a cell with one method.

    `lost`: permissions that no rule gives them. `more`: permissions that GET gives to HEAD.
    `why`: why permissions are lost, if it is known.
    """

    cell: Cell
    method: str
    outcome: Outcome
    kept: frozenset[Permission]
    lost: frozenset[Permission]
    more: frozenset[Permission]
    why: str = ""


@dataclass(slots=True)
class RegionRules:
    """The rules of a region, and the parts of it that pass in the old Kong."""

    rules: tuple[PlannedRule, ...]
    parts: list[Part] = field(default_factory=list)


# By cell and method.
_Wanted = dict[tuple[Cell, str], frozenset[Permission]]


class RuleWriter:
    """Writes the rules of exposed regions. `groups` names the ACL groups of a consumer."""

    def __init__(self, judge: Judge, groups: Mapping[str, frozenset[str]]):
        self._judge = judge
        self._groups = groups

    def write(self, region: Region) -> RegionRules:
        """Return the rules of a region."""
        wanted: _Wanted = {}
        reasons: dict[tuple[Cell, str], str] = {}
        outcomes: dict[tuple[Cell, str], Outcome] = {}
        for cell, by_method in region.cells:
            for method, outcome in by_method.items():
                key = cell, method
                outcomes[key] = outcome
                wanted[key] = frozenset()
                if outcome.is_nothing:
                    continue
                why = self._judge.unfit(region, cell, method, outcome)
                reasons[key] = why
                if not why:
                    wanted[key] = self.permissions(outcome)
        cells = [cell for cell, _ in region.cells]
        rules = _sound(_rules(region.path, cells, wanted), cells, wanted)
        result = RegionRules(rules)
        for (cell, method), outcome in outcomes.items():
            if not outcome.is_nothing:
                result.parts.append(
                    _part(
                        cell,
                        method,
                        outcome,
                        rules,
                        wanted[cell, method] or self.permissions(outcome),
                        reasons[cell, method],
                    )
                )
        return result

    def permissions(self, outcome: Outcome) -> frozenset[Permission]:
        """Return the permissions that together let exactly the outcome's callers pass."""
        if outcome.reasons and not outcome.is_open and not outcome.holders:
            return frozenset()
        if outcome.is_open:
            return frozenset({PUBLIC})
        holders = outcome.holders
        found = set()
        for group in self._allowed(outcome):
            members = frozenset(
                holder for holder in holders if group in self._groups[holder[0]]
            )
            if members:
                found.add(Permission(group, members))
        together = frozenset[Holder]().union(*(each.holders for each in found))
        if found and together == holders:
            return frozenset(found)
        return frozenset({Permission(_name_of(holders), holders)})

    def _allowed(self, outcome: Outcome) -> tuple[str, ...]:
        """Return the ACL groups that the answering route allows."""
        route = outcome.route
        plugin = (
            self._judge.sites.chains.instance("acl", route) if route else None
        )
        if plugin is None or plugin.config.get("deny"):
            return ()
        return tuple(map(str, plugin.config.get("allow") or ()))


def _name_of(holders: Holders) -> str:
    """Return a name for callers without a group: the consumer's own, or `callers`."""
    names = sorted({name for name, _ in holders})
    return names[0] if len(names) == 1 else "callers"


def _part(
    cell: Cell,
    method: str,
    outcome: Outcome,
    rules: Iterable[PlannedRule],
    wanted: frozenset[Permission],
    why: str,
) -> Part:
    granted = frozenset(
        rule.permission for rule in rules if rule.allows(method, cell)
    )
    lost = wanted - granted
    if lost and not why:
        why = "a refusal of other paths refuses it, too"
    return Part(
        cell, method, outcome, wanted & granted, lost, granted - wanted, why
    )


def _rules(
    path: PathSegments, cells: list[Cell], wanted: _Wanted
) -> Iterator[PlannedRule]:
    every = frozenset[Permission]().union(*wanted.values())
    for permission in sorted(every, key=_order):
        by_refused: dict[Refused, list[str]] = {}
        for method in METHODS:
            listed = [
                cell
                for cell in cells
                if permission in wanted.get((cell, method), ())
            ]
            if not listed:
                continue
            refused = _refused(path, cells, {*listed})
            if refused is not None:
                by_refused.setdefault(refused, []).append(method)
        for refused, methods in by_refused.items():
            if "GET" in methods and "HEAD" in methods:
                methods.remove("HEAD")
            yield PlannedRule(path, tuple(methods), permission, refused)


def _order(permission: Permission) -> tuple[str, list[tuple[str, str]]]:
    return permission.name, sorted(permission.holders)


def _refused(
    path: PathSegments, cells: list[Cell], listed: set[Cell]
) -> Refused | None:
    """Return refusals of all cells but `listed`. None if they would refuse the whole path."""
    by_text: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell not in listed:
            by_text.setdefault(cell.text, []).append(cell)
    exactly: set[str] = set()
    below: set[str] = set()
    begins: set[str] = set()
    for text, refused in by_text.items():
        has_more = any(cell.continues for cell in refused)
        if elements(text) is None:
            # No Application can write the text, so a beginning of it is refused.
            text, has_more = _writable(text), True
            if not text:
                return None
        if not has_more:
            exactly.add(text)
        elif text.endswith("/"):
            below.add(text.removesuffix("/") or "/")
        else:
            begins.add(text)
    own = written(path)
    if "/" in below or any(own.startswith(text) for text in begins):
        return None
    return _shortest(exactly, below, begins)


def _writable(text: str) -> str:
    """Return the longest beginning of a text that a refusal can have; empty for none."""
    for length in range(len(text) - 1, 1, -1):
        beginning = text[:length]
        if not beginning.endswith("/") and elements(beginning) is not None:
            return beginning
    return ""


def _shortest(exactly: set[str], below: set[str], begins: set[str]) -> Refused:
    """Return refusals without those that others include."""
    beginnings = set(map(beginning_below, below)) | begins
    return Refused(
        tuple(sorted(_uncovered(exactly, beginnings))),
        tuple(
            text
            for text in sorted(below)
            if [*_uncovered([f"{text}/"], beginnings - {f"{text}/"})]
        ),
        tuple(
            text
            for text in sorted(begins)
            if [*_uncovered([text], beginnings - {text})]
        ),
    )


def _uncovered(
    texts: Iterable[str], beginnings: Iterable[str]
) -> Iterator[str]:
    """Yield the texts that do not start with a beginning."""
    for text in texts:
        if not any(text.startswith(beginning) for beginning in beginnings):
            yield text


def _sound(
    rules: Iterable[PlannedRule], cells: list[Cell], wanted: _Wanted
) -> tuple[PlannedRule, ...]:
    """Return the rules that allow something, and nothing more than the old Kong.

    Only GET gives HEAD more than it had.
    """
    kept = []
    for rule in rules:
        asked = []
        for cell, method in product(cells, rule.methods):
            if rule.allows(method, cell):
                permissions = wanted.get((cell, method), ())
                asked.append(rule.permission in permissions)
        if asked and all(asked):
            kept.append(rule)
    return tuple(_heads(kept, cells))


def _heads(
    rules: list[PlannedRule], cells: list[Cell]
) -> Iterator[PlannedRule]:
    """Yield the rules without HEAD where a rule for GET says it already, or says otherwise."""
    for rule in rules:
        others = [other for other in rules if "GET" in other.methods]
        if "HEAD" in rule.methods and (
            any(_contradict(rule, other) for other in others)
            or _is_implied(rule, others, cells)
        ):
            methods = tuple(each for each in rule.methods if each != "HEAD")
            if methods:
                yield replace(rule, methods=methods)
        else:
            yield rule


def _is_implied(
    rule: PlannedRule, others: list[PlannedRule], cells: list[Cell]
) -> bool:
    """Return whether rules for GET allow HEAD wherever a rule allows it."""
    enough = [
        other
        for other in others
        if other.permission in (rule.permission, PUBLIC)
    ]
    for cell in cells:
        if not rule.allows("HEAD", cell):
            continue
        if not any(other.allows("HEAD", cell) for other in enough):
            return False
    return True


def _contradict(rule: PlannedRule, other: PlannedRule) -> bool:
    if rule.permission.is_public == other.permission.is_public:
        return False
    public = rule if rule.permission.is_public else other
    return not public.refused
