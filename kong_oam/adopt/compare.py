"""Compare an old Kong with the Applications that replace it.

Both sides answer each class of requests for each caller. A class has the same answer on each side
for all its requests, so its example stands for them. An unknown answer of the old Kong counts as
denied where a call may be opened. It counts as the known plugins answer where a call may be closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from kong_oam.access.data import Names
from kong_oam.access.methods import METHODS
from kong_oam.access.model import Estate
from kong_oam.adopt.acting import CONSUMER_GROUPS
from kong_oam.adopt.answers import Answers, Destination, OldAnswer
from kong_oam.adopt.callers import CallerClass, caller_classes
from kong_oam.adopt.classes import ClassKey, OldClass, RequestClasses, key_of
from kong_oam.adopt.entities import OldKong, OldPlugin
from kong_oam.adopt.lost_networks import admits_more
from kong_oam.adopt.new_side import NewAnswer, NewSide, same_path
from kong_oam.adopt.requests import OldRequest

# The worst first.
Kind = Literal[
    "opened",
    "other service",
    "closed",
    "path",
    "host",
    "identity",
    "unknown",
    "head",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Change:
    """A difference for one class of requests and some callers, as `before` and `after` in words.

    `route` is the old route's name; empty without a route.
    """

    kind: Kind
    route: str
    position: str
    callers: Names
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Row:
    """Equal changes of several classes: their hosts, methods and path texts, in order."""

    change: Change
    hosts: Names
    methods: Names
    paths: Names
    classes: tuple[ClassKey, ...] = field(repr=False)


@dataclass(frozen=True)
class Comparison:
    """All rows, the worst first, and the numbers of compared classes and callers."""

    rows: tuple[Row, ...]
    classes: int
    callers: tuple[CallerClass, ...]
    requests: RequestClasses = field(repr=False)

    @property
    def is_opened(self) -> bool:
        return any(row.change.kind == "opened" for row in self.rows)


def compare(
    old: OldKong, estate: Estate, *, is_alone: bool = False
) -> Comparison:
    """Compare both sides. `is_alone`: the old routes are gone."""
    new = NewSide(estate, old, is_alone=is_alone)
    classes = RequestClasses(old, new.declared(), METHODS)
    callers = caller_classes(old, new.consumers)
    pairs = _Pairs(Answers(old), new, callers, old)
    found: dict[Change, list[OldClass]] = {}
    count = 0
    for each in classes:
        count += 1
        for change in pairs.changes(each):
            found.setdefault(change, []).append(each)
    rows = [_row(change, members) for change, members in found.items()]
    rows.sort(key=_order)
    return Comparison(tuple(rows), count, callers, classes)


def _order(row: Row) -> tuple[int, str, Names, Names, Names]:
    change = row.change
    rank = KINDS.index(change.kind)
    return rank, change.route, change.callers, row.hosts, row.paths


def _row(change: Change, members: Iterable[OldClass]) -> Row:
    hosts: dict[str, None] = {}
    methods: dict[str, None] = {}
    paths: dict[str, None] = {}
    keys = []
    for each in members:
        hosts[each.host.example] = None
        methods.update(dict.fromkeys(each.methods))
        paths[str(each.path)] = None
        keys.append(key_of(each))
    return Row(change, tuple(hosts), tuple(methods), tuple(paths), tuple(keys))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Both sides, asked for the same requests."""

    old: Answers
    new: NewSide
    callers: tuple[CallerClass, ...]
    kong: OldKong

    def addresses(self, destination: Destination | None) -> Names:
        """Return host:port of each target of a service, in small letters."""
        if destination is None:
            return ()
        upstream = self.kong.upstream.get(destination.host)
        if upstream is None:
            return (f"{destination.host}:{destination.port}".lower(),)
        return tuple(
            target.target.lower() for target in upstream.active_targets
        )

    def changes(self, each: OldClass) -> Iterator[Change]:
        """Yield the changes of a class. Equal changes of several callers are one change."""
        example = each.request()
        request = OldRequest(
            example.method, example.host, example.path, self.new.scheme
        )
        matches = self.new.match(request)
        ours = [match for match in matches if self.new.component(match)]
        if matches and not ours:
            # Only old routes take the request, as before.
            return
        old_matches = self.old.router.match(request, whole_class=True)
        if not matches and not old_matches:
            return
        by_words: dict[tuple[Kind, str, str, str, str], list[str]] = {}
        for caller in self.callers:
            before = self.old.answer_of(old_matches, request, caller.caller)
            after = (
                self.new.answer(request, caller.caller)
                if ours
                else NewAnswer(404, "not-exposed", "")
            )
            route = before.route
            place = str(route.position) if route else ""
            name = route.name if route else ""
            for kind, old_words, new_words in _differences(
                before, after, self.addresses(before.destination)
            ):
                if kind == "opened" and self._is_head_of_get(request, caller):
                    kind = "head"
                key = kind, name, place, old_words, new_words
                by_words.setdefault(key, []).append(caller.name)
        for (
            kind,
            name,
            place,
            old_words,
            new_words,
        ), names in by_words.items():
            yield Change(kind, name, place, tuple(names), old_words, new_words)

    def _is_head_of_get(self, request: OldRequest, caller: CallerClass) -> bool:
        """Return whether a HEAD is new where the old Kong lets the GET pass: a rule for GET
        includes HEAD."""
        if request.method != "HEAD":
            return False
        get = replace(request, method="GET")
        matches = self.old.router.match(get, whole_class=True)
        before = self.old.answer_of(matches, get, caller.caller)
        after = self.new.answer(get, caller.caller)
        addresses = self.addresses(before.destination)
        kinds = {kind for kind, _, _ in _differences(before, after, addresses)}
        return kinds.isdisjoint({"opened", "other service", "closed"})


