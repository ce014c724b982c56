"""Generate manual edits of a Kong's entities: on values, so that no Kong is needed.

An edit keeps Kong's rule for references: no entity refers to a deleted entity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from kong_oam.kong.entities import Entities, Entity
from tests.support.json_object import JsonObject

_PARENTS = {
    "routes": ("service",),
    "plugins": ("service", "route", "consumer"),
    "credentials": ("consumer",),
}


def edited(
    random: Random, entities: Entities, stacks: Sequence[str]
) -> Entities:
    """Return the entities after one to three edits."""
    for number in range(random.randint(1, 3)):
        edit = random.choice(_EDITS)
        entities = edit(random, entities, stacks, number)
    return entities


def _remove(
    random: Random, entities: Entities, stacks: Sequence[str], _: int
) -> Entities:
    """Delete an entity, with all entities that refer to it."""
    kind = random.choice(
        [
            "routes",
            "plugins",
            "credentials",
            "upstreams",
            "services",
            "consumers",
        ]
    )
    gone = {random.choice(_some(entities, kind))["id"]}
    while True:
        children = [
            entity["id"]
            for collection, parents in _PARENTS.items()
            for entity in getattr(entities, collection)
            if entity["id"] not in gone
            and any(
                (entity.get(parent) or {}).get("id") in gone
                for parent in parents
            )
        ]
        if not children:
            break
        gone.update(children)
    collections = (
        "services",
        "routes",
        "plugins",
        "consumers",
        "credentials",
        "upstreams",
        "targets",
    )
    kept = {
        name: tuple(
            entity
            for entity in getattr(entities, name)
            if entity["id"] not in gone
        )
        for name in collections
    }
    return replace(entities, **kept)


def _some(entities: Entities, kind: str) -> Sequence[Entity]:
    """Return the entities of a kind; without any, an unknown entity."""
    return getattr(entities, kind) or ({"id": "nobody's"},)


def _changed(
    kind: str,
    change: Callable[[Random, Entities, Entity, Sequence[str]], JsonObject],
) -> Any:
    """Return an edit that changes fields of any entity of a kind."""

    def edit(
        random: Random, entities: Entities, stacks: Sequence[str], _: int
    ) -> Entities:
        chosen = random.choice(_some(entities, kind))
        there = getattr(entities, kind)
        changed = tuple(
            {**item, **change(random, entities, item, stacks)}
            if item["id"] == chosen["id"]
            else item
            for item in there
        )
        return replace(entities, **{kind: changed})

    return edit


def _reference(
    random: Random, entities: Entities, collection: str
) -> dict[str, str] | None:
    there = getattr(entities, collection)
    return {"id": random.choice(there)["id"]} if there else None


def _of_a_route(
    random: Random, entities: Entities, route: Entity, stacks: Sequence[str]
) -> JsonObject:
    other = random.choice(_some(entities, "routes"))
    return random.choice(
        [
            {"hosts": other.get("hosts")},
            {"hosts": None, "methods": None},
            {"paths": ["/"], "regex_priority": 500},
            {"protocols": ["tcp"]},
            {
                "service": _reference(random, entities, "services")
                or route.get("service")
            },
            {"name": f"{route.get('name')}-x"},
        ]
    )


def _of_a_service(
    random: Random, entities: Entities, service: Entity, stacks: Sequence[str]
) -> JsonObject:
    host = random.choice([f"api.orders.{stack}.test" for stack in stacks])
    return random.choice(
        [
            {"enabled": False},
            {"host": host, "port": 8080},
            {"path": "/x"},
            {"name": "x"},
        ]
    )


def _of_a_plugin(
    random: Random, entities: Entities, plugin: Entity, stacks: Sequence[str]
) -> JsonObject:
    alike = [
        other for other in entities.plugins if other["name"] == plugin["name"]
    ]
    unscoped = {"service": None, "route": None, "consumer": None}
    return random.choice(
        [
            {"enabled": False},
            {"protocols": ["tcp"]},
            {"config": random.choice(alike)["config"]},
            {"config": {**plugin["config"], "access": ["return"]}},
            {**unscoped, "service": _reference(random, entities, "services")},
            {**unscoped, "route": _reference(random, entities, "routes")},
            unscoped,
        ]
    )


def _of_a_credential(
    random: Random,
    entities: Entities,
    credential: Entity,
    stacks: Sequence[str],
) -> JsonObject:
    consumer = _reference(random, entities, "consumers") or credential.get(
        "consumer"
    )
    other = random.choice(_some(entities, "credentials"))
    key = other.get("rsa_public_key")
    return random.choice(
        [
            {"consumer": consumer},
            {"rsa_public_key": key},
            {"key": f"{credential.get('key')}-x"},
        ]
    )


def _of_a_consumer(
    random: Random, entities: Entities, consumer: Entity, stacks: Sequence[str]
) -> JsonObject:
    return random.choice(
        [
            {"username": f"{consumer.get('username')}-x"},
            {"custom_id": "https://else.test"},
        ]
    )


def _tags(
    random: Random, entities: Entities, entity: Entity, stacks: Sequence[str]
) -> JsonObject:
    """Draw tags of an entity: of no stack, of another stack, or of several stacks."""
    of_stacks = [["kong-oam", f"kong-oam-stack:{stack}"] for stack in stacks]
    both = ["kong-oam", *(f"kong-oam-stack:{stack}" for stack in stacks)]
    return {"tags": random.choice([*of_stacks, both, ["theirs"], []])}


def _add(
    random: Random, entities: Entities, stacks: Sequence[str], number: int
) -> Entities:
    """Add an entity, foreign or with the tags of a stack."""
    tags = _tags(random, entities, {}, stacks)
    new: JsonObject = {"id": f"by-hand-{number}", **tags}
    consumer, service = (
        _reference(random, entities, kind) for kind in ("consumers", "services")
    )
    scopes = {"service": None, "route": None, "consumer": None}
    kinds = [
        ("consumers", {"username": f"by-hand-{number}"}),
        ("upstreams", {"name": f"api.orders.{random.choice(stacks)}.test"}),
        (
            "plugins",
            {
                "name": random.choice(
                    ["post-function", "request-termination", "key-auth"]
                ),
                **scopes,
            },
        ),
    ]
    if consumer:
        pem = random.choice(_some(entities, "credentials")).get(
            "rsa_public_key", "none"
        )
        credential = {
            "key": f"by-hand-{number}",
            "algorithm": "RS256",
            "rsa_public_key": pem,
            "consumer": consumer,
        }
        kinds.append(("credentials", credential))
    if service:
        route = random.choice(_some(entities, "routes"))
        fields = {
            name: route.get(name)
            for name in (
                "hosts",
                "methods",
                "headers",
                "snis",
                "sources",
                "destinations",
            )
        }
        fields |= {
            "protocols": ["http"],
            "paths": ["~/"],
            "regex_priority": 500,
            "strip_path": False,
        }
        kinds.append(
            (
                "routes",
                {
                    "name": f"by-hand-{number}",
                    **fields,
                    "preserve_host": True,
                    "service": service,
                },
            )
        )
        kinds.append(
            ("plugins", {"name": "post-function", **scopes, "service": service})
        )
    if entities.upstreams:
        kinds.append(
            (
                "targets",
                {
                    "upstream": _reference(random, entities, "upstreams"),
                    "target": "x:1",
                    "weight": 1,
                },
            )
        )
    kind, fields = random.choice(kinds)
    if kind == "plugins":
        fields = {
            **fields,
            "enabled": True,
            "protocols": ["http"],
            "config": {"access": ["return"]},
        }
    return replace(
        entities, **{kind: (*getattr(entities, kind), {**new, **fields})}
    )


_EDITS = (
    _remove,
    _add,
    _add,
    _changed("routes", _of_a_route),
    _changed("services", _of_a_service),
    _changed("plugins", _of_a_plugin),
    _changed("plugins", _of_a_plugin),
    _changed("credentials", _of_a_credential),
    _changed("consumers", _of_a_consumer),
    *(
        _changed(kind, _tags)
        for kind in (
            "routes",
            "services",
            "plugins",
            "credentials",
            "upstreams",
        )
    ),
)
