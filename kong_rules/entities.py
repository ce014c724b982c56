"""Kong's entities as values: single entities, and snapshots of all entities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kong_rules.kinds import KINDS

Entity = dict[str, Any]
"""An entity of Kong, or the fields that a client sends for an entity.

Both are untyped JSON: the schema of the kind lists the fields.
"""
Errors = dict[str, Any]
"""The errors of an Entity, by field, in the shape of Kong's answers."""
Table = Mapping[str, Entity]

UUID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z",
    re.IGNORECASE,
)
DEFAULT_TARGET_PORT = 8000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All entities at one moment: kind -> id -> entity. Nothing in it is ever changed."""

    tables: Mapping[str, Table]

    def find(
        self, kind: str, key: str, within: Entity | None = None
    ) -> Entity | None:
        """Return an entity by its id or by the name field of its kind; a certificate by one of its
        SNIs.

        `within` are fields that it must have: two Upstreams may have Targets of the same name.
        """
        table = self.tables[kind]
        if within:
            table = {
                identifier: row
                for identifier, row in table.items()
                if within.items() <= row.items()
            }
        if UUID.match(key):
            return table.get(key.lower())
        if kind == "certificates":
            sni = self.find("snis", key)
            return table.get(sni["certificate"]["id"]) if sni else None
        name = KINDS[kind].named_by or "id"
        return next(
            (row for row in table.values() if row.get(name) == key), None
        )
