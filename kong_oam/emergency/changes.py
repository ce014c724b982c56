"""Opens one path to everybody for a while, closes it, and lists what is open.

The gates know when it ends, and close by themselves. Each of them has what was opened, until when
and why.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from kong_oam.access.model import METHODS
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import printable, some
from kong_oam.errors import OperationError
from kong_oam.kong import names
from kong_oam.kong.admin import AdminApi, AdminError, RejectedChangeError
from kong_oam.kong.entities import Entities, Entity
from kong_oam.kong.owners import Asking
from kong_oam.kong.table import LONGEST_OPENING, opened
from kong_oam.oam.position import Fields
from kong_oam.verify.openings import AnonymousLeft, ScriptGuard, find_openings
from kong_oam.verify.ports import Port, missing_guards, ports_of
from kong_oam.verify.scripts import script_of, with_table


class EmergencyError(OperationError):
    """The change was not done, or not all of it. The message says what is left, and what to do."""


class StillOpenError(EmergencyError):
    """Not all could be closed. `closed`: what was, by component."""

    def __init__(
        self, message: str, closed: Mapping[str, Opening | None]
    ) -> None:
        super().__init__(message)
        self.closed = dict(closed)


@dataclass(frozen=True, slots=True)
class OpeningRequest:
    """A request to open: the path of a rule, some of its methods (comma-separated), for how long,
    and why."""

    component: str
    path: str
    methods: str
    minutes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Opening:
    """A path that is, or was, open to everybody: one that `is_over` closed by itself, and still
    stands at the gate.

    `networks`: where alone it may be called from, as texts: an opening asks for no token, and for
    the same address.
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
        source = (
            f" from {', '.join(self.networks)} only" if self.networks else ""
        )
        return (
            f"{state}: {','.join(self.methods)} {self.path} of {self.component} for "
            f"everybody{source} until {ends:%FT%TZ} ({printable(self.reason)})"
        )


@dataclass(frozen=True, slots=True)
class Openings:
    """All openings of a stack, by component. `unknown`: why nobody can say what else is open."""

    openings: tuple[Opening, ...]
    unknown: tuple[str, ...] = ()


def openings(admin: AdminApi, settings: Settings) -> Openings:
    """List what is open, or was, wherever it stands. Raises AdminError."""
    listing = find_openings(entities_of(admin), settings)
    now = admin.now()
    listed: dict[tuple[object, ...], Opening] = {}
    for guard in listing.scripts:
        for entry, table in guard.openings:
            opening = _opening(guard.component, entry, table, now)
            # Every port of the component has a gate of its own that holds it.
            listed.setdefault(
                (
                    opening.component,
                    opening.path,
                    opening.methods,
                    opening.ends,
                ),
                opening,
            )
    by_component = sorted(
        listed.values(),
        key=lambda opening: (opening.component, opening.path, opening.ends),
    )
    unknown = (_unknown(guard) for guard in listing.scripts if not guard.table)
    return Openings(tuple(by_component), tuple(dict.fromkeys(unknown)))


def _unknown(guard: ScriptGuard) -> str:
    return _not_of_this_version(
        guard.component, f"nobody can say what {guard.label} opens"
    )


def _not_of_this_version(component: str, shown: str) -> str:
    return (
        f"the scripts of {component} were changed by hand, or are of another version of the "
        f"program: {shown}. Use that version, or `pulumi up --refresh`"
    )


def _opening(
    component: str,
    entry: Fields,
    table: Fields,
    now: float,
) -> Opening:
    """Return the opening that a gate's table has an entry of."""
    return Opening(
        component,
        entry["path"],
        tuple(entry["methods"]),
        entry["ends"],
        str(entry.get("reason", "no reason given")),
        entry["ends"] <= now,
        tuple(_networks(entry, table.get("addresses"))),
    )


def _networks(entry: Fields, addresses: object) -> dict[str, None]:
    """Return the networks from which alone the opened path may be called."""
    # Of a script that was changed by hand, the addresses are of any shape.
    by_method = (
        addresses.get(entry["path"]) if isinstance(addresses, dict) else None
    )
    networks = {}
    if isinstance(by_method, dict):
        for method in entry["methods"]:
            listed = by_method.get(method) or by_method.get("*") or ()
            networks.update(dict.fromkeys(map(str, listed)))
    return networks