def _differences(
    before: OldAnswer, after: NewAnswer, addresses: Names
) -> Iterator[tuple[Kind, str, str]]:
    """Yield the kinds of differences of two answers, with both answers in words.

    `addresses`: host:port of each target of the old service.
    """
    old_words = _before_in_words(before)
    new_words = _after_in_words(after)
    # Without the parts that are unknown, the request passes to the service.
    would_pass = before.destination is not None and not before.status
    if not after.passes:
        if would_pass:
            yield "closed", old_words, new_words
        elif before.outcome == "unknown":
            yield "unknown", old_words, new_words
        return
    if before.outcome != "passes":
        yield "opened", old_words, new_words
        return
    assert before.destination is not None
    yield from _opened_further(before, after)
    sent = after.destination
    if sent is None or not _is_same_workload(addresses, sent.targets):
        yield "other service", old_words, new_words
        return
    if before.destination.protocol != sent.protocol:
        yield "other service", old_words, new_words
    if not same_path(before.destination.path, sent.path):
        yield "path", before.destination.path or "by a plugin", sent.path
    if before.destination.host_header != sent.host_header:
        yield (
            "host",
            before.destination.host_header or "by the target",
            sent.host_header or "by the workload",
        )
    lost = before.identity
    if sent.takes_credential:
        # Kong's plugin adds the same headers. The scopes replace the groups.
        lost = tuple(name for name in lost if name == CONSUMER_GROUPS)
        if before.sends_credential:
            lost += ("the credential",)
    if lost:
        yield "identity", ", ".join(lost), "none"


def _opened_further(
    before: OldAnswer, after: NewAnswer
) -> Iterator[tuple[Kind, str, str]]:
    """Yield conditions of the old Kong that the new side does not have."""
    restricted = before.networks
    if restricted and admits_more(restricted.config, after.networks):
        yield "opened", restricted.label, _networks_in_words(after)
    for plugin in before.conditions:
        if plugin.name not in after.plugins:
            yield "opened", plugin.label, "no such plugin"


def _is_same_workload(old: Names, new: tuple[frozenset[str], ...]) -> bool:
    """Return whether each target of a side is a target of the other side."""
    known = frozenset[str]().union(*new)
    is_old = all(not names.isdisjoint(old) for names in new)
    return known.issuperset(old) and is_old


def _before_in_words(before: OldAnswer) -> str:
    if before.outcome == "not-found":
        return "404, no route"
    if before.outcome == "denied":
        return f"{before.status}{_by(before.by)}"
    sent = before.destination
    known = (
        f"to {sent.protocol}://{sent.host}:{sent.port}"
        if sent
        else f"{before.status}{_by(before.by)}"
    )
    if before.outcome == "passes":
        return known
    reasons = dict.fromkeys(reason.text for reason in before.reasons)
    return f"unknown ({'; '.join(reasons)}), else {known}"


def _by(plugin: OldPlugin | None) -> str:
    return f" by {plugin.name}" if plugin else ""


def _after_in_words(after: NewAnswer) -> str:
    sent = after.destination
    if not after.passes or sent is None:
        return f"{after.status} {after.code}"
    return f"to {sent.component}"


def _networks_in_words(after: NewAnswer) -> str:
    listed = ", ".join(map(str, after.networks))
    return listed or "every address"
