"""Requests to the Admin API that repair what `pulumi up --refresh` does not.

The official plugin for Kong has no input for some fields, and looks for a credential at its
consumer alone. Of texts, numbers, lists and references it does not see that Kong has none, and
sends neither none nor a 0 (seen on a Kong 3.10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kong_oam.kong.entities import Entities, Entity, comparable, reference

HTTP = frozenset({"http", "https", "grpc", "grpcs"})
"""Protocols of requests that meet a plugin or a route: one that names any of them for plugins is as
good as all."""

_KNOWN_BY = ("id", "name", "service", "tags")
"""Fields of services and routes that say which entity it is, whose it is, and what it belongs
to."""

PARENTS: Mapping[str, str] = {"route": "service", "credential": "consumer"}
"""The kind of entity that an entity belongs to, by kind: also the name of the field that refers to
it."""

_UNSEEN = ("enabled", "headers")
"""Those of them that the plugin has no input for, or never reads."""


@dataclass(frozen=True, slots=True)
class RepairRequest:
    """A request to the Admin API: what is at `path` gets `fields`, or is removed if None.
    `then_up`: a run follows."""

    path: str
    fields: Mapping[str, Any] | None = None
    then_up: bool = False


def fields_set(kind: str, meant: Entity) -> tuple[str, ...]:
    """The fields that the program sets of a service or a route; none of another kind."""
    return (
        tuple(name for name in meant if name not in _KNOWN_BY)
        if kind in ("service", "route")
        else ()
    )


def removal(kind: str, entity: Entity, *, then_up: bool = False) -> RepairRequest:
    """The request that removes the entity. `then_up`: it may be one of ours in another place."""
    return RepairRequest(_path(kind, entity), then_up=then_up)


def repair(
    kind: str, entity: Entity, meant: Entity, live: Entities, intended: Entities
) -> RepairRequest | None:
    """The request that makes the entity what is meant; None where a run does that.

    It sets all that differs of a service or a route, since Kong checks some of their fields against
    others.
    """
    if kind == "plugin":
        configured = entity["enabled"] and comparable(entity["config"]) == comparable(
            meant["config"]
        )
        acts = HTTP.intersection(entity["protocols"])
        return (
            None
            if acts
            else RepairRequest(
                _path(kind, entity), {"protocols": meant["protocols"]}, not configured
            )
        )
    fields = {
        name: meant.get(name)
        for name in fields_set(kind, meant)
        if not alike(name, entity, meant)
    }
    parent = PARENTS.get(kind, "")
    moved = bool(parent) and parent_of(kind, entity, live) != parent_of(
        kind, meant, intended
    )
    unseen = moved and (kind == "credential" or not entity[parent])
    if not unseen and not any(_survives_a_run(name, entity, meant) for name in fields):
        return None
    if moved:
        ids_by_label = {
            label: identifier for (_, identifier), label in live.labels.items()
        }
        parent_id = ids_by_label.get(parent_of(kind, meant, intended))
        if parent_id is None:
            return RepairRequest(_path(kind, entity), then_up=True)
        fields[parent] = {"id": parent_id}
    return RepairRequest(_path(kind, entity), fields, then_up=kind == "credential")


def parent_of(kind: str, entity: Entity, entities: Entities) -> str:
    """The label of the entity that one of this kind belongs to."""
    parent = PARENTS[kind]
    return entities.labels.get(
        (parent, reference(entity, parent) or ""), f"no {parent}"
    )


def alike(name: str, entity: Mapping[str, Any], meant: Mapping[str, Any]) -> bool:
    """Whether the field is what it is meant to be. The path "/" of a service is as good as none."""
    now, wanted = entity.get(name), meant.get(name)
    return comparable(now) == comparable(wanted) or (
        name == "path" and not {now, wanted} - {None, "/"}
    )


def _survives_a_run(name: str, entity: Entity, meant: Entity) -> bool:
    wanted = meant.get(name)
    return (
        name in _UNSEEN or entity.get(name) is None or not (wanted or wanted is False)
    )


def _path(kind: str, entity: Entity) -> str:
    match kind:
        case "credential":
            return f"/consumers/{entity['consumer']['id']}/jwt/{entity['id']}"
        case "target":
            return f"/upstreams/{entity['upstream']['id']}/targets/{entity['id']}"
        case _:
            return f"/{kind}s/{entity['id']}"
