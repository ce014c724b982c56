"""The Admin API of the Kong stand-in: paths, bodies, pages, and Kong's answers to errors.

Source: the Admin API documentation of Kong 3.10 and recorded exchanges. Bodies are JSON; forms are
not modelled.
"""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import Any

from kong_rules.entities import Entity
from kong_rules.errors import (
    AnswerError,
    Header,
    ViolationError,
    schema_violation,
)
from kong_rules.requests import NOT_FOUND, Methods, answer, split
from kong_rules.resources import COLLECTIONS, NESTED, PARENTS, Resources
from kong_rules.store import Store
from sandbox.kong import information, plugin_schemas, schema
from sandbox.kong.checks import SCHEMAS, validated, with_current_names
from sandbox.kong.declarative import Declarative, no_writes
from sandbox.kong.entities import KongConf
from sandbox.kong.http import InvalidRequestError, Request, Response, reason

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
        self._resources = Resources(store)
        self._declarative = Declarative(store)
        self._has_database = configuration.get("database") != "off"
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
            return self._json(*self._answer(request))
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

    def _answer(self, request: Request) -> tuple[int, Any]:
        path, query = split(request.target)
        if request.method == "TRACE":
            raise AnswerError(405)
        methods = self._endpoint(path)
        if methods is None:
            known = path and path[0] in NOT_MODELLED
            raise AnswerError(501 if known else 404, _not_modelled(path))
        content_type = request.header("content-type")
        return answer(
            methods, request.method, query, content_type, request.body
        )

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
                return {"GET": lambda *_: (200, self._status())}
            case ["config"] if not self._has_database:
                return self._declarative.endpoint()
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
        methods = self._resources.endpoint(path)
        if methods and not self._has_database:
            return no_writes(path[0], methods)
        return methods

    def _status(self) -> Any:
        status = information.status()
        if not self._has_database:
            status["configuration_hash"] = self._declarative.hash
        return status

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
                if name not in SCHEMAS:
                    return {
                        "POST": lambda *_: (
                            404,
                            {"message": f"No entity named '{name}'"},
                        )
                    }
                return {
                    "POST": lambda _, body: _validate(
                        name, self._resources.resolved(name, body)
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


def _not_modelled(path: list[str]) -> dict[str, str]:
    if path and path[0] in NOT_MODELLED:
        return {"message": f"stand-in: /{path[0]} is not modelled"}
    return NOT_FOUND


def _validate(kind: str, body: Entity) -> tuple[int, Any]:
    sent = with_current_names(kind, body)
    _, errors = validated(
        kind, {"id": "00000000-0000-4000-8000-000000000000", **sent}
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
