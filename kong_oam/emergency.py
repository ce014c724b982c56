"""Opens one path to everybody for a while in an emergency, when `pulumi up` cannot, and closes it.

It needs Kong's Admin API and nothing else: no identity provider, no state, no cluster. The gates know when it ends, and
close by themselves. Each of them has what was opened, until when and why.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from kong_oam.access.model import METHODS
from kong_oam.access.paths import unwritten
from kong_oam.access.settings.stack import Settings
from kong_oam.diagnostics import printable, some
from kong_oam.errors import UndoneError
from kong_oam.kong import names
from kong_oam.kong.admin import AdminApi, AdminError, RejectedError
from kong_oam.kong.entities import Entities, Entity
from kong_oam.kong.owners import Asking
from kong_oam.kong.preflight import settle
from kong_oam.kong.proxy import ADDRESS, SAFE_METHODS, Proxy, Said
from kong_oam.kong.table import LONGEST_OPENING, opened
from kong_oam.verify.gate import Table, requirement, script_of, with_table
from kong_oam.verify.openings import ScriptGuard, find_openings
from kong_oam.verify.ports import Port, hindrances, missing_guards, ports_of
from kong_oam.verify.questions import Call


class EmergencyError(UndoneError):
    """The change was not done, or not all of it. The message says what is left, and what to do."""


class PartlyClosedError(EmergencyError):
    """Not all could be closed. `closed`: what was, by component."""

    def __init__(self, message: str, closed: Mapping[str, Opening | None]) -> None:
        super().__init__(message)
        self.closed = dict(closed)


@dataclass(frozen=True, slots=True)
class OpeningRequest:
    """A request to open: the path of a rule, some of its methods (comma-separated), for how long, and why."""

    component: str
    path: str
    methods: str
    minutes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Opening:
    """A path that is, or was, open to everybody: one that `is_over` closed by itself, and still stands at the gate.

    `networks`: where alone it may be called from, as texts: an opening asks for no token, and for the same address.
    """

    component: str
    path: str
    methods: tuple[str, ...]
    ends: float
    reason: str
    is_over: bool
    networks: tuple[str, ...] = ()

    def __str__(self) -> str:
        ends = datetime.datetime.fromtimestamp(self.ends, datetime.UTC)
        state = "over" if self.is_over else "open"
        source = f" from {', '.join(self.networks)} only" if self.networks else ""
        return (
            f"{state}: {','.join(self.methods)} {self.path} of {self.component} for everybody{source}"
            f" until {ends:%FT%TZ}"
            f" ({printable(self.reason)})"
        )


@dataclass(frozen=True, slots=True)
class Openings:
    """All openings of a stack, by component. `left`: components without one, whose authentication still passes calls
    without a token; closing mends that. `unknown`: why nobody can say what else is open."""

    openings: tuple[Opening, ...]
    left: tuple[str, ...]
    unknown: tuple[str, ...] = ()


def openings(admin: AdminApi, settings: Settings) -> Openings:
    """Lists what is open, or was, wherever it stands. Raises AdminError."""
    found, now = find_openings(_entities(admin), settings), admin.now()
    listed: dict[tuple[object, ...], Opening] = {}
    for guard in found.scripts:
        for entry, table in guard.openings:
            opening = _opening(guard.component, entry, table, now)
            listed.setdefault((opening.component, opening.path, opening.methods, opening.ends), opening)
    by_component = sorted(listed.values(), key=lambda opening: (opening.component, opening.path, opening.ends))
    left = {found.component for found in found.anonymous} - {opening.component for opening in by_component}
    unknown = (_unknown(guard) for guard in found.scripts if not guard.is_known)
    return Openings(tuple(by_component), tuple(sorted(left)), tuple(dict.fromkeys(unknown)))


def _unknown(guard: ScriptGuard) -> str:
    return _not_of_this_version(guard.component, f"nobody can say what {guard.label} opens")


def _not_of_this_version(component: str, shown: str) -> str:
    return (
        f"the scripts of {component} were changed by hand, or are of another version of the program: {shown}. "
        "Use that version, or `pulumi up --refresh`"
    )


def _opening(component: str, opening: Mapping[str, Any], table: Mapping[str, Any], now: float) -> Opening:
    ends, reason = opening["ends"], str(opening.get("reason", "no reason given"))
    addresses = table.get("addresses")
    # Of a script that was changed by hand, this is of any shape.
    allowed = addresses.get(opening["path"]) if isinstance(addresses, dict) else None
    by_method = allowed if isinstance(allowed, dict) else {}
    of_methods = (by_method.get(method) or by_method.get("*") or () for method in opening["methods"])
    networks = tuple(dict.fromkeys(str(text) for listed in of_methods for text in listed))
    return Opening(component, opening["path"], tuple(opening["methods"]), ends, reason, ends <= now, networks)


def open_path(admin: AdminApi, settings: Settings, wanted: OpeningRequest) -> Opening:
    """Opens the path at all complete gates of the component. Raises EmergencyError, AdminError."""
    live, now = _entities(admin), admin.now()
    chosen = _complete_ports_of(live, settings, wanted.component)
    tables = [_tables_of(port) for port in chosen]  # all scripts are known before the first change
    methods = _checked(wanted, tables[0]["rules"])
    for guard in find_openings(live, settings).scripts:
        for entry, table in guard.openings:
            if guard.component == wanted.component and entry["ends"] > now:
                raise EmergencyError(f"{_opening(guard.component, entry, table, now)}: close that first")
    ends = int(now) + 60 * wanted.minutes
    opening = {"path": wanted.path, "methods": methods, "ends": ends, "reason": wanted.reason}
    nobody = {"anonymous": names.anonymous(settings.stack.name)}
    try:
        for port in chosen:  # the gate last: until then everything is as it was
            admission, authentication, gate = port.guards.values()
            _patch(admin, authentication, nobody)
            _patch(admin, admission, with_table(admission, partial(opened, opening=opening)))
            _patch(admin, gate, with_table(gate, partial(opened, opening=opening)))
    except (EmergencyError, AdminError) as error:
        raise EmergencyError(
            f"{error}. It may be open in part: python -m kong_oam emergency -s {settings.stack.name} close"
        ) from None
    return _opening(wanted.component, opening, tables[0], now)


def _complete_ports_of(live: Entities, settings: Settings, component: str) -> list[Port]:
    """The ports of the component that have all guards. Raises EmergencyError where none has, and where another stack
    owns a guard."""
    stack, ports = settings.stack.name, list(ports_of(live, settings))
    chosen = [port for port in ports if port.component == component]
    if not chosen:
        for guard in find_openings(live, settings).scripts:
            if guard.component == component:
                raise EmergencyError(
                    f"{guard.label} is of '{component}', and not on a service that is this stack's by name and tags: "
                    f"see `python -m kong_oam verify --stack {stack}`"
                )
        gated = some(sorted({port.component for port in ports})) or "none"
        raise EmergencyError(f"this Kong has no gate of '{component}'; it has those of: {gated}")
    asking = Asking(stack, whole=True)
    for port in chosen:
        for kind, plugin in port.guards.items():
            owner = asking.owner(plugin)
            if owner.kind == "another stack's":
                raise EmergencyError(
                    f"stack '{owner.stack}' owns plugin {kind} of service '{port.service}', by its tags: "
                    f"see `python -m kong_oam verify --stack {stack}`"
                )
    complete = [port for port in chosen if not port.missing]
    if not complete:
        missing = some((text for port in chosen for text in missing_guards(port)), "; ")
        raise EmergencyError(f"no gate of '{component}' is complete, so nothing was opened: {missing}")
    return complete


def _tables_of(port: Port) -> Mapping[str, Any]:
    """The gate's table. Raises EmergencyError where it or admission is not of this version."""
    for kind in ("pre-function", "post-function"):
        script = script_of(port.guards[kind])
        if script is None or not script.table:
            where = f"plugin {kind} of service '{port.service}'"
            raise EmergencyError(_not_of_this_version(port.component, where))
    return port.table


