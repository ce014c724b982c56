"""A Kong without a database: it takes whole documents at `/config`, and no single writes.

Source: answers of a Kong 3.10 with `database = off`. It accepts two plugins of one kind at one
route. A document without entities has a hash of zeros. References are plain ids. The answer to a
load lacks former names of fields. Not modelled: nested entities, references by name.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import yaml

from kong_rules.entities import Entity, Errors, Snapshot
from kong_rules.errors import AnswerError, ViolationError
from kong_rules.kinds import KINDS
from kong_rules.requests import Methods, Query
from kong_rules.store import Store
from sandbox.edges import Json
from sandbox.kong.checks import without_former_names

_WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Declarative:
    """The document of a node."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.hash = "0" * 32

    def endpoint(self) -> Methods:
        """Return the methods of `/config`."""
        return {"GET": self._printed, "POST": self._loaded}

    def _printed(self, *_: Any) -> tuple[int, Any]:
        lists: Json = {"_format_version": "3.0", "_transform": False}
        for kind, table in self._store.current.tables.items():
            if table:
                lists[kind] = [*map(dict, table.values())]
        return 200, {"config": yaml.safe_dump(lists)}

    def _loaded(self, _: Query, body: Entity) -> tuple[int, Any]:
        text = body.get("config")
        try:
            lists = json.loads(str(text))
        except ValueError:
            raise AnswerError(400, {"message": "expected a config"}) from None
        tables: dict[str, dict[str, Entity]] = {kind: {} for kind in KINDS}
        wrong = []
        for kind, entities in lists.items():
            if kind.startswith("_"):
                continue
            for flat in entities:
                entity, errors = self._entity(kind, flat, tables)
                if errors:
                    wrong.append(_flattened(kind, flat, errors))
                else:
                    tables[kind][entity["id"]] = entity
        wrong += _dangling(tables)
        if wrong:
            raise AnswerError(
                400,
                {
                    "code": 14,
                    "name": "invalid declarative configuration",
                    "message": "declarative config is invalid: {}",
                    "fields": {},
                    "flattened_errors": wrong,
                },
            )
        self._store.restore(Snapshot(tables))
        is_empty = not any(tables.values())
        digest = hashlib.md5(str(text).encode(), usedforsecurity=False)
        self.hash = "0" * 32 if is_empty else digest.hexdigest()
        return 201, {
            kind: {
                identifier: without_former_names(kind, entity)
                for identifier, entity in table.items()
            }
            for kind, table in tables.items()
            if table
        }

    def _entity(
        self, kind: str, flat: Entity, tables: dict[str, dict[str, Entity]]
    ) -> tuple[Entity, Errors]:
        value = dict(flat)
        for name in KINDS[kind].references:
            if isinstance(value.get(name), str):
                value[name] = {"id": value[name]}
        try:
            sent = self._store.checks.sent(kind, value)
            stamped = self._store.stamped(kind, sent)
            entity = self._store.checks.stored(kind, stamped, updating=False)
        except ViolationError as violation:
            return {}, violation.body["fields"]
        for key in KINDS[kind].unique:
            name = key[0]
            same = [
                row
                for row in tables[kind].values()
                if row.get(name) == entity.get(name)
            ]
            if len(key) == 1 and entity.get(name) is not None and same:
                text = (
                    f"uniqueness violation: '{kind}' entity with {name} set to "
                )
                text += f"'{entity[name]}' already declared"
                return {}, {"@entity": [text]}
        return entity, {}


def no_writes(kind: str, methods: Methods) -> Methods:
    """Return the methods of a path of entities, without writes."""

    def refused(*_: Any) -> tuple[int, Any]:
        text = f"cannot change '{kind}' entities when not using a database"
        body = {"code": 12, "name": "operation unsupported", "message": text}
        raise AnswerError(405, body)

    return {
        name: refused if name in _WRITES else method
        for name, method in methods.items()
    }


def _dangling(tables: dict[str, dict[str, Entity]]) -> list[Json]:
    wrong = []
    for kind, table in tables.items():
        for entity in table.values():
            for name, target in KINDS[kind].references.items():
                reference = entity.get(name)
                if reference and reference["id"] not in tables[target.kind]:
                    errors = {f"{name}.id": "missing primary key"}
                    wrong.append(_flattened(kind, entity, errors))
    return wrong


def _flattened(kind: str, entity: Entity, errors: Errors) -> Json:
    """Return the errors of an entity, each with the dotted name of its field."""
    listed: list[Json] = []
    for name, error in _leaves("", errors):
        if name == "@entity":
            listed.append({"type": "entity", "message": error})
        else:
            listed.append({"type": "field", "field": name, "message": error})
    return {
        "entity_type": kind.removesuffix("s"),
        "entity_id": entity.get("id"),
        "entity": entity,
        "errors": listed,
    }


def _leaves(prefix: str, errors: Any) -> list[tuple[str, Any]]:
    if isinstance(errors, dict):
        found = []
        for name, inner in errors.items():
            found += _leaves(f"{prefix}.{name}" if prefix else name, inner)
        return found
    if isinstance(errors, list) and prefix == "@entity":
        return [(prefix, error) for error in errors]
    return [(prefix, errors)]
