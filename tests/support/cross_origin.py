"""An API that pages of other origins call, and raw requests to it: for the sandbox's gateway and for a real one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kong_oam.access.model import Estate, Stack
from tests.support.estates import estate
from tests.support.gateway_tokens import Issuer
from tests.support.local_servers import Connections, Listening, Requests
from tests.support.raw_requests import Answered

PARTNER = "https://partner.example"
STRANGER = "https://stranger.example"


def applications(domain: str) -> tuple[str, ...]:
    """An API on its own host, a component on a path below it, and a browser client of the API. The
    component answers preflights itself; the client's pages have another origin."""
    return (
        f"""\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: orders, namespace: orders}}
spec:
  components:
    - name: api
      type: webservice
      properties: {{image: x}}
      traits:
        - {{type: gateway, properties: {{domain: api.{domain}, http: {{/orders: 8080}}}}}}
        - type: cors
          properties: {{origins: [{PARTNER}], headers: [X-Trace], exposeHeaders: [X-Total], maxAge: 60}}
        - type: access
          properties:
            owner: o
            scopes: {{read: r, write: w, admin: a}}
            rules:
              - {{paths: [/orders], methods: [GET], scopes: [read]}}
              - {{paths: [/orders], methods: [POST], scopes: [write]}}
              - {{paths: [/orders], methods: [DELETE], scopes: [admin]}}
              - {{paths: [/orders/health], methods: [GET], public: {{reason: probes}}}}
              - {{paths: [/orders/secret], methods: [GET], scopes: [admin]}}
              - {{paths: [/orders/jobs], methods: [POST], scopes: [write]}}
            roles:
              writer: {{scopes: [read, write], groups: [sales], components: [shop/pages]}}
              admin: {{scopes: [admin], groups: [desk]}}
    - name: strict
      type: webservice
      properties: {{image: x}}
      traits:
        - {{type: gateway, properties: {{domain: strict.{domain}, http: {{/: 8080}}}}}}
        - type: access
          properties:
            owner: o
            scopes: {{strict.read: r}}
            rules: [{{methods: [GET], scopes: [strict.read]}}]
            roles: {{reader: {{scopes: [strict.read], groups: [sales], components: [shop/pages]}}}}
    - name: inner
      type: webservice
      properties: {{image: x}}
      traits:
        - {{type: gateway, properties: {{domain: api.{domain}, http: {{/orders/inner: 8080}}}}}}
        - type: access
          properties: {{owner: o, rules: [{{methods: [GET], public: {{reason: a page}}}}]}}
    - name: itself
      type: webservice
      properties: {{image: x}}
      traits:
        - {{type: gateway, properties: {{domain: itself.{domain}, http: {{/: 8080}}}}}}
        - type: access
          properties: {{owner: o, rules: [{{methods: [OPTIONS], public: {{reason: it answers preflights}}}}]}}
""",
        f"""\
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
            calls:
              - {{component: orders/api, scopes: [read, write]}}
              - {{component: orders/strict, scopes: [strict.read]}}
""",
    )


