"""What pages of other origins are answered, by the model: the same table by which the gateway is asked (test_cross_origin,
and a real one in tests/live)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.access.decide import Request, decide
from kong_oam.access.origins import readers
from kong_oam.access.pages import Reading, preflight, reading, reading_origins
from kong_oam.traits.cors.at_kong import granted
from kong_oam.traits.cors.value import CORS, Cors
from tests.support.components import with_fields
from tests.support.cross_origin import (
    NAMES,
    PARTNER,
    STRANGER,
    Asked,
    asked,
    check,
    made,
)
from tests.support.estates import STACK, asking
from tests.support.raw_requests import Answered

DOMAIN = "pages.example.com"
OWN = f"https://shop.{DOMAIN}"
ESTATE = made(STACK, DOMAIN)


def request(case: Asked) -> Request:
    return Request(case.method, f"{case.host}.{DOMAIN}", case.path.encode())


@pytest.mark.parametrize(
    "name", [name for name in NAMES if asked(OWN)[name].origin]
)
def test_the_model_says_what_the_gateway_answers(name: str) -> None:
    """Status, who may read it, and every header that says so."""
    case = asked(OWN)[name]
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
    if component and readers(ESTATE, component) is None:
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
        ("/orders", OWN, "GET", "these are pages of shop/pages", "GET"),
        ("/orders", PARTNER, "DELETE", "the cors trait of orders/api lists the origin", "DELETE"),
        ("/orders", OWN, "DELETE", "these are pages of shop/pages, which was not granted what DELETE needs here", "DELETE"),
        ("/orders", OWN, "PATCH", "no rule on /orders lists PATCH", "GET"),
        (
            "/orders",
            f"{PARTNER}/",
            "GET",
            "no browser client that may call orders/api has pages of this origin, and no cors trait lists it; did you mean '"
            f"{PARTNER}'?",
            "GET",
        ),
        ("/orders", f"https://api.{DOMAIN}", "GET", "it is a page of the same origin, of which browsers ask nothing", "GET"),
        ("/orders/SECRET", PARTNER, "GET", "the path is spelled so that some servers take it for that of another rule", "GET"),
        ("/else", PARTNER, "GET", "no component is exposed on this host and path", None),
    ],
)  # fmt: skip
def test_a_reason_is_given(
    path: str, origin: str, method: str, reason: str, rule: str | None
) -> None:
    """With the rule that lists the method, or the first of the path."""
    found = reading(
        ESTATE,
        Request("OPTIONS", f"api.{DOMAIN}", path.encode()),
        origin,
        method,
    )
    assert found is not None
    assert found.reason.startswith(reason)
    assert (found.rule.methods if found.rule else None) == (
        (rule,) if rule else None
    )


def test_a_path_that_no_rule_owns_is_read_by_nobody() -> None:
    """Though the gateway exposes it."""
    orders = ESTATE.components["orders/api"]
    bare = with_fields(
        orders,
        rules=tuple(
            rule for rule in orders.exposure.rules if len(rule.path) > 1
        ),
    )
    estate = replace(
        ESTATE,
        applications=tuple(
            replace(
                application,
                components=tuple(
                    bare if part.key == "orders/api" else part
                    for part in application.components
                ),
            )
            for application in ESTATE.applications
        ),
    )
    found = reading(
        estate, Request("GET", f"api.{DOMAIN}", b"/orders/7"), PARTNER, "GET"
    )
    assert found == Reading(False, "no rule owns this path")


def test_the_origins_that_may_read_an_answer_are_listed() -> None:
    """Of a component of which the gateway says nothing, none."""
    for method, path, origins in (
        ("GET", "/orders", (PARTNER, OWN)),
        ("DELETE", "/orders", (PARTNER,)),
        ("PATCH", "/orders", ()),
        ("GET", "/orders/inner", ()),
        ("GET", "/nothing", ()),
    ):
        assert (
            reading_origins(
                ESTATE, Request(method, f"api.{DOMAIN}", path.encode())
            )
            == origins
        )
    assert STRANGER not in reading_origins(
        ESTATE, Request("GET", f"api.{DOMAIN}", b"/orders")
    )


def test_pages_that_may_send_cookies_are_told() -> None:
    """Of a component that says so."""
    component = asking(
        ESTATE, "orders/api", {CORS: Cors((PARTNER,), credentials=True)}
    ).components["orders/api"]
    assert (
        granted(component, PARTNER, None)["Access-Control-Allow-Credentials"]
        == "true"
    )
    assert "Access-Control-Allow-Credentials" not in granted(
        ESTATE.components["orders/api"], PARTNER, None
    )
