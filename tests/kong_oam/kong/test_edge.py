"""Limits and headers at the sandbox's gateway (a stand-in for Kong); tests/live asks a real one the same."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.support.edge_requests import (
    NAMES,
    EdgeRequest,
    Workload,
    check_marked,
    edge_estate,
    edge_requests,
    headers_of,
)
from tests.support.gateway_estates import issuers, stack
from tests.support.raw_requests import Answered, Served, served

DOMAIN = "edge.example.com"
STACK = stack("tests", "http")
ESTATE = edge_estate(STACK, DOMAIN)
ISSUERS = issuers(STACK, time.time())


@pytest.fixture(scope="module")
def gateway() -> Iterator[tuple[Served, Workload]]:
    with (
        Workload() as workload,
        served(ESTATE, ISSUERS, workload.port) as gateway,
    ):
        yield gateway, workload


def _answer(gateway: Served, question: EdgeRequest) -> Answered:
    return gateway.ask(question.raw(DOMAIN, ISSUERS["main"]))


@pytest.mark.parametrize("name", NAMES)
def test_a_request_goes_as_far_as_it_is_meant_to(
    gateway: tuple[Served, Workload], name: str
) -> None:
    """With the status that is meant, and as often."""
    kong, workload = gateway
    question, before = edge_requests()[name], len(workload.reached)
    assert (_answer(kong, question).status, len(workload.reached) - before) == (
        question.status,
        question.reached,
    )


@pytest.mark.parametrize(
    ("question", "code"),
    [
        (EdgeRequest("POST", "/x", 413, 0, body=9999), "body-too-large"),
        (EdgeRequest("GET", "/private", 401, 0), "token-needed"),
        (EdgeRequest("GET", "/private/..%2f", 400, 0), "ambiguous-path"),
        (EdgeRequest("GET", "/closes", 502, 3), None),
        (EdgeRequest("GET", "/x", 200, 1), None),
    ],
)
def test_every_answer_has_the_headers(
    gateway: tuple[Served, Workload], question: EdgeRequest, code: str | None
) -> None:
    """Whoever gave it; a refusal stays a problem that its type identifies."""
    answer = _answer(gateway[0], question)
    assert answer.status == question.status
    check_marked(answer, of_workload=question.status == 200)
    if code:
        assert answer.values("Content-Type") == ["application/problem+json"]
        assert json.loads(answer.body)["type"] == f"urn:kong-oam:problem:{code}"


def test_a_workload_is_told_what_its_application_says(
    gateway: tuple[Served, Workload],
) -> None:
    """The caller's header is removed in any spelling."""
    kong, workload = gateway
    forged = (
        "X-Env-Name: forged",
        "x_env_name: forged",
        "X-ENV_name: forged",
        "X-Env: mine",
    )
    assert (
        _answer(kong, EdgeRequest("GET", "/x", 200, 1, more=forged)).status
        == 200
    )
    assert b"forged" not in workload.reached[-1]
    assert headers_of(workload.reached[-1])["x-env-name"] == ["test"]
    assert headers_of(workload.reached[-1])["x-env"] == ["mine"]


def test_a_component_without_the_traits_is_as_it_was(
    gateway: tuple[Served, Workload],
) -> None:
    """All headers of the workload reach callers, and all headers of callers reach the workload."""
    kong, workload = gateway
    answer = _answer(
        kong,
        EdgeRequest("GET", "/x", 200, 1, "bare", more=("X-Env-Name: mine",)),
    )
    assert answer.values("Server") == ["workload/1.2.3"]
    assert answer.values("X-Frame-Options") == ["ALLOWALL"]
    assert headers_of(workload.reached[-1])["x-env-name"] == ["mine"]
