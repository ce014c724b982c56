"""Generate requests to an estate as raw bytes: one generator for the sandbox and the live tier."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from hypothesis import strategies as st

from kong_oam.access.data import PathSegments
from kong_oam.access.decide import (
    Decision,
    Request,
    answer,
    decide,
    effective_scopes,
)
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.forward import sent_path
from kong_oam.access.model import METHODS, Rule
from kong_oam.access.paths import read_text, within, written
from kong_oam.access.tokens import Claims, authenticate, bearer
from tests.support.gateway_estates import Scene
from tests.support.gateway_tokens import CLIENTS, GROUPS

UNKNOWN_CLIENT = "somebody-elses"
"""The client of tokens that belong to no component."""

STATUSES = (200, 400, 401, 403, 404)
"""All statuses of `decide`."""


_ODD_PORT = re.compile(r":(?!\d*\Z)")
"""Endings that only Kong's router reads as a port, where it can make a number of them (`:80.`)."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request as it is sent: `target` holds the raw bytes of the request line, `authorization`
    the header's values.

    `fault` is the known fault of its token; `address` is the client's address, where it matters.
    """

    method: str
    host: str
    target: bytes
    authorization: tuple[str, ...] = ()
    headers: tuple[bytes, ...] = ()
    fault: str | None = None
    address: str | None = None

    def raw(self, *more: bytes) -> bytes:
        """Return the bytes of the request; `more` are further header lines."""
        lines = [
            b"%s %s HTTP/1.1" % (self.method.encode(), self.target),
            b"Host: " + self.host.encode(),
        ]
        lines += [
            b"Authorization: " + value.encode() for value in self.authorization
        ]
        return b"\r\n".join([*lines, *self.headers, *more, b"", b""])

    def meant(self, scene: Scene) -> Decision:
        """Return the model's answer, to compare with a gateway's."""
        return answer(
            scene.estate,
            self._request,
            self.authorization,
            scene.rings,
            scene.now,
        )

    def statuses(self, meant: Decision) -> frozenset[int]:
        """Return the statuses of a gateway that agree with `meant`."""
        statuses: set[int] = {meant.status}
        if meant.status == 400:
            statuses.add(404)  # no route matches
        if self.host != self.host.lower() or _ODD_PORT.search(self.host):
            statuses.add(
                401
            )  # a route matches, and its admission answers before its gate
        if len(self.authorization) > 1 and not meant.allowed:
            statuses.add(400)  # nginx accepts this header only once
        return frozenset(statuses)

    def sent(self, scene: Scene) -> str:
        """Return the decoded path that an allowed request has at the workload."""
        path = read_text(self.target)
        pair = scene.estate.reached(re.sub(r":\d*\Z", "", self.host), path)
        assert pair is not None
        endpoint, component = pair
        return sent_path(component.forward(endpoint, path), path)

    def identity_headers(self, scene: Scene, meant: Decision) -> dict[str, str]:
        """Return the identity headers that an allowed request carries upstream."""
        assert meant.component is not None
        token = bearer(self.authorization)
        if not isinstance(token, str):
            return {}
        claims = authenticate(
            token,
            scene.rings[meant.component.identity.provider],
            scene.now,
            scene.estate.apis_at(meant.component),
        )
        if (
            not isinstance(claims, Claims) or claims.audience == ""
        ):  # A token for another API: its audience is unknown here.
            return {}
        scopes = effective_scopes(scene.estate, meant.component, claims)
        identity = {
            "x-auth-client": next(
                (name for name, key in CLIENTS.items() if key == claims.client),
                UNKNOWN_CLIENT,
            ),
            "x-auth-subject": claims.subject,
            "x-auth-scopes": " ".join(sorted(scopes)),
        }
        return {name: value for name, value in identity.items() if value}

    def forwarded_credentials(self, meant: Decision) -> list[str]:
        """Return the credentials that an allowed request carries upstream: tokens only for
        components that ask for them."""
        assert meant.component is not None
        kept = () if meant.component.identity.forward_token else ("bearer",)
        return [
            value
            for value in self.authorization
            if value and not any(scheme in value.lower() for scheme in kept)
        ]

    def decided_by_its_fault(
        self, scene: Scene, key: str | None = None
    ) -> bool:
        """Return whether the fault is the only reason for a denial: the path denies anonymous
        callers and allows every scope.

        `key` is the component that must own the request, if any.
        """
        anonymous = decide(scene.estate, self._request, None)
        component = anonymous.component
        if (
            self.fault is None
            or anonymous.status != 401
            or component is None
            or key not in (None, component.key)
        ):
            return False
        anybody = Claims(
            component.identity.provider,
            "c",
            "c",
            False,
            tuple(component.identity.scopes),
        )
        return decide(scene.estate, self._request, anybody).allowed

    @property
    def _request(self) -> Request:
        lines = b"\r\n".join(self.headers).decode("latin-1").split("\r\n")
        parted = (line.partition(":") for line in lines)
        headers = tuple((name, value.strip()) for name, _, value in parted)
        return Request(
            self.method, self.host, self.target, self.address, headers
        )


@dataclass(slots=True)
class Coverage:
    """Counts of the expected statuses, and of the token faults that decided."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, scene: Scene, case: Case, meant: Decision) -> None:
        self.statuses[meant.status] += 1
        if case.fault and case.decided_by_its_fault(scene):
            self.faults[case.fault] += 1

    def lines(self) -> Iterator[str]:
        """Yield lines with the counts for the end of a run."""
        yield f"{self.statuses.total()} generated requests, by the status that is meant:"
        yield "  " + ", ".join(
            f"{status}: {self.statuses[status]}" for status in STATUSES
        )
        yield f"of these, {self.faults.total()} with a token that nothing but its fault keeps out, by fault:"
        yield "  " + ", ".join(
            f"{name}: {count}" for name, count in sorted(self.faults.items())
        )


