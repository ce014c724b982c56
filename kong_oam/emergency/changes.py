"""Opens a path to everybody for a limited time, closes it, and lists openings.

Each gate stores the opened path, its end and the reason, and closes the path by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from kong_oam.access.model import METHODS
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import printable, some
from kong_oam.errors import OperationError
from kong_oam.kong import names
from kong_oam.kong.admin import AdminApi, AdminError, RejectedChangeError
from kong_oam.kong.entities import Entities, Entity
from kong_oam.kong.owners import OwnerLookup
from kong_oam.kong.table import LONGEST_OPENING, with_opening
from kong_oam.oam.position import Fields, Names
from kong_oam.verify.openings import (
    AnonymousLeft,
    FoundOpenings,
    ScriptGuard,
    find_openings,
)
from kong_oam.verify.ports import Port, missing_guards, ports_of
from kong_oam.verify.scripts import script_of, with_table


class EmergencyError(OperationError):
    """The change failed or is incomplete. The message gives the remaining part and the remedy."""


class StillOpenError(EmergencyError):
    """Some openings could not be closed. `closed`: the closed openings by component."""

    def __init__(
        self, message: str, closed: Mapping[str, Opening | None]
    ) -> None:
        super().__init__(message)
        self.closed = dict(closed)


@dataclass(frozen=True, slots=True)
class OpeningRequest:
    """A request to open a path: a rule's path, some of its methods (comma-separated), minutes and
    the reason."""

    component: str
    path: str
    methods: str
    minutes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Opening:
    """A path that is or was open to everybody.

    `is_over`: the gate has closed it but still stores it. `networks`: the only networks that may
    call, as texts: an opening drops the token but keeps the address check.
    """

    component: str
    path: str
    methods: tuple[str, ...]
    ends: float
    reason: str
    is_over: bool
    networks: tuple[str, ...] = ()

    def __str__(self) -> str:
        ends = datetime.fromtimestamp(self.ends, UTC)
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
    """All openings of a stack by component. `unknown`: messages about gates whose openings are
    unreadable."""

    openings: tuple[Opening, ...]
    unknown: Names = ()


def openings(admin: AdminApi, settings: Settings) -> Openings:
    """Return all openings, current and past, at all gates. Raises EmergencyError, AdminError."""
    listing = _openings_of_stack(admin, settings)
    now = admin.now()
    listed: dict[tuple[object, ...], Opening] = {}
    for guard in listing.scripts:
        for entry, table in guard.openings:
            opening = _opening(guard.component, entry, table, now)
            # Each port of the component has its own gate with the opening.
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
    unknown = (
        _unreadable_message(guard)
        for guard in listing.scripts
        if not guard.table
    )
    return Openings(tuple(by_component), tuple(dict.fromkeys(unknown)))


def _unreadable_message(guard: ScriptGuard) -> str:
    return _other_version_message(
        guard.component, f"{guard.label} may open other paths"
    )


def _other_version_message(component: str, shown: str) -> str:
    return (
        f"the scripts of {component} come from another version of the program, or from a change "
        f"by hand: {shown}. Use that version, or run `pulumi up --refresh`"
    )


def _opening(
    component: str,
    entry: Fields,
    table: Fields,
    now: float,
) -> Opening:
    """Return the opening of an entry in a gate's table."""
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
    """Return the only networks that may call the opened path."""
    # A script that was changed by hand may have addresses of any shape.
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
    # All scripts are read before the first change.
    tables = [_table_of(port) for port in ports]
    entry = {
        "path": wanted.path,
        "methods": _requested_methods(wanted, tables[0]["rules"]),
        "ends": int(now) + 60 * wanted.minutes,
        "reason": wanted.reason,
    }
    _check_that_nothing_is_open(live, settings, wanted.component, now)
    add_opening = partial(with_opening, opening=entry)
    without_token = {"anonymous": names.anonymous(settings.stack.name)}
    try:
        for port in ports:
            admission, authentication, gate = port.guards.values()
            # The gate comes last: until then no call gets a new answer.
            _patch(admin, authentication, without_token)
            _patch(admin, admission, with_table(admission, add_opening))
            _patch(admin, gate, with_table(gate, add_opening))
    except (EmergencyError, AdminError) as error:
        raise EmergencyError(
            f"{error}. The path may be open in part: close it with `python -m kong_oam emergency "
            f"-s {settings.stack.name} close`"
        ) from None
    return _opening(wanted.component, entry, tables[0], now)


def _check_that_nothing_is_open(
    live: Entities, settings: Settings, component: str, now: float
) -> None:
    """Raise EmergencyError if a path of the component is already open."""
    for guard in find_openings(live, settings).scripts:
        if guard.component != component:
            continue
        for entry, table in guard.openings:
            # A second opening would replace the first at the gate.
            if entry["ends"] > now:
                raise EmergencyError(
                    f"{_opening(component, entry, table, now)}: close this opening first"
                )


def _complete_ports_of(
    live: Entities, settings: Settings, component: str
) -> list[Port]:
    """Return the ports of the component that have all guards. Raises EmergencyError if there is
    none, or if another stack owns a guard."""
    gated = list(ports_of(live, settings))
    ports = [port for port in gated if port.component == component]
    if not ports:
        components = some(sorted({port.component for port in gated})) or "none"
        raise EmergencyError(
            f"this Kong has no gate of '{component}'; it has gates of: {components}"
        )
    missing = list[str]()
    for port in ports:
        _check_that_guards_are_ours(port, settings.stack.name)
        missing.extend(missing_guards(port))
    complete = [port for port in ports if not port.missing]
    if not complete:
        raise EmergencyError(
            f"nothing was opened, since no gate of '{component}' is complete: "
            f"{some(missing, '; ')}"
        )
    return complete