def open_path(
    admin: AdminApi, settings: Settings, wanted: OpeningRequest
) -> Opening:
    """Open the path at all complete gates of the component. Raises EmergencyError, AdminError."""
    live = entities_of(admin)
    now = admin.now()
    ports = _complete_ports_of(live, settings, wanted.component)
    # All scripts are known before the first change.
    tables = [_table_of(port) for port in ports]
    entry = {
        "path": wanted.path,
        "methods": _checked(wanted, tables[0]["rules"]),
        "ends": int(now) + 60 * wanted.minutes,
        "reason": wanted.reason,
    }
    _check_that_nothing_is_open(live, settings, wanted.component, now)
    with_opening = partial(opened, opening=entry)
    nobody = {"anonymous": names.anonymous(settings.stack.name)}
    try:
        for port in ports:
            admission, authentication, gate = port.guards.values()
            # The gate comes last: until then everything is as it was.
            _patch(admin, authentication, nobody)
            _patch(admin, admission, with_table(admission, with_opening))
            _patch(admin, gate, with_table(gate, with_opening))
    except (EmergencyError, AdminError) as error:
        raise EmergencyError(
            f"{error}. It may be open in part: python -m kong_oam emergency -s "
            f"{settings.stack.name} close"
        ) from None
    return _opening(wanted.component, entry, tables[0], now)


def _check_that_nothing_is_open(
    live: Entities, settings: Settings, component: str, now: float
) -> None:
    """Raise EmergencyError where a path of the component is open already."""
    for guard in find_openings(live, settings).scripts:
        if guard.component != component:
            continue
        for entry, table in guard.openings:
            # A second opening would replace the first at the gate.
            if entry["ends"] > now:
                raise EmergencyError(
                    f"{_opening(component, entry, table, now)}: close that first"
                )


def _complete_ports_of(
    live: Entities, settings: Settings, component: str
) -> list[Port]:
    """Return the ports of the component that have all guards. Raises EmergencyError where none
    has, and where another stack owns a guard."""
    gated = list(ports_of(live, settings))
    ports = [port for port in gated if port.component == component]
    if not ports:
        components = some(sorted({port.component for port in gated})) or "none"
        raise EmergencyError(
            f"this Kong has no gate of '{component}'; it has those of: {components}"
        )
    missing = list[str]()
    for port in ports:
        _check_that_guards_are_ours(port, settings.stack.name)
        missing.extend(missing_guards(port))
    complete = [port for port in ports if not port.missing]
    if not complete:
        raise EmergencyError(
            f"no gate of '{component}' is complete, so nothing was opened: "
            f"{some(missing, '; ')}"
        )
    return complete


def _check_that_guards_are_ours(port: Port, stack: str) -> None:
    """Raise EmergencyError where another stack owns a guard of the port."""
    asking = Asking(stack, whole=True)
    for kind, plugin in port.guards.items():
        owner = asking.owner(plugin)
        if owner.kind == "another stack's":
            raise EmergencyError(
                f"stack '{owner.stack}' owns plugin {kind} of service '{port.service}', by its "
                f"tags: see `python -m kong_oam verify --stack {stack}`"
            )


def _table_of(port: Port) -> Fields:
    """The gate's table. Raises EmergencyError where it or admission is not of this version."""
    # Admission and the gate. Both hold an opening.
    for kind in ("pre-function", "post-function"):
        script = script_of(port.guards[kind])
        if script is None or not script.table:
            where = f"plugin {kind} of service '{port.service}'"
            raise EmergencyError(_not_of_this_version(port.component, where))
        table = script.table
    return table


