"""The Admin API of the Kong stand-in: paths, bodies, pages, and Kong's answers to errors.

Source: the Admin API documentation of Kong 3.10 and recorded exchanges. Bodies are JSON; forms are
not modelled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.utils import formatdate
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from sandbox.kong import information, listing, plugin_schemas, schema
from sandbox.kong.answers import AnswerError, Methods, Query, check_key
from sandbox.kong.certificates import Certificates
from sandbox.kong.entities import NAMED_BY, Entity, KongConf
from sandbox.kong.http import (
    Header,
    InvalidRequestError,
    Request,
    Response,
    reason,
)
from sandbox.kong.store import (
    KINDS,
    UNHASHED,
    Store,
    ViolationError,
    absent,
    schema_violation,
    validated,
)

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
# Kong has these; asking for them here is answered 501, never as if they were empty.
NOT_MODELLED = frozenset(
    [
        "cache",
        "config",
        "hmac-auths",
        "key-sets",
        "keys",
        "metrics",
        "oauth2",
        "oauth2_tokens",
        "sessions",
        "timers",
        "vaults",
        "debug",
        "filter-chains",
        "clustering",
        "acme",
        "proxy-cache",
    ]
)


_NOT_FOUND = {"message": "Not found"}
_NOT_ALLOWED = {"message": "Method not allowed"}
_UNEXPECTED = {"message": "An unexpected error occurred"}


class AdminApi:
    """Answers Admin API requests on a store. `token`, where set, must come in the header
    Kong-Admin-Token."""

    def __init__(
        self,
        store: Store,
        version: str,
        configuration: KongConf,
        token: str | None,
    ) -> None:
        self._store = store
        self._certificates = Certificates(store)
        self._version = version
        self._configuration = configuration
        self._token = token

    def answer(self, request: Request | InvalidRequestError) -> Response:
        """Return the response to one request; nginx's response if nginx rejects it."""
        if isinstance(request, InvalidRequestError):
            status = 400 if request.status == 494 else request.status
            return self._html(status)
        try:
            self._authorize(request)
            return self._json(*self._dispatch(request))
        except ViolationError as violation:
            return self._json(violation.status, violation.body)
        except AnswerError as early:
            if early.body is None and early.status != 204:
                return self._html(early.status)
            return self._json(early.status, early.body, early.headers)

    def _authorize(self, request: Request) -> None:
        if (
            self._token is not None
            and request.header("kong-admin-token") != self._token
        ):
            raise AnswerError(401, {"message": "Unauthorized"})

    def _json(
        self, status: int, body: Any = None, headers: tuple[Header, ...] = ()
    ) -> Response:
        common = (
            ("Access-Control-Allow-Origin", "*"),
            ("Access-Control-Allow-Credentials", "true"),
            ("X-Kong-Admin-Latency", "0"),
            ("Server", f"kong/{self._version}"),
            ("Date", formatdate(usegmt=True)),
        )
        if status == 204:
            return Response(status, (*headers, *common))
        text = json.dumps(
            body, separators=(",", ":"), ensure_ascii=False
        ).encode("utf-8", "surrogateescape")
        return Response(
            status,
            (
                ("Content-Type", "application/json; charset=utf-8"),
                *headers,
                *common,
            ),
            text,
        )

    def _html(self, status: int) -> Response:
        title = f"{status} {reason(status)}"
        body = (
            f"<html>\r\n<head><title>{title}</title></head>\r\n"
            f"<body>\r\n<center><h1>{title}</h1></center>\r\n"
        )
        return Response(
            status,
            (("Content-Type", "text/html; charset=UTF-8"),),
            f"{body}</body>\r\n</html>\r\n".encode(),
        )

    def _dispatch(
        self, request: Request
    ) -> tuple[int, Any, tuple[Header, ...]]:
        path, query = _split(request.target)
        if request.method == "TRACE":
            raise AnswerError(405)
        methods = self._endpoint(path)
        if methods is None:
            raise AnswerError(
                501 if path and path[0] in NOT_MODELLED else 404,
                _not_modelled(path),
            )
        method = "GET" if request.method == "HEAD" else request.method
        if method == "OPTIONS":
            allowed = ", ".join(
                sorted(
                    {
                        *methods,
                        "OPTIONS",
                        *(["HEAD"] if "GET" in methods else []),
                    }
                )
            )
            raise AnswerError(
                204,
                None,
                (("Allow", allowed), ("Access-Control-Allow-Methods", allowed)),
            )
        if method not in methods:
            raise AnswerError(405, _NOT_ALLOWED)
        body = _read_body(request) if method in ("POST", "PUT", "PATCH") else {}
        status, answer = methods[method](query, body)
        return status, answer, ()

    def _endpoint(self, path: list[str]) -> Methods | None:
        match path:
            case []:
                return {
                    "GET": lambda *_: (
                        200,
                        information.root(self._version, self._configuration),
                    )
                }
            case ["status"]:
                return {"GET": lambda *_: (200, information.status())}
            case ["endpoints"]:
                return {"GET": lambda *_: (200, {"data": _endpoints()})}
            case ["plugins", "enabled"]:
                return {
                    "GET": lambda *_: (
                        200,
                        {
                            "enabled_plugins": list(
                                plugin_schemas.PLUGIN_SCHEMAS
                            )
                        },
                    )
                }
            case ["schemas", *rest]:
                return self._schemas(rest)
            case ["tags", *rest] if len(rest) < 2:
                return self._tags(rest[0] if rest else None)
            case ["certificates"]:
                return self._certificates.collection()
            case ["certificates", key]:
                return self._certificates.entity(key)
            case ["upstreams", _, "health"] | [
                "upstreams",
                _,
                "targets",
                _,
                _,
                *_,
            ]:
                raise AnswerError(
                    501,
                    {
                        "message": "stand-in: the health of upstreams is not modelled"
                    },
                )
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
                    self._store.insert(kind, self._resolved(kind, body)),
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
                    nested, self._resolved(nested, {**body, **where()})
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
            check_key(kind, key, nested=within is not None)
            return self._store.current.find(kind, key, limits)

        def existing() -> Entity:
            entity = find()
            if entity is None:
                raise AnswerError(404, _NOT_FOUND)
            return entity

        def patch(_: Query, body: Entity) -> tuple[int, Any]:
            entity = find()
            if entity is None:
                raise (
                    AnswerError(404, _NOT_FOUND)
                    if within
                    else absent(kind, key)
                )
            # Seen on a Kong 3.10: this moves a credential or a route to another consumer or
            # service.
            return 200, self._store.update(
                kind, entity, self._resolved(kind, {**scope(), **body})
            )

        def put(_: Query, body: Entity) -> tuple[int, Any]:
            limits = scope()
            check_key(kind, key, nested=within is not None)
            return 200, self._store.upsert(
                kind, key, self._resolved(kind, {**body, **limits})
            )

        def delete(*_: Any) -> tuple[int, Any]:
            entity = find()
            if entity is None and within:
                raise AnswerError(404, _NOT_FOUND)
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
        check_key(kind, key)
        entity = self._store.current.find(kind, key)
        if entity is None:
            raise AnswerError(404, _NOT_FOUND)
        return entity

    def _parent(self, kind: str, key: str, field: str) -> Entity:
        reference = self._existing(kind, key)[field]
        if reference is None:
            raise AnswerError(404, _NOT_FOUND)
        return self._existing(PARENTS[kind, field], reference["id"])

    def _resolved(self, kind: str, body: Entity) -> Entity:
        """Expand the body's parts that the schema does not know: `url`, and references by name."""
        value = dict(body)
        if kind == "services" and isinstance(value.get("url"), str):
            value.update(_parsed_url(value.pop("url")))
        if kind == "upstreams":
            value.update(_balanced(value))
        for name, field in KINDS[kind].fields.items():
            reference = value.get(name)
            if (
                field.type == "foreign"
                and isinstance(reference, dict)
                and "id" not in reference
            ):
                target = str(field.shown["reference"])
                named = reference.get(NAMED_BY.get(target, ""))
                entity = (
                    self._store.current.find(target, named)
                    if isinstance(named, str)
                    else None
                )
                if entity:
                    value[name] = {"id": entity["id"]}
        return value

    def _schemas(self, path: list[str]) -> Methods | None:
        match path:
            case ["plugins", "validate"]:
                return {"POST": lambda _, body: _validate("plugins", body)}
            case ["plugins", name]:
                plugin = plugin_schemas.PLUGIN_SCHEMAS.get(name)
                absent = {"message": f"No plugin named '{name}'"}
                return {
                    "GET": lambda *_: (
                        (200, plugin.printed()) if plugin else (404, absent)
                    )
                }
            case [name, "validate"]:
                if name not in KINDS:
                    return {
                        "POST": lambda *_: (
                            404,
                            {"message": f"No entity named '{name}'"},
                        )
                    }
                return {
                    "POST": lambda _, body: _validate(
                        name, self._resolved(name, body)
                    )
                }
            case [name]:
                entity = schema.ENTITY_SCHEMAS.get(name)
                missing = {"message": f"No entity named '{name}'"}
                return {
                    "GET": lambda *_: (
                        (200, entity.printed()) if entity else (404, missing)
                    )
                }
        return None

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
                for tag in entity["tags"] or ():
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


