"""Requests to the Admin API that repair differences where `pulumi up --refresh` does not.

The official plugin for Kong has no input for some fields, and looks for a credential only at its
consumer. It does not notice that Kong lacks a text, a number, a list or a reference. It sends
neither null nor 0 (seen on a Kong 3.10).
"""

from __future__ import annotations

from dataclasses import dataclass

from kong_oam.access.data import Names, Texts
from kong_oam.kong.effects import HTTP
from kong_oam.kong.entities import Entities, Entity, comparable, reference

# Fields of services and routes that identify the entity, its owner and its parent.
_KNOWN_BY = ("id", "name", "service", "tags")

# The kind of an entity's parent, by the entity's kind. It is also the name of the referring field.
PARENTS: Texts = {"route": "service", "credential": "consumer"}

# Fields that the plugin has no input for, or never reads.
_UNSEEN = ("enabled", "headers")


@dataclass(frozen=True, slots=True)
class RepairRequest:
    """A request to the Admin API: what is at `path` gets `fields`, or is removed if None.
    `then_up`: a run follows."""

    path: str
    fields: Entity | None = None
    then_up: bool = False


def fields_set(kind: str, expected: Entity) -> Names:
    """Return the fields that the program sets of a service or a route; none for other kinds."""
    if kind not in ("service", "route"):
        return ()
    return tuple(name for name in expected if name not in _KNOWN_BY)


def removal(
    kind: str, entity: Entity, *, then_up: bool = False
) -> RepairRequest:
    """Return the request that deletes the entity. `then_up`: it may be ours in another place."""
    return RepairRequest(_path(kind, entity), then_up=then_up)


def repair(
    kind: str,
    entity: Entity,
    expected: Entity,
    live: Entities,
    intended: Entities,
) -> RepairRequest | None:
    """Return the request that repairs the entity, or None if a run does.

    It sets all differing fields of a service or a route, since Kong checks fields against each
    other.
    """
    path = _path(kind, entity)
    if kind == "plugin":
        return _repair_of_plugin(path, entity, expected)
    fields = {}
    survives = False
    for name in fields_set(kind, expected):
        if not is_same(name, entity, expected):
            fields[name] = expected.get(name)
            survives = survives or _survives_a_run(name, entity, expected)
    parent = PARENTS.get(kind)
    if parent is None:
        return RepairRequest(path, fields) if survives else None
    wanted = parent_of(kind, expected, intended)
    is_moved = parent_of(kind, entity, live) != wanted
    # The plugin detects a route of another service, but not a route without a service.
    is_unseen = is_moved and (kind == "credential" or not entity[parent])
    if not survives and not is_unseen:
        return None
    if is_moved:
        ids = {
            label: identifier for (_, identifier), label in live.labels.items()
        }
        if wanted not in ids:
            return RepairRequest(path, then_up=True)
        fields[parent] = {"id": ids[wanted]}
    return RepairRequest(path, fields, then_up=kind == "credential")


def _repair_of_plugin(
    path: str, entity: Entity, expected: Entity
) -> RepairRequest | None:
    if HTTP.intersection(entity["protocols"]):
        return None
    is_configured = comparable(entity["config"]) == comparable(
        expected["config"]
    )
    then_up = not entity["enabled"] or not is_configured
    return RepairRequest(path, {"protocols": expected["protocols"]}, then_up)


def parent_of(kind: str, entity: Entity, entities: Entities) -> str:
    """Return the label of the entity's parent."""
    parent = PARENTS[kind]
    place = parent, reference(entity, parent)
    return entities.labels.get(place, f"no {parent}")


def is_same(name: str, entity: Entity, expected: Entity) -> bool:
    """Return whether the field is as intended. The path "/" of a service is as good as none."""
    now = entity.get(name)
    wanted = expected.get(name)
    if comparable(now) == comparable(wanted):
        return True
    return name == "path" and not {now, wanted} - {None, "/"}


def _survives_a_run(name: str, entity: Entity, expected: Entity) -> bool:
    """Return whether a run would leave the field unchanged."""
    if name in _UNSEEN or entity.get(name) is None:
        return True
    wanted = expected.get(name)
    return not wanted and wanted is not False


def _path(kind: str, entity: Entity) -> str:
    identifier = entity["id"]
    if kind == "credential":
        return f"/consumers/{entity['consumer']['id']}/jwt/{identifier}"
    if kind == "target":
        return f"/upstreams/{entity['upstream']['id']}/targets/{identifier}"
    return f"/{kind}s/{identifier}"
