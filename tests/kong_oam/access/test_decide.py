"""Decisions on requests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.access.decide import Request, answer, decide
from kong_oam.access.model import Stack
from kong_oam.access.providers import Provider
from kong_oam.access.tokens import Claims, Refusal
from tests.support.estates import SPELLING, api, estate

ACCESS = """
            owner: team
            scopes: {read: r, write: w}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders], methods: [POST], scopes: [read, write]}
              - {paths: [/orders/health], methods: [GET], public: {reason: probes}}
              - {paths: [/orders/health/deep], scopes: [write]}
            roles:
              viewer: {scopes: [read], groups: [sales], components: [shop/reader]}
              editor: {scopes: [read, write], groups: [desk], components: [shop/web, shop/writer]}
"""
SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: reader
      type: worker
      properties: {image: x}
      traits: [{type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}}]
    - name: writer
      type: worker
      properties: {image: x}
      traits: [{type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read, write]}]}}]
    - name: web
      type: webservice
      properties: {image: x}
      traits:
        - {type: gateway, properties: {domain: web.test, http: {/: 80}}}
        - {type: access, properties: {owner: w, rules: [{public: {reason: pages}}]}}
        - type: client
          properties: {kind: web, redirectPaths: [/cb], calls: [{component: orders/api, scopes: [read, write]}]}
"""
ESTATE = estate(
    api("orders", http="{/orders: 8080, /plain: 8080}", access=ACCESS),
    api("nested", http="{/orders/nested: 8080}"),
    api("wild", domain="*.example.com", http="{/: 80}"),
    SHOP,
)
READER = Claims("main", "shop/reader", "c", False, ("read",))
WRITER = Claims("main", "shop/writer", "c", False, ("read", "write"))


def user(*groups: str, scopes: tuple[str, ...] = ("read", "write")) -> Claims:
    return Claims("main", "shop/web", "someone", True, scopes, groups)


def status(
    method: str,
    target: str,
    claims: Claims | Refusal | None = None,
    host: str = "orders.example.com",
) -> int:
    return decide(ESTATE, Request(method, host, target.encode()), claims).status


def test_no_token_is_401_and_a_scope_too_few_403() -> None:
    """401 without a token, 403 without the scope, and 200 with both."""
    assert status("GET", "/orders") == 401
    assert status("GET", "/orders", Refusal("expired")) == 401
    assert status("POST", "/orders", READER) == 403
    assert status("GET", "/orders", READER) == 200
    assert status("POST", "/orders/7", WRITER) == 200


def test_longer_path_owns_its_methods() -> None:
    """A shorter path's rules never apply, neither to allow nor to deny."""
    assert status("GET", "/orders/health") == 200
    assert status("POST", "/orders/health") == 401
    assert status("POST", "/orders/health", WRITER) == 403
    assert status("GET", "/orders/health/deep") == 401
    assert status("GET", "/orders/health/deep", READER) == 403
    assert status("GET", "/orders/health/deep/er", WRITER) == 200


def test_of_several_rules_for_a_method_any_suffices() -> None:
    """The order of the rules does not matter."""
    rules = ACCESS.replace(
        "[POST], scopes: [read, write]", "[GET, POST], scopes: [write]"
    )
    either = estate(api("orders", http="{/orders: 8080}", access=rules), SHOP)
    writer = replace(WRITER, scopes=("write",))
    for method, claims, meant in (
        ("GET", READER, 200),
        ("GET", writer, 200),
        ("POST", READER, 403),
        ("POST", writer, 200),
    ):
        assert (
            decide(
                either,
                Request(method, "orders.example.com", b"/orders"),
                claims,
            ).status
            == meant
        )


def test_a_path_that_may_be_read_as_a_longer_rules_is_public_to_nobody() -> (
    None
):
    """Some servers drop the last dot, and would answer a request for the protected
    /orders/health/deep."""
    assert status("GET", "/orders/health/deep.") == 401
    assert status("GET", "/orders/health/deep.", WRITER) == 400


def test_get_includes_head() -> None:
    """GET includes no other method."""
    assert status("HEAD", "/orders", READER) == 200
    assert status("HEAD", "/orders/health") == 200
    assert status("OPTIONS", "/orders", WRITER) == 403


def test_a_path_that_no_rule_owns_is_protected() -> None:
    """401 without a token, 403 with any token."""
    assert status("GET", "/plain") == 401
    assert status("GET", "/plain", WRITER) == 403


def test_paths_are_matched_element_by_element() -> None:
    """/orders does not own /orders-internal, which belongs to the wildcard host here."""
    assert status("GET", "/orders-internal", host="nope.test") == 404
    assert (
        decide(
            ESTATE,
            Request("GET", "orders.example.com", b"/orders-internal"),
            None,
        ).component
        is ESTATE.components["wild/api"]
    )


def test_exact_host_before_wildcard_then_longest_path() -> None:
    """Each request has one component."""

    def owner(host: str, target: bytes) -> str | None:
        component = decide(ESTATE, Request("GET", host, target), None).component
        return component.key if component else None

    assert owner("orders.example.com", b"/orders/7") == "orders/api"
    assert owner("orders.example.com", b"/orders/nested/7") == "nested/api"
    assert owner("orders.example.com:8443", b"/orders") == "orders/api"
    assert owner("a.b.example.com", b"/orders") == "wild/api"
    assert owner("example.com", b"/") is None
    assert owner("ORDERS.example.com", b"/orders") is None
    assert owner("", b"/orders") is None


