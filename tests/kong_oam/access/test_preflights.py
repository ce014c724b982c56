"""Answers to pages of other origins, by the model. The gateway tests use the same table
(test_cross_origin, and a real Kong in tests/live)."""

from __future__ import annotations

import pytest

from kong_oam.access.decide import Request, decide
from kong_oam.access.origins import readable_requests
from kong_oam.access.pages import Reading, preflight, reading, reading_origins
from kong_oam.traits.cors.at_kong import granted
from tests.support.cross_origin import (
    NAMES,
    PageRequest,
    check,
    cross_origin_estate,
    page_requests,
)
from tests.support.diffs import edited
from tests.support.estates import STACK, estate
from tests.support.raw_requests import Answered

DOMAIN = "pages.example.com"
ESTATE = cross_origin_estate(STACK, DOMAIN)
SHOP = "https://shop.pages.example.com"

ORDERS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - {type: gateway, properties: {domain: api.example.com, http: {/orders: 8080}}}
        - {type: cors, properties: {origins: ["https://partner.example"]}}
        - type: access
          properties:
            owner: o
            scopes: {read: r, admin: a}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders], methods: [DELETE], scopes: [admin]}
              - {paths: [/orders/secret], methods: [GET], scopes: [admin]}
            roles:
              reader: {scopes: [read], groups: [sales], components: [shop/pages]}
              admin: {scopes: [admin], groups: [desk]}
    - name: inner
      type: webservice
      properties: {image: x}
      traits:
        - {type: gateway, properties: {domain: api.example.com, http: {/orders/inner: 8080}}}
        - {type: access, properties: {owner: o, rules: [{methods: [GET], public: {reason: a page}}]}}
"""
PAGES = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: pages
      type: webservice
      properties: {image: x}
      traits:
        - {type: gateway, properties: {domain: shop.example.com, http: {/: 80}}}
        - {type: access, properties: {owner: o, rules: [{methods: [GET], public: {reason: pages}}]}}
        - type: client
          properties: {kind: browser, redirectPaths: [/callback], calls: [{component: orders/api, scopes: [read]}]}
"""
SMALL = estate(ORDERS, PAGES)


def request(case: PageRequest) -> Request:
    return Request(case.method, f"{case.host}.{DOMAIN}", case.path.encode())


@pytest.mark.parametrize(
    "name", [name for name in NAMES if page_requests(SHOP)[name].origin]
)
def test_the_model_says_what_the_gateway_answers(name: str) -> None:
    """Status, readers and all CORS headers are compared."""
    case = page_requests(SHOP)[name]
    assert case.origin
    found = reading(
        ESTATE, request(case), case.origin, case.preflight or case.method
    )
    if case.preflight:
        assert (
            preflight(ESTATE, request(case), case.origin, case.preflight).status
            == case.status
        )
    component = decide(ESTATE, request(case), None).component
    if component and readable_requests(ESTATE, component) is None:
        assert found is None
        return
    assert isinstance(found, Reading)
    assert found.may == case.readable
    if component and found.may:
        headers = granted(component, case.origin, case.preflight)
        check(
            case, Answered(case.status, (*headers.items(), ("Vary", "Origin")))
        )


@pytest.mark.parametrize(
    ("path", "origin", "method", "reason", "rule"),
    [
        ("/orders", "https://shop.example.com", "GET", "these are pages of shop/pages", "GET"),
        ("/orders", "https://partner.example", "DELETE", "the cors trait of orders/api lists the origin", "DELETE"),
        (
            "/orders", "https://shop.example.com", "DELETE",
            "these are pages of shop/pages, whose scopes do not allow DELETE here", "DELETE",
        ),
        ("/orders", "https://shop.example.com", "PATCH", "no rule on /orders lists PATCH", "GET"),
        (
            "/orders", "https://partner.example/", "GET",
            "no cors trait lists this origin, and no browser client of orders/api has pages there; did you mean "
            "'https://partner.example'?",
            "GET",
        ),
        ("/orders", "https://api.example.com", "GET", "the page has the same origin, so browsers do not check", "GET"),
        (
            "/orders/SECRET", "https://partner.example", "GET",
            "some servers read this spelling of the path as the path of another rule", "GET",
        ),
        ("/else", "https://partner.example", "GET", "no component is exposed on this host and path", None),
    ],
)  # fmt: skip
def test_a_reason_is_given(
    path: str, origin: str, method: str, reason: str, rule: str | None
) -> None:
    """The answer has the rule that lists the method, or the first rule of the path."""
    preflight_of = Request("OPTIONS", "api.example.com", path.encode())
    found = reading(SMALL, preflight_of, origin, method)
    assert found is not None
    assert found.reason.startswith(reason)
    assert (found.rule.methods if found.rule else None) == (
        (rule,) if rule else None
    )


def test_a_path_that_no_rule_owns_is_read_by_nobody() -> None:
    """The gateway does expose the component."""
    bare = edited(
        ORDERS,
        (
            "              - {paths: [/orders], methods: [GET], scopes: [read]}\n",
            "",
        ),
        (
            "paths: [/orders], methods: [DELETE]",
            "paths: [/orders/7], methods: [GET, DELETE]",
        ),
    )
    found = reading(
        estate(bare, PAGES),
        Request("GET", "api.example.com", b"/orders/8"),
        "https://partner.example",
        "GET",
    )
    assert found == Reading(False, "no rule owns this path")


@pytest.mark.parametrize(
    ("method", "path", "origins"),
    [
        ("GET", b"/orders", ("https://partner.example", "https://shop.example.com")),
        ("DELETE", b"/orders", ("https://partner.example",)),
        ("PATCH", b"/orders", ()),
        ("GET", b"/orders/inner", ()),
        ("GET", b"/nothing", ()),
    ],
)  # fmt: skip
def test_the_origins_that_may_read_an_answer_are_listed(
    method: str, path: bytes, origins: tuple[str, ...]
) -> None:
    """A component without a cors trait and browser clients has no readers."""
    found = reading_origins(SMALL, Request(method, "api.example.com", path))
    assert found == origins


def test_pages_may_send_cookies_where_the_trait_allows_credentials() -> None:
    allowing = edited(
        ORDERS,
        (
            'origins: ["https://partner.example"]',
            'origins: ["https://partner.example"], credentials: true',
        ),
    )
    header = "Access-Control-Allow-Credentials"
    partner = "https://partner.example"
    with_cookies = estate(allowing, PAGES).components["orders/api"]
    assert granted(with_cookies, partner, None)[header] == "true"
    without = SMALL.components["orders/api"]
    assert header not in granted(without, partner, None)
