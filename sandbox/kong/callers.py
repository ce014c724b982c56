"""The consumer and the credential of a request, as Kong's authentication plugins leave them.

Source: kong/pdk/client and `set_consumer` in kong/plugins/jwt, key-auth and basic-auth (Kong 3.10).
"""

from __future__ import annotations

from dataclasses import dataclass

from kong_rules.entities import Entity
from sandbox.kong.errors import error_response
from sandbox.kong.exchange import Exchange
from sandbox.kong.http import Header, Response
from sandbox.kong.wire import wire

# `kong.request.get_headers()` reads this many headers of a request; plugins do not see more.
READ_HEADERS = 100


@dataclass(frozen=True, slots=True)
class Unauthorized:
    """Why a plugin found no valid credential: Kong's message and challenge."""

    message: str
    challenge: str


def identify(
    exchange: Exchange,
    consumer: Entity,
    credential: Entity | None = None,
    identifier: str | None = None,
) -> None:
    """Set consumer and credential, and the consumer's headers for the upstream.

    The client's headers of the same names go. `credential` is None for the anonymous consumer.
    """
    exchange.consumer = consumer
    exchange.credential = credential
    named = {
        "X-Consumer-ID": consumer["id"],
        "X-Consumer-Custom-ID": consumer["custom_id"],
        "X-Consumer-Username": consumer["username"],
        "X-Credential-Identifier": identifier,
        "X-Anonymous-Consumer": None if credential else "true",
    }
    for name, value in named.items():
        exchange.clear_header(name)
        if value is not None:
            exchange.set_header(name, wire(value))


def anonymous_or_denied(
    exchange: Exchange, anonymous: str | None, why: Unauthorized
) -> Response | None:
    """Let a request without a valid credential continue as the consumer `anonymous`, or deny it.

    Without such a consumer the answer is 500.
    """
    accept = exchange.request.header("accept")
    if anonymous is None:
        challenge: Header = ("WWW-Authenticate", why.challenge)
        return error_response(
            401, why.message, accept, exchange.request_id, (challenge,)
        )
    consumer = exchange.credentials.find("consumers", anonymous)
    if consumer is None:
        message = (
            f"anonymous consumer {anonymous} is configured but doesn't exist"
        )
        return error_response(500, message, accept, exchange.request_id)
    identify(exchange, consumer)
    return None


def consumer_of(exchange: Exchange, credential: Entity) -> Entity:
    """Return the consumer of a credential. A credential is deleted with its consumer."""
    consumers = exchange.credentials.tables["consumers"]
    return consumers[credential["consumer"]["id"]]


def read_header(exchange: Exchange, name: str) -> list[str]:
    """Return all values of a header as scripts read it: Kong finds `api-key` as `api_key`, too."""
    headers = exchange.headers[:READ_HEADERS]
    for key in (wire(name), wire(name).lower().replace("_", "-")):
        values = [value for own, value in headers if own.lower() == key]
        if values:
            return values
    return []
