"""The `basic-auth` plugin: it finds the consumer of a user name and a password (RFC 7617).

Source: kong/plugins/basic-auth (Kong 3.10), and recorded exchanges (step basic-auth).
"""

from __future__ import annotations

import hashlib
import re

from kong_rules.entities import Entity
from sandbox.kong import callers
from sandbox.kong.callers import Unauthorized
from sandbox.kong.entities import Config
from sandbox.kong.exchange import Exchange
from sandbox.kong.http import Response
from sandbox.kong.jwt import lenient_base64
from sandbox.kong.wire import wire

_BASIC = re.compile(r"\s*[Bb]asic\s*(.+)", re.ASCII)
_PARTS = re.compile(r"([^:]+):(.*)")


class BasicAuth:
    """Reads Proxy-Authorization first, and Authorization if that names no known user."""

    priority = 1100

    def access(self, exchange: Exchange, plugin: Entity) -> Response | None:
        config = plugin["config"]
        if config["anonymous"] is not None and exchange.credential is not None:
            return None
        if _authenticate(exchange, config):
            return None
        challenge = f'Basic realm="{wire(config["realm"])}"'
        return callers.anonymous_or_denied(
            exchange,
            config["anonymous"],
            Unauthorized("Unauthorized", challenge),
        )

    def header_filter(self, exchange: Exchange, plugin: Entity) -> None:
        pass

    def log(self, exchange: Exchange, plugin: Entity) -> None:
        pass


def _authenticate(exchange: Exchange, config: Config) -> bool:
    """Set the consumer of the request's user name and password, and return whether they are
    valid."""
    own = _first(exchange, "authorization")
    proxy = _first(exchange, "proxy-authorization")
    if own is None and proxy is None:
        return False
    login = _read(exchange, config, "proxy-authorization", proxy)
    credential = _named(exchange, login)
    if credential is None:
        login = _read(exchange, config, "authorization", own)
        credential = _named(exchange, login)
    if credential is None or login is None:
        return False
    hashed = password_hash(credential["consumer"]["id"], login[1])
    if hashed != credential["password"]:
        return False
    consumer = callers.consumer_of(exchange, credential)
    callers.identify(exchange, consumer, credential, credential["username"])
    return True


def _first(exchange: Exchange, name: str) -> str | None:
    return next(iter(callers.read_header(exchange, name)), None)


def _read(
    exchange: Exchange, config: Config, name: str, value: str | None
) -> tuple[str, str] | None:
    """Return user name and password of a header. Hiding removes any header of this name."""
    if config["hide_credentials"]:
        exchange.clear_header(name)
    match = _BASIC.search(value) if value is not None else None
    if match is None or re.search("[-_]", match[1]):
        return None
    decoded = lenient_base64(match[1])
    if decoded is None:
        return None
    parts = _PARTS.search(decoded.decode("latin-1"))
    return (parts[1], parts[2]) if parts else None


def _named(exchange: Exchange, login: tuple[str, str] | None) -> Entity | None:
    if login is None:
        return None
    known = exchange.credentials.tables["basicauth_credentials"].values()
    for credential in known:
        if wire(credential["username"]) == login[0]:
            return credential
    return None


def password_hash(consumer: str, password: str) -> str:
    """Return a password as Kong stores it. `password` has one character for each byte."""
    salted = password.encode("latin-1") + consumer.encode()
    return hashlib.sha1(salted, usedforsecurity=False).hexdigest()
