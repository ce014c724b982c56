"""The document: all entities of Kong nodes without a database, in Kong's declarative format.

Entities keep their ids, so that a stack can move to PostgreSQL and back. A file holds the same text
that the nodes load, compressed.

Source: answers of a Kong 3.10 with `database = off`. `POST /config` takes the text as `config` in a
JSON body. Then `configuration_hash` of `/status` is the MD5 of this text. It takes no compressed
body.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kong_oam.errors import ProductError
from kong_oam.kong.entities import Entity

_FORMAT = "_format_version"
_VERSION = "3.0"
# Kong reports this hash without entities, also before it loads a document.
_EMPTY_HASH = "0" * 32

# The field that refers to another entity, and the kind of that entity, by kind.
REFERENCES: Mapping[str, Mapping[str, str]] = {
    "services": {"client_certificate": "certificates"},
    "routes": {"service": "services"},
    "plugins": {
        "consumer": "consumers",
        "route": "routes",
        "service": "services",
    },
    "consumers": {},
    "jwt_secrets": {"consumer": "consumers"},
    "upstreams": {"client_certificate": "certificates"},
    "targets": {"upstream": "upstreams"},
    "certificates": {},
    "snis": {"certificate": "certificates"},
    "ca_certificates": {},
}

# Entities of one kind by id.
_Table = Mapping[str, Entity]


class DocumentError(ProductError):
    """A document is unreadable or invalid. The message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Document:
    """All entities by kind and id. A kind without entities may be absent."""

    tables: Mapping[str, _Table]

    def text(self) -> str:
        """Return the text that nodes load. The same entities give the same text."""
        lists: dict[str, object] = {_FORMAT: _VERSION}
        for kind, table in self.tables.items():
            if table:
                lists[kind] = [
                    _flat(kind, table[identifier])
                    for identifier in sorted(table)
                ]
        return json.dumps(lists, separators=(",", ":"), sort_keys=True)

    def configuration_hash(self) -> str:
        """Return the hash that a node reports after it loaded the text."""
        if not any(self.tables.values()):
            return _EMPTY_HASH
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
    tables: dict[str, _Table] = {}
    for kind, entities in lists.items():
        if kind != _FORMAT:
            tables[kind] = _table(kind, entities)
    _require_references(tables)
    return Document(tables)


def load(file: Path) -> Document:
    """Return the document of a file. Raises DocumentError."""
    try:
        return parsed(gzip.decompress(file.read_bytes()).decode())
    except DocumentError as error:
        problem = str(error)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        problem = f"it cannot be read ({error})"
    raise DocumentError(
        f"the document {file} is invalid: {problem}; restore its last good copy"
    )


def save(document: Document, file: Path) -> None:
    """Replace the file in one step. Only its owner may read it, because it has private keys.

    The bytes are on the disk before the file has its name, so that a crash leaves a whole
    document. Raises DocumentError.
    """
    # A time in the file would make equal documents different.
    content = gzip.compress(document.text().encode(), mtime=0)
    try:
        _replace(file, content)
    except OSError as error:
        raise DocumentError(
            f"the document {file} cannot be saved ({error}); correct gateway.document"
        ) from None


def _replace(file: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(
        prefix=f".{file.name}.", dir=file.parent
    )
    try:
        with os.fdopen(descriptor, "wb") as temporary:
            temporary.write(content)
            temporary.flush()
            os.fsync(temporary.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    # The new name is durable only after the folder is.
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _flat(kind: str, entity: Entity) -> Entity:
    """Return an entity with plain ids as references, as the declarative format has them."""
    flat = dict(entity)
    for field in REFERENCES[kind]:
        if isinstance(flat.get(field), Mapping):
            flat[field] = flat[field]["id"]
    return flat


def _table(kind: str, entities: object) -> _Table:
    """Return the entities of a list by id, with references as the Admin API has them."""
    if kind not in REFERENCES:
        raise DocumentError(f"{kind} is not a kind of entity that it may have")
    if not isinstance(entities, list):
        raise DocumentError(f"{kind} is not a list")
    table: dict[str, Entity] = {}
    for flat in entities:
        if not isinstance(flat, dict) or not isinstance(flat.get("id"), str):
            raise DocumentError(f"an entity of {kind} has no id")
        if flat["id"] in table:
            raise DocumentError(f"{kind} has the id {flat['id']} twice")
        entity = dict(flat)
        for field in REFERENCES[kind]:
            reference = entity.get(field)
            if reference is None:
                continue
            if not isinstance(reference, str):
                raise DocumentError(
                    f"{field} of {flat['id']} in {kind} is not an id"
                )
            entity[field] = {"id": reference}
        table[flat["id"]] = entity
    return table


def _require_references(tables: Mapping[str, _Table]) -> None:
    """Reject a reference to a missing entity.

    Kong rejects it too, but with `flatten_errors` its answer does not name it.
    """
    for kind, table in tables.items():
        for entity in table.values():
            for field, other in REFERENCES[kind].items():
                reference = entity.get(field)
                if reference and reference["id"] not in tables.get(other, {}):
                    raise DocumentError(
                        f"{field} of {entity['id']} in {kind} refers to a missing entity"
                    )
