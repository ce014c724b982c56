"""What a gate decides by its table: the meaning of `lua/gate.lua`, for a script that is exactly that one.

Scripts are never executed here: one that differs in a single byte is not judged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from access.decide import host_patterns
from access.model import METHODS, Elements
from access.paths import written
from components.gateway import plugins
from components.gateway.table import VERSION

Table = Mapping[str, Any]

_TABLE = re.compile(r"\[==\[(.*?)\]==\]", re.DOTALL)

_TEXTS = {"type": "array", "items": {"type": "string"}}
_REQUIREMENT = {"oneOf": [{"const": "public"}, {"type": "array", "items": _TEXTS}]}
_FIELDS = {
    "ring": {"type": "string"},
    "issuer": {"type": ["string", "null"]},
    "audiences": _TEXTS,
    "per_api": {"type": "boolean"},
    "authentication": {"enum": ["jwt", "openid-connect"]},
    "spelling": {"type": "object"},
    "hosts": {"additionalProperties": {"type": "object", "additionalProperties": {"type": "boolean"}}},
    "rules": {"additionalProperties": {"type": "object", "additionalProperties": _REQUIREMENT}},
    "groups": {"additionalProperties": _TEXTS},
    "depth": {"type": "integer"},
}
_SHAPE = jsonschema_rs.validator_for({"required": list(_FIELDS), "properties": _FIELDS})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, as the gate reads it from a token. `scopes` None: whatever the caller likes. `groups`: a user's."""

    scopes: frozenset[str] | None
    groups: tuple[str, ...] | None = None


def code(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """What a serverless plugin runs, by phase; phases without code are left out."""
    return {name: value for name, value in config.items() if isinstance(value, list) and value}


def table_of(config: Mapping[str, Any]) -> Table | None:
    """The table that a gate decides by; None where the script is not the gate's, or the table not one that it is given.

    A table that the gate itself refuses is empty, and lets nothing through.
    """
    found = [_TABLE.search(script) for script in code(config).get("access", ())[:1] if isinstance(script, str)]
    if not found or found[0] is None or plugins.gate(found[0][1]) != code(config):
        return None
    try:
        table = json.loads(found[0][1], object_pairs_hook=_unique)
    except ValueError:
        return {}
    if not isinstance(table, dict) or table.get("version") != VERSION:
        return {}
    return table if _SHAPE.is_valid(table) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def allows(table: Table, method: str, host: str, path: Elements, identity: Identity | None) -> bool:
    """Whether the gate lets the call through."""
    if not table:
        return False
    owners = [written(path[:length]) for length in range(min(len(path), table["depth"]), -1, -1)]
    if method not in METHODS or not _owned(table, host, owners):
        return False
    methods = _rule(table, owners)
    alternatives = methods and (methods.get(method) or methods.get("*"))
    if alternatives == "public":
        return True
    if identity is None or not alternatives:
        return False
    held = _effective(table, identity)
    return any(held is None or held.issuperset(scopes) for scopes in alternatives)


def _owned(table: Table, host: str, owners: Iterable[str]) -> bool:
    for pattern in host_patterns(host):
        paths = table["hosts"].get(pattern)
        if paths is not None:
            for owner in owners:
                if owner in paths:
                    return paths[owner] is True
    return False


def _rule(table: Table, owners: Iterable[str]) -> Mapping[str, Any] | None:
    """The methods of the longest path that owns the call; None where none does, or one in other capitals would."""
    folded = {path.lower() for path in table["rules"]}
    for owner in owners:
        if owner in table["rules"]:
            rule: Mapping[str, Any] = table["rules"][owner]
            return rule
        if owner.lower() in folded:
            return None
    return None


def _effective(table: Table, identity: Identity) -> frozenset[str] | None:
    if identity.scopes is None or identity.groups is None:
        return identity.scopes
    return identity.scopes & {scope for group in identity.groups for scope in table["groups"].get(group, ())}