def cases(
    scene: Scene, unknown_host: str = "nope.test"
) -> st.SearchStrategy[Case]:
    """Draw requests to the scene's gateway; some to `unknown_host`, which no component has."""
    return st.one_of(_aimed(scene), _aimed(scene), _stray(scene, unknown_host))


@st.composite
def faulty_cases(draw: st.DrawFn, scene: Scene, fault: str) -> Case:
    """Draw a request with a faulty token, which a token with every scope would be allowed."""
    component, method, host, path = draw(st.sampled_from(_protected(scene)))
    target = (
        "/"
        + "/".join(map(draw, map(_spelt, path)))
        + draw(st.sampled_from(_QUERIES))
    )
    port = draw(st.sampled_from(["", "", ":80", ":8443"]))
    token = _faults(scene, component)[fault]
    return Case(
        method,
        host + port,
        target.encode(),
        (f"Bearer {token}",),
        draw(_HEADERS),
        fault,
    )


def landmarks(scene: Scene) -> list[Case]:
    """Return a request to every place of a rule, allowed if any caller is: without a token if the
    rule is public."""
    found: list[Case] = []
    for component in scene.estate.exposed:
        token = scene.issuers[component.identity.provider].service(
            component.identity.scopes
        )
        for endpoint, rule in _places(scene, component.key):
            if rule:
                authorization = () if rule.public else (f"Bearer {token}",)
                host = endpoint.host.replace("*", "x")
                found.append(
                    Case(
                        rule.methods[0],
                        host,
                        written(rule.path).encode(),
                        authorization,
                    )
                )
    return found


def refusals(scene: Scene) -> list[Case]:
    """Return an anonymous request to every component that requires a token: its guards must exist.

    Landmarks alone do not show this: a gateway with a route and without its guards allows them too.
    """
    found: dict[str, Case] = {}
    for component in scene.estate.exposed:
        for endpoint, rule in _places(scene, component.key):
            path = written(rule.path if rule else endpoint.path).encode()
            host = endpoint.host.replace("*", "x")
            for case in (Case(method, host, path) for method in METHODS):
                meant = case.meant(scene)
                if meant.status == 401 and meant.component is component:
                    found.setdefault(component.key, case)
    return list(found.values())


