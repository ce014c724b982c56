"""Which pages may read what, at the sandbox's gateway (a stand-in for Kong); tests/live asks a real one the same."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from kong_oam.kong import names, plugins, script
from kong_oam.kong.table import table, without_exposure
from tests.support.cross_origin import (
    NAMES,
    PARTNER,
    Workload,
    check,
    cross_origin_estate,
    page,
    page_requests,
)
from tests.support.gateway_estates import issuers, stack
from tests.support.pages import IN_A_BROWSER, fetched
from tests.support.raw_requests import Served, served

DOMAIN = "pages.example.com"
OWN = f"http://shop.{DOMAIN}"
STACK = stack("tests", "http")
ESTATE = cross_origin_estate(STACK, DOMAIN)
ISSUERS = issuers(STACK, time.time())


@pytest.fixture(scope="module")
def gateway() -> Iterator[tuple[Served, Workload]]:
    with (
        Workload() as workload,
        served(ESTATE, ISSUERS, workload.port) as gateway,
    ):
        yield gateway, workload


@pytest.mark.parametrize("name", NAMES)
def test_a_page_reads_what_is_meant_for_it(
    gateway: tuple[Served, Workload], name: str
) -> None:
    """Preflights never reach the workload, and the workload's CORS headers never reach a page."""
    kong, workload = gateway
    question, before = page_requests(OWN)[name], len(workload.reached)
    check(question, kong.ask(question.raw(DOMAIN, ISSUERS["main"])))
    assert len(workload.reached) - before == (question.status == 200)


def tabled(component: str) -> dict[str, object]:
    component_model = ESTATE.components[component]
    found: dict[str, object] = json.loads(
        table(
            ESTATE,
            component_model,
            next(iter(component_model.backends)),
            names.ring("tests", "main"),
        )
    )
    return found


def test_the_table_says_whose_pages_may_read_what() -> None:
    """Pages of our client may read its calls, and foreign pages all methods of a rule."""
    assert tabled("orders/api")["cors"] == {
        OWN: {
            "/orders": ["GET", "HEAD", "POST"],
            "/orders/health": ["GET", "HEAD"],
            "/orders/jobs": ["POST"],
        },
        PARTNER: {
            "/orders": ["GET", "HEAD", "POST", "DELETE"],
            "/orders/health": ["GET", "HEAD"],
            "/orders/jobs": ["POST"],
            "/orders/secret": ["GET", "HEAD"],
        },
    }


@pytest.mark.parametrize(
    "component", ["orders/inner", "orders/itself", "shop/pages"]
)
def test_who_has_no_such_pages_has_nothing_of_it(component: str) -> None:
    """Not even in its table, so nothing changes for it."""
    assert not {"cors", "cors_answer"} & tabled(component).keys()
    assert {"cors", "cors_answer"} <= tabled("orders/api").keys()


@pytest.mark.parametrize("name", ["our page reads", "our page starts a job"])
def test_a_page_can_read_that_no_workload_answers(name: str) -> None:
    """As on a Kong 3.10, where the live tier asks the same: of any method, though nginx goes on with GET."""
    with served(ESTATE, ISSUERS, 1) as gateway:
        question = replace(page_requests(OWN)[name], status=502)
        check(question, gateway.ask(question.raw(DOMAIN, ISSUERS["main"])))


def test_what_is_closed_is_closed_to_pages() -> None:
    """Where admission has a table that owns no host, no page reads an answer, whatever the gate's table says."""
    question = page_requests(OWN)["a refusal without a token"]
    with served(ESTATE, ISSUERS, 1) as gateway:
        assert gateway.ask(question.raw(DOMAIN, ISSUERS["main"])).granted
        for path in gateway.entities.paths("/plugins", name="pre-function"):
            config = gateway.entities.made[path]["config"]
            text = next(
                script.inputs_of(code).table for code in config["access"][:1]
            )  # type: ignore[union-attr]
            with httpx.Client(base_url=gateway.kong.admin_url) as admin:
                answer = admin.patch(
                    path,
                    json={"config": plugins.admission(without_exposure(text))},
                )
                assert answer.status_code == 200, answer.text
        answered = gateway.ask(question.raw(DOMAIN, ISSUERS["main"]))
        assert (answered.status, answered.granted) == (401, {})


@IN_A_BROWSER
def test_a_browser_gives_pages_what_is_meant_for_them(
    gateway: tuple[Served, Workload], tmp_path: Path
) -> None:
    """Debian's Chromium: our page's answers, refusals among them, and to a stranger's nothing but what it may have."""
    proxy = gateway[0].proxy
    questions = page(DOMAIN, ISSUERS["main"])
    fetches = [(address, origin) for address, origin, _ in questions]
    fetched_pages = fetched(tmp_path, OWN, proxy, fetches)
    assert [status for status, _ in fetched_pages] == [
        status for _, _, status in questions
    ]
    assert (
        json.loads(fetched_pages[3][1])["type"]
        == "urn:kong-oam:problem:token-needed"
    ), "a page reads why it is refused"
    assert fetched(
        tmp_path / "other", "http://stranger.example", proxy, fetches
    ) == [(0, "")] * len(questions)
