"""APIs with limits and headers, a workload that misbehaves by path, and raw requests to it: for the sandbox's gateway
and for a real one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from kong_oam.access.model import Estate, Stack
from tests.support.estates import estate
from tests.support.gateway_tokens import Issuer
from tests.support.local_servers import Connections, Listening, Requests
from tests.support.raw_requests import Answered

BODY = 2048
ATTEMPTS = 3
READ_SECONDS = 0.7
_LIMITS = (
    "{body: 2Ki, timeouts: {connect: 2s, read: 700ms}, retries: {count: 2}}"
)
_HEADERS = (
    "{preset: secure, response: {set: {X-Frame-Options: SAMEORIGIN, X-Env: test}, remove: [x-debug]}, "
    "request: {set: {X-Env-Name: test}}}"
)
_ALL = "[GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS]"


def _component(name: str, domain: str, *traits: str) -> str:
    asked = "".join(f"        - {{type: {trait}}}\n" for trait in traits)
    return f"""\
    - name: {name}
      type: webservice
      properties: {{image: x}}
      traits:
        - {{type: gateway, properties: {{domain: {name}.{domain}, http: {{/: 8080}}}}}}
{asked}\
        - type: access
          properties:
            owner: o
            scopes: {{{name}.read: r}}
            rules:
              - {{paths: [/], methods: {_ALL}, public: {{reason: a test}}}}
              - {{paths: [/private], methods: {_ALL}, scopes: [{name}.read]}}
            roles: {{reader: {{scopes: [{name}.read], groups: [sales], components: [shop/pages]}}}}
"""


def edge_estate(stack: Stack, domain: str) -> Estate:
    """Return the estate of `api`, which has both traits, `bare`, which has neither, and `again`,
    which also repeats POST."""
    parts = (
        _component(
            "api",
            domain,
            f"limits, properties: {_LIMITS}",
            f"headers, properties: {_HEADERS}",
        ),
        _component(
            "again",
            domain,
            "limits, properties: {retries: {count: 2, methods: [POST]}}",
        ),
        _component("bare", domain),
    )
    text = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: edge, namespace: edge}\n"
    shop = f"""\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: shop, namespace: shop}}
spec:
  components:
    - name: pages
      type: webservice
      properties: {{image: x}}
      traits:
        - {{type: gateway, properties: {{domain: shop.{domain}, http: {{/: 80}}}}}}
        - {{type: access, properties: {{owner: o, rules: [{{methods: [GET], public: {{reason: pages}}}}]}}}}
        - type: client
          properties:
            kind: browser
            redirectPaths: [/callback]
            calls: [{{component: edge/api, scopes: [api.read]}}]
"""
    return estate(
        f"{text}spec:\n  components:\n{''.join(parts)}", shop, stack=stack
    )


@dataclass(frozen=True, slots=True)
class EdgeRequest:
    """A request with its expected status and the number of times it reaches the workload. `body`:
    its length in bytes, all zeros."""

    method: str
    path: str
    status: int
    reached: int
    host: str = "api"
    body: int | None = None
    chunked: bool = False
    token: bool = False
    more: tuple[str, ...] = ()

    def raw(self, domain: str, issuer: Issuer) -> bytes:
        lines = [
            f"{self.method} {self.path} HTTP/1.1",
            f"Host: {self.host}.{domain}",
            "Connection: close",
            *self.more,
        ]
        if self.token:
            lines.append(
                "Authorization: Bearer "
                + issuer.user(("api.read",), ("sales",), cid="shop/pages")
            )
        content = bytes(self.body or 0)
        if self.chunked:
            lines.append("Transfer-Encoding: chunked")
            pieces = (
                content[at : at + 1000] for at in range(0, len(content), 1000)
            )
            content = (
                b"".join(
                    b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces
                )
                + b"0\r\n\r\n"
            )
        elif self.body is not None:
            lines.append(f"Content-Length: {self.body}")
        return "\r\n".join([*lines, "", ""]).encode() + content


def edge_requests() -> Mapping[str, EdgeRequest]:
    """Return the requests to the components."""
    once = {
        "a body as large as allowed": EdgeRequest(
            "POST", "/x", 200, 1, body=BODY
        ),
        "a larger body": EdgeRequest("POST", "/x", 413, 0, body=BODY + 1),
        "a larger body of a method without": EdgeRequest(
            "GET", "/x", 413, 0, body=BODY + 1
        ),
        "a larger body that is not sent": EdgeRequest(
            "POST", "/x", 413, 0, more=("Content-Length: 999999999999",)
        ),
        "a body in chunks as large as allowed": EdgeRequest(
            "POST", "/x", 200, 1, body=BODY, chunked=True
        ),
        "a larger body in chunks": EdgeRequest(
            "POST", "/x", 413, 0, body=BODY + 1, chunked=True
        ),
        "a much larger body in chunks": EdgeRequest(
            "PUT", "/x", 413, 0, body=100_000, chunked=True
        ),
        "a larger body in chunks of GET": EdgeRequest(
            "GET", "/x", 413, 0, body=BODY + 1, chunked=True
        ),
        "no body in chunks": EdgeRequest(
            "POST", "/x", 200, 1, body=0, chunked=True
        ),
        "a larger body without a token": EdgeRequest(
            "POST", "/private", 401, 0, body=100_000, chunked=True
        ),
        "a larger body of who may call": EdgeRequest(
            "POST", "/private", 413, 0, body=100_000, chunked=True, token=True
        ),
        "a body of who may call": EdgeRequest(
            "POST", "/private", 200, 1, body=5, chunked=True, token=True
        ),
        "any body where nothing limits it": EdgeRequest(
            "POST", "/x", 200, 1, host="bare", body=100_000
        ),
        "any body in chunks where nothing limits it": EdgeRequest(
            "POST", "/x", 200, 1, host="bare", body=100_000, chunked=True
        ),
        "a part of an answer in time": EdgeRequest("GET", "/drip", 200, 1),
        "POST is asked again where it is told so, but not once it was sent": EdgeRequest(
            "POST", "/closes", 502, 1, "again"
        ),
        "GET is not where others are": EdgeRequest(
            "GET", "/closes", 502, 1, "again"
        ),
    }
    usual = 6  # Kong's five retries
    for method, bare, api in (
        ("GET", usual, ATTEMPTS),
        ("PUT", usual, ATTEMPTS),
        ("DELETE", usual, ATTEMPTS),
        ("OPTIONS", usual, ATTEMPTS),
        ("POST", 1, 1),
        ("PATCH", 1, 1),
    ):
        once[f"{method} of a workload that closes"] = EdgeRequest(
            method, "/closes", 502, api
        )
        once[f"{method} of a workload that closes, without the trait"] = (
            EdgeRequest(method, "/closes", 502, bare, "bare")
        )
    for method, times in (("GET", ATTEMPTS), ("POST", 1)):
        once[f"{method} of a workload that is late"] = EdgeRequest(
            method, "/late", 504, times
        )
    return once


NAMES = tuple(edge_requests())


SECURE = {
    "Content-Security-Policy": ["frame-ancestors 'none'"],
    "Cross-Origin-Opener-Policy": ["same-origin-allow-popups"],
    "Cross-Origin-Resource-Policy": ["same-site"],
    "Permissions-Policy": ["camera=(), geolocation=(), microphone=()"],
    "Referrer-Policy": ["strict-origin-when-cross-origin"],
    "X-Content-Type-Options": ["nosniff"],
    "X-Env": ["test"],
    "X-Frame-Options": ["SAMEORIGIN"],
    "X-Powered-By": [],
    "X-Debug": [],
}
"""The headers of answers of `api`. The workload's own policy stays beside the added policy."""


