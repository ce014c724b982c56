"""Opens one path to everybody for a while in an emergency, when `pulumi up` cannot, and closes it.

It needs Kong's Admin API and nothing else: no identity provider, no state, no cluster. The gates know when it ends, and
close by themselves. Each of them has what was opened, until when and why.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from kong_oam.access.model import METHODS
from kong_oam.access.paths import unwritten
from kong_oam.access.settings.stack import Settings
from kong_oam.diagnostics import printable, some
from kong_oam.errors import UndoneError
from kong_oam.kong import names, plugins
from kong_oam.kong.admin import AdminApi, AdminError, RejectedError
from kong_oam.kong.entities import reference
from kong_oam.kong.owners import Asking
from kong_oam.kong.preflight import settle
from kong_oam.kong.proxy import ADDRESS, SAFE_METHODS, Proxy, Said
from kong_oam.kong.table import LONGEST_OPENING, opened
from kong_oam.verify.gate import requirement, script_of, with_table
from kong_oam.verify.questions import Call


class EmergencyError(UndoneError):
    """The change was not done, or not all of it. The message says what is left, and what to do."""


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
    without a token; closing mends that."""

    openings: tuple[Opening, ...]
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _GatedService:
    """A service of the stack, with the plugins that guard it by the parts they play."""

    component: str
    service: str
    admission: Mapping[str, Any]
    authentication: Mapping[str, Any]
    gate: Mapping[str, Any]

    @property
    def guards(self) -> tuple[Mapping[str, Any], ...]:
        """The plugins in their order."""
        return self.admission, self.authentication, self.gate

    @property
    def tables(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The tables of admission and the gate. Raises EmergencyError where their scripts are not of this version."""
        scripts = script_of(self.admission), script_of(self.gate)
        tables = [script.table for script in scripts if script is not None and script.table]
        if len(tables) != len(scripts):
            raise EmergencyError(
                f"the scripts of {self.component} were changed by hand, or are of another version of the program: "
                "nobody can say what they open. Use that version, or `pulumi up --refresh`"
            )
        return tables[0], tables[1]

    @property
    def opening(self) -> Mapping[str, Any] | None:
        """The opening that is, or was, at one of the two. Raises EmergencyError."""
        admitting, deciding = self.tables
        opening: Mapping[str, Any] | None = deciding.get("opened") or admitting.get("opened")
        return opening

    @property
    def is_left_anonymous(self) -> bool:
        """Whether calls without a token pass its authentication, though no rule is public. Raises EmergencyError."""
        public = any("public" in methods.values() for methods in self.tables[1]["rules"].values())
        return not public and self.authentication["config"].get("anonymous") is not None


def openings(admin: AdminApi, settings: Settings) -> Openings:
    """Lists what is open, or was. Raises EmergencyError, AdminError."""
    gates, now = tuple(_gated_services(admin, settings)), admin.now()
    by_component = {
        gated.component: _opening(gated, opening, now) for gated in gates if (opening := gated.opening) is not None
    }
    anonymous = {gated.component for gated in gates if gated.is_left_anonymous} - set(by_component)
    return Openings(tuple(by_component[component] for component in sorted(by_component)), tuple(sorted(anonymous)))


def _opening(gated: _GatedService, opening: Mapping[str, Any], now: float) -> Opening:
    ends, reason = opening["ends"], str(opening.get("reason", "no reason given"))
    allowed = gated.tables[1].get("addresses", {}).get(opening["path"], {})
    of_methods = (allowed.get(method) or allowed.get("*") or () for method in opening["methods"])
    networks = tuple(dict.fromkeys(text for listed in of_methods for text in listed))
    return Opening(gated.component, opening["path"], tuple(opening["methods"]), ends, reason, ends <= now, networks)


def open_path(admin: AdminApi, settings: Settings, wanted: OpeningRequest) -> Opening:
    """Opens the path at all gates of the component. Raises EmergencyError, AdminError."""
    gates, now = tuple(_gated_services(admin, settings)), admin.now()
    chosen = [gated for gated in gates if gated.component == wanted.component]
    if not chosen:
        gated_components = ", ".join(sorted({gated.component for gated in gates})) or "none"
        raise EmergencyError(f"this Kong has no gate of '{wanted.component}'; it has those of: {gated_components}")
    methods = _checked(wanted, chosen[0].tables[1]["rules"])
    for gated in chosen:  # all scripts are known before the first change
        if (earlier := gated.opening) and earlier["ends"] > now:
            raise EmergencyError(f"{_opening(gated, earlier, now)}: close that first")
    ends = int(now) + 60 * wanted.minutes
    opening = {"path": wanted.path, "methods": methods, "ends": ends, "reason": wanted.reason}
    nobody = {"anonymous": names.anonymous(settings.stack.name)}
    try:
        for gated in chosen:  # the gate last: until then everything is as it was
            _patch(admin, gated.authentication, nobody)
            _patch(admin, gated.admission, with_table(gated.admission, partial(opened, opening=opening)))
            _patch(admin, gated.gate, with_table(gated.gate, partial(opened, opening=opening)))
    except (EmergencyError, AdminError) as error:
        raise EmergencyError(
            f"{error}. It may be open in part: python -m kong_oam emergency -s {settings.stack.name} close"
        ) from None
    return _opening(chosen[0], opening, now)


def _checked(wanted: OpeningRequest, rules: Mapping[str, Any]) -> list[str]:
    """The methods that are wanted. Raises EmergencyError where the path cannot be opened like that."""
    if wanted.path not in rules:
        raise EmergencyError(
            f"'{wanted.component}' has no rule for '{wanted.path}'; it has those for: {', '.join(sorted(rules))}"
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
        raise EmergencyError(f"no method that the gateway listens to: {', '.join(unknown)}")
    methods = [method for method in METHODS if method in named or (method == "HEAD" and "GET" in named)]
    if "*" not in rule and (unlisted := [method for method in methods if method not in rule]):
        raise EmergencyError(f"the rule does not list {', '.join(unlisted)}, but {', '.join(rule)}")
    return methods


def close(admin: AdminApi, settings: Settings) -> dict[str, Opening | None]:
    """Closes whatever is open, and gives the components of it, each with its opening: all gates first, whatever fails;
    then admission, and who passes without a token. Raises EmergencyError, AdminError."""
    gates = tuple(_gated_services(admin, settings))
    failed: list[str] = []
    closing: dict[str, Opening | None] = {}

    def attempt(gated: _GatedService, step: Callable[[_GatedService], None]) -> None:
        try:
            opening = gated.opening
            if opening is not None or gated.is_left_anonymous:
                closing[gated.component] = closing.get(gated.component) or (
                    _opening(gated, opening, 0.0) if opening is not None else None
                )
                step(gated)
        except (EmergencyError, AdminError) as error:
            failed.append(str(error))

    def close_gate(gated: _GatedService) -> None:
        _patch(admin, gated.gate, with_table(gated.gate, partial(opened, opening=None)))

    def close_rest(gated: _GatedService) -> None:
        if gated.is_left_anonymous:
            _patch(admin, gated.authentication, {"anonymous": None})
        _patch(admin, gated.admission, with_table(gated.admission, partial(opened, opening=None)))

    for step in (close_gate, close_rest):
        for gated in gates:
            attempt(gated, step)
    if failed:
        raise EmergencyError("; ".join(dict.fromkeys(failed)))
    return dict(sorted(closing.items()))


def show_at_gateway(
    admin: AdminApi, settings: Settings, changed: Iterable[Opening], proxy: Proxy, *, is_open: bool
) -> list[str]:
    """Asks the gateway for each opening, for as long as its workers may take, and says what everybody gets.

    Raises EmergencyError where the gateway does not do what was written, with the cause where Kong's entities show it,
    and AdminError.
    """
    gates, stack = tuple(_gated_services(admin, settings)), settings.stack.name
    lines: list[str] = []
    for opening in changed:
        of_component = [gated for gated in gates if gated.component == opening.component]
        causes = list(_hindrances(of_component)) if is_open else []
        # What Kong's entities hinder, no time mends.
        seconds = 0.0 if causes else settle(admin, settings.gateway) + _SPARE_SECONDS
        shown, is_as_written = _asked(of_component, opening, proxy, seconds, is_open=is_open)
        if causes or not is_as_written:
            why = f", since {some(causes)}" if causes else f"; see `python -m kong_oam verify --stack {stack}`"
            state = "open" if is_open else "closed"
            raise EmergencyError(f"written, and {opening.path} of {opening.component} is not {state}: {shown}{why}")
        lines.append(shown)
    return lines


_SPARE_SECONDS = 3.0


def _asked(
    gates: Iterable[_GatedService], opening: Opening, proxy: Proxy, seconds: float, *, is_open: bool
) -> tuple[str, bool]:
    """What the gateway says to somebody without a token, in words, and whether nothing speaks against the change."""
    method = next((method for method in SAFE_METHODS if method in opening.methods), None)
    where = next(_places(gates, opening, method), None) if method else None
    if method is None or where is None:
        return f"{','.join(opening.methods)} {opening.path} was not asked for: that could change something", True
    host, path = where
    request = f"{method} {proxy.url(host, path)} without a token"
    if opening.networks:
        return f"{request} was not asked for: it depends on where a call comes from", True
    wanted: Said = "passes it on" if is_open else "refuses it"
    try:
        answer = proxy.settled(method, host, path, wanted, seconds)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        hint = f"call it yourself, or set {ADDRESS} to the gateway's proxy"
        return f"{request} could not be asked ({type(error).__name__}): {hint}", True
    is_as_written = answer.said == wanted
    return f"{request}: the gateway {'' if is_as_written else 'still '}{answer}", is_as_written


def _places(gates: Iterable[_GatedService], opening: Opening, method: str) -> Iterator[tuple[str, str]]:
    """Yields hosts and paths at which the opening answers everybody."""
    entry = {"path": opening.path, "methods": opening.methods, "ends": opening.ends}
    for gated in gates:
        table = {**gated.tables[1], "opened": entry, "addresses": {}}
        for pattern, paths in table["hosts"].items():
            host = pattern.replace("*", "any")
            for path in (opening.path, *sorted(paths)):
                call = Call("https", method, host, unwritten(path))
                if requirement(table, call) == "public":
                    yield host, path


def _hindrances(gates: Iterable[_GatedService]) -> Iterator[str]:
    """Yields, by Kong's entities, why services refuse everybody whatever their gates say, and what to do."""
    for gated in gates:
        for guard in gated.guards:
            if not guard["enabled"]:
                yield f"plugin {guard['name']} of service '{gated.service}' is disabled: enable it in Kong"


def _gated_services(admin: AdminApi, settings: Settings) -> Iterator[_GatedService]:
    """Yields the stack's services that have all guards. Raises EmergencyError where another stack owns a guard."""
    asking = Asking(settings.stack.name, whole=True)
    kinds = plugins.guards(settings.gateway.edition)
    guards = {(reference(plugin, "service"), plugin["name"]): plugin for plugin in _unscoped(admin)}
    for service in admin.rows("/services"):
        name = service.get("name") or ""
        component = names.component_of(settings.stack.name, name)
        parts = [plugin for kind in kinds if (plugin := guards.get((service["id"], kind)))]
        if not component or asking.owner(service).kind != "ours" or len(parts) != len(kinds):
            continue
        for plugin in parts:
            owner = asking.owner(plugin)
            if owner.kind == "another stack's":
                raise EmergencyError(
                    f"stack '{owner.stack}' owns plugin {plugin['name']} of service '{name}', by its tags: "
                    f"see `python -m kong_oam verify --stack {settings.stack.name}`"
                )
        yield _GatedService(component, name, *parts)


def _unscoped(admin: AdminApi) -> Iterator[Mapping[str, Any]]:
    """Yields the plugins that stand on a service, or on all of them, for every caller."""
    for plugin in admin.rows("/plugins"):
        if not plugin.get("route") and not plugin.get("consumer"):
            yield plugin


def _patch(admin: AdminApi, plugin: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    try:
        admin.patch(f"/plugins/{plugin['id']}", {"config": config})
    except RejectedError as error:
        raise EmergencyError(f"Kong did not take the change of {plugin['name']}: {error.answer}") from None