def _checked(wanted: OpeningRequest, rules: Fields) -> list[str]:
    """The methods that are wanted. Raises EmergencyError where the path cannot be opened like
    that."""
    if wanted.path not in rules:
        raise EmergencyError(
            f"'{wanted.component}' has no rule for '{wanted.path}'; it has those for: "
            f"{some(sorted(rules))}"
        )
    if not 1 <= wanted.minutes <= LONGEST_OPENING:
        raise EmergencyError(
            f"--minutes is 1 to {LONGEST_OPENING}: what lasts longer is a rule of the Application"
        )
    if not wanted.reason.strip() or not wanted.reason.isprintable():
        raise EmergencyError("--reason is a line of text that can be printed")
    return _methods(wanted.methods, rules[wanted.path])


def _methods(text: str, rule: Fields) -> list[str]:
    """Return the methods that `text` names, of those that the rule lists."""
    named = {name.strip().upper() for name in text.split(",")}
    # As in a rule, GET includes HEAD.
    if "GET" in named:
        named.add("HEAD")
    if unlisted := sorted(named - set(METHODS if "*" in rule else rule)):
        raise EmergencyError(
            f"the rule does not list {some(unlisted)}, but {some(rule)}"
        )
    return [method for method in METHODS if method in named]


@dataclass(frozen=True, slots=True)
class _Closing:
    """What was closed so far, by component with an opening of it, and what is left: why, with its
    component."""

    admin: AdminApi
    closed: dict[str, Opening | None] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def patch(self, guard: ScriptGuard | AnonymousLeft, config: Fields) -> None:
        """Change a plugin. Whatever fails, the others are tried as well."""
        self.closed.setdefault(guard.component, None)
        try:
            _patch(self.admin, guard.plugin, config)
        except (EmergencyError, AdminError) as error:
            self.left[f"{guard.label}: {error}"] = guard.component

    def close_scripts(self, guards: Iterable[ScriptGuard], kind: str) -> None:
        """Close what scripts of this kind of plugin open."""
        for guard in guards:
            config = guard.closed_config()
            if guard.plugin["name"] != kind or not config:
                continue
            component = guard.component
            self.patch(guard, config)
            for entry, table in guard.openings:
                opening = _opening(component, entry, table, 0.0)
                self.closed[component] = self.closed[component] or opening

    def close_anonymous(self, guard: AnonymousLeft) -> None:
        """Let nobody pass without a token any more, where the plugin is ours."""
        if guard.owner:
            reason = (
                f"stack '{guard.owner}' owns {guard.label}, by its tags, and it passes calls "
                "without a token"
            )
            self.left[reason] = guard.component
        else:
            self.patch(guard, {"anonymous": None})


def close(admin: AdminApi, settings: Settings) -> dict[str, Opening | None]:
    """Close whatever is open, wherever it stands. Returns the components of it, each with its
    opening.

    All gates come first, whatever fails; then who passes without a token, and admission. Raises
    AdminError, and StillOpenError where something is left.
    """
    found = find_openings(entities_of(admin), settings)
    closing = _Closing(admin)
    # The gate decides last, so a closed one refuses whatever still stands before it.
    closing.close_scripts(found.scripts, "post-function")
    for anonymous in found.anonymous:
        closing.close_anonymous(anonymous)
    closing.close_scripts(found.scripts, "pre-function")
    left = closing.left
    for guard in found.scripts:
        if not guard.table:
            left[_unknown(guard)] = guard.component
    closed = {
        component: opening
        for component, opening in sorted(closing.closed.items())
        if component not in left.values()
    }
    if left:
        raise StillOpenError("\n  ".join(("not all is closed:", *left)), closed)
    return closed


def entities_of(admin: AdminApi) -> Entities:
    """What there is in the workspace, as far as an opening needs it."""
    return Entities(
        services=admin.rows("/services"),
        routes=admin.rows("/routes"),
        plugins=admin.rows("/plugins"),
        consumers=admin.rows("/consumers"),
    )


def _patch(admin: AdminApi, plugin: Entity, config: Fields) -> None:
    try:
        admin.patch(f"/plugins/{plugin['id']}", {"config": config})
    except RejectedChangeError as error:
        raise EmergencyError(
            f"Kong did not take the change of {plugin['name']}: {error.answer}"
        ) from None
