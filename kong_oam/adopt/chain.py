"""The plugin instances that act on a request, in Kong's order.

Each plugin acts at most once. If several instances could, the instance with the most specific scope
acts. Kong looks for it when the plugin's turn comes, with the consumer of this moment. Sources:
kong/runloop/plugins_iterator.lua; recorded answers of a Kong 3.10.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from kong_oam.access.data import Names
from kong_oam.adopt.entities import OldKong, OldPlugin, OldRoute
from kong_oam.adopt.plugin_kinds import AUTHENTICATION, order

# The names of an instance's route, service and consumer; empty: not limited.
_Scope = tuple[str, str, str]


class Chains:
    """The plugins of a Kong, to be asked for each route and consumer."""

    def __init__(self, old: OldKong) -> None:
        self._by_name: dict[str, dict[_Scope, OldPlugin]] = {}
        self._of_groups: dict[str, list[OldPlugin]] = {}
        for plugin in old.plugins:
            if not plugin.enabled or not plugin.is_http:
                continue
            if plugin.consumer_group:
                self._of_groups.setdefault(plugin.name, []).append(plugin)
                continue
            scope = plugin.route, plugin.service, plugin.consumer
            self._by_name.setdefault(plugin.name, {})[scope] = plugin

    @cached_property
    def names(self) -> Names:
        """The names of all enabled plugins, in the order in which they act."""
        return tuple(sorted({*self._by_name, *self._of_groups}, key=order))

    def instance(
        self, name: str, route: OldRoute, consumer: str = ""
    ) -> OldPlugin | None:
        """Return the instance of a plugin that acts, or None."""
        instances = self._by_name.get(name, {})
        service = route.service.name if route.service else ""
        for scope in _scopes(route.name, service, consumer):
            if scope in instances:
                return instances[scope]
        return None

    def of_groups(self, name: str, groups: Names) -> tuple[OldPlugin, ...]:
        """Return the instances of a plugin for consumer groups (Kong Enterprise)."""
        instances = self._of_groups.get(name, ())
        return tuple(
            plugin for plugin in instances if plugin.consumer_group in groups
        )

    def acting(
        self, route: OldRoute, consumer: str = ""
    ) -> tuple[OldPlugin, ...]:
        """Return the instances that act on requests of a consumer (a name; empty for none), in the
        order of their priorities. Plugins with an unknown priority come first."""
        acting = []
        last = self._last_authentication(route)
        for name in self.names:
            # The consumer is unknown until the authentication.
            known = consumer if last is None or order(name) > last else ""
            plugin = self.instance(name, route, known)
            if plugin is not None:
                acting.append(plugin)
        return tuple(acting)

    def _last_authentication(self, route: OldRoute) -> tuple[int, str] | None:
        last = None
        for name in self.names:
            if name in AUTHENTICATION and self.instance(name, route):
                last = order(name)
        return last


def _scopes(route: str, service: str, consumer: str) -> Iterator[_Scope]:
    """Yield the scopes from the most to the least specific."""
    if consumer:
        if service:
            yield route, service, consumer
        yield route, "", consumer
        if service:
            yield "", service, consumer
    if service:
        yield route, service, ""
    if consumer:
        yield "", "", consumer
    yield route, "", ""
    if service:
        yield "", service, ""
    yield "", "", ""