def _checked(wanted: OpeningRequest, rules: Mapping[str, Any]) -> list[str]:
    """The methods that are wanted. Raises EmergencyError where the path cannot be opened like that."""
    if wanted.path not in rules:
        raise EmergencyError(
            f"'{wanted.component}' has no rule for '{wanted.path}'; it has those for: {some(sorted(rules))}"
        )
    if not 1 <= wanted.minutes <= LONGEST_OPENING:
        raise EmergencyError(f"--minutes is 1 to {LONGEST_OPENING}: what lasts longer is a rule of the Application")
    if not wanted.reason.strip() or not wanted.reason.isprintable():
        raise EmergencyError("--reason is a line of text that can be printed")
    return _methods(wanted.methods, rules[wanted.path])


def _methods(text: str, rule: Mapping[str, Any]) -> list[str]:
    """The methods that `text` names, of those that the rule lists."""
    named = {name.strip().upper() for name in text.split(",")}
    if unknown := sorted(named - set(METHODS)):
        raise EmergencyError(f"no method that the gateway listens to: {some(unknown)}")
    methods = [method for method in METHODS if method in named or (method == "HEAD" and "GET" in named)]
    if "*" not in rule and (unlisted := [method for method in methods if method not in rule]):
        raise EmergencyError(f"the rule does not list {some(unlisted)}, but {some(rule)}")
    return methods


