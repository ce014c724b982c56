"""The use of an entity of Kong by others: what goes with it when it is removed, and what acts
otherwise without it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from kong_oam.access.data import NamesByName
from kong_oam.kong.entities import Entities, Entity, reference
from kong_oam.kong.owners import Asking, Owner
from kong_oam.verify.scripts import script_of

_CHILDREN: NamesByName = {
    "service": ("route", "plugin"),
    "route": ("plugin",),
    "upstream": ("target",),
}
"""By kind of an entity, the kinds that Kong deletes with it, or keeps it for."""


_Labelled = Iterator[tuple[str, Entity]]
"""Entities, each with its label."""


def belonging(kind: str, entity: Entity, live: Entities) -> _Labelled:
    """Yield the entities that refer to this one, with their labels."""
    for child_kind in _CHILDREN.get(kind, ()):
        for child in live.by_kind[child_kind]:
            if reference(child, kind) == entity["id"]:
                yield live.labels[child_kind, child["id"]], child


def _acted_on(kind: str, entity: Entity, live: Entities) -> _Labelled:
    """Yield the entities whose calls would go another way without this one, with their labels."""
    if kind == "plugin":
        yield from _under(entity, live)
    if kind == "upstream":
        name = entity["name"]
        for service in live.services:
            if service["host"] == name:
                yield live.labels["service", service["id"]], service
        for plugin in live.plugins:
            if _leads_to(plugin, name):
                yield live.labels["plugin", plugin["id"]], plugin


def _leads_to(plugin: Entity, host: str) -> bool:
    """Return whether the plugin is a gate of ours that sends calls to the host."""
    gate = script_of(plugin) if plugin["name"] == "post-function" else None
    return bool(gate and gate.upstream and gate.upstream[0] == host)


def _under(plugin: Entity, live: Entities) -> _Labelled:
    """Yield what a plugin stands on: all services, where it is a global one."""
    route = reference(plugin, "route")
    service = reference(plugin, "service")
    is_global = not route and not service
    for one in live.routes:
        if one["id"] == route:
            yield live.labels["route", one["id"]], one
    for one in live.services:
        if is_global or one["id"] == service:
            yield live.labels["service", one["id"]], one


def uses(
    kind: str,
    entity: Entity,
    live: Entities,
    meant: Collection[str],
    asking: Asking,
) -> dict[str, Owner]:
    """Return the entities that use this one, by their labels, and who owns them; without those that
    are `meant`."""
    users = dict(
        (*belonging(kind, entity, live), *_acted_on(kind, entity, live))
    )
    return {
        label: asking.owner(users[label])
        for label in sorted(users)
        if label not in meant
    }