def test_other_methods_reach_nothing() -> None:
    """The gateway accepts seven methods."""
    assert status("PROPFIND", "/orders", WRITER) == 404
    assert status("get", "/orders", WRITER) == 404


def test_an_unreadable_path_is_refused_before_any_rule() -> None:
    """A public rule or a token does not change that."""
    assert status("GET", "/orders/health/..%2f7") == 400
    assert status("GET", "/orders/health/..;/7", WRITER) == 400


def test_a_users_scopes_are_cut_to_what_their_groups_hold() -> None:
    """The token's scopes do not matter. Two groups give the union of their scopes."""
    assert status("POST", "/orders", user("sales")) == 403
    assert status("GET", "/orders", user("sales")) == 200
    assert status("POST", "/orders", user("desk")) == 200
    assert status("POST", "/orders", user("sales", "desk")) == 200
    assert status("POST", "/orders", user("desk", scopes=("write",))) == 403
    assert status("GET", "/orders", user()) == 403
    assert status("GET", "/orders", user("strangers")) == 403


@pytest.mark.parametrize(
    ("client", "allowed", "user"),
    [
        ("shop/writer", "GET POST", False),
        ("shop/reader", "GET", False),
        ("shop/web", "GET POST", True),
        *(
            (client, "", user)
            for client in ("shop/none", "orders/api", "")
            for user in (False, True)
        ),
        ("shop/writer", "", True),
        ("shop/web", "", False),
    ],
)
def test_scopes_are_cut_to_what_the_client_was_granted(
    client: str, allowed: str, user: bool
) -> None:
    """Neither the token's list nor the user's groups add scopes. Sign-in clients have no
    permissions of their own, and clients that call as themselves have no users' permissions. An
    existing issuer may give either such a token."""
    claims = Claims(
        "main", client, "someone", user, ("read", "write"), ("desk",)
    )
    assert [
        method
        for method in ("GET", "POST")
        if status(method, "/orders", claims) == 200
    ] == allowed.split()


def test_groups_are_the_providers_names() -> None:
    """The stack maps logical groups. A logical name in a token has no effect."""
    stack = Stack(
        "t",
        {
            "main": Provider(
                "main", "a", SPELLING, groups={"sales": "ACME Sales"}
            )
        },
    )
    mapped = estate(api(access=ACCESS, http="{/orders: 80}"), SHOP, stack=stack)
    request = Request("GET", "orders.example.com", b"/orders")
    assert decide(mapped, request, user("ACME Sales")).status == 200
    assert decide(mapped, request, user("sales")).status == 403


def test_without_an_access_trait_any_principal_of_the_default_provider_is_let_in() -> (
    None
):
    """Other callers are denied."""
    assert status("DELETE", "/x", host="a.example.com") == 401
    assert (
        status(
            "DELETE",
            "/x",
            Claims("main", "", "c", False, ()),
            host="a.example.com",
        )
        == 200
    )
    assert status("DELETE", "/x", user(), host="a.example.com") == 200
    assert (
        status(
            "DELETE",
            "/x",
            replace(READER, provider="other"),
            host="a.example.com",
        )
        == 401
    )


def test_a_token_of_another_provider_is_no_token() -> None:
    """Each component has one issuer."""
    assert status("GET", "/orders", replace(WRITER, provider="other")) == 401


@pytest.mark.parametrize(
    ("request_", "claims", "reason", "position"),
    [
        (("GET", "/orders/health"), None, "public: probes", "app1.yaml:19:17"),
        (("GET", "/orders"), READER, "has read", "app1.yaml:17:17"),
        (("POST", "/orders"), READER, "needs read and write", "app1.yaml:18:17"),
        (("POST", "/orders"), user("sales"), "needs read and write; the token lists it, but no group of the user has it", "app1.yaml:18:17"),
        (("POST", "/orders"), replace(user("desk"), client="shop/reader"), "needs read and write; the token lists it, but shop/reader was not granted it here", "app1.yaml:18:17"),
        (("GET", "/orders"), replace(READER, client=""), "needs read; the token lists it, but its client is not in this estate", "app1.yaml:17:17"),
        (("PUT", "/orders"), WRITER, "no rule on /orders lists PUT", "app1.yaml:17:17"),
        (("GET", "/plain"), WRITER, "no rule owns this path", "app1.yaml:6:7"),
        (("GET", "/orders"), Refusal("expired"), "expired", "app1.yaml:17:17"),
    ],
)  # fmt: skip
def test_every_answer_has_its_reason_and_rule(
    request_: tuple[str, str],
    claims: Claims | Refusal | None,
    reason: str,
    position: str,
) -> None:
    """The position is file, line and column."""
    method, target = request_
    decision = decide(
        ESTATE, Request(method, "orders.example.com", target.encode()), claims
    )
    assert (decision.reason, decision.position) == (reason, position)


def test_a_malformed_bearer_header_is_refused_even_on_a_public_path() -> None:
    """A request without a token, or with another scheme, is allowed there."""
    request = Request("GET", "orders.example.com", b"/orders/health")
    assert answer(ESTATE, request, (), {}, 0.0).status == 200
    assert answer(ESTATE, request, ("Basic abc",), {}, 0.0).status == 200
    assert answer(ESTATE, request, ("Bearer x.y",), {}, 0.0).status == 401