def close(admin: AdminApi, settings: Settings) -> dict[str, Opening | None]:
    """Closes whatever is open, wherever it stands, and gives the components of it, each with its opening.

    All gates come first, whatever fails; then who passes without a token, and admission. Raises AdminError, and
    PartlyClosedError where something is left.
    """
    found = find_openings(_entities(admin), settings)
    closed: dict[str, Opening | None] = {}
    left: dict[str, str] = {}  # why, with the component

    def attempt(plugin: Entity, label: str, component: str, config: Mapping[str, Any]) -> None:
        closed.setdefault(component, None)
        try:
            _patch(admin, plugin, config)
        except (EmergencyError, AdminError) as error:
            left[f"{label}: {error}"] = component

    def close_scripts(*, gates: bool) -> None:
        for guard in found.scripts:
            if (guard.plugin["name"] == "post-function") is gates and (config := guard.closed_config()):
                attempt(guard.plugin, guard.label, guard.component, config)
                for entry, table in guard.openings:
                    closed[guard.component] = closed[guard.component] or _opening(guard.component, entry, table, 0.0)

    close_scripts(gates=True)
    for anonymous in found.anonymous:
        if anonymous.owner:
            why = f"stack '{anonymous.owner}' owns {anonymous.label}, by its tags, and it passes calls without a token"
            left[why] = anonymous.component
        else:
            attempt(anonymous.plugin, anonymous.label, anonymous.component, {"anonymous": None})
    close_scripts(gates=False)
    left |= {_unknown(guard): guard.component for guard in found.scripts if not guard.is_known}
    if left:
        done = {component: opening for component, opening in closed.items() if component not in left.values()}
        raise PartlyClosedError("\n  ".join(("not all is closed:", *left)), dict(sorted(done.items())))
    return dict(sorted(closed.items()))


def show_at_gateway(
    admin: AdminApi, settings: Settings, changed: Iterable[Opening], proxy: Proxy, *, is_open: bool
) -> list[str]:
    """Asks the gateway for each opening, for as long as its workers may take, and says what everybody gets.

    Raises EmergencyError where the gateway does not do what was written, with the cause where Kong's entities show it,
    or where part of it was not asked for. Raises AdminError.
    """
    asked_for = list(changed)
    if not asked_for:
        return []
    live, stack = _entities(admin), settings.stack.name
    settled, tells_itself = settle(admin, settings.gateway) + _SPARE_SECONDS, _tells_itself(admin)
    lines: list[str] = []
    for opening in asked_for:
        parts = _to_ask(live, settings, opening, is_open=is_open)
        causes = list(dict.fromkeys(cause for _, why in parts for cause in why))
        asked: list[_Asked] = []
        for tables, why in parts:
            # What Kong's entities hinder, no time mends.
            seconds = 0.0 if why else settled
            asked += _asked(tables, opening, proxy, seconds, is_open=is_open, tells_itself=tells_itself)
        wrong = [text for text, is_as_written in asked if is_as_written is False]
        unasked = [text for text, is_as_written in asked if is_as_written is None]
        state = "open" if is_open else "closed"
        if causes or wrong:
            shown = some(wrong or [text for text, _ in asked], "; ")
            since = f", since {some(causes)}" if causes else f"; see `python -m kong_oam verify --stack {stack}`"
            raise EmergencyError(f"written, and {opening.path} of {opening.component} is not {state}: {shown}{since}")
        if unasked:
            raise EmergencyError(
                f"written, but not confirmed that {opening.path} of {opening.component} is {state}: "
                f"{some(unasked, '; ')}; or call it yourself"
            )
        lines += dict.fromkeys(text for text, _ in asked)
    return lines


_SPARE_SECONDS = 3.0

