"""Finds what an emergency left open, in whatever plugin of Kong it stands.

It needs no complete gate. Since the opening, somebody may have deleted a guard, renamed the service
or copied a plugin.

A table says whose it is, by its key ring or its records. A plugin's tags and service count only
where no table does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from kong_oam.access.settings.stack import Settings
from kong_oam.kong import names, plugins, script
from kong_oam.kong.entities import Entities, Entity, reference
from kong_oam.kong.owners import Asking
from kong_oam.kong.table import VERSION, opened
from kong_oam.verify.gate import code, is_opening, read_object, script_of

_SCRIPTED = ("pre-function", "post-function")


@dataclass(frozen=True, slots=True)
class ScriptGuard:
    """A `pre-function` or `post-function` of a stack, wherever it stands.

    `tables`: those that its scripts are given. `is_known`: it runs exactly a script of this
    version.
    """

    plugin: Entity
    label: str
    component: str
    tables: tuple[Mapping[str, Any], ...]
    is_known: bool

    @property
    def openings(self) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """Yields each opening that can be read, with its table."""
        for table in self.tables:
            opening: Any = table.get("opened")
            if is_opening(opening) and opening["methods"]:
                yield opening, table

    def closed_config(self) -> dict[str, list[str]]:
        """The scripts of the phases that have an opening of this version, without it."""
        config = {}
        for phase, scripts in code(self.plugin["config"]).items():
            closed = [_closed(text) for text in scripts]
            if closed != scripts:
                config[phase] = closed
        return config


@dataclass(frozen=True, slots=True)
class AnonymousLeft:
    """An authentication plugin that lets calls without a token by, although no rule of its
    component is public.

    `owner`: the other stack that owns it by its tags; empty where none does.
    """

    plugin: Entity
    label: str
    component: str
    owner: str


@dataclass(frozen=True, slots=True)
class FoundOpenings:
    """The plugins of a stack in which an opening can stand, and those that an opening left
    behind."""

    scripts: tuple[ScriptGuard, ...]
    anonymous: tuple[AnonymousLeft, ...]


def find_openings(live: Entities, settings: Settings) -> FoundOpenings:
    """Looks at every plugin of the workspace. `live` needs services, routes, plugins and
    consumers."""
    stack, labels = settings.stack.name, live.labels
    services = {
        service["id"]: str(service.get("name") or "") for service in live.services
    }
    of_routes = {route["id"]: reference(route, "service") for route in live.routes}

    def component_at(plugin: Entity) -> str | None:
        """The component of the plugin by its tags, else by the name of its service."""
        tagged = (
            names.component_in(plugin.get("tags") or ())
            if _is_tagged(plugin, stack)
            else None
        )
        service = reference(plugin, "service") or of_routes.get(
            reference(plugin, "route") or ""
        )
        return tagged or names.component_of(stack, services.get(service or "", ""))

    scripts = []
    for plugin in live.plugins:
        if plugin["name"] not in _SCRIPTED:
            continue
        tables = tuple(_tables(plugin))
        if _is_of(stack, plugin, tables, component_at(plugin)):
            label = labels["plugin", plugin["id"]]
            component = _component_in(tables) or component_at(plugin) or label
            known = script_of(plugin)
            scripts.append(
                ScriptGuard(
                    plugin, label, component, tables, bool(known and known.table)
                )
            )
    places = {_place(guard.plugin): guard.component for guard in scripts}
    private = _without_public(scripts)
    asking, anonymous = Asking(stack, whole=True), []
    for plugin in live.plugins:
        if plugin["name"] != plugins.AUTHENTICATION[settings.gateway.edition]:
            continue
        of = component_at(plugin) or places.get(_place(plugin))
        if of in private and plugin["config"].get("anonymous") is not None:
            owner = asking.owner(plugin)
            other = owner.stack if owner.kind == "another stack's" else ""
            anonymous.append(
                AnonymousLeft(plugin, labels["plugin", plugin["id"]], str(of), other)
            )
    return FoundOpenings(tuple(scripts), tuple(anonymous))


def _is_of(
    stack: str,
    plugin: Entity,
    tables: Iterable[Mapping[str, Any]],
    component: str | None,
) -> bool:
    named = {name for table in tables for name in _stacks_named(table)}
    if named:
        return stack in named
    # The one on the service is a guard, whoever took its tags. What else stands on a route may be
    # anybody's.
    is_on_service = not plugin.get("route") and not plugin.get("consumer")
    return _is_tagged(plugin, stack) or (component is not None and is_on_service)


def _stacks_named(table: Mapping[str, Any]) -> Iterator[str]:
    ring, log = table.get("ring"), table.get("log")
    if isinstance(ring, str) and (stack := names.stack_of_ring(ring)):
        yield stack
    if isinstance(log, dict) and isinstance(log.get("stack"), str):
        yield log["stack"]


def _is_tagged(plugin: Entity, stack: str) -> bool:
    return stack in names.stacks_in(plugin.get("tags") or ())


def _place(plugin: Entity) -> tuple[str | None, str | None]:
    return reference(plugin, "service"), reference(plugin, "route")


def _component_in(tables: Iterable[Mapping[str, Any]]) -> str | None:
    return next(
        (
            table["component"]
            for table in tables
            if isinstance(table.get("component"), str)
        ),
        None,
    )


def _without_public(scripts: Iterable[ScriptGuard]) -> set[str]:
    """The components of which no table has a public rule."""
    private: dict[str, bool] = {}
    for guard in scripts:
        for table in guard.tables:
            private[guard.component] = private.get(
                guard.component, True
            ) and not _has_public(table)
    return {component for component, is_private in private.items() if is_private}


def _has_public(table: Mapping[str, Any]) -> bool:
    rules = table.get("rules")
    methods = rules.values() if isinstance(rules, dict) else ()
    return any(
        "public" in of_path.values() for of_path in methods if isinstance(of_path, dict)
    )


def _tables(plugin: Entity) -> Iterator[Mapping[str, Any]]:
    for scripts in code(plugin["config"]).values():
        for text in scripts:
            if table := _table(text):
                yield table


def _table(text: Any) -> dict[str, Any]:
    """The table that a script is given; empty where there is none to read."""
    inputs = script.inputs_of(text) if isinstance(text, str) else None
    return read_object(inputs.table) if inputs else {}


def _closed(text: Any) -> Any:
    table = _table(text)
    # A gate of another version is for that version of the program.
    if "opened" not in table or table.get("version") != VERSION:
        return text
    return script.with_table(text, partial(opened, opening=None))