def _not_modelled(path: list[str]) -> dict[str, str]:
    if path and path[0] in NOT_MODELLED:
        return {"message": f"stand-in: /{path[0]} is not modelled"}
    return _NOT_FOUND


def _split(target: str) -> tuple[list[str], Query]:
    path, _, query = target.partition("?")
    segments = path[1:].removesuffix("/").split("/")
    if segments == [""]:
        segments = []
    if any(segment in ("", ".", "..") for segment in segments):
        raise AnswerError(404, _NOT_FOUND)
    wire = [segment.encode("latin-1") for segment in segments]
    return [
        unquote(element.decode("utf-8", "surrogateescape")) for element in wire
    ], parse_qsl(query, keep_blank_values=True)


def _read_body(request: Request) -> Entity:
    if not request.body and request.header("content-type") is None:
        return {}
    kind = (request.header("content-type") or "").partition(";")[0].strip()
    if kind == "application/x-www-form-urlencoded" and not request.body:
        return {}
    if kind != "application/json":
        raise AnswerError(415)
    try:
        value = json.JSONDecoder(strict=False).decode(
            request.body.decode("utf-8", "surrogateescape")
        )
    except ValueError:
        raise AnswerError(400, {"message": "Cannot parse JSON body"}) from None
    if isinstance(value, dict):
        return value
    if value == []:
        return {}
    # Kong indexes any decoded value: null, numbers, texts and non-empty lists end in its error
    # handler.
    raise AnswerError(500, _UNEXPECTED)


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


def _validate(kind: str, body: Entity) -> tuple[int, Any]:
    _, errors = validated(
        kind, {"id": "00000000-0000-4000-8000-000000000000", **body}
    )
    if errors:
        raise schema_violation(errors)
    return 200, {"message": "schema validation successful"}


def _endpoints() -> list[str]:
    paths = [
        "/",
        "/status",
        "/endpoints",
        "/plugins/enabled",
        "/tags",
        "/tags/{tags}",
        "/schemas/{name}",
        "/schemas/{db_entity_name}/validate",
        "/schemas/plugins/{name}",
        "/schemas/plugins/validate",
    ]
    for name, kind in COLLECTIONS.items():
        paths += (f"/{name}", f"/{name}/{{{kind}}}")
    for kind, name in NESTED:
        paths.append(f"/{kind}/{{{kind}}}/{name}")
    collections = {kind: name for name, kind in COLLECTIONS.items()}
    for kind, name in PARENTS:
        paths.append(f"/{collections[kind]}/{{{kind}}}/{name}")
    return sorted(paths)