_Asked = tuple[str, bool | None]
"""What the gateway says, in words, and whether it does what was written; None where it was not asked."""


def _to_ask(
    live: Entities, settings: Settings, opening: Opening, *, is_open: bool
) -> list[tuple[list[Table], list[str]]]:
    """The tables that say where the path answers, each with what in Kong's entities hinders it there."""
    if is_open:
        ports = [port for port in ports_of(live, settings) if port.component == opening.component]
        leading = [port for port in ports if _may_lead(port, opening)]
        if leading:
            return [([port.table], list(hindrances([port], settings.stack.scheme))) for port in leading]
    # What was closed may stand anywhere, also at a service that has another name by now.
    guards = find_openings(live, settings).scripts
    known = [guard for guard in guards if guard.component == opening.component and guard.is_known]
    return [([table for guard in known for table in guard.tables], [])]


def _tells_itself(admin: AdminApi) -> bool:
    """Whether Kong's answers say that they are its own, by its setting `headers`."""
    configuration = admin.get("/").get("configuration") or {}
    enabled = configuration.get("enabled_headers") or {}
    return all(enabled.get(name, True) for name in ("X-Kong-Upstream-Latency", "X-Kong-Response-Latency"))


def _asked(
    tables: Iterable[Table], opening: Opening, proxy: Proxy, seconds: float, *, is_open: bool, tells_itself: bool
) -> Iterator[_Asked]:
    """Yields what the gateway says to somebody without a token, for each host and port at which the path answers."""
    method = next((method for method in SAFE_METHODS if method in opening.methods), None)
    asked_with = method or opening.methods[0]
    places = [place for table in tables for place in _places(table, opening, asked_with)]
    if not places:
        # No gate leads there, so nobody reaches what was opened.
        yield (
            f"{','.join(opening.methods)} {opening.path} was not asked for: no gate of this Kong leads there",
            not is_open,
        )
        return
    if method is None:
        yield f"{','.join(opening.methods)} {opening.path} was not asked for: that could change something", None
        return
    wanted: Said = "passes it on" if is_open else "refuses it"
    for host, path in dict.fromkeys(places):
        request = f"{method} {proxy.url(host, path)} without a token"
        if opening.networks:
            yield f"{request} was not asked for: it depends on where a call comes from", None
            continue
        if not tells_itself:
            yield f"{request} was not asked for: `headers` of kong.conf hides who answers", None
            continue
        try:
            answer = proxy.settled(method, host, path, wanted, seconds)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            hint = f"set {ADDRESS} to the gateway's proxy"
            yield f"{request} could not be asked ({type(error).__name__}): {hint}", None
            continue
        # Nobody gets through where Kong has no way to the workload, so that does not contradict a close.
        reaches_nobody = not is_open and answer.said == "reaches no workload"
        is_as_written = answer.said == wanted or reaches_nobody
        yield f"{request}: {answer.told(is_wanted=is_as_written)}", is_as_written


def _may_lead(port: Port, opening: Opening) -> bool:
    """Whether the port answers for the opening, or nobody knows since no table says."""
    return not port.table or any(True for _ in _places(port.table, opening, opening.methods[0]))


def _places(table: Table, opening: Opening, method: str) -> Iterator[tuple[str, str]]:
    """Yields each host of a table at which the opening answers everybody, with the path closest to the opened one."""
    if not table:
        return
    # Kong's clock tells when it ends, not the one here.
    entry = {"path": opening.path, "methods": opening.methods, "ends": math.inf}
    table = {**table, "opened": entry, "addresses": {}}
    for pattern, paths in table["hosts"].items():
        host = pattern.replace("*", "any")
        for path in (opening.path, *sorted(paths)):
            call = Call("https", method, host, unwritten(path))
            if requirement(table, call) == "public":
                yield host, path
                break


def _entities(admin: AdminApi) -> Entities:
    """What there is in the workspace, as far as an opening needs it."""
    return Entities(
        services=admin.rows("/services"),
        routes=admin.rows("/routes"),
        plugins=admin.rows("/plugins"),
        consumers=admin.rows("/consumers"),
    )


def _patch(admin: AdminApi, plugin: Entity, config: Mapping[str, Any]) -> None:
    try:
        admin.patch(f"/plugins/{plugin['id']}", {"config": config})
    except RejectedError as error:
        raise EmergencyError(f"Kong did not take the change of {plugin['name']}: {error.answer}") from None
