"""The `key-auth` plugin: it finds the consumer of an API key.

Source: kong/plugins/key-auth (Kong 3.10), and recorded exchanges (step key-auth). Not modelled:
keys with a time to live, and keys in multipart bodies.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from kong_rules.entities import Entity
from sandbox.kong import callers
from sandbox.kong.callers import Unauthorized
from sandbox.kong.entities import Config
from sandbox.kong.exchange import Exchange, unescaped
from sandbox.kong.http import Response
from sandbox.kong.termination import json_response
from sandbox.kong.wire import wire

_NO_KEY = "No API key found in request"
_DUPLICATE = "Duplicate API key found"
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"


class KeyAuth:
    """Looks for a key in headers, arguments and the body, in this order for each name."""

    priority = 1250

    def access(self, exchange: Exchange, plugin: Entity) -> Response | None:
        config = plugin["config"]
        if not config["run_on_preflight"] and exchange.method == "OPTIONS":
            return None
        if config["anonymous"] is not None and exchange.credential is not None:
            return None
        kind = (exchange.request.header("content-type") or "").lower()
        if config["key_in_body"] and kind.startswith("multipart/form-data"):
            message = "stand-in: keys in multipart bodies are not modelled"
            return json_response(501, {"message": message})
        denied = _authenticate(exchange, config)
        if denied is None:
            return None
        realm = config["realm"]
        challenge = f'Key realm="{wire(realm)}"' if realm else "Key"
        return callers.anonymous_or_denied(
            exchange, config["anonymous"], Unauthorized(denied, challenge)
        )

    def header_filter(self, exchange: Exchange, plugin: Entity) -> None:
        pass

    def log(self, exchange: Exchange, plugin: Entity) -> None:
        pass


def _authenticate(exchange: Exchange, config: Config) -> str | None:
    """Set the consumer of the request's key. Return Kong's message if there is no valid key."""
    key = ""
    for name in config["key_names"]:
        value = _value(exchange, config, name)
        if isinstance(value, str):
            key = value
            if config["hide_credentials"]:
                _hide(exchange, config, name)
            break
        if isinstance(value, list | dict):
            return _DUPLICATE
    if not key:
        return _NO_KEY
    keys = exchange.credentials.tables["keyauth_credentials"].values()
    for credential in keys:
        if wire(credential["key"]) == key:
            consumer = callers.consumer_of(exchange, credential)
            callers.identify(exchange, consumer, credential, credential["id"])
            return None
    return "Unauthorized"


def _value(exchange: Exchange, config: Config, name: str) -> Any:
    """Return the value of a key's name. An empty header hides arguments and body, as in Lua."""
    value: Any = None
    if config["key_in_header"]:
        value = _folded(callers.read_header(exchange, name))
    if value is None and config["key_in_query"]:
        found = [
            argument
            for own, argument in exchange.arguments()
            if own == wire(name)
        ]
        value = _folded(found)
        if found == [None]:
            value = True  # an argument without `=`: no text, and no absence
    if value in (None, False) and config["key_in_body"]:
        value = _body(exchange).get(wire(name))
    return value


def _folded(values: list[Any]) -> Any:
    """Return a value as Lua holds it: a list only if there are several."""
    if len(values) > 1:
        return values
    return values[0] if values else None


def _body(exchange: Exchange) -> Mapping[str, Any]:
    """Return the fields of the body; empty if Kong cannot read it."""
    kind = next(iter(exchange.values("content-type")), "").lower()
    text = exchange.body.decode("latin-1")
    if kind.startswith(_FORM):
        fields: dict[str, list[Any]] = {}
        for name, value in _pairs(text):
            fields.setdefault(name, []).append(True if value is None else value)
        return {name: _folded(values) for name, values in fields.items()}
    if kind.startswith(_JSON):
        try:
            value = json.loads(exchange.body)
        except (ValueError, RecursionError):
            return {}
        if isinstance(value, dict):
            return {
                wire(name): wire(item) if isinstance(item, str) else item
                for name, item in value.items()
            }
    return {}


def _pairs(text: str) -> Iterable[tuple[str, str | None]]:
    for part in text.split("&"):
        name, equals, value = part.partition("=")
        if name or equals:
            yield unescaped(name), unescaped(value) if equals else None


def _hide(exchange: Exchange, config: Config, name: str) -> None:
    """Remove the key from the places where the upstream would find it."""
    own = wire(name)
    if exchange.query:
        kept = []
        for argument, value in exchange.arguments():
            if argument != own:
                kept.append(f"{_escaped(argument)}={_escaped(value or '')}")
        exchange.query = "&".join(kept)
    exchange.clear_header(own)
    if config["key_in_body"]:
        _hide_in_body(exchange, own)


def _hide_in_body(exchange: Exchange, name: str) -> None:
    fields = {**_body(exchange)}
    kind = next(iter(exchange.values("content-type")), "").lower()
    if not fields:
        return
    fields.pop(name, None)
    if kind.startswith(_JSON):
        text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
        exchange.body = text.encode("latin-1")
        return
    parts = []
    for field in sorted(fields):
        value = fields[field]
        for item in value if isinstance(value, list) else [value]:
            end = "" if item is True else f"={_escaped(item)}"
            parts.append(_escaped(field) + end)
    exchange.body = "&".join(parts).encode("latin-1")


def _escaped(text: str) -> str:
    return quote(text.encode("latin-1"), safe="*-._").replace("~", "%7E")
