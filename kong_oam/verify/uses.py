"""The uses of an entity of Kong: entities that are deleted or act differently without it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from kong_oam.access.data import NamesByName
from kong_oam.kong.entities import Entities, Entity, reference
from kong_oam.kong.owners import Owner, OwnerLookup
from kong_oam.verify.scripts import script_of

# The kinds of entities that Kong deletes with an entity, or that block its deletion, by its kind.
_CHILDREN: NamesByName = {
    "service": ("route", "plugin"),
    "route": ("plugin",),
    "upstream": ("target",),
}


# Entities, each with its label.
_Labelled = Iterator[tuple[str, Entity]]


def children_of(kind: str, entity: Entity, live: Entities) -> _Labelled:
    """Yield the entities that refer to the entity, with their labels."""
    for child_kind in _CHILDREN.get(kind, ()):
        for child in live.by_kind[child_kind]:
            if reference(child, kind) == entity["id"]:
                yield live.labels[child_kind, child["id"]], child


def _affected_by(kind: str, entity: Entity, live: Entities) -> _Labelled:
    """Yield the entities whose calls would go another way without the entity, with their labels."""
    if kind == "plugin":
        yield from _in_scope(entity, live)
    if kind == "upstream":
        name = entity["name"]
        for service in live.services:
            if service["host"] == name:
                yield live.labels["service", service["id"]], service
        for plugin in live.plugins:
            if _leads_to(plugin, name):
                yield live.labels["plugin", plugin["id"]], plugin


def _leads_to(plugin: Entity, host: str) -> bool:
    """Return whether the plugin is our gate and sends calls to the host."""
    gate = script_of(plugin) if plugin["name"] == "post-function" else None
    return bool(gate and gate.upstream and gate.upstream[0] == host)


def _in_scope(plugin: Entity, live: Entities) -> _Labelled:
    """Yield the entities in a plugin's scope. A global plugin has all services."""
    route = reference(plugin, "route")
    service = reference(plugin, "service")
    is_global = not route and not service
    for candidate in live.routes:
        if candidate["id"] == route:
            yield live.labels["route", candidate["id"]], candidate
    for candidate in live.services:
        if is_global or candidate["id"] == service:
            yield live.labels["service", candidate["id"]], candidate


def uses(
    kind: str,
    entity: Entity,
    live: Entities,
    intended: Collection[str],
    lookup: OwnerLookup,
) -> dict[str, Owner]:
    """Return the owners of entities that use the entity, by label, without those in `intended`."""
    users = dict(
        (*children_of(kind, entity, live), *_affected_by(kind, entity, live))
    )
    return {
        label: lookup.owner(users[label])
        for label in sorted(users)
        if label not in intended
    }