_HEADERS = st.lists(
    st.sampled_from(
        [
            b"X-Auth-Client: forged", b"x_auth_subject: forged", b"X-AUTH_Scopes: forged", b"X-Consumer-Username: forged",
            b"Connection: keep-alive, Upgrade", b"Connection: TE,close", b"Connection: ,Keep-Alive", b"X-HTTP-Method-Override: GET", b"X-Original-URL: /orders/health", b"Accept: */*",
            b"X-Forwarded-Host: a.test", b"Forwarded: host=a.test", b"Upgrade: websocket", b"Cookie: jwt=x.y.z",
            b"Content-Length: 0", b"\r\n".join(b"X-Filler-%d: 1" % number for number in range(110)),
        ]
    ),
    max_size=3,
    unique=True,
).map(tuple)  # fmt: skip
_AMBIGUOUS = st.sampled_from(
    [
        b"Connection: X-Auth-Client", b"connection: close, X-Auth-Scopes", b"Connection: ,,Content-Length,",
        b"Connection: close\r\nConnection: X-Auth-Client", b"Connection: upgrade;x", b"X_Forwarded_For: 192.0.2.9",
        b"Content_Length: 0", b"X-Real_IP: 192.0.2.9",
    ]
)  # fmt: skip
_ALL_HEADERS = st.one_of(
    _HEADERS,
    _HEADERS,
    _HEADERS,
    st.builds(lambda some, another: (*some, another), _HEADERS, _AMBIGUOUS),
)
_ODD = [
    ("Basic YTpi",), ("bearer x.y.z",), ("Bearer  x.y.z",), ("Negotiate bearer",), ("Bearer",), ("Bearer x.y.z, Bearer x.y.z",),
    ("Basic YTpi", "Bearer x.y.z"), ("Token x.y.z",), ("",),
    ("Bearer opaque",), ("bearer a+b/c~d==",), ("Bearer e30.e30.AAAA",), ("Bearer e30.eyJraWQiOiJrMSJ9.AAAA",), ("Bearer opaque, x",), ("Bearer a=b",),
]  # fmt: skip
# TRACE and CONNECT do not get this far: nginx itself answers 405.
_OTHER_METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "OPTIONS",
    "PATCH",
    "PROPFIND",
)
_ELEMENTS = ["orders", "health", "deep", "docs", "nested", "files", "7", "x:y", "x%3ay", "x%3Ay", "%6frders", ".", "..", "",
             "orders-internal", "Health", "%2e%2e", "..;", "%2f", "%5c", "a%20b", "%25", "caf%C3%A9", "%ff", "h\\x", "ORDERS", "%zz", "a%00",
             "health.", "health%20", "hea<", "HEALT~1", "health::$DATA", "he%E1%B8%81lth", "%E2%80%8Bdocs", "%EF%BC%A4ocs", "...",
             "%C2%A0", "%EF%BC%8F", "7.", "doc%C5%BF", "\u5317\u4eac"]  # fmt: skip
_QUERIES = ("", "", "?x=/orders", "?", "?a=%2F&b=//..;")
_HARMLESS = ("", ".", "x/..", "%2e", "y/%2E%2e")
_HARMFUL = (
    "..", "..;", "..%2f7", "%2e%2e%5c", "a%00", "%ff", "h\\x", "%zz", "%252e", "x;y", "x#y", "a%3bb", "%0a", "...", "%20", "..%20",
    "%EF%BC%8E%EF%BC%8E", "%E2%88%95", "%C2%A5", ".%E2%80%8B", "::$DATA",
)  # fmt: skip
_BELOW = (
    "7",
    "health",
    "deep",
    "x:y",
    "CAPS",
    "caf%C3%A9",
    "a%20b",
    "v1.0",
    "orders",
    "docs",
)
_ESCAPES = {
    "o": "%6f",
    "d": "%64",
    ":": "%3a",
    "(": "%28",
    "+": "%2B",
    "$": "%24",
    ".": "%2e",
    "-": "%2D",
}


@st.composite
def _stray(draw: st.DrawFn, scene: Scene, unknown_host: str) -> Case:
    """Draw any request that a client can send, to hosts of the estate and others."""
    component = draw(st.sampled_from(scene.estate.exposed))
    host = draw(_host(draw(st.sampled_from(component.exposure.endpoints))))
    host = draw(
        st.sampled_from(
            [host, host, host.upper(), f"{host}.", f"-{host}", unknown_host]
        )
    )
    target = (
        "/"
        + "/".join(draw(st.lists(st.sampled_from(_ELEMENTS), max_size=5)))
        + draw(st.sampled_from(_QUERIES))
    )
    authorization = draw(_tokens(scene, component.key) | st.sampled_from(_ODD))
    return Case(
        draw(st.sampled_from(_OTHER_METHODS)),
        host,
        target.encode(),
        authorization,
        draw(_ALL_HEADERS),
    )


@st.composite
def _aimed(draw: st.DrawFn, scene: Scene) -> Case:
    """Draw a request to one rule or gateway path, often slightly past it, with a token that may
    help."""
    component = draw(st.sampled_from(scene.estate.exposed))
    endpoint, rule = draw(st.sampled_from(_places(scene, component.key)))
    method = draw(
        st.sampled_from([*(rule.methods if rule else ()), *_OTHER_METHODS])
    )
    elements = [*map(draw, map(_spelt, rule.path if rule else endpoint.path))]
    if elements and draw(st.integers(0, 9)) == 0:
        elements[-1] = draw(_misread(elements[-1]))
    elements += draw(st.lists(st.sampled_from(_BELOW), max_size=2))
    if rule and rule.refusals and draw(st.booleans()):
        elements = draw(_near_refused(rule))
    if noise := draw(st.sampled_from([(), (), _HARMLESS, _HARMFUL])):
        elements.insert(
            draw(st.integers(0, len(elements))), draw(st.sampled_from(noise))
        )
    target = "/" + "/".join(elements) + draw(st.sampled_from(_QUERIES))
    authorization = draw(
        st.just(())
        | _tokens(scene, component.key)
        | _tokens(scene, component.key)
    )
    return Case(
        method,
        draw(_host(endpoint)),
        target.encode(),
        authorization,
        draw(_ALL_HEADERS),
    )


