"""Entities as they were sent: a node checks and completes them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from kong_oam.kong import plugins
from kong_rules.entities import Entity
from kong_rules.errors import ViolationError

# Fields that a document has in lists of their own.
_ELSEWHERE = {"certificates": ("snis",)}


class Validator(Protocol):
    """The checks of a node."""

    def schema(self, path: str) -> Entity | None:
        """Return the schema at a path below `/schemas`, or None."""

    def validate(self, kind: str, entity: Entity) -> Entity | None:
        """Return the body of the answer to a wrong entity, or None."""


class SentFields:
    """The checks of `kong_rules.checks`: a node makes them."""

    def __init__(self, node: Validator) -> None:
        self._node = node
        self._schema = cache(node.schema)

    def require_name(self, kind: str, key: str, *, nested: bool) -> None:
        """Accept each name: no entity has a wrong name."""

    def sent(self, _: str, value: Entity) -> Entity:
        """Return the fields unchanged."""
        return value

    def merged(self, kind: str, old: Entity, patch: Entity) -> Entity:
        """Return an entity with changed fields. Only records are merged field by field."""
        path = f"plugins/{old.get('name')}" if kind == "plugins" else kind
        return _merged(_fields(self._schema(path)), old, patch)

    def stored(
        self,
        kind: str,
        value: Entity,
        *,
        updating: bool,  # noqa: ARG002 - the node checks whole entities
    ) -> Entity:
        """Return the fields that a document has, if the node accepts them."""
        wrong = self._node.validate(kind, value)
        if wrong is not None:
            raise ViolationError(
                400,
                wrong.get("code", 2),
                wrong.get("name", ""),
                wrong.get("message", ""),
                wrong.get("fields"),
            )
        elsewhere = _ELSEWHERE.get(kind, ())
        return {
            name: field
            for name, field in value.items()
            if name not in elsewhere
        }

    def shown(self, kind: str, complete: Entity) -> Entity:
        """Return an entity as a node's Admin API prints it, from a node's answer to a load."""
        if kind != "plugins":
            return complete
        schema = self._schema(f"plugins/{complete.get('name')}")
        config = complete.get("config")
        if schema is None or not isinstance(config, dict):
            return complete
        record = plugins.record_of(schema, str(complete.get("name")))
        return {
            **complete,
            "config": plugins.with_former_names(record, config),
        }

    def hashed(self, _: str, entity: Entity) -> Entity:
        """Return the entity unchanged: the node hashes passwords."""
        return entity


def _fields(schema: Mapping[str, Any] | None) -> Mapping[str, Entity]:
    """Return the fields of a printed schema by name."""
    fields: dict[str, Entity] = {}
    for field in (schema or {}).get("fields") or ():
        fields.update(field)
    return fields


def _merged(fields: Mapping[str, Entity], old: Entity, patch: Entity) -> Entity:
    merged = dict(old)
    for name, value in patch.items():
        field = fields.get(name, {})
        before = merged.get(name)
        if field.get("type") == "record" and isinstance(before, dict):
            if value == []:
                value = {}
            if isinstance(value, dict):
                value = _merged(_fields(field), before, value)
        merged[name] = value
    return merged
