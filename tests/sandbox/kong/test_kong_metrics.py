"""`/metrics` of the sandbox's Kong, compared with a real Kong's output, and the requests that
prometheus does not count."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from kong_oam.access.settings.logs import LogSettings
from kong_oam.access.stack import Records
from sandbox.kong import Kong
from tests.support import kong_deployment
from tests.support.estates import api, estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene, issuers, stack

RECORDED = Path(__file__).with_name("metrics-3.10.txt").read_text("utf-8")
STACK = replace(stack("recorded"), records=Records())
ORDERS = api(
    access="""
            owner: team
            scopes: {read: Read}
            rules: [{paths: [/orders], methods: [GET], scopes: [read]}]
            roles: {viewer: {scopes: [read], groups: [sales]}}
"""
)
SCENE = Scene(estate(ORDERS, stack=STACK), issuers(STACK, time.time()))
TOKEN = SCENE.issuers["main"].service(["read"])
NOBODY = Case("GET", "orders.example.com", b"/orders")
READER = replace(NOBODY, authorization=(f"Bearer {TOKEN}",))


def forms(text: str) -> dict[str, list[str]]:
    """By family, the lines about it: of samples without values, texts of labels apart from bounds."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        sample = re.sub(r'(?<!le)="[^"]*"', "", line.rpartition(" ")[0])
        form = line if line.startswith("#") else sample
        family = (
            line.split()[2]
            if line.startswith("#")
            else re.sub(r"(_bucket|_sum|_count)?(\{.*)? .*", "", line)
        )
        found.setdefault(family, []).append(form)
    return {family: [*dict.fromkeys(lines)] for family, lines in found.items()}


@contextmanager
def counting(logs: LogSettings | None = None) -> Iterator[Kong]:
    with Kong(now=lambda: SCENE.now) as kong:
        kong_deployment.deploy(
            kong.admin_url, SCENE.estate, SCENE.pems, logs=logs, metrics=True
        )
        yield kong


def printed(kong: Kong) -> str:
    answer = httpx.get(f"{kong.admin_url}/metrics")
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    return answer.text


def test_it_is_printed_as_a_real_kong_printed_it() -> None:
    """Families, kinds, labels in their order, and bounds; the node's own metrics are missing."""
    with counting() as kong:
        assert kong.handle(READER.raw(), STACK.scheme).status == 200
        assert kong.handle(NOBODY.raw(), STACK.scheme).status == 401
        found = forms(printed(kong))
    assert [*found] == [
        "kong_datastore_reachable",
        "kong_http_requests_total",
        "kong_kong_latency_ms",
        "kong_request_latency_ms",
        "kong_upstream_latency_ms",
    ]
    assert found == {family: forms(RECORDED)[family] for family in found}


@pytest.mark.parametrize("sink", [False, True], ids=["no records", "records"])
def test_calls_are_counted_by_service_status_and_source(
    sink: bool, tmp_path: Path
) -> None:
    """Also where records take the place of Kong's own, by which the plugin counts."""
    with counting(
        LogSettings(file=str(tmp_path / "records")) if sink else None
    ) as kong:
        for case in (READER, READER, NOBODY):
            kong.handle(case.raw(), STACK.scheme)
        text = printed(kong)
    service = 'service="kong-oam.recorded.orders.api.8080"'
    counted = [
        line
        for line in text.splitlines()
        if line.startswith("kong_http_requests_total{")
    ]
    assert [
        (service in line, line.partition(",code=")[2]) for line in counted
    ] == [
        (True, '"200",source="service",workspace="default",consumer=""} 2'),
        (True, '"401",source="kong",workspace="default",consumer=""} 1'),
    ]
    assert re.search(
        rf"kong_request_latency_ms_count{{{re.escape(service)}.*}} 3\n", text
    )
    assert re.search(
        rf"kong_upstream_latency_ms_count{{{re.escape(service)}.*}} 2\n", text
    )