def cross_origin_estate(stack: Stack, domain: str) -> Estate:
    """Return the estate of these Applications on a stack."""
    return estate(*applications(domain), stack=stack)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request with the expected status, and whether the page that sends it may read the answer.

    `token`: the token in its Authorization header; `preflight`: the method that the preflight asks
    about.
    """

    method: str
    path: str
    origin: str | None
    status: int
    readable: bool
    token: str = ""
    preflight: str | None = None
    host: str = "api"

    def raw(self, domain: str, issuer: Issuer) -> bytes:
        values = {
            "user": "Bearer "
            + issuer.user(("read", "write"), ("sales",), cid="shop/pages"),
            "other client": "Bearer "
            + issuer.user(("read", "write"), ("sales",), cid="shop/nobody"),
            "expired": "Bearer "
            + issuer.user(
                ("read", "write"), ("sales",), cid="shop/pages", exp=1
            ),
            "malformed": "Bearer x",
        }
        lines = [
            f"{self.method} {self.path} HTTP/1.1",
            f"Host: {self.host}.{domain}",
            "Connection: close",
        ]
        lines += [f"Authorization: {values[self.token]}"] if self.token else []
        lines += [f"Origin: {self.origin}"] if self.origin is not None else []
        if self.preflight is not None:
            lines += [f"Access-Control-Request-Method: {self.preflight}"]
            lines += ["Access-Control-Request-Headers: authorization"]
        return "\r\n".join([*lines, "", ""]).encode()


def page_requests(own: str) -> Mapping[str, PageRequest]:
    """Return the requests of pages; `own` is the origin of the browser client's pages."""

    def preflight(
        path: str, origin: str | None, method: str, readable: bool
    ) -> PageRequest:
        return PageRequest(
            "OPTIONS", path, origin, 204, readable, preflight=method
        )

    return {
        "a preflight of our page": preflight("/orders/7", own, "GET", True),
        "of another method": preflight("/orders/7", own, "POST", True),
        "of HEAD, as of GET": preflight("/orders/7", own, "HEAD", True),
        "of a method that the client may not call": preflight(
            "/orders/7", own, "DELETE", False
        ),
        "of a method that no rule lists": preflight(
            "/orders/7", own, "PATCH", False
        ),
        "of a method in small letters": preflight(
            "/orders/7", own, "get", False
        ),
        "of a path that the client may not call": preflight(
            "/orders/secret", own, "GET", False
        ),
        "of what is public": preflight("/orders/health", own, "GET", True),
        "of a public path, for another method": preflight(
            "/orders/health", own, "POST", False
        ),
        "of another component's path": PageRequest(
            "OPTIONS", "/orders/inner", own, 401, False, preflight="GET"
        ),
        "of another spelling": preflight("/orders/./7", own, "GET", True),
        "of what may be a longer rule": preflight(
            "/orders/SECRET", own, "GET", False
        ),
        "of a foreign page": preflight("/orders/7", PARTNER, "DELETE", True),
        "of a foreign page, elsewhere": preflight(
            "/orders/secret", PARTNER, "GET", True
        ),
        "of a stranger's page": preflight("/orders/7", STRANGER, "GET", False),
        "of no page": preflight("/orders/7", "null", "GET", False),
        "of an origin that goes on": preflight(
            "/orders/7", PARTNER + ".stranger.example", "GET", False
        ),
        "of an origin in capitals": preflight(
            "/orders/7", PARTNER.upper(), "GET", False
        ),
        "of an origin with a port": preflight(
            "/orders/7", PARTNER + ":8443", "GET", False
        ),
        "of an unreadable path": PageRequest(
            "OPTIONS", "/orders/..%2f7", own, 400, False, preflight="GET"
        ),
        "of an unreadable path that Kong resolves": PageRequest(
            "OPTIONS", "/orders/x%2fy/..", own, 400, False, preflight="GET"
        ),
        "OPTIONS without a method": PageRequest(
            "OPTIONS", "/orders/7", own, 401, False
        ),
        "OPTIONS without an origin": PageRequest(
            "OPTIONS", "/orders/7", None, 401, False, preflight="GET"
        ),
        "OPTIONS of who answers itself": PageRequest(
            "OPTIONS", "/x", STRANGER, 200, True, preflight="GET", host="itself"
        ),
        "our page reads": PageRequest(
            "GET", "/orders/7", own, 200, True, "user"
        ),
        "our page writes": PageRequest(
            "POST", "/orders/7", own, 200, True, "user"
        ),
        "our page starts a job": PageRequest(
            "POST", "/orders/jobs", own, 200, True, "user"
        ),
        "our page may not": PageRequest(
            "DELETE", "/orders/7", own, 403, False, "user"
        ),
        "a refusal of jwt": PageRequest(
            "GET", "/7", own, 401, True, "expired", host="strict"
        ),
        "a refusal of jwt, without a token": PageRequest(
            "GET", "/7", own, 401, True, host="strict"
        ),
        "a refusal of jwt, to a stranger's page": PageRequest(
            "GET", "/7", STRANGER, 401, False, host="strict"
        ),
        "an expired token": PageRequest(
            "GET", "/orders/7", own, 401, True, "expired"
        ),
        "a refusal of the gate": PageRequest(
            "GET", "/orders/7", own, 403, True, "other client"
        ),
        "a refusal of admission": PageRequest(
            "GET", "/orders/7", own, 401, True, "malformed"
        ),
        "a refusal without a token": PageRequest(
            "GET", "/orders/7", own, 401, True
        ),
        "a refusal of an unreadable path": PageRequest(
            "GET", "/orders/..%2f7", own, 400, False, "user"
        ),
        "a refusal of an unreadable path that Kong resolves": PageRequest(
            "GET", "/orders/x%2fy/..", own, 400, False, "user"
        ),
        "a stranger's page reads": PageRequest(
            "GET", "/orders/7", STRANGER, 200, False, "user"
        ),
        "a stranger's page is refused": PageRequest(
            "GET", "/orders/7", STRANGER, 401, False
        ),
        "a foreign page reads": PageRequest(
            "GET", "/orders/7", PARTNER, 200, True, "user"
        ),
        "no page": PageRequest("GET", "/orders/7", None, 200, False, "user"),
        "what is public": PageRequest("GET", "/orders/health", own, 200, True),
    }


