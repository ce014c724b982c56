"""The use of an entity of Kong by others: what goes with it when it is removed, and what acts
otherwise without it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from kong_oam.kong.entities import Entities, Entity, reference
from kong_oam.kong.owners import Asking, Owner
from kong_oam.verify.gate import script_of


def belonging(
    kind: str, entity: Entity, live: Entities
) -> Iterator[tuple[str, Entity]]:
    """Yields the entities that refer to this one, with their labels: Kong deletes them with it, or
    keeps it."""
    children = {
        "service": (("route", live.routes), ("plugin", live.plugins)),
        "route": (("plugin", live.plugins),),
        "upstream": (("target", live.targets),),
    }
    for child, of_kind in children.get(kind, ()):
        for one in of_kind:
            if reference(one, kind) == entity["id"]:
                yield live.labels[child, one["id"]], one


def _acted_on(
    kind: str, entity: Entity, live: Entities
) -> Iterator[tuple[str, Entity]]:
    """Yields the entities whose calls would go another way without this one, with their labels."""
    if kind == "plugin":
        yield from _under(entity, live)
    if kind == "upstream":
        for service in live.services:
            if service["host"] == entity["name"]:
                yield live.labels["service", service["id"]], service
        for plugin in live.plugins:
            script = script_of(plugin) if plugin["name"] == "post-function" else None
            if script and script.upstream and script.upstream[0] == entity["name"]:
                yield live.labels["plugin", plugin["id"]], plugin


def _under(plugin: Entity, live: Entities) -> Iterator[tuple[str, Entity]]:
    """Yields what a plugin stands on: all services, where it is a global one."""
    scope = {reference(plugin, "route"), reference(plugin, "service")} - {None}
    for kind, of_kind in (("route", live.routes), ("service", live.services)):
        for one in of_kind:
            if one["id"] in scope or (kind == "service" and not scope):
                yield live.labels[kind, one["id"]], one


def uses(
    kind: str, entity: Entity, live: Entities, meant: Collection[str], asking: Asking
) -> dict[str, Owner]:
    """The entities that use this one, by their labels, and who owns them; without those that are
    `meant`."""
    users = (*belonging(kind, entity, live), *_acted_on(kind, entity, live))
    found = {label: asking.owner(one) for label, one in users if label not in meant}
    return dict(sorted(found.items()))