def _check_that_guards_are_ours(port: Port, stack: str) -> None:
    """Raise EmergencyError if another stack owns a guard of the port."""
    lookup = OwnerLookup(stack, whole=True)
    for kind, plugin in port.guards.items():
        owner = lookup.owner(plugin)
        if owner.kind == "another stack's":
            raise EmergencyError(
                f"stack '{owner.stack}' owns plugin {kind} of service '{port.service}', by its "
                f"tags: see `python -m kong_oam verify --stack {stack}`"
            )


def _table_of(port: Port) -> Fields:
    """Return the gate's table. Raises EmergencyError if a script has another version."""
    # Admission and the gate both store an opening.
    for kind in ("pre-function", "post-function"):
        script = script_of(port.guards[kind])
        if script is None or not script.table:
            where = f"plugin {kind} of service '{port.service}'"
            raise EmergencyError(_other_version_message(port.component, where))
        table = script.table
    return table


def _requested_methods(wanted: OpeningRequest, rules: Fields) -> list[str]:
    """Return the requested methods. Raises EmergencyError if the request is invalid for the
    component's rules."""
    if wanted.path not in rules:
        raise EmergencyError(
            f"'{wanted.component}' has no rule for '{wanted.path}'; it has rules for: "
            f"{some(sorted(rules))}"
        )
    if not 1 <= wanted.minutes <= LONGEST_OPENING:
        raise EmergencyError(
            f"--minutes is outside 1 to {LONGEST_OPENING}: "
            "for longer, add a rule to the Application"
        )
    if not wanted.reason.strip() or not wanted.reason.isprintable():
        raise EmergencyError("--reason is not one line of printable text")
    return _methods(wanted.methods, rules[wanted.path])


def _methods(text: str, rule: Fields) -> list[str]:
    """Return the methods in a comma-separated text, if the rule lists them all."""
    named = {name.strip().upper() for name in text.split(",")}
    # As in a rule, GET includes HEAD.
    if "GET" in named:
        named.add("HEAD")
    listed = METHODS if "*" in rule else [*filter(METHODS.__contains__, rule)]
    if unlisted := sorted(named - set(listed)):
        raise EmergencyError(
            f"the rule does not list {some(unlisted)}; it lists {some(listed)}"
        )
    return [method for method in METHODS if method in named]


@dataclass(frozen=True, slots=True)
class _Closing:
    """The progress of a close.

    `closed`: closed components with an opening each. `left`: reasons why something is still open,
    each with its component.
    """

    admin: AdminApi
    closed: dict[str, Opening | None] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def patch(self, guard: ScriptGuard | AnonymousLeft, config: Fields) -> None:
        """Change a plugin. A failure is noted in `left`, and does not stop the close."""
        self.closed.setdefault(guard.component, None)
        try:
            _patch(self.admin, guard.plugin, config)
        except (EmergencyError, AdminError) as error:
            self.left[f"{guard.label}: {error}"] = guard.component

    def close_scripts(self, guards: Iterable[ScriptGuard], kind: str) -> None:
        """Close the openings in scripts of one kind of plugin."""
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
        """Deny calls without a token again, if the plugin is ours."""
        if guard.owner:
            reason = (
                f"{guard.label} allows calls without a token, and stack '{guard.owner}' owns it, "
                "by its tags"
            )
            self.left[reason] = guard.component
        else:
            self.patch(guard, {"anonymous": None})


def close(admin: AdminApi, settings: Settings) -> dict[str, Opening | None]:
    """Close all openings, wherever they are. Return their components, each with its opening.

    The order is gates, anonymous access, admission; a failure does not stop the close. Raises
    EmergencyError, AdminError, and StillOpenError if something is still open.
    """
    found = _openings_of_stack(admin, settings)
    closing = _Closing(admin)
    # The gate decides last, so a closed gate denies even while earlier plugins are still open.
    closing.close_scripts(found.scripts, "post-function")
    for anonymous in found.anonymous:
        closing.close_anonymous(anonymous)
    closing.close_scripts(found.scripts, "pre-function")
    left = closing.left
    for guard in found.scripts:
        if not guard.table:
            left[_unreadable_message(guard)] = guard.component
    closed = {
        component: opening
        for component, opening in sorted(closing.closed.items())
        if component not in left.values()
    }
    if left:
        raise StillOpenError(
            "\n  ".join(("some openings are not closed:", *left)), closed
        )
    return closed


def _openings_of_stack(admin: AdminApi, settings: Settings) -> FoundOpenings:
    """Find the openings of the stack. Raises EmergencyError if this Kong has no gate of the stack:
    another Kong may have an opening."""
    found = find_openings(entities_of(admin), settings)
    if not (found.scripts or found.anonymous):
        raise EmergencyError(
            f"this Kong has no gate of stack '{settings.stack.name}': check the name of the stack, "
            "and the address of Kong's Admin API (KONG_ADMIN_ADDR)"
        )
    return found


def entities_of(admin: AdminApi) -> Entities:
    """Return the entities of the workspace that matter for an opening."""
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
            f"Kong rejected the change of plugin {plugin['name']}: {error.answer}"
        ) from None
