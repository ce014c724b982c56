"""The entities on the Admin API: collections, entities, nested paths, and tags.

Source: the Admin API documentation of Kong 3.10 and recorded exchanges.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any
from urllib.parse import quote, urlsplit

from kong_rules import listing
from kong_rules.certificates import Certificates
from kong_rules.entities import Entity
from kong_rules.errors import AnswerError, absent, schema_violation
from kong_rules.kinds import KINDS
from kong_rules.requests import NOT_FOUND, Methods, Query
from kong_rules.store import Store

COLLECTIONS = {
    "services": "services",
    "routes": "routes",
    "plugins": "plugins",
    "consumers": "consumers",
    "jwts": "jwt_secrets",
    "key-auths": "keyauth_credentials",
    "basic-auths": "basicauth_credentials",
    "acls": "acls",
    "certificates": "certificates",
    "ca_certificates": "ca_certificates",
    "snis": "snis",
    "upstreams": "upstreams",
}
# Collections below an entity: (kind, name in the path) -> (kind, field that refers to the parent).
NESTED = {
    ("services", "routes"): ("routes", "service"),
    ("services", "plugins"): ("plugins", "service"),
    ("routes", "plugins"): ("plugins", "route"),
    ("consumers", "plugins"): ("plugins", "consumer"),
    ("consumers", "jwt"): ("jwt_secrets", "consumer"),
    ("consumers", "key-auth"): ("keyauth_credentials", "consumer"),
    ("consumers", "basic-auth"): ("basicauth_credentials", "consumer"),
    ("consumers", "acls"): ("acls", "consumer"),
    ("certificates", "snis"): ("snis", "certificate"),
    ("upstreams", "targets"): ("targets", "upstream"),
}
PARENTS = {
    ("routes", "service"): "services",
    ("plugins", "service"): "services",
    ("plugins", "route"): "routes",
    ("plugins", "consumer"): "consumers",
    ("jwt_secrets", "consumer"): "consumers",
    ("keyauth_credentials", "consumer"): "consumers",
    ("basicauth_credentials", "consumer"): "consumers",
    ("acls", "consumer"): "consumers",
}
UNHASHED = ("least-connections", "latency")
"""Algorithms of an Upstream that leave it no `hash_on`."""


class Resources:
    """The endpoints of a store's entities."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._certificates = Certificates(store)

    def endpoint(self, path: list[str]) -> Methods | None:
        """Return the methods of a path, or None if it is no path of entities."""
        match path:
            case ["tags", *rest] if len(rest) < 2:
                return self._tags(rest[0] if rest else None)
            case ["certificates"]:
                return self._certificates.collection()
            case ["certificates", key]:
                return self._certificates.entity(key)
            case ["upstreams", key, "targets", "all"]:
                return {"GET": lambda query, _: self._all_targets(key, query)}
            case [collection, *rest] if collection in COLLECTIONS:
                return self._collection(
                    COLLECTIONS[collection], collection, rest
                )
        return None

    def _collection(
        self, kind: str, name: str, path: list[str]
    ) -> Methods | None:
        if not path:
            return {
                "GET": lambda query, _: self._page(f"/{name}", kind, query, {}),
                "POST": lambda _, body: (
                    201,
                    self._store.insert(kind, self.resolved(kind, body)),
                ),
            }
        if len(path) == 1:
            return self._entity(kind, path[0])
        if (kind, path[1]) in PARENTS and len(path) == 2:
            return {
                "GET": lambda *_: (200, self._parent(kind, path[0], path[1])),
                **_read_only(),
            }
        if (kind, path[1]) not in NESTED or len(path) > 3:
            return None
        nested, field = NESTED[kind, path[1]]
        if len(path) == 3:
            return self._entity(nested, path[2], within=(kind, path[0], field))

        def where() -> Entity:
            return {field: {"id": self._existing(kind, path[0])["id"]}}

        return {
            "GET": lambda query, _: self._page(
                f"/{name}/{quote(path[0], safe='')}/{path[1]}",
                nested,
                query,
                where(),
            ),
            "POST": lambda _, body: (
                201,
                self._store.insert(
                    nested, self.resolved(nested, {**body, **where()})
                ),
            ),
        }

    def _entity(
        self, kind: str, key: str, within: tuple[str, str, str] | None = None
    ) -> Methods:
        def scope() -> Entity:
            return (
                {within[2]: {"id": self._existing(within[0], within[1])["id"]}}
                if within
                else {}
            )

        def find() -> Entity | None:
            limits = scope()
            self._store.checks.require_name(
                kind, key, nested=within is not None
            )
            return self._store.current.find(kind, key, limits)

        def existing() -> Entity:
            entity = find()
            if entity is None:
                raise AnswerError(404, NOT_FOUND)
            return entity

        def patch(_: Query, body: Entity) -> tuple[int, Any]:
            entity = find()
            if entity is None:
                raise (
                    AnswerError(404, NOT_FOUND) if within else absent(kind, key)
                )
            # Seen on a Kong 3.10: this moves a credential or a route to another consumer or
            # service.
            return 200, self._store.update(
                kind, entity, self.resolved(kind, {**scope(), **body})
            )

        def put(_: Query, body: Entity) -> tuple[int, Any]:
            limits = scope()
            self._store.checks.require_name(
                kind, key, nested=within is not None
            )
            return 200, self._store.upsert(
                kind, key, self.resolved(kind, {**body, **limits})
            )

        def delete(*_: Any) -> tuple[int, Any]:
            entity = find()
            if entity is None and within:
                raise AnswerError(404, NOT_FOUND)
            if entity is not None:
                self._store.delete(kind, entity)
            return 204, None

        # Seen on a Kong 3.10: a PUT of a Target changes it like a PATCH, and never creates it.
        writes = {"PATCH": patch, "PUT": patch if kind == "targets" else put}
        return {"GET": lambda *_: (200, existing()), **writes, "DELETE": delete}

    def _all_targets(self, key: str, query: Query) -> tuple[int, Any]:
        upstream = {"id": self._existing("upstreams", key)["id"]}
        rows = [
            target
            for target in self._store.current.tables["targets"].values()
            if target["upstream"] == upstream
        ]
        path = f"/upstreams/{quote(key, safe='')}/targets/all"
        return 200, listing.page(rows, path, dict(reversed(query)), nested=True)

    def _existing(self, kind: str, key: str) -> Entity:
        self._store.checks.require_name(kind, key, nested=False)
        entity = self._store.current.find(kind, key)
        if entity is None:
            raise AnswerError(404, NOT_FOUND)
        return entity

    def _parent(self, kind: str, key: str, field: str) -> Entity:
        reference = self._existing(kind, key)[field]
        if reference is None:
            raise AnswerError(404, NOT_FOUND)
        return self._existing(PARENTS[kind, field], reference["id"])

    def resolved(self, kind: str, body: Entity) -> Entity:
        """Expand the body's parts that the schema does not know: `url`, and references by name."""
        value = dict(body)
        if kind == "services" and isinstance(value.get("url"), str):
            value.update(_parsed_url(value.pop("url")))
        if kind == "upstreams":
            value.update(_balanced(value))
        for name, target in KINDS[kind].references.items():
            reference = value.get(name)
            if isinstance(reference, dict) and "id" not in reference:
                named = reference.get(KINDS[target.kind].named_by or "")
                entity = (
                    self._store.current.find(target.kind, named)
                    if isinstance(named, str)
                    else None
                )
                if entity:
                    value[name] = {"id": entity["id"]}
        return value

    def _tags(self, tag: str | None) -> Methods:
        def listed(*_: Any) -> tuple[int, Any]:
            rows = [row for row in self._tagged() if tag in (None, row["tag"])]
            rows.sort(key=itemgetter("entity_id", "tag"))
            return 200, {"data": rows, "next": None}

        def refused(*_: Any) -> tuple[int, Any]:
            raise schema_violation(
                {
                    "tags": "does not support insert/upsert/update/delete operations"
                }
            )

        return {"GET": listed, "POST": refused}

    def _tagged(self) -> Iterator[dict[str, str]]:
        for kind, table in self._store.current.tables.items():
            for entity in table.values():
                for tag in entity.get("tags") or ():
                    yield {
                        "tag": tag,
                        "entity_name": kind,
                        "entity_id": entity["id"],
                    }

    def _page(
        self, path: str, kind: str, query: Query, where: Entity
    ) -> tuple[int, Any]:
        first = dict(reversed(query))
        if kind == "consumers" and "custom_id" in first:
            where = {**where, "custom_id": first["custom_id"]}
        table = self._store.current.tables[kind]
        rows = [row for row in table.values() if where.items() <= row.items()]
        if "custom_id" in where:
            return 200, {"data": rows, "next": None}
        if kind == "targets":
            return 200, listing.newest_first(rows, path, first)
        return 200, listing.page(rows, path, first, nested=bool(where))


def _read_only() -> Methods:
    """Writing an entity through a reference to it: Kong can, the stand-in does not."""

    def refused(*_: Any) -> tuple[int, Any]:
        raise AnswerError(
            501,
            {"message": "stand-in: not modelled; use the entity's own path"},
        )

    return {"PATCH": refused, "PUT": refused}


def _parsed_url(url: str) -> Entity:
    parts = urlsplit(url)
    port = parts.port or (
        443 if parts.scheme in ("https", "tls", "grpcs") else 80
    )
    return {
        "protocol": parts.scheme,
        "host": parts.hostname or "",
        "port": port,
        "path": parts.path or None,
    }


def _balanced(upstream: Entity) -> Entity:
    """Complete `hash_on` from `algorithm`, or `algorithm` from `hash_on`, in a request about an
    Upstream."""
    if upstream.get("algorithm") in UNHASHED:
        return {"hash_on": "none"}
    if upstream.get("hash_on") is None:
        return {}
    return {
        "algorithm": "round-robin"
        if upstream["hash_on"] == "none"
        else "consistent-hashing"
    }