def check_marked(answer: Answered, *, of_workload: bool) -> None:
    """Check that the answer of `api` has the expected headers."""
    wanted = dict(SECURE)
    if of_workload:
        wanted["Content-Security-Policy"] = [
            "default-src 'self'",
            "frame-ancestors 'none'",
        ]
        wanted["Set-Cookie"] = ["a=1", "b=2"]
    assert "workload" not in " ".join(
        answer.values("Server")
    )  # Kong writes its own name if the header is missing.
    assert {name: answer.values(name) for name in wanted} == wanted


def headers_of(head: bytes) -> dict[str, list[str]]:
    """Return the headers of a request that reached the workload, by name in small letters."""
    found: dict[str, list[str]] = {}
    for line in head.decode("latin-1").split("\r\n")[1:]:
        if line:
            name, _, value = line.partition(":")
            found.setdefault(name.lower(), []).append(value.strip())
    return found


class Workload(Listening):
    """A workload behind the gateway. `/closes` takes a request and closes, `/late` answers too
    late, `/drip` answers in parts, `/upgrade` speaks WebSocket and sends no data. A context
    manager."""

    def __init__(self, bind: str = "127.0.0.1") -> None:
        self.reached: list[bytes] = []
        super().__init__(
            Connections(
                (bind, 0), type("Handler", (_Handler,), {"workload": self})
            )
        )


_SAID = (
    "Server: workload/1.2.3",
    "X-Powered-By: demo",
    "X-Debug: 1",
    "X-Frame-Options: ALLOWALL",
    "Referrer-Policy: unsafe-url",
    "Content-Security-Policy: default-src 'self'",
    "Set-Cookie: a=1",
    "Set-Cookie: b=2",
)


class _Handler(Requests):
    workload: Workload

    def handle(self) -> None:
        if not (head := self.head()):
            return
        length = int(headers_of(head).get("content-length", ["0"])[0])
        assert len(self.rfile.read(length)) == length
        self.workload.reached.append(head)
        with suppress(OSError):  # no client waits any more
            for part in self._parts(head.split(b" ")[1]):
                self.wfile.write(part)

    def _parts(self, path: bytes) -> Iterator[bytes]:
        if path == b"/closes":
            return
        if path == b"/late":
            time.sleep(READ_SECONDS * 2)
        if path == b"/upgrade":
            yield b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            while self.connection.recv(65536):
                pass
            return
        parts = 4 if path == b"/drip" else 0
        lines = [
            "HTTP/1.1 200 OK",
            "Connection: close",
            f"Content-Length: {parts}",
            *_SAID,
        ]
        yield "\r\n".join([*lines, "", ""]).encode()
        for _ in range(parts):
            time.sleep(READ_SECONDS / 2)
            yield b"x"
