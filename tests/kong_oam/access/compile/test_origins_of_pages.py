"""The trait `cors`, and the pages that may read a component's answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.access.origins import readable_requests
from kong_oam.traits.cors.value import CORS, Cors
from tests.support.client_kinds import ORDERS, PAGES, shop
from tests.support.estates import STACK, api, compiled, estate

TRAIT = "        - type: cors\n          properties: "
RULES = "{owner: o, rules: [{public: {reason: r}}]}"


def found(properties: str, scheme: str = "https") -> list[str]:
    """Return the errors of the trait, without the source lines."""
    stack = replace(STACK, scheme=scheme)  # type: ignore[arg-type]
    return [
        str(diagnostic).splitlines()[0]
        for diagnostic in compiled(
            api(access=RULES) + TRAIT + properties, stack=stack
        ).diagnostics
    ]


@pytest.mark.parametrize(
    ("origin", "why"),
    [
        ("https://*.example.com", "is not an origin; write scheme://host"),
        ("https://*", "is not an origin; write scheme://host"),
        ("https://a.example.com/", "is not an origin; write scheme://host"),
        ("https://a.example.com/app", "is not an origin; write scheme://host"),
        ("https://a.example.com?x", "is not an origin; write scheme://host"),
        ("https://user@a.example.com", "is not an origin; write scheme://host"),
        ("https://A.example.com", "is not an origin; write scheme://host"),
        (
            "https://b\u00fcro.example.com",
            "is not an origin; write scheme://host",
        ),
        ("https://", "is not an origin; write scheme://host"),
        ("https://a.example.com:443", "has a port that browsers never send"),
        ("https://a.example.com:70000", "has a port that browsers never send"),
        ("http://localhost:80", "has a port that browsers never send"),
        (
            "http://a.example.com",
            "uses http, so anybody on the network path can replace its pages",
        ),
    ],
)
def test_an_origin_that_is_none_or_more_than_one_is_an_error(
    origin: str, why: str
) -> None:
    """The error has a position and a remedy."""
    (message,) = found(f'{{origins: ["https://fine.example", "{origin}"]}}')
    assert message.startswith("app1.yaml:15:")
    assert f"error ACC232: '{origin}' {why}" in message


def test_origins_are_taken_as_browsers_send_them() -> None:
    """An unusual port is part of the origin. Plain http is accepted on the local machine, or if the
    gateway serves http."""
    origins = [
        "https://a.example:8443",
        "https://b.example",
        "http://localhost:3000",
        "http://127.0.0.1:5173",
        "https://[::1]:8443",
    ]
    assert found(f"{{origins: {origins}}}") == []
    assert found("{origins: ['http://a.example']}", "http") == []


def test_a_trait_says_all_that_pages_are_told() -> None:
    properties = "{origins: [https://b.example, https://a.example, https://b.example], headers: [X-A], exposeHeaders: [X-B], maxAge: 0, credentials: true}"
    trait = (
        estate(api(access=RULES) + TRAIT + properties)
        .components["orders/api"]
        .traits.get(CORS)
    )
    assert trait == Cors(
        ("https://a.example", "https://b.example"), ("X-A",), ("X-B",), 0, True
    )
    assert (
        estate(api(access=RULES)).components["orders/api"].traits.get(CORS)
        is None
    )


@pytest.mark.parametrize(
    ("kind", "origins"),
    [
        ("browser", {"https://shop.example.com"}),
        ("web", None),
        ("native", None),
    ],
)
def test_pages_of_a_browser_client_are_known_without_a_trait(
    kind: str, origins: set[str] | None
) -> None:
    """Pages of other kinds of clients do not call."""
    model = estate(
        ORDERS,
        shop(kind, "            redirectPaths: [/callback]\n", traits=PAGES),
    )
    found = readable_requests(model, model.components["orders/api"])
    assert (found and set(found)) == origins


def test_pages_that_share_every_host_of_an_api_need_nothing() -> None:
    """Requests within one host cross no origin. With two hosts, requests to the other host do."""
    pages = PAGES.replace("shop.example.com", "orders.example.com").replace(
        "/: 80", "/shop: 80"
    )
    text = shop(
        "browser", "            redirectPaths: [/shop/callback]\n", traits=pages
    )
    model = estate(ORDERS, text)
    assert readable_requests(model, model.components["orders/api"]) is None
    more = ORDERS.replace(
        "      traits:\n",
        "      traits:\n        - {type: gateway, properties: {name: two, domain: two.example.com, http: {/: 8080}}}\n",
    )
    two = estate(more, text)
    assert set(readable_requests(two, two.components["orders/api"]) or {}) == {
        "https://orders.example.com"
    }


def test_a_trait_without_pages_is_one_all_the_same() -> None:
    """The gateway answers preflights, and no page may read answers."""
    model = estate(api(access=RULES) + TRAIT + "{maxAge: 5}")
    assert readable_requests(model, model.components["orders/api"]) == {}


def test_components_of_one_host_say_each_what_is_theirs() -> None:
    """Two such components never overlap: each request is for one of them, whose trait decides."""
    outer = (
        api(access=RULES, http="{/: 8080}")
        + TRAIT
        + "{origins: ['https://outer.example']}"
    )
    inner = (
        api("inner", access=RULES, http="{/inner: 8080}")
        + TRAIT
        + "{origins: ['https://inner.example']}"
    )
    model = estate(outer, inner)
    for name, path in (("orders", ()), ("inner", ("inner",))):
        found = readable_requests(model, model.components[f"{name}/api"]) or {}
        assert {origin: set(reach) for origin, reach in found.items()} == {
            f"https://{'outer' if name == 'orders' else 'inner'}.example": {
                path
            }
        }
