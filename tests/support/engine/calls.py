"""Callers of the sample estate: real tokens of the Okta stand-in, raw requests to the gateway
stand-in."""

from __future__ import annotations

import base64
import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox import caller, jose
from sandbox.local import Local
from tests.support.json_object import JsonObject


@dataclass(frozen=True, slots=True)
class Answer:
    """The gateway's answer; `seen` is the request as it reached the workload stand-in, or None
    where it did not."""

    status: int
    seen: JsonObject | None

    def header(self, name: str) -> list[str]:
        """Return the values of a header as the workload stand-in got it, in any case."""
        assert self.seen is not None, (
            f"answered with {self.status}, not by the workload"
        )
        return [
            value
            for key, value in self.seen["headers"]
            if key.lower() == name.lower()
        ]


def call(
    local: Local,
    method: str,
    host: str,
    target: str,
    token: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    """Send one request with its raw target; `token` goes into the Authorization header."""
    connection = http.client.HTTPConnection(
        urlsplit(local.kong.proxy_url).netloc, timeout=10
    )
    try:
        connection.putrequest(method, target, skip_host=True)
        sent = (
            ("Host", host),
            *headers,
            *((("Authorization", f"Bearer {token}"),) if token else ()),
        )
        for name, value in sent:
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        return Answer(
            response.status,
            json.loads(body) if response.status == 200 and body else None,
        )
    finally:
        connection.close()


def credential(local: Local, component: str) -> dict[str, str]:
    """Return the environment that a component's pods get from its Secret in the cluster, and no
    other variable."""
    (found,) = (
        secret
        for secret in local.objects("Secret")
        if secret["metadata"]["name"] == f"{component}-client"
    )
    return {
        key: base64.b64decode(value).decode()
        for key, value in found["data"].items()
    }


def service_token(local: Local, component: str) -> str:
    """Return a service's access token for itself, with all of its scopes."""
    return caller.token(credential(local, component))[0]


def signed_in(local: Local, component: str, user: str) -> JsonObject:
    """Return the issuer's answer to a web application for a user: access_token, id_token, scope.
    Raises IssuerError."""
    return caller.answered(credential(local, component), user)


def user_token(local: Local, component: str, user: str) -> str:
    """Return the access token of a user who signed in to a web application."""
    return str(signed_in(local, component, user)["access_token"])


def part(token: str, index: int) -> JsonObject:
    """Return the header (0) or payload (1) of a token."""
    return jose.read(token)[index]
