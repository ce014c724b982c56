"""Asks the gateway what somebody without a token gets on a path that was opened or closed.

Answers of Kong do not tell which of its routes gave them. So a path is asked for only where no
route but those of the gate may answer, by Kong's entities and its order of routes.
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
from kong_oam.kong.proxy import ADDRESS, SAFE_METHODS, Proxy, Said
from kong_oam.kong.script import OpeningEntry, Table
from kong_oam.verify.gate import requirement
from kong_oam.verify.openings import ScriptGuard, find_openings
from kong_oam.verify.ports import missing_guards, ports_of
from kong_oam.verify.questions import Call
from kong_oam.verify.router import Router

_SPARE_SECONDS = 3.0

_Asked = tuple[str, bool | None]
"""What the gateway says, in words, and whether it does what was written; None where it was not
asked."""


def show_at_gateway(
    admin: AdminApi,
    settings: Settings,
    changed: Iterable[Opening],
    proxy: Proxy,
    *,
    is_open: bool,
) -> list[str]:
    """Ask the gateway for each opening, for as long as its workers may take, and say what
    everybody gets.

    Raises EmergencyError where the gateway does not do what was written, or where part of it was
    not asked for. Raises AdminError.
    """
    openings = list(changed)
    if not openings:
        return []
    seconds = settle(admin, settings.gateway) + _SPARE_SECONDS
    gateway = _Gateway(entities_of(admin), settings, proxy, seconds, is_open)
    lines = []
    for opening in openings:
        lines += gateway.confirmed(opening)
    return lines


@dataclass(frozen=True, slots=True)
class _Gateway:
    """A gateway that is asked. `seconds`: how long its workers may take. `is_open`: whether it was
    opened."""

    live: Entities
    settings: Settings
    proxy: Proxy
    seconds: float
    is_open: bool

    def confirmed(self, opening: Opening) -> list[str]:
        """Return what everybody gets. Raises EmergencyError where that is not as written, or was
        not asked for."""
        asked = list(self._asked(opening))
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
                f"written, and {opening.path} of {opening.component} is not {state}: "
                f"{some(wrong, '; ')}; see `python -m kong_oam verify --stack "
                f"{self.settings.stack.name}`"
            )
        if unasked:
            raise EmergencyError(
                f"written, but not confirmed that {opening.path} of {opening.component} is "
                f"{state}: {some(unasked, '; ')}; or call it yourself"
            )
        return list(dict.fromkeys(text for text, _ in asked))

    def _missing_guards(self, component: str) -> Iterator[str]:
        for port in ports_of(self.live, self.settings):
            if port.component == component:
                yield from missing_guards(port)

    def _asked(self, opening: Opening) -> Iterator[_Asked]:
        """Yield what somebody without a token gets, for each host and port at which the path
        answers."""
        # What was closed may stand anywhere, also at a service that has another name by now.
        guards = [
            guard
            for guard in find_openings(self.live, self.settings).scripts
            if guard.component == opening.component and guard.table
        ]
        # A call that was meant as a question must change nothing at the workload.
        safe = [method for method in SAFE_METHODS if method in opening.methods]
        method = (safe or opening.methods)[0]
        places = {}
        for guard in guards:
            places.update(dict.fromkeys(_places(guard.table, opening, method)))
        named = f"{','.join(opening.methods)} {opening.path}"
        if not places:
            # No gate leads there, so nobody reaches what was opened.
            yield (
                f"{named} was not asked for: no gate of this Kong leads there",
                not self.is_open,
            )
            return
        if not safe:
            yield (
                f"{named} was not asked for: that could change something",
                None,
            )
            return
        for host, path in places:
            request = f"{method} {self.proxy.url(host, path)} without a token"
            call = Call("http", method, host, unwritten(path))
            others = self._other_routes(guards, call)
            if opening.networks:
                reason = "it depends on where a call comes from"
            elif others:
                reason = f"{some(others)} may answer it in place of the gate"
            else:
                yield self._answer(method, host, path, request)
                continue
            yield f"{request} was not asked for: {reason}", None

    def _other_routes(
        self, guards: Iterable[ScriptGuard], call: Call
    ) -> list[str]:
        """The routes that may answer the call in place of the gates, by Kong's order of routes."""
        # A gate without a service and a route stands everywhere (empty).
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
    ) -> _Asked:
        wanted: Said = "passes it on" if self.is_open else "refuses it"
        try:
            answer = self.proxy.settled(
                method, host, path, wanted, self.seconds
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            hint = f"set {ADDRESS} to the gateway's proxy"
            return (
                f"{request} could not be asked ({type(error).__name__}): {hint}",
                None,
            )
        if answer.said == "is not seen in the answer":
            see = f"see {ADDRESS}, and `headers` of kong.conf"
            return (
                f"{request}: who answers ({answer.status}) does not show that it is this Kong; "
                f"{see}",
                None,
            )
        # Nobody gets through where Kong has no way to the workload, so that does not contradict a
        # close.
        reaches_nobody = (
            not self.is_open and answer.said == "reaches no workload"
        )
        is_as_written = answer.said == wanted or reaches_nobody
        return (
            f"{request}: {answer.told(is_wanted=is_as_written)}",
            is_as_written,
        )


def _places(
    table: Table, opening: Opening, method: str
) -> Iterator[tuple[str, str]]:
    """Yield each host of a table at which the opening answers everybody, with the path closest to
    the opened one."""
    if not table:
        return
    # Kong's clock tells when it ends, not the one here.
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
