"""Asks the proxy of a Kong what somebody without a token gets. It asks with safe methods alone.

Source: Kong's documentation of `headers` in kong.conf. An answer of an upstream has
X-Kong-Upstream-Latency, and one of Kong's own has X-Kong-Response-Latency. The Admin API's answers
have neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import httpx

from kong_oam.http.trust import tls_context

ADDRESS = "KONG_PROXY_ADDR"
"""The variable of the environment that says where the proxy listens, where its public hosts do not
lead to it."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_TIMEOUT = httpx.Timeout(5.0)
_PAUSE = 0.5
_IN_A_ROW = 6

_OF_A_WAY = frozenset({502, 503, 504})
"""Errors of whatever stands before a workload, such as a mesh: the workload itself gave no
answer."""

Said = Literal[
    "passes it on",
    "passes it on, and nobody answers behind it",
    "refuses it",
    "answers it itself",
    "reaches no workload",
    "is not seen in the answer",
]


@dataclass(frozen=True, slots=True)
class ProxyAnswer:
    """An answer of the proxy, and what the gateway does with the request."""

    status: int
    said: Said

    def told(self, *, is_wanted: bool) -> str:
        """What the gateway does, in words."""
        return f"the gateway {'' if is_wanted else 'still '}{self.said} ({self.status})"


class Proxy:
    """The proxy of a Kong, which takes `scheme`. `address`: where it listens; None: where its
    public hosts lead to."""

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
        """The public URL of a path."""
        return f"{self._scheme}://{host}{path}"

    def ask(self, method: str, host: str, path: str) -> ProxyAnswer:
        """The answer to a request without a token. Raises httpx.HTTPError, httpx.InvalidURL."""
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
            return ProxyAnswer(answer.status_code, _said(answer))

    def settled(
        self, method: str, host: str, path: str, wanted: Said, seconds: float
    ) -> ProxyAnswer:
        """The answer, once the wanted one comes several times in a row, or after so many seconds.
        Raises httpx.HTTPError, httpx.InvalidURL."""
        waited = 0.0
        in_a_row = 0
        while True:
            answer = self.ask(method, host, path)
            in_a_row = in_a_row + 1 if answer.said == wanted else 0
            if in_a_row == _IN_A_ROW:
                return answer
            if in_a_row:
                continue  # on a connection of its own, so perhaps another worker answers
            if waited >= seconds:
                return answer
            self._sleep(_PAUSE)
            waited += _PAUSE


def _said(answer: httpx.Response) -> Said:
    """Whoever else answers at that address has neither header, and proves nothing of the
    gateway."""
    if "x-kong-upstream-latency" in answer.headers:
        if answer.status_code in _OF_A_WAY:
            return "passes it on, and nobody answers behind it"
        return "passes it on"
    if "x-kong-response-latency" not in answer.headers:
        return "is not seen in the answer"
    if answer.status_code < 400:
        return "answers it itself"
    # Scripts of ours refuse with a problem document, also with 503: any other error of Kong's own
    # is of its way on.
    kind = answer.headers.get("content-type", "")
    is_ours = (
        kind.startswith("application/problem+json") or answer.status_code < 500
    )
    return "refuses it" if is_ours else "reaches no workload"
