"""Awkward cases through the emitted entities and the sandbox's proxy (a stand-in for Kong): who gets where."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from sandbox.kong import Kong
from sandbox.kong.proxy import Answer
from tests.support import kong_deployment
from tests.support.estates import PROVIDER, STACK, api, compiled, estate
from tests.support.gateway_estates import with_callers
from tests.support.gateway_tokens import Issuer

ISSUER = Issuer(time.time(), PROVIDER)
SOCKETS = "{owner: s, scopes: {talk: t}, rules: [{paths: [/chat], methods: [GET], scopes: [talk]}, {paths: [/feed], methods: [GET], public: {reason: f}}]}"
ROOT = "{owner: r, scopes: {all: a}, rules: [{paths: [/], scopes: [all]}, {paths: [/], methods: [OPTIONS], scopes: [all]}, {paths: [/free], methods: [GET], public: {reason: f}}]}"
SIGNS = ("a.b", "a+b", "a(b)", "a$b", "$", "a,b=c", "~a", "x@y", "it's", "!a&b")
SIGNED = "{owner: g, scopes: {sign: s}, rules: [{paths: [/s], scopes: [sign]}, {paths: [%s], methods: [GET], public: {reason: p}}]}"
MANY = """\
        - type: gateway
          properties: {name: two, domain: two.example.com, http: {/a: 8080, /b: 9090}}
        - type: gateway
          properties: {name: all, domain: "*.all.example.com", http: {/a: 8080}}
"""
ESTATE = with_callers(estate(
    api("sockets", domain="ws.example.com", http="{/: 8080}", access=SOCKETS),
    api("root", domain="root.example.com", http="{/: 8080}", access=ROOT),
    api("signs", domain="signs.example.com", http="{/s: 8080}",
        access=SIGNED % ", ".join(f'"/s/{sign}"' for sign in SIGNS)),
    api("many", domain="one.example.com", http="{/a: 8080}",
        access="{owner: m, rules: [{paths: [/a, /b], methods: [GET], public: {reason: a}}]}") + MANY,
    api("above", domain="shared.example.com", http="{/: 8080}",
        access="{owner: a, rules: [{paths: [/], methods: [GET], public: {reason: a}}]}"),
    api("below", domain="shared.example.com", http="{/below: 8080}"),
))  # fmt: skip


@pytest.fixture(scope="module")
def kong() -> Iterator[Kong]:
    with (
        Kong(now=lambda: ISSUER.now) as running,
        kong_deployment.Entities(running.admin_url, keep=True) as entities,
    ):
        entities.rings(ESTATE, {"main": {ISSUER.kid: ISSUER.pem}})
        entities.nowhere(ESTATE)
        for component in ESTATE.exposed:
            entities.guard(ESTATE, component, f"{component.application}.test")
        for component in ESTATE.exposed:
            entities.lead(ESTATE, component)
        yield running


def call(
    kong: Kong,
    host: str,
    target: str,
    *headers: str,
    scopes: tuple[str, ...] = (),
    method: str = "GET",
) -> Answer:
    """One request over TLS; with a service's token where scopes are named."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
    lines += (
        [f"Authorization: Bearer {ISSUER.service(scopes)}"] if scopes else []
    )
    return kong.handle("\r\n".join([*lines, "", ""]).encode(), scheme="https")


def reached(answer: Answer) -> str | int:
    """Where a request went, or the status of the refusal."""
    return (
        f"{answer.upstream.host}:{answer.upstream.port}"
        if answer.upstream
        else answer.status
    )


# WebSocket ------------------------------------------------------------------------------------------------------------

UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
    "Sec-WebSocket-Version: 13",
)


