"""The plugins that act on calls of a route: our guards, and other plugins by their effects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kong_oam.kong.effects import Effect, effect_of, is_active
from kong_oam.kong.entities import Entities, Entity, reference
from kong_oam.kong.owners import OwnerLookup
from kong_oam.kong.script import Table
from kong_oam.verify.scripts import Script, script_of, scripts_by_phase
from kong_oam.verify.terms import Terms

_SCRIPTED = ("pre-function", "post-function")


@dataclass(frozen=True, slots=True)
class Guards:
    """The plugins of our kinds that act on a route, ours or not. None: there is no such plugin.

    `admitted` and `decided`: our scripts in admission and the gate.
    """

    admission: Entity | None
    authentication: Entity | None
    gate: Entity | None
    admitted: Script | None
    decided: Script | None
    # The global plugin that runs a script before Kong finds the route of a call. It is never ours.
    early: Entity | None = None

    def __iter__(self) -> Iterator[Entity | None]:
        return iter(
            (self.admission, self.authentication, self.gate, self.early)
        )

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables by which the guards decide, the gate's first; empty without a gate."""
        if self.decided is None:
            return ()
        if self.admitted is None:
            return (self.decided.table,)
        return self.decided.table, self.admitted.table


class Plugins:
    """All plugins of a gateway that handle requests."""

    def __init__(self, entities: Entities, terms: Terms) -> None:
        self._services = {
            service["id"]: str(service["name"]) for service in entities.services
        }
        self._accepted = terms.accepted
        self._asking = OwnerLookup(terms.estate.stack.name, whole=True)
        self._kinds = ("pre-function", terms.plugin, "post-function")
        self._bound: list[Entity] = []
        self._scoped: dict[tuple[str, str, str], Entity] = {}
        for plugin in filter(is_active, entities.plugins):
            if plugin.get("consumer") or plugin.get("consumer_group"):
                self._bound.append(plugin)
            else:
                route = reference(plugin, "route")
                service = reference(plugin, "service")
                self._scoped[plugin["name"], route, service] = plugin
        names = {name for name, _, _ in self._scoped}
        self._others = sorted(names.difference(self._kinds))
        self._scripts: dict[str, Script | None] = {}
        for plugin in self._scoped.values():
            if plugin["name"] in _SCRIPTED:
                self._scripts[plugin["id"]] = script_of(plugin)
        self._early = self._rewriting()

    def _rewriting(self) -> Entity | None:
        # Kong runs every global plugin in phase `rewrite`, even if the service has its own plugin
        # of that kind.
        for name in _SCRIPTED:
            plugin = self._scoped.get((name, "", ""))
            if plugin and plugin["config"].get("rewrite"):
                return plugin
        return None

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables of all our scripts."""
        tables = {}
        for script in self._scripts.values():
            if script and script.table:
                tables[id(script.table)] = script.table
        return tuple(tables.values())

    def guards(self, route: Entity, service: Entity) -> Guards:
        """Return the plugins of our kinds that act on calls of the route."""
        admission, authentication, gate = (
            self.effective(name, route, service) for name in self._kinds
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
    ) -> Iterator[tuple[Entity, Effect]]:
        """Yield the plugins of other kinds that act on the route's calls by a consumer, with their
        effects."""
        others = [self.effective(name, route, service) for name in self._others]
        if consumer:
            for plugin in self._bound:
                if _stands_before(plugin, route, service) and _is_for(
                    plugin, consumer
                ):
                    others.append(plugin)
        for other in filter(None, others):
            effect = self._effect(other)
            if not self._is_private(other, effect, consumer):
                yield other, effect

    def _is_private(
        self, plugin: Entity, effect: Effect, consumer: Entity | None
    ) -> bool:
        """Return whether another stack limits its own consumer with the plugin. It then affects no
        other stack."""
        if consumer is None or effect not in (Effect.LIMITS, Effect.CLOSES):
            return False
        if reference(plugin, "consumer") != consumer["id"]:
            return False
        owner = self._asking.owner(plugin)
        is_theirs = owner == self._asking.owner(consumer)
        return is_theirs and owner.kind == "another stack's"

    @property
    def runs_foreign(self) -> bool:
        """Whether a global script runs on every call. No stack creates such a script."""
        return self._early is not None

    def is_foreign(self, plugin: Entity | None) -> bool:
        """Return whether the plugin runs a script that is not ours."""
        if plugin is None or self._script(plugin):
            return False
        return bool(scripts_by_phase(plugin["config"]))

    def _effect(self, plugin: Entity) -> Effect:
        effect = effect_of(plugin)
        if effect is Effect.CLOSES and plugin.get("consumer_group"):
            return Effect.LIMITS  # the members of the group are unknown
        if effect is Effect.LIMITS or reference(plugin, "route"):
            return effect
        service = self._services.get(reference(plugin, "service"), "")
        is_accepted = (plugin["name"], service) in self._accepted
        return Effect.NONE if is_accepted else effect

    def effective(
        self, name: str, route: Entity, service: Entity
    ) -> Entity | None:
        """Return the plugin of this kind with the most specific scope. Only this plugin acts."""
        for on_route in (route["id"], ""):
            for on_service in (service["id"], ""):
                if plugin := self._scoped.get((name, on_route, on_service)):
                    return plugin
        return None

    def _script(self, plugin: Entity | None) -> Script | None:
        """Return our script that the plugin runs, or None."""
        return self._scripts[plugin["id"]] if plugin else None


def _stands_before(plugin: Entity, route: Entity, service: Entity) -> bool:
    """Return whether the plugin has no other route or service as its scope."""
    is_on_route = reference(plugin, "route") in ("", route["id"])
    return is_on_route and reference(plugin, "service") in ("", service["id"])


def _is_for(plugin: Entity, consumer: Entity) -> bool:
    """Return whether the plugin acts for the consumer. Every consumer counts as a member of every
    group."""
    in_group = bool(plugin.get("consumer_group"))
    return in_group or reference(plugin, "consumer") == consumer["id"]
