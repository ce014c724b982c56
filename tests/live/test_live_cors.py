"""Access of pages of other origins: raw preflights and requests, as browsers send them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.local import ROOT
from tests.support.cross_origin import (
    NAMES,
    PageRequest,
    Workload,
    check,
    cross_origin_estate,
    page,
    page_requests,
)
from tests.support.estates import estate
from tests.support.gateway_cases import Case
from tests.support.kong_deployment import Entities
from tests.support.live.gateway import LiveGateway, await_true
from tests.support.live.run import (
    RUN,
    bind_address,
    issuers,
    stack,
    upstream_host,
)
from tests.support.pages import CONSOLE, IN_A_BROWSER, fetched
from tests.support.raw_requests import Answered, ask

NAME = f"{RUN}-pages"
DOMAIN = f"pages.{RUN}.example.com"
OWN = f"http://shop.{DOMAIN}"
STEADY = [
    page_requests(OWN)[name]
    for name in (
        "our page reads",
        "a preflight of our page",
        "OPTIONS of who answers itself",
        "a refusal of jwt",
    )
]


@pytest.fixture(scope="module")
def workload(live: LiveGateway) -> Iterator[Workload]:
    """Yield the workload behind the pages' API, once every worker leads there."""
    with (
        Workload(bind_address()) as behind,
        live.target.deploying() as entities,
    ):
        _deploy(live, entities, behind.port, STEADY)
        yield behind


def _deploy(
    live: LiveGateway,
    entities: Entities,
    port: int,
    steady: Sequence[PageRequest],
) -> None:
    pems = {
        name: {issuer.kid: issuer.pem} for name, issuer in issuers(NAME).items()
    }
    entities.estate(
        cross_origin_estate(stack(NAME), DOMAIN), pems, upstream_host(), port
    )
    await_true(
        lambda: _unsteady(live, steady), bound=3 * entities.facts.settle + 60
    )


def _unsteady(live: LiveGateway, steady: Sequence[PageRequest]) -> str | None:
    for _ in range(20 * max(live.target.workers, 2)):
        for case in steady:
            if (status := _answer(live, case).status) != case.status:
                return f"{case}: {status}"
    return None


def _answer(live: LiveGateway, case: PageRequest) -> Answered:
    return ask(live.target.proxy, case.raw(DOMAIN, issuers(NAME)["main"]))


@pytest.mark.parametrize("name", ["our page reads", "our page starts a job"])
def test_a_page_can_read_that_no_workload_answers(
    live: LiveGateway, name: str
) -> None:
    """The gateway gives this answer, with the reason, for any method that nginx continues with."""
    case = replace(page_requests(OWN)[name], status=502)
    with live.target.deploying() as entities:
        _deploy(live, entities, 9, [case])
        check(case, _answer(live, case))


@pytest.mark.parametrize("name", NAMES)
def test_a_page_reads_its_own_answers(
    live: LiveGateway, workload: Workload, name: str
) -> None:
    """Preflights never reach the workload, and the workload's own CORS headers never reach a page."""
    case, before = page_requests(OWN)[name], len(workload.reached)
    check(case, _answer(live, case))
    assert len(workload.reached) - before == (case.status == 200)


@IN_A_BROWSER
@pytest.mark.usefixtures("workload")
def test_a_browser_shows_pages_only_their_own_answers(
    live: LiveGateway, tmp_path: Path
) -> None:
    """Debian's Chromium: our page reads its answers, also denials; a stranger's page reads none."""
    asked = page(DOMAIN, issuers(NAME)["main"])
    fetches = [(address, options) for address, options, _ in asked]
    got = fetched(tmp_path, OWN, live.target.proxy, fetches)
    assert [status for status, _ in got] == [status for _, _, status in asked]
    stranger = fetched(
        tmp_path / "other",
        "http://stranger.example",
        live.target.proxy,
        fetches,
    )
    assert stranger == [(0, "")] * len(asked)


@IN_A_BROWSER
def test_the_console_of_the_sample_estate_reads_and_publishes_reports(
    live: LiveGateway, tmp_path: Path
) -> None:
    """The repository's own Application, on other hosts: pages and API have different hosts."""
    name, domain = f"{RUN}-console", f"console.{RUN}.example.com"
    on = replace(stack(name), domain=domain, suffixes={"example.com": domain})
    main, host, api = (
        issuers(name)["main"],
        f"reports.{domain}",
        f"http://reports.{domain}",
    )
    token = main.user(
        ("reports.read", "reports.publish"),
        ("order-desk",),
        cid="reports/console",
    )
    sold = {"Authorization": f"Bearer {token}"}
    asked = [
        (api + path, {"method": method, "headers": sold})
        for method, path in CONSOLE
    ]
    meant = [*CONSOLE.values(), 401]
    with (
        Workload(bind_address()) as behind,
        live.target.deploying() as entities,
    ):
        text = (ROOT / "applications" / "reports.yaml").read_text("utf-8")
        entities.estate(
            estate(text, stack=on),
            {"main": {main.kid: main.pem}},
            upstream_host(),
            behind.port,
        )
        reads = Case("GET", host, b"/reports", (sold["Authorization"],))
        live.await_steady(
            [(Case("GET", host, b"/reports"), 401), (reads, 200)],
            3 * entities.facts.settle + 60,
        )
        for origin, seen in (
            (f"http://console-reports.{domain}", meant),
            (f"http://shop.{domain}", [0] * len(meant)),
        ):
            got = fetched(
                tmp_path / origin[7:],
                origin,
                live.target.proxy,
                [*asked, (f"{api}/reports", {})],
            )
            assert [status for status, _ in got] == seen, origin
