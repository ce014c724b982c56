"""The answers of an old Kong to the requests of a cell, for all callers at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain

from kong_oam.adopt.acting import Reason
from kong_oam.adopt.answers import Answers, OldAnswer
from kong_oam.adopt.entities import OldConsumer, OldKong, OldPlugin, OldRoute
from kong_oam.adopt.plugin_kinds import AUTHENTICATION
from kong_oam.adopt.requests import NOBODY, OldCaller, OldRequest
from kong_oam.adopt.router import Matched
from kong_oam.adopt.writing.addresses import Way, way_of

# A consumer's name, and the kind of its credential.
Holder = tuple[str, str]
Holders = frozenset[Holder]
_NONE: Holders = frozenset()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answers to requests of a cell.

    `is_open`: no caller needs a credential. `holders`: the consumers that pass otherwise.
    `reasons`: why an Application cannot express the answers. `route` is None if no route answers.
    """

    route: OldRoute | None = None
    is_open: bool = False
    holders: Holders = _NONE
    way: Way | None = None
    networks: OldPlugin | None = None
    conditions: tuple[OldPlugin, ...] = ()
    also: tuple[OldPlugin, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @property
    def kinds(self) -> list[str]:
        """The kinds of credentials of the holders, sorted."""
        return sorted({kind for _, kind in self.holders})

    @property
    def is_nothing(self) -> bool:
        """Whether every request is certainly denied."""
        return not (self.is_open or self.holders or self.reasons)


NOTHING = Outcome()
# Answers a caller's request.
Ask = Callable[[OldCaller], OldAnswer]


class Callers:
    """The consumers of an old Kong, grouped so that each group gets the same answers."""

    def __init__(self, old: OldKong) -> None:
        named = {plugin.consumer for plugin in old.plugins}
        groups: dict[object, list[OldConsumer]] = {}
        for consumer in old.consumers:
            key: object = (consumer.groups, consumer.consumer_groups)
            if consumer.name in named:
                key = consumer.name
            groups.setdefault(key, []).append(consumer)
        members: dict[OldCaller, set[Holder]] = {}
        for together in groups.values():
            for consumer in together:
                for kind in consumer.kinds:
                    first = self._first(together, kind)
                    caller = OldCaller(first.name, kind)
                    held = members.setdefault(caller, set())
                    held.add((consumer.name, kind))
        self.members = {
            caller: frozenset(held) for caller, held in members.items()
        }
        used = {plugin.name for plugin in old.plugins if plugin.enabled}
        self.strangers = tuple(
            OldCaller(by=kind)  # type: ignore[arg-type] # the names are kinds
            for kind in sorted(used & AUTHENTICATION)
        )
        self._unions: dict[tuple[OldCaller, ...], Holders] = {}

    def _first(self, consumers: list[OldConsumer], kind: str) -> OldConsumer:
        return next(each for each in consumers if kind in each.kinds)

    def holders(self, passing: tuple[OldCaller, ...]) -> Holders:
        """Return all holders in the groups of these callers."""
        if passing not in self._unions:
            held = (self.members[caller] for caller in passing)
            self._unions[passing] = frozenset().union(*held)
        return self._unions[passing]


class Outcomes:
    """An old Kong that answers all callers at once."""

    def __init__(self, old: OldKong) -> None:
        self.old = old
        self.answers = Answers(old)

    @cached_property
    def callers(self) -> Callers:
        return Callers(self.old)

    def outcome(
        self, method: str, example: str, path: str, host: str
    ) -> Outcome:
        """Return the outcome of a cell's example. `example` is a request's host below `host`."""
        request = OldRequest(method, example, path)
        # The router is asked once for all callers.
        matches = self.answers.router.match(request, whole_class=True)
        if doubts := [*_doubtful_paths(matches)]:
            return Outcome(matches[0].route, reasons=(*doubts,))
        ask = partial(self.answers.answer_of, matches, request)
        plain = ask(NOBODY)
        if plain.outcome == "not-found":
            return NOTHING
        if plain.outcome == "unknown":
            return Outcome(plain.route, reasons=plain.reasons)
        answers = {caller: ask(caller) for caller in self.callers.members}
        for answer in answers.values():
            if answer.outcome == "unknown":
                return Outcome(answer.route, reasons=answer.reasons)
        passing = {
            caller: answer
            for caller, answer in answers.items()
            if answer.outcome == "passes"
        }
        if plain.outcome == "passes":
            denied = [caller for caller in answers if caller not in passing]
            return self._open(plain, passing, denied, host)
        stranger = self._stranger(ask)
        if stranger:
            return Outcome(plain.route, reasons=stranger)
        if not passing:
            elsewhere = self._elsewhere(plain)
            return (
                Outcome(plain.route, reasons=elsewhere)
                if elsewhere
                else NOTHING
            )
        holders = self.callers.holders((*passing,))
        return self._found([*passing.values()], host, holders)

    def _open(
        self,
        plain: OldAnswer,
        passing: Mapping[OldCaller, OldAnswer],
        denied: list[OldCaller],
        host: str,
    ) -> Outcome:
        route = plain.route
        assert route is not None
        if denied:
            text = (
                f"route '{route.name}' lets callers without a credential pass, but not "
                f"{denied[0]}"
            )
            return Outcome(route, reasons=(Reason(text, route.position),))
        return self._found([plain, *passing.values()], host, None)

    def _elsewhere(self, plain: OldAnswer) -> tuple[Reason, ...]:
        """Return why callers may be in files that were not read."""
        plugin = plain.by
        if plugin is None or plugin.name not in AUTHENTICATION:
            return ()
        has_callers = any(
            plugin.name in consumer.kinds for consumer in self.old.consumers
        )
        if self.old.is_running or has_callers:
            return ()
        text = f"{plugin.label} has no callers in these files; read the files of its consumers, too"
        return (Reason(text, plugin.position),)

    def _stranger(self, ask: Ask) -> tuple[Reason, ...]:
        """Return why a caller that is no consumer may pass, such as a user of a directory."""
        for caller in self.callers.strangers:
            answer = ask(caller)
            if answer.outcome == "unknown":
                return answer.reasons
        return ()

    def _found(
        self, answers: list[OldAnswer], host: str, holders: Holders | None
    ) -> Outcome:
        """Return the outcome of answers that pass."""
        answer = answers[0]
        route = answer.route
        assert route is not None and answer.destination is not None
        way = way_of(self.old, route, answer.destination, host)
        reasons = []
        if isinstance(way, str):
            service = route.service
            position = service.position if service else route.position
            reasons.append(Reason(f"route '{route.name}': {way}", position))
        if not all(_is_alike(answer, other) for other in answers):
            text = f"route '{route.name}' treats some consumers differently"
            reasons.append(Reason(text, route.position))
        also: dict[OldPlugin, None] = {}
        for each in answers:
            also.update(dict.fromkeys(each.also))
        return Outcome(
            route,
            holders is None,
            holders or _NONE,
            None if isinstance(way, str) else way,
            answer.networks,
            answer.conditions,
            (*also,),
            tuple(reasons),
        )


def _doubtful_paths(matches: Iterable[Matched]) -> Iterator[Reason]:
    """Yield why the path at the service is unknown: an expression may strip any text."""
    for match in matches:
        route = match.route
        if match.doubts and not match.is_tie and route.strip_path:
            text = f"route '{route.name}' is not certain: {match.doubts[0]}"
            yield Reason(text, route.position)


def _is_alike(first: OldAnswer, other: OldAnswer) -> bool:
    return (
        first.destination == other.destination
        and first.networks is other.networks
        and first.conditions == other.conditions
    )


def merged(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the outcome of several hosts or methods that share a rule."""
    found = list(outcomes)
    first = found[0]
    for other in found[1:]:
        if other == first:
            continue
        chosen = next(each for each in found if not each.is_nothing)
        assert chosen.route is not None
        reasons = [*chain.from_iterable(each.reasons for each in found)]
        text = f"route '{chosen.route.name}' answers other hosts differently"
        reasons.append(Reason(text, chosen.route.position))
        return Outcome(chosen.route, reasons=tuple(_each_once(reasons)))
    return first


def _each_once(reasons: Iterable[Reason]) -> Iterator[Reason]:
    yield from dict.fromkeys(reasons)