NAMES = tuple(page_requests("https://own.example"))


def check(case: PageRequest, answer: Answered) -> None:
    """Check that the answer is as expected."""
    assert answer.status == case.status, answer
    if (
        case.host == "itself" or case.path == "/orders/inner"
    ):  # Without settings for pages the workload's own headers arrive.
        assert answer.granted.get("access-control-allow-origin") == (
            "*" if case.status == 200 else None
        ), answer
        return
    allowed = answer.values("access-control-allow-origin")
    assert allowed == ([case.origin] if case.readable else []), answer
    assert "Origin" in answer.values("vary")[-1], answer
    if not case.readable:
        assert answer.granted == {}, answer
    elif case.preflight:
        assert answer.granted == {
            "access-control-allow-origin": case.origin,
            "access-control-allow-methods": case.preflight,
            "access-control-allow-headers": "Authorization, Content-Type, X-Trace",
            "access-control-max-age": "60",
        }
    else:
        exposed = "Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Kong-Request-Id"
        exposed += ", X-Total" if case.host == "api" else ""
        assert answer.granted == {
            "access-control-allow-origin": case.origin,
            "access-control-expose-headers": exposed,
        }


class Workload(Listening):
    """A workload whose answers every page may read. A context manager."""

    def __init__(self, bind: str = "127.0.0.1") -> None:
        self.reached: list[bytes] = []
        super().__init__(
            Connections(
                (bind, 0), type("Handler", (_Handler,), {"workload": self})
            )
        )


_SAID: Iterable[str] = (
    "Access-Control-Allow-Origin: *",
    "Access-Control-Allow-Credentials: true",
    "access-control-allow-methods: *",
    "Access-Control-Allow-Private-Network: true",
    "Access-Control-Expose-Headers: *",
    "Vary: Accept-Encoding",
)


class _Handler(Requests):
    workload: Workload

    def handle(self) -> None:
        if not (head := self.head()):
            return
        self.workload.reached.append(head)
        lines = [
            "HTTP/1.1 200 OK",
            "Connection: close",
            "Content-Length: 0",
            *_SAID,
        ]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode())


def page(
    domain: str, issuer: Issuer
) -> list[tuple[str, dict[str, object], int]]:
    """Return the fetches of our pages: URL, options of `fetch` and the status that the page sees
    (0: none)."""
    sold = {
        "Authorization": "Bearer "
        + issuer.user(("read", "write"), ("sales",), cid="shop/pages")
    }
    api, posted = (
        f"http://api.{domain}/orders",
        {
            "method": "POST",
            "headers": {**sold, "Content-Type": "application/json"},
        },
    )
    return [
        (f"{api}/7", {"headers": sold}, 200),
        (api, {**posted, "body": "{}"}, 200),
        (f"{api}/health", {}, 200),
        (f"{api}/7", {}, 401),
        (f"{api}/7", {"headers": {"Authorization": "Bearer x"}}, 401),
        (f"{api}/7", {"headers": {**sold, "X-Trace": "1"}}, 200),
        (f"{api}/7", {"headers": {**sold, "X-Other": "1"}}, 0),
        (f"{api}/7", {"headers": sold, "credentials": "include"}, 0),
        (f"{api}/7", {"method": "DELETE", "headers": sold}, 0),
        (f"{api}/secret", {"headers": sold}, 0),
        (f"{api}/inner", {"headers": sold}, 0),
        (
            f"http://strict.{domain}/7",
            {"headers": {"Authorization": "Bearer x"}},
            401,
        ),
    ]
