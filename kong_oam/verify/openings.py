"""Finds emergency openings in any plugin of Kong.

A complete gate is not necessary. Since the opening, somebody may have deleted a guard, renamed the
service or copied a plugin.

A table identifies its stack by its key ring or its records. The tags and the service of a plugin
count only if no table identifies the stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from kong_oam.access.data import JsonObject, NameLists
from kong_oam.access.settings.values import Settings
from kong_oam.kong import names, plugins, script
from kong_oam.kong.entities import Entities, Entity, reference, tags_of
from kong_oam.kong.owners import OwnerLookup
from kong_oam.kong.script import Table
from kong_oam.kong.table import VERSION, with_opening
from kong_oam.verify.scripts import (
    is_opening,
    read_object,
    script_of,
    scripts_by_phase,
)


@dataclass(frozen=True, slots=True)
class ScriptGuard:
    """A `pre-function` or `post-function` of a stack, in any place.

    `tables`: the tables of its scripts, of any version and shape. `table`: the table of a script
    that is exactly ours; empty for any other script.
    """

    plugin: Entity
    label: str
    component: str
    tables: tuple[JsonObject, ...]
    table: Table

    @property
    def openings(self) -> Iterator[tuple[JsonObject, JsonObject]]:
        """Yield each readable opening with its table."""
        for table in self.tables:
            opening: Any = table.get("opened")
            if is_opening(opening) and opening["methods"]:
                yield opening, table

    def closed_config(self) -> NameLists:
        """Return the scripts without their openings, by phase. Phases without an opening of this
        version are left out."""
        config = {}
        for phase, scripts in scripts_by_phase(self.plugin["config"]).items():
            closed = [_closed(text) for text in scripts]
            if closed != scripts:
                config[phase] = closed
        return config


@dataclass(frozen=True, slots=True)
class AnonymousLeft:
    """An authentication plugin that allows calls without a token, although its component has no
    public rule.

    `owner`: another stack that owns it by its tags, or empty.
    """

    plugin: Entity
    label: str
    component: str
    owner: str


@dataclass(frozen=True, slots=True)
class FoundOpenings:
    """The plugins of a stack that may have an opening, and plugins that an opening left."""

    scripts: tuple[ScriptGuard, ...]
    anonymous: tuple[AnonymousLeft, ...]


def find_openings(live: Entities, settings: Settings) -> FoundOpenings:
    """Find the openings in a workspace. `live` needs services, routes, plugins and consumers."""
    search = _Search(live, settings.stack.name)
    scripts = tuple(search.scripts())
    authentication = plugins.AUTHENTICATION[settings.gateway.edition]
    return FoundOpenings(
        scripts, tuple(search.anonymous(authentication, scripts))
    )


class _Search:
    """A search for a stack's plugins in a workspace."""

    def __init__(self, live: Entities, stack: str) -> None:
        self._live = live
        self._stack = stack
        self._services = {
            service["id"]: str(service.get("name") or "")
            for service in live.services
        }
        self._of_routes = {
            route["id"]: reference(route, "service") for route in live.routes
        }

    def scripts(self) -> Iterator[ScriptGuard]:
        """Yield the plugins of the stack that run scripts."""
        for plugin in self._live.plugins:
            if plugin["name"] not in ("pre-function", "post-function"):
                continue
            tables = tuple(_tables(plugin))
            component = self._component_at(plugin)
            if self._is_of_stack(plugin, tables, component):
                label = self._live.labels["plugin", plugin["id"]]
                named = _component_in(tables) or component or label
                known = script_of(plugin)
                table = known.table if known else {}
                yield ScriptGuard(plugin, label, named, tables, table)

    def anonymous(
        self, kind: str, scripts: Iterable[ScriptGuard]
    ) -> Iterator[AnonymousLeft]:
        """Yield the authentication plugins, of this kind, that an opening left behind."""
        components = {
            _place(guard.plugin): guard.component for guard in scripts
        }
        private = _without_public(scripts)
        lookup = OwnerLookup(self._stack, whole=True)
        for plugin in self._live.plugins:
            if (
                plugin["name"] != kind
                or plugin["config"].get("anonymous") is None
            ):
                continue
            component = self._component_at(plugin) or components.get(
                _place(plugin)
            )
            if component in private:
                owner = lookup.owner(plugin)
                other = owner.stack if owner.kind == "another stack's" else ""
                label = self._live.labels["plugin", plugin["id"]]
                yield AnonymousLeft(plugin, label, str(component), other)

    def _component_at(self, plugin: Entity) -> str | None:
        """Return the component of the plugin by its tags, else by the name of its service."""
        tags = tags_of(plugin)
        tagged = names.component_in(tags)
        if tagged and self._stack in names.stacks_in(tags):
            return tagged
        service = reference(plugin, "service")
        if not service:
            service = self._of_routes.get(reference(plugin, "route"), "")
        return names.component_of(self._stack, self._services.get(service, ""))

    def _is_of_stack(
        self,
        plugin: Entity,
        tables: Iterable[JsonObject],
        component: str | None,
    ) -> bool:
        named: set[str] = set()
        for table in tables:
            named.update(_stacks_named(table))
        if named:
            return self._stack in named
        if self._stack in names.stacks_in(tags_of(plugin)):
            return True
        # A plugin on the service is a guard, even without tags. A plugin on a route may be
        # anybody's.
        is_on_service = not plugin.get("route") and not plugin.get("consumer")
        return component is not None and is_on_service


def _stacks_named(table: JsonObject) -> Iterator[str]:
    ring = table.get("ring")
    if isinstance(ring, str) and (stack := names.stack_of_ring(ring)):
        yield stack
    log = table.get("log")
    if isinstance(log, dict) and isinstance(log.get("stack"), str):
        yield log["stack"]


def _place(plugin: Entity) -> tuple[str, str]:
    return reference(plugin, "service"), reference(plugin, "route")


def _component_in(tables: Iterable[JsonObject]) -> str | None:
    for table in tables:
        component = table.get("component")
        if isinstance(component, str):
            return component
    return None


def _without_public(scripts: Iterable[ScriptGuard]) -> set[str]:
    """Return the components whose tables have no public rule."""
    components = set()
    public = set()
    for guard in scripts:
        for table in guard.tables:
            components.add(guard.component)
            if _has_public(table):
                public.add(guard.component)
    return components - public


def _has_public(table: JsonObject) -> bool:
    rules = table.get("rules")
    if isinstance(rules, dict):
        for methods in rules.values():
            if isinstance(methods, dict) and "public" in methods.values():
                return True
    return _has_refusing_public(table.get("refusing"))


def _has_refusing_public(refusing: Any) -> bool:
    """Return whether a public rule with refusals is in a table of any shape."""
    for methods in _values(refusing):
        for entries in _values(methods):
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, list) and "public" in entry:
                    return True
    return False


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()


def _tables(plugin: Entity) -> Iterator[JsonObject]:
    for scripts in scripts_by_phase(plugin["config"]).values():
        yield from filter(None, map(_table, scripts))


def _table(text: Any) -> JsonObject:
    """Return the table of a script, or an empty table if it cannot be read."""
    inputs = script.inputs_of(text) if isinstance(text, str) else None
    return read_object(inputs.table) if inputs else {}


def _closed(text: Any) -> Any:
    table = _table(text)
    # An opening of another version is left to that version of the program.
    if "opened" not in table or table.get("version") != VERSION:
        return text
    return script.with_table(text, partial(with_opening, opening=None))