@st.composite
def _near_refused(draw: st.DrawFn, rule: Rule) -> list[str]:
    """Draw the elements of a refused path, or of a similar path."""
    texts = (*rule.refusals.exactly, *rule.refusals.begins)
    _, *whole, last = draw(st.sampled_from(texts)).split("/")
    if draw(st.integers(0, 4)) == 0 and last:
        last = draw(_misread(last))
    more = draw(st.sampled_from(["", "", "X", "/", "/7", "/7/", ".x", "x/.."]))
    return [*whole, last + more]


def _spelt(element: str) -> st.SearchStrategy[str]:
    """Draw a spelling of the element that a client may use."""
    escaped = "".join(
        _ESCAPES.get(character, character) for character in element
    )
    return st.sampled_from([element, element, escaped])


def _misread(element: str) -> st.SearchStrategy[str]:
    """Draw another spelling of the element: some servers take it for the same element, the gate for
    another element."""
    alike = (
        element.replace("s", "%C5%BF")
        .replace("k", "%E2%84%AA")
        .replace("e", "\u00e9")
        .replace("a", "%EF%BD%81")
    )
    spellings = [
        f"{element}.",
        f"{element}%20",
        f"{element}::$DATA",
        f"{element[:-1]}*",
        f"%E2%80%8B{element}",
        alike,
    ]
    return st.sampled_from([*spellings, f"{element[:4]}~1", element.swapcase()])


def _host(endpoint: Endpoint) -> st.SearchStrategy[str]:
    """Draw a host that the endpoint's host matches, with and without a port."""
    hosts = [endpoint.host.replace("*", label) for label in ("x", "y.x")]
    return st.sampled_from(
        [*hosts, *hosts, f"{hosts[0]}:80", f"{hosts[0]}:8443"]
    )


@cache
def _places(scene: Scene, component: str) -> list[tuple[Endpoint, Rule | None]]:
    """Return the places of a component's rules: endpoints with the rules on and below them, and
    alone."""
    found = scene.estate.components[component]
    return [
        (endpoint, rule)
        for endpoint in found.exposure.endpoints
        for rule in (None, *found.exposure.rules)
        if rule is None or within(rule.path, endpoint.path)
    ]


@cache
def _protected(scene: Scene) -> list[tuple[str, str, str, PathSegments]]:
    """Return component, method, host and path of places that deny anonymous callers and allow every
    scope."""
    found = [
        (component.key, method, endpoint.host.replace("*", label), rule.path)
        for component in scene.estate.exposed
        for endpoint, rule in _places(scene, component.key)
        if rule
        for method in rule.methods
        for label in ("x", "y.x")
    ]
    return [
        (component, method, host, path)
        for component, method, host, path in dict.fromkeys(found)
        if Case(
            method, host, written(path).encode(), fault="any"
        ).decided_by_its_fault(scene, component)
    ]


@cache
def _faults(scene: Scene, component: str) -> dict[str, str]:
    """Return tokens with every scope of the component, by their fault."""
    found = scene.estate.components[component]
    issuer = scene.issuers[found.identity.provider]
    (stranger,) = (
        other for other in scene.issuers.values() if other is not issuer
    )
    return issuer.faults(found.identity.scopes, stranger)


@cache
def _tokens(scene: Scene, component: str) -> st.SearchStrategy[tuple[str, ...]]:
    """Draw tokens of services and users with some of the component's scopes, and now and then a
    faulty token."""
    found = scene.estate.components[component]
    issuer = scene.issuers[found.identity.provider]
    scopes = st.lists(
        st.sampled_from([*found.identity.scopes, "other"]),
        max_size=4,
        unique=True,
    )
    named = [issuer.provider.group(group) for group in GROUPS]
    groups = st.lists(
        st.sampled_from([*named, *named, *GROUPS, "none"]),
        max_size=3,
        unique=True,
    )
    clients = st.sampled_from(["c", "c", "d", UNKNOWN_CLIENT])
    good = st.builds(issuer.service, scopes, clients) | st.builds(
        issuer.user, scopes, groups, client=clients
    )
    both = st.builds(
        lambda scopes: issuer.token(
            scopes, aud=["api://other", issuer.provider.audience]
        ),
        scopes,
    )
    faulty = st.deferred(
        lambda: st.sampled_from(sorted(_faults(scene, component).values()))
    )
    return (good | good | both | faulty).map(lambda token: (f"Bearer {token}",))
