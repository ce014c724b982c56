"""Calls a path without a token after it was opened or closed, and reports the gateway's answer.

Kong's answers do not name the route that gave them. So a path is called only if no foreign route
may answer, by Kong's entities and its order of routes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import httpx

from kong_oam.access.paths import unwritten
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import some
from kong_oam.emergency.changes import EmergencyError, Opening, entities_of
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.entities import Entities, reference
from kong_oam.kong.preflight import settle
from kong_oam.kong.proxy import ADDRESS, SAFE_METHODS, Action, Proxy
from kong_oam.kong.script import OpeningEntry, Table
from kong_oam.verify.gate import requirement
from kong_oam.verify.openings import ScriptGuard, find_openings
from kong_oam.verify.ports import missing_guards, ports_of
from kong_oam.verify.questions import Call
from kong_oam.verify.router import Router

_SPARE_SECONDS = 3.0

# A sentence about the gateway's answer, and whether the answer matches the change. None: not
# called.
_Answer = tuple[str, bool | None]


def show_at_gateway(
    admin: AdminApi,
    settings: Settings,
    changed: Iterable[Opening],
    proxy: Proxy,
    *,
    is_open: bool,
) -> list[str]:
    """Call each opening at the gateway until its workers have the change. Return a line for each
    answer.

    Raises EmergencyError if an answer contradicts the change, or if a part was not called. Raises
    AdminError.
    """
    openings = list(changed)
    if not openings:
        return []
    seconds = settle(admin, settings.gateway) + _SPARE_SECONDS
    gateway = _Gateway(entities_of(admin), settings, proxy, seconds, is_open)
    lines = []
    for opening in openings:
        lines += gateway.confirm(opening)
    return lines


@dataclass(frozen=True, slots=True)
class _Gateway:
    """A gateway to call. `seconds`: the time until its workers have a change. `is_open`: the change
    was an opening."""

    live: Entities
    settings: Settings
    proxy: Proxy
    seconds: float
    is_open: bool

    def confirm(self, opening: Opening) -> list[str]:
        """Return the lines about an opening. Raises EmergencyError if an answer contradicts the
        change or is missing."""
        asked = list(self._answers(opening))
        wrong = [
            text for text, is_as_written in asked if is_as_written is False
        ]
        unasked = [
            text for text, is_as_written in asked if is_as_written is None
        ]
        if self.is_open:
            wrong = [*self._missing_guards(opening.component), *wrong]
        state = "open" if self.is_open else "closed"
        if wrong:
            raise EmergencyError(
                f"changed, but {opening.path} of {opening.component} is not {state}: "
                f"{some(wrong, '; ')}; see `python -m kong_oam verify --stack "
                f"{self.settings.stack.name}`"
            )
        if unasked:
            raise EmergencyError(
                f"changed, but not confirmed that {opening.path} of {opening.component} is "
                f"{state}: {some(unasked, '; ')}; or call the path yourself"
            )
        return list(dict.fromkeys(text for text, _ in asked))

    def _missing_guards(self, component: str) -> Iterator[str]:
        for port in ports_of(self.live, self.settings):
            if port.component == component:
                yield from missing_guards(port)

    def _answers(self, opening: Opening) -> Iterator[_Answer]:
        """Yield the answer to a call without a token, for each host and port of the path."""
        # A closed script may be anywhere, also at a service that has another name now.
        guards = [
            guard
            for guard in find_openings(self.live, self.settings).scripts
            if guard.component == opening.component and guard.table
        ]
        # A test call must change nothing at the workload.
        safe = [method for method in SAFE_METHODS if method in opening.methods]
        method = (safe or opening.methods)[0]
        places = {}
        for guard in guards:
            places.update(dict.fromkeys(_places(guard.table, opening, method)))
        named = f"{','.join(opening.methods)} {opening.path}"
        if not places:
            # No gate handles the path, so nobody reaches the opened path.
            yield (
                f"{named} was not called: no gate of this Kong handles it",
                not self.is_open,
            )
            return
        if not safe:
            yield (
                f"{named} was not called: the call could change data",
                None,
            )
            return
        for host, path in places:
            request = f"{method} {self.proxy.url(host, path)} without a token"
            call = Call("http", method, host, unwritten(path))
            others = self._other_routes(guards, call)
            if opening.networks:
                reason = "the answer depends on the caller's address"
            elif others:
                reason = f"{some(others)} may answer instead of the gate"
            else:
                yield self._answer(method, host, path, request)
                continue
            yield f"{request} was not called: {reason}", None

    def _other_routes(
        self, guards: Iterable[ScriptGuard], call: Call
    ) -> list[str]:
        """Return the routes that may answer the call instead of the gates, by Kong's order of
        routes."""
        # A gate without a service and a route ("") applies to all routes.
        places = {
            reference(guard.plugin, "route")
            or reference(guard.plugin, "service")
            for guard in guards
        }
        return [
            self.live.labels["route", reached.route["id"]]
            for reached in Router(self.live.routes).reached(call)
            if places.isdisjoint(
                {"", reached.route["id"], reference(reached.route, "service")}
            )
        ]

    def _answer(
        self, method: str, host: str, path: str, request: str
    ) -> _Answer:
        wanted: Action = "passes it on" if self.is_open else "refuses it"
        try:
            answer = self.proxy.settled(
                method, host, path, wanted, self.seconds
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            hint = f"set {ADDRESS} to the gateway's proxy"
            return (
                f"{request} failed ({type(error).__name__}): {hint}",
                None,
            )
        if answer.action == "is not seen in the answer":
            see = f"check {ADDRESS}, and `headers` in kong.conf"
            return (
                f"{request}: the answer ({answer.status}) does not show that it comes from this "
                f"Kong; {see}",
                None,
            )
        # If Kong cannot reach the workload, nobody gets through: that agrees with a close.
        reaches_nobody = (
            not self.is_open and answer.action == "reaches no workload"
        )
        is_as_written = answer.action == wanted or reaches_nobody
        return (
            f"{request}: {answer.in_words(is_wanted=is_as_written)}",
            is_as_written,
        )


def _places(
    table: Table, opening: Opening, method: str
) -> Iterator[tuple[str, str]]:
    """Yield each host of a table at which the opening admits everybody, with a path at or below the
    opened path."""
    if not table:
        return
    # Kong's clock decides when the opening ends, not the local clock.
    entry: OpeningEntry = {
        "path": opening.path,
        "methods": opening.methods,
        "ends": math.inf,
    }
    table = {**table, "opened": entry, "addresses": {}}
    for pattern, paths in table["hosts"].items():
        host = pattern.replace("*", "any")
        for path in (opening.path, *sorted(paths)):
            call = Call("https", method, host, unwritten(path))
            if requirement(table, call) == "public":
                yield host, path
                break
