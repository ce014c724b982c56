"""The plugins that act on calls of a route: those of ours, which decide, and others, by what they
do to calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kong_oam.kong.entities import Entities, Entity, reference
from kong_oam.kong.owners import Asking
from kong_oam.verify.effects import Effect, effect_of
from kong_oam.verify.gate import Script, Table, code, script_of
from kong_oam.verify.repair import HTTP
from kong_oam.verify.terms import Terms

_SCRIPTED = ("pre-function", "post-function")


@dataclass(frozen=True, slots=True)
class Guards:
    """The plugins of our kinds that act on a route, ours or not; None where there is none.

    `admitted` and `decided` are the scripts of ours that admission and the gate run.
    """

    admission: Entity | None
    authentication: Entity | None
    gate: Entity | None
    admitted: Script | None
    decided: Script | None
    early: Entity | None = None
    """The global plugin that runs a script on every call before Kong finds its route; none is
    ours."""

    def __iter__(self) -> Iterator[Entity | None]:
        return iter((self.admission, self.authentication, self.gate, self.early))

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables by which they decide, the gate's first; none without a gate."""
        if self.decided is None:
            return ()
        return (
            (self.decided.table, self.admitted.table)
            if self.admitted
            else (self.decided.table,)
        )


class Plugins:
    """All plugins of a gateway that meet requests."""

    def __init__(self, entities: Entities, terms: Terms) -> None:
        self._services = {
            service["id"]: str(service["name"]) for service in entities.services
        }
        self._accepted = terms.accepted
        self._asking = Asking(terms.estate.stack.name, whole=True)
        self._kinds = ("pre-function", terms.plugin, "post-function")
        active = [
            plugin
            for plugin in entities.plugins
            if plugin["enabled"] and HTTP.intersection(plugin["protocols"])
        ]
        self._bound = [plugin for plugin in active if _is_bound(plugin)]
        self._scoped = {
            (
                plugin["name"],
                reference(plugin, "route"),
                reference(plugin, "service"),
            ): plugin
            for plugin in active
            if not _is_bound(plugin)
        }
        self._others = sorted({name for name, _, _ in self._scoped} - set(self._kinds))
        scripted = (
            plugin for plugin in self._scoped.values() if plugin["name"] in _SCRIPTED
        )
        self._scripts = {plugin["id"]: script_of(plugin) for plugin in scripted}
        # Kong runs every global plugin in phase `rewrite`, also where the service has its own
        # plugin of that kind.
        everywhere = (self._scoped.get((name, None, None)) for name in _SCRIPTED)
        self._early = next(
            (
                plugin
                for plugin in everywhere
                if plugin and plugin["config"].get("rewrite")
            ),
            None,
        )

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables of all scripts of ours."""
        tables = (
            script.table for script in self._scripts.values() if script and script.table
        )
        return tuple({id(table): table for table in tables}.values())

    def guards(self, route: Entity, service: Entity) -> Guards:
        """Those of our kinds that act on calls of the route."""
        admission, authentication, gate = (
            self._effective(name, route, service) for name in self._kinds
        )
        return Guards(
            admission,
            authentication,
            gate,
            self._script(admission),
            self._script(gate),
            self._early,
        )

    def others(
        self, route: Entity, service: Entity, consumer: Entity | None
    ) -> list[tuple[Entity, Effect]]:
        """Those of other kinds that act on calls of the route by a consumer, with what they do."""
        others = [
            plugin
            for name in self._others
            if (plugin := self._effective(name, route, service))
        ]
        bound = [
            plugin for plugin in self._bound if _stands_before(plugin, route, service)
        ]
        others += [plugin for plugin in bound if consumer and _is_for(plugin, consumer)]
        effects = ((plugin, self._effect(plugin)) for plugin in others)
        return [
            (plugin, effect)
            for plugin, effect in effects
            if not self._is_private(plugin, effect, consumer)
        ]

    def _is_private(
        self, plugin: Entity, effect: Effect, consumer: Entity | None
    ) -> bool:
        """Whether another stack limits its own consumer with the plugin, which concerns no other
        stack."""
        if consumer is None or effect not in (Effect.LIMITS, Effect.CLOSES):
            return False
        owner = self._asking.owner(plugin)
        is_for = reference(plugin, "consumer") == consumer["id"]
        return (
            is_for
            and owner.kind == "another stack's"
            and owner == self._asking.owner(consumer)
        )

    @property
    def runs_foreign(self) -> bool:
        """Whether a script runs on every call, whatever its service has; no stack makes such a
        script."""
        return self._early is not None

    def is_foreign(self, plugin: Entity | None) -> bool:
        """Whether the plugin runs a script, and not one of ours."""
        return (
            plugin is not None
            and self._script(plugin) is None
            and bool(code(plugin["config"]))
        )

    def _effect(self, plugin: Entity) -> Effect:
        effect = effect_of(plugin)
        service = self._services.get(reference(plugin, "service") or "", "")
        if effect is Effect.CLOSES and plugin.get("consumer_group"):
            effect = Effect.LIMITS  # nobody here knows who is in the group
        accepted = (plugin["name"], service) in self._accepted and not reference(
            plugin, "route"
        )
        return Effect.NONE if accepted and effect is not Effect.LIMITS else effect

    def _effective(self, name: str, route: Entity, service: Entity) -> Entity | None:
        """The plugin of this kind with the most specific scope; it alone acts."""
        for scope in (
            (route["id"], service["id"]),
            (route["id"], None),
            (None, service["id"]),
            (None, None),
        ):
            if plugin := self._scoped.get((name, *scope)):
                return plugin
        return None

    def _script(self, plugin: Entity | None) -> Script | None:
        """The script of ours that the plugin runs; None where it runs none, or one that is not
        ours."""
        return self._scripts[plugin["id"]] if plugin else None


def _is_bound(plugin: Entity) -> bool:
    """Whether the plugin acts for some consumers only."""
    return bool(plugin.get("consumer") or plugin.get("consumer_group"))


def _stands_before(plugin: Entity, route: Entity, service: Entity) -> bool:
    """Whether the plugin stands at no other route or service."""
    at_route, at_service = reference(plugin, "route"), reference(plugin, "service")
    return at_route in (None, route["id"]) and at_service in (None, service["id"])


def _is_for(plugin: Entity, consumer: Entity) -> bool:
    """Whether the plugin acts for the consumer; who is in a group is not looked at."""
    return (
        bool(plugin.get("consumer_group"))
        or reference(plugin, "consumer") == consumer["id"]
    )
