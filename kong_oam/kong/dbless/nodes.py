"""A Kong node without a database: load a document, and read what it has.

Source: answers of a Kong 3.10 with `database = off`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import yaml

from kong_oam.errors import ProductError
from kong_oam.http.addresses import without_secrets
from kong_oam.http.trust import tls_context
from kong_oam.kong.account import Account
from kong_oam.kong.dbless.document import EMPTY_HASH
from kong_oam.kong.entities import tags_of
from kong_rules.entities import Entity, Table
from kong_rules.kinds import KINDS

# A node with 600 ports takes some seconds.
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_SHOWN = 300  # characters of an answer that a message quotes
_INGRESS = "k8s-kind:"


class NodeError(ProductError):
    """A node does not answer, or is no node for this document. The message names it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A node's refusal of a document: errors by the id of an entity, or one message."""

    by_id: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    message: str = ""


class Node:
    """The Admin API of one node. Requests raise NodeError.

    `name`: the node in messages; by default its URL.
    """

    def __init__(
        self,
        account: Account,
        transport: httpx.BaseTransport | None = None,
        name: str = "",
    ) -> None:
        self.account = account
        self._shown = name or without_secrets(account.admin_url)
        credentials = {
            "Kong-Admin-Token": account.token,
            "apikey": account.api_key,
        }
        self._client = httpx.Client(
            base_url=account.admin_url,
            headers={
                name: value for name, value in credentials.items() if value
            },
            timeout=_TIMEOUT,
            verify=tls_context(),
            transport=transport,
        )

    def __str__(self) -> str:
        return self._shown

    def close(self) -> None:
        self._client.close()

    def forwarded(
        self, method: str, target: str, content_type: str | None, body: bytes
    ) -> httpx.Response:
        """Return the node's answer to another request."""
        headers = {"Content-Type": content_type} if content_type else {}
        return self._sent(method, target, content=body, headers=headers)

    def root(self) -> Entity:
        """Return the version and the configuration."""
        return self._object("/")

    def schema(self, path: str) -> Entity | None:
        """Return the schema at a path below `/schemas`, or None."""
        answer = self._sent("GET", f"/schemas/{path}")
        return answer.json() if answer.status_code == 200 else None

    def validate(self, kind: str, entity: Entity) -> Entity | None:
        """Return the node's body about a wrong entity, or None for a correct entity."""
        try:
            body = json.dumps(entity, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return {
                "name": "schema violation",
                "message": "a text is not UTF-8",
            }
        answer = self._sent(
            "POST",
            f"/schemas/{kind}/validate",
            content=body,
            headers={"Content-Type": "application/json"},
        )
        if answer.status_code == 200:
            return None
        if answer.status_code != 400:
            raise NodeError(
                f"the node {self} answers POST /schemas/{kind}/validate with {_words(answer)}; see "
                "its error log"
            )
        wrong = answer.json()
        return wrong if isinstance(wrong, dict) else {}

    def configuration_hash(self) -> str:
        """Return the hash of the loaded document."""
        return str(self._object("/status").get("configuration_hash"))

    def entities(self) -> Iterator[tuple[str, Entity]]:
        """Yield all entities of the node with their kinds."""
        if self.configuration_hash() == EMPTY_HASH:
            return
        text = str(self._object("/config").get("config"))
        # libyaml reads 10 MB in seconds, and PyYAML in a minute.
        entities_by_kind = yaml.load(text, yaml.CSafeLoader)
        for kind, entities in entities_by_kind.items():
            if isinstance(entities, list):
                for entity in entities:
                    yield kind, entity

    def load(self, text: str) -> Mapping[str, Table] | Refusal:
        """Let the node load a document. Return its entities with defaults, or the refusal."""
        answer = self._sent(
            "POST", "/config?flatten_errors=1", json={"config": text}
        )
        if _is_too_large(answer):
            megabytes = len(answer.request.content) / 1_000_000
            raise NodeError(
                f"the node {self} takes no document of {megabytes:.1f} MB; set "
                "nginx_admin_client_max_body_size and nginx_admin_client_body_buffer_size in its "
                "kong.conf, for example to 100m"
            )
        if answer.status_code == 400:
            return _refusal(answer)
        if answer.status_code != 201:
            raise NodeError(
                f"the node {self} answers POST /config with {_words(answer)}; see its error log"
            )
        loaded = answer.json()
        return {kind: loaded.get(kind) or {} for kind in KINDS}

    def _object(self, path: str) -> Entity:
        answer = self._sent("GET", path)
        try:
            body = answer.json()
        except ValueError:
            body = None
        if answer.status_code != 200 or not isinstance(body, dict):
            raise NodeError(
                f"the node {self} answers GET {path} with {_words(answer)}; check gateway.nodes"
            )
        return body

    def _sent(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **content)
        except httpx.HTTPError as error:
            raise NodeError(
                f"the node {self} does not answer ({type(error).__name__}); check gateway.nodes, "
                "and that the node is up"
            ) from None


def require_no_database(node: Node) -> None:
    """Check that a node has no database. Raises NodeError."""
    configuration = node.root().get("configuration") or {}
    if configuration.get("database") != "off":
        raise NodeError(
            f"the node {node} has a database; remove gateway.nodes, and set gateway.adminUrl"
        )


def unknown_entities(
    node: Node, is_known: Callable[[Entity], bool]
) -> list[str]:
    """Return the unknown entities of a node, in words.

    Raises NodeError, also if an ingress controller writes the node.
    """
    unknown = []
    for kind, entity in node.entities():
        if any(tag.startswith(_INGRESS) for tag in tags_of(entity)):
            raise NodeError(
                f"an ingress controller writes the node {node}, and would overwrite this document; "
                "use another Kong"
            )
        if not is_known(entity):
            name = entity.get("name") or entity.get("id")
            unknown.append(f"{kind} {name}")
    return unknown


def _is_too_large(answer: httpx.Response) -> bool:
    """Return whether Kong's limit is too low. Kong cannot read a body above its buffer's size."""
    is_unread = answer.status_code == 400 and "Cannot parse JSON" in answer.text
    return is_unread or answer.status_code == 413


def _refusal(answer: httpx.Response) -> Refusal:
    try:
        body = answer.json()
    except ValueError:
        return Refusal(message=_words(answer))
    by_id: dict[str, dict[str, Any]] = {}
    for wrong in body.get("flattened_errors") or ():
        errors = by_id.setdefault(str(wrong.get("entity_id")), {})
        for error in wrong.get("errors") or ():
            if "field" in error:
                _put(errors, error["field"].split("."), error["message"])
            else:
                errors.setdefault("@entity", []).append(error["message"])
    return Refusal(by_id, str(body.get("message")))


def _put(errors: dict[str, Any], path: Sequence[str], message: Any) -> None:
    """Add the error of a field, as Kong nests the errors of records."""
    for name in path[:-1]:
        inner = errors.setdefault(name, {})
        if not isinstance(inner, dict):
            # The record itself is wrong.
            return
        errors = inner
    errors[path[-1]] = message


def _words(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.text[:_SHOWN]}"
