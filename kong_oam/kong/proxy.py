"""Requests to the proxy of a Kong without a token. Only safe methods are used.

Source: Kong's documentation of `headers` in kong.conf. An upstream's answer has
X-Kong-Upstream-Latency, and Kong's own answer has X-Kong-Response-Latency. The Admin API's answers
have neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import httpx

from kong_oam.http.trust import tls_context

# The environment variable with the proxy's address, for a proxy that its public hosts do not reach.
ADDRESS = "KONG_PROXY_ADDR"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_TIMEOUT = httpx.Timeout(5.0)
_PAUSE = 0.5
_IN_A_ROW = 6

# Errors of a program in front of the workload, such as a mesh. The workload itself did not answer.
_OF_A_WAY = frozenset({502, 503, 504})

Action = Literal[
    "passes it on",
    "passes it on, and nobody answers behind it",
    "refuses it",
    "answers it itself",
    "reaches no workload",
    "is not seen in the answer",
]


@dataclass(frozen=True, slots=True)
class ProxyAnswer:
    """An answer of the proxy, and the gateway's action."""

    status: int
    action: Action

    def in_words(self, *, is_wanted: bool) -> str:
        """Return the gateway's action in words."""
        return f"the gateway {'' if is_wanted else 'still '}{self.action} ({self.status})"


class Proxy:
    """The proxy of a Kong with `scheme`. `address`: its address; None: the address of the public
    host."""

    def __init__(
        self,
        scheme: str,
        address: str | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._scheme = scheme
        self._address = address
        self._transport = transport
        self._sleep = sleep

    def url(self, host: str, path: str) -> str:
        """Return the public URL of a path."""
        return f"{self._scheme}://{host}{path}"

    def ask(self, method: str, host: str, path: str) -> ProxyAnswer:
        """Return the answer to a request without a token. Raises HTTPError, InvalidURL of httpx."""
        url = self.url(host, path)
        if self._address:
            url = f"{self._address.rstrip('/')}{path}"
        client = httpx.Client(
            timeout=_TIMEOUT,
            verify=tls_context(),
            transport=self._transport,
            follow_redirects=False,
        )
        with (
            client,
            client.stream(
                method,
                url,
                headers={"Host": host},
                extensions={"sni_hostname": host},
            ) as answer,
        ):
            return ProxyAnswer(answer.status_code, _action_of(answer))

    def settled(
        self, method: str, host: str, path: str, wanted: Action, seconds: float
    ) -> ProxyAnswer:
        """Return the answer once the wanted action comes several times in a row, or after
        `seconds`. Raises httpx.HTTPError, httpx.InvalidURL."""
        waited = 0.0
        in_a_row = 0
        while True:
            answer = self.ask(method, host, path)
            in_a_row = in_a_row + 1 if answer.action == wanted else 0
            if in_a_row == _IN_A_ROW:
                return answer
            if in_a_row:
                continue  # each request uses a new connection, so another worker may answer
            if waited >= seconds:
                return answer
            self._sleep(_PAUSE)
            waited += _PAUSE


def _action_of(answer: httpx.Response) -> Action:
    """Return the gateway's action in an answer. Other servers send neither header."""
    if "x-kong-upstream-latency" in answer.headers:
        if answer.status_code in _OF_A_WAY:
            return "passes it on, and nobody answers behind it"
        return "passes it on"
    if "x-kong-response-latency" not in answer.headers:
        return "is not seen in the answer"
    if answer.status_code < 400:
        return "answers it itself"
    # Our scripts deny with a problem document, also with 503. Kong's other errors concern the
    # upstream.
    kind = answer.headers.get("content-type", "")
    is_ours = (
        kind.startswith("application/problem+json") or answer.status_code < 500
    )
    return "refuses it" if is_ours else "reaches no workload"