def test_a_websocket_is_opened_by_a_request_that_the_gate_decides(
    kong: Kong,
) -> None:
    """The answer is 401 without a token, and 403 without the scope. With both, the upgrade goes
    upstream, although admission clears Connection. Messages on the socket pass no gate."""
    for scopes, expected in (
        ((), 401),
        (("other",), 403),
        (("talk",), "sockets.test:8080"),
    ):
        assert (
            reached(
                call(kong, "ws.example.com", "/chat", *UPGRADE, scopes=scopes)
            )
            == expected
        )
    opened = call(
        kong, "ws.example.com", "/chat", *UPGRADE, scopes=("talk",)
    ).upstream
    assert opened is not None
    sent = {name.lower(): value for name, value in opened.headers}
    assert (sent["upgrade"], sent["connection"]) == (
        "websocket",
        "keep-alive, Upgrade",
    )
    assert sent["sec-websocket-key"] == "x3JJHMbDL1EzLkh9GBhXDw=="
    assert sent["x-auth-client"] == "c"


def test_a_public_websocket_needs_no_token_and_no_other_upgrade_passes(
    kong: Kong,
) -> None:
    """An upgrade to cleartext HTTP/2 would put requests behind the gate's back."""
    assert (
        reached(call(kong, "ws.example.com", "/feed", *UPGRADE))
        == "sockets.test:8080"
    )
    smuggled = call(
        kong,
        "ws.example.com",
        "/feed",
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAA",
    )
    assert smuggled.upstream is not None
    assert "upgrade" not in {
        name.lower() for name, _ in smuggled.upstream.headers
    }


# gRPC -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "{image: x}",
            "{image: x, ports: [{port: 8080, name: grpc}]}",
            "app1.yaml:11:61: error ACC218: port 8080 ('grpc') is a gRPC port; Kong would "
            "forward gRPC calls past the gate's path check. Use an HTTP port",
        ),
        (
            "{image: x}",
            "{image: x, ports: [{port: 8080, name: grpc-admin}]}",
            "app1.yaml:11:61: error ACC218: port 8080 ('grpc-admin') is a gRPC port; Kong would "
            "forward gRPC calls past the gate's path check. Use an HTTP port",
        ),
        (
            "{image: x}",
            "{image: x, ports: [{port: 80, containerPort: 8080, name: grpc}]}",
            "app1.yaml:11:61: error ACC218: port 8080 ('grpc') is a gRPC port; Kong would "
            "forward gRPC calls past the gate's path check. Use an HTTP port",
        ),
        (
            "http: {",
            "annotations: {nginx.ingress.kubernetes.io/backend-protocol: GRPC}, http: {",
            "app1.yaml:11:68: error ACC218: 'nginx.ingress.kubernetes.io/backend-protocol: GRPC' "
            "is a gRPC port; Kong would forward gRPC calls past the gate's path check. Use an "
            "HTTP port",
        ),
    ],
)
def test_grpc_is_refused_where_an_application_says_so(
    old: str, new: str, message: str
) -> None:
    """By the port's name, as service meshes are told, or by the Ingress' annotation."""
    found = compiled(api().replace(old, new))
    assert found.estate is None
    assert message in [
        str(diagnostic).splitlines()[0] for diagnostic in found.diagnostics
    ]


@pytest.mark.parametrize("name", ["http", "web-grpc", "grpcweb", "GRPC"])
def test_other_names_of_ports_are_just_names(name: str) -> None:
    """Only what says gRPC in the convention is taken for it."""
    assert (
        compiled(
            api().replace(
                "{image: x}",
                f"{{image: x, ports: [{{port: 8080, name: {name}}}]}}",
            )
        ).diagnostics
        == ()
    )


# Several gateway traits, two applications, the root -------------------------------------------------------------------


def test_several_gateway_traits_of_a_component_are_one_set_of_rules(
    kong: Kong,
) -> None:
    """Each host and path leads to its own port; a path of one trait is none of another's."""
    assert {
        url: reached(
            call(kong, *url.split("/", 1)[0:1], "/" + url.split("/", 1)[1])
        )
        for url in (
            *("one.example.com/a", "two.example.com/a", "x.all.example.com/a"),
            *(
                "one.example.com/b",
                "two.example.com/b",
                "x.all.example.com/b",
                "all.example.com/a",
            ),
        )
    } == {
        "one.example.com/a": "many.test:8080",
        "two.example.com/a": "many.test:8080",
        "x.all.example.com/a": "many.test:8080",
        "one.example.com/b": 404,
        "two.example.com/b": "many.test:9090",
        "x.all.example.com/b": 404,
        "all.example.com/a": 404,
    }


