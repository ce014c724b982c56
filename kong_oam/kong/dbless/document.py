"""The document: all entities of Kong nodes without a database, in Kong's declarative format.

Entities keep their ids, so that a stack can move to PostgreSQL and back. They have the fields that
were sent: each node adds its own defaults. The document names its stack and holds a digest, so
that another stack's document and an edited document are found. It knows the hashes of the documents
before it, so that a copy that is out of date is found.

Source: answers of a Kong 3.10 with `database = off`. `POST /config` takes the text as `config` in a
JSON body. Then `configuration_hash` of `/status` is the MD5 of this text. It takes no compressed
body. It accepts `_comment` and ignores it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import yaml

from kong_oam.access.data import Names
from kong_oam.errors import ProductError
from kong_rules.entities import Entity, Snapshot, Table
from kong_rules.kinds import KINDS

_FORMAT = "_format_version"
_COMMENT = "_comment"
_VERSION = "3.0"
# The export holds the id of the database's cluster.
_OF_THE_DATABASE = ("parameters",)
_HASHED = ("basicauth_credentials",)
# Kong reports this hash without entities, also before it loads a document.
EMPTY_HASH = "0" * 32
# A run of 600 ports makes fewer documents than this in a minute, and a mounted Secret may be a
# minute old.
_MOST_BEFORE = 200


class DocumentError(ProductError):
    """A document is unreadable or invalid. The message names the mistake."""


@dataclass(frozen=True)
class Document:
    """All entities of a stack, by kind and id. Nobody changes the tables.

    `before`: the hashes of the latest documents before it, the newest first.
    """

    stack: str
    tables: Mapping[str, Table] = field(
        default_factory=lambda: {kind: {} for kind in KINDS}
    )
    before: Names = ()

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(self.tables)

    def successor(self, tables: Mapping[str, Table]) -> Document:
        """Return the next document of the stack."""
        before = (self.configuration_hash(), *self.before)
        return replace(self, tables=tables, before=before[:_MOST_BEFORE])

    def follows(self, configuration_hash: str) -> bool:
        """Return whether a node with this hash has this document, an earlier document, or none."""
        known = (EMPTY_HASH, self.configuration_hash(), *self.before)
        return configuration_hash in known

    def text(self) -> str:
        """Return the text that nodes load. Equal documents give the same text."""
        return self._text

    @cached_property
    def _text(self) -> str:
        # A write needs the text for each node and for the place. It may have some megabytes.
        lists: dict[str, object] = {_FORMAT: _VERSION}
        for kind, table in self.tables.items():
            if table:
                lists[kind] = [
                    _flat(kind, table[identifier])
                    for identifier in sorted(table)
                ]
        lists[_COMMENT] = _comment(self.stack, " ".join(self.before), lists)
        return _json(lists)

    def configuration_hash(self) -> str:
        """Return the hash that a node reports after it loaded the text."""
        if not any(self.tables.values()):
            return EMPTY_HASH
        text = self.text().encode()
        return hashlib.md5(text, usedforsecurity=False).hexdigest()


def parsed(text: str) -> Document:
    """Return the document of a text. Raises DocumentError."""
    try:
        lists = json.loads(text)
    except ValueError as error:
        raise DocumentError(f"it is not JSON ({error})") from None
    if not isinstance(lists, dict) or lists.get(_FORMAT) != _VERSION:
        raise DocumentError(f"{_FORMAT} is not {_VERSION}")
    comment = str(lists.pop(_COMMENT, ""))
    parts = comment.removeprefix(_WRITTEN_FOR).split(_SEPARATOR)
    if len(parts) != 3 or not comment.startswith(_WRITTEN_FOR):
        raise DocumentError("`kong-oam dbless` did not write it")
    stack, before, _ = parts
    if comment != _comment(stack, before, lists):
        raise DocumentError("it was edited after `kong-oam dbless` wrote it")
    tables: dict[str, Table] = {kind: {} for kind in KINDS}
    for kind, entities in lists.items():
        if kind != _FORMAT:
            tables[kind] = _table(kind, entities)
    return Document(stack, tables, tuple(before.split()))


def imported(text: str, stack: str) -> Document:
    """Return the document of a Kong with a database, from the output of `kong config db_export`.

    Raises DocumentError.
    """
    try:
        lists = yaml.load(text, yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise DocumentError(f"it is not YAML ({error})") from None
    if not isinstance(lists, dict) or lists.get(_FORMAT) != _VERSION:
        raise DocumentError(f"{_FORMAT} is not {_VERSION}")
    tables: dict[str, Table] = {kind: {} for kind in KINDS}
    for kind, entities in lists.items():
        if kind in _HASHED and entities:
            raise DocumentError(
                f"it has {kind}; a node would hash their passwords again"
            )
        if not kind.startswith("_") and kind not in _OF_THE_DATABASE:
            tables[kind] = _table(kind, entities)
    return Document(stack, tables)


_WRITTEN_FOR = "written by kong-oam dbless for the stack "
_SEPARATOR = "; "


def _comment(stack: str, before: str, lists: Mapping[str, object]) -> str:
    content = f"{stack}\n{before}\n{_json(lists)}"
    digest = hashlib.sha256(content.encode()).hexdigest()
    return _WRITTEN_FOR + _SEPARATOR.join([stack, before, digest])


def _json(lists: Mapping[str, object]) -> str:
    return json.dumps(lists, separators=(",", ":"), sort_keys=True)


def _flat(kind: str, entity: Entity) -> Entity:
    """Return an entity with plain ids as references, as the declarative format has them."""
    flat = dict(entity)
    for name in KINDS[kind].references:
        if isinstance(flat.get(name), Mapping):
            flat[name] = flat[name]["id"]
    return flat


def _table(kind: str, entities: object) -> Table:
    """Return the entities of a list by id, with references as the Admin API has them."""
    if kind not in KINDS:
        raise DocumentError(f"{kind} is not a kind of entity that it may have")
    if not isinstance(entities, list):
        raise DocumentError(f"{kind} is not a list")
    table: dict[str, Entity] = {}
    for flat in entities:
        if not isinstance(flat, dict) or not isinstance(flat.get("id"), str):
            raise DocumentError(f"an entity of {kind} has no id")
        entity = dict(flat)
        for name in KINDS[kind].references:
            if entity.get(name) is not None:
                entity[name] = {"id": entity[name]}
        table[flat["id"]] = entity
    return table
