"""Checks of fields, which each user of these rules makes in its own way."""

from __future__ import annotations

from typing import Protocol

from kong_rules.entities import Entity


class Checks(Protocol):
    """Checks and completes the fields of entities. Methods raise ViolationError or AnswerError."""

    def require_name(self, kind: str, key: str, *, nested: bool) -> None:
        """Reject a name that no entity may have. `nested`: below another entity."""

    def sent(self, kind: str, value: Entity, /) -> Entity:
        """Return the sent fields of a whole entity, as the schema spells them."""

    def merged(self, kind: str, old: Entity, patch: Entity) -> Entity:
        """Return an entity with changed fields. Records are merged field by field."""

    def stored(self, kind: str, value: Entity, *, updating: bool) -> Entity:
        """Return an entity as it is stored. `updating`: a part of its fields has changed."""

    def hashed(self, kind: str, entity: Entity, /) -> Entity:
        """Return a credential with its password as it is stored."""