def test_two_applications_on_one_host_are_told_of_each_other() -> None:
    """The finding names both places. A common owner or application knows about both."""
    above = api(
        "a",
        domain="h.example.com",
        http="{/: 80, /x: 80}",
        access="{owner: one, rules: [{public: {reason: r}}]}",
    )
    below = api(
        "b",
        domain="h.example.com",
        http="{/x/y: 80}",
        access="{owner: two, rules: [{public: {reason: r}}]}",
    )
    found = compiled(above, below)
    assert found.estate is not None
    assert [
        str(diagnostic).splitlines()[0] for diagnostic in found.diagnostics
    ] == [
        "app2.yaml:11:56: warning ACC219: h.example.com/x/y lies below /x of 'a/api' (app1.yaml:11:63): "
        "'b/api' gets these calls, and only its rules apply; agree with the other owner, or use another host"
    ]
    assert (
        compiled(above, below.replace("owner: two", "owner: one")).diagnostics
        == ()
    )
    assert (
        compiled(above.replace("h.example", "other.example"), below).diagnostics
        == ()
    )


def test_a_rule_on_the_root_owns_everything_that_no_longer_rule_owns(
    kong: Kong,
) -> None:
    """The bare slash, what is below it, and the asterisk form of OPTIONS, which is no path."""
    for target in ("/", "/any", "/any/thing", "//", "/?q", "/freedom"):
        assert reached(call(kong, "root.example.com", target)) == 401
        assert (
            reached(call(kong, "root.example.com", target, scopes=("all",)))
            == "root.test:8080"
        )
    assert (
        reached(call(kong, "root.example.com", "/free/x")) == "root.test:8080"
    )
    assert reached(
        call(kong, "root.example.com", "*", method="OPTIONS", scopes=("all",))
    ) in (
        400,
        404,
    )


# Characters -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", SIGNS)
def test_characters_of_regular_expressions_are_only_characters(
    kong: Kong, sign: str
) -> None:
    """A public path with one matches itself, plain and percent-encoded, and nothing that the expression would."""
    encoded = "".join(
        f"%{ord(c):02X}" if c in "+($),=@'!&" else c for c in sign
    )
    for target in (f"/s/{sign}", f"/s/{encoded}", f"/s/{sign}/below"):
        assert (
            reached(call(kong, "signs.example.com", target))
            == "signs.test:8080"
        ), target
    for other in (
        "axb",
        "aab",
        "ab",
        "a",
        "b",
        "",
        sign + "x",
        "x" + sign,
        sign[:-1] + "\u00e9".encode().hex(),
    ):
        if other not in SIGNS:
            refused = call(kong, "signs.example.com", f"/s/{other}")
            problem = json.loads(refused.body)["type"]
            assert (refused.status, problem) == (
                401,
                "urn:kong-oam:problem:token-needed",
            ), other


@pytest.mark.parametrize(
    "path",
    [
        "/a|b",
        "/[a]",
        "/a*",
        "/{id}",
        "/a^b",
        "/:id",
        "/a\\\\b",
        "/a?b",
        "/a%62",
        "/a b",
        "/~/../x",
    ],
)
def test_what_reads_as_a_pattern_is_no_path_of_an_application(
    path: str,
) -> None:
    """Somebody who means a pattern is told that there are none, instead of getting a path that nobody calls."""
    found = compiled(api(http=f'{{"{path}": 8080}}'))
    assert [diagnostic.code for diagnostic in found.diagnostics] == ["ACC213"]


# Capitals -------------------------------------------------------------------------------------------------------------


def test_a_host_in_capitals_in_an_application_is_refused() -> None:
    """As Kubernetes refuses it in an Ingress; a stack's suffixes are taken in lower case."""
    found = compiled(api(domain="Orders.example.com"))
    assert found.estate is None
    assert [diagnostic.code for diagnostic in found.diagnostics] == ["OAM103"]
    assert STACK.domain == "apps.example.com"
