"""Enforced equals meant: the emitted Lua in the sandbox's proxy (a stand-in for Kong) answers as `decide` does.

GATE_CASES requests (10,000 at full strength) to an estate that is generated from GATE_SEED, as the requests are: the same every time. To
explore more: `GATE_SEED=$RANDOM GATE_CASES=100000 pytest tests/kong_oam/kong/test_gate_means_decide.py --timeout 0`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from sandbox.kong import Answer, Kong
from tests.support.estates import estate
from tests.support.gateway_cases import (
    STATUSES,
    Case,
    Coverage,
    cases,
    faulty_cases,
)
from tests.support.gateway_estates import (
    Scene,
    generated_applications,
    issuers,
    nested_applications,
    stack,
)
from tests.support.scenes import gateway_of
from tests.support.tiers import examples

pytestmark = pytest.mark.generated

CASES = int(os.environ.get("GATE_CASES") or examples(10_000))
SEED = int(os.environ.get("GATE_SEED") or 7)
APPLICATIONS = 48
LEAST = CASES // 100
"""How often each status and each fault of a token comes at least."""

STACK = stack("tests")
TEXTS = [
    *nested_applications("example.com"),
    *generated_applications("generated.test", APPLICATIONS, SEED),
]
SCENE = Scene(estate(*TEXTS, stack=STACK), issuers(STACK, time.time()))
FAULTS = list(SCENE.issuers["main"].faults((), SCENE.issuers["other"]))
COVERAGE = Coverage()
generated = partial(
    settings,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def kong() -> Iterator[Kong]:
    with gateway_of(SCENE) as gateway:
        yield gateway


PLAINER = {
    "method-not-listed": "not-allowed",
    "method-unknown": "not-exposed",
    "no-rule": "not-allowed",
    "path-refused": "not-allowed",
    "scope-missing": "not-allowed",
}
"""Codes that callers do not see, and the codes that replace them."""


def problem(answer: Answer) -> str | None:
    """The type of an answer that is problem details; None of one by nginx, or without a route."""
    kinds = [
        value
        for name, value in answer.headers
        if name.lower() == "content-type"
    ]
    return (
        json.loads(answer.body)["type"]
        if kinds == ["application/problem+json"]
        else None
    )


def check(kong: Kong, case: Case) -> None:
    """Check that the gateway answers with the intended status and reason. The upstream gets only
    the verified caller."""
    decision = case.meant(SCENE)
    answer = kong.handle(case.raw(), scheme=STACK.scheme)
    assert answer.status in case.statuses(decision), (
        answer.status,
        decision,
        answer.body,
    )
    assert (answer.upstream is not None) == decision.allowed
    if (problem_type := problem(answer)) and answer.status == decision.status:
        assert (
            problem_type
            == f"urn:kong-oam:problem:{PLAINER.get(decision.code, decision.code)}"
        ), (
            decision,
            answer.body,
        )
    if answer.upstream:
        path, _, query = answer.upstream.target.partition("?")
        assert unquote(path) == case.sent(SCENE)
        assert query.encode() == case.target.partition(b"?")[2]
        folded = [
            (name.lower().replace("_", "-"), value)
            for name, value in answer.upstream.headers
        ]
        identity_headers = sorted(
            pair for pair in folded if pair[0].startswith("x-auth-")
        )
        assert identity_headers == sorted(
            case.identity_headers(SCENE, decision).items()
        )
        handed_on = [
            value
            for name, value in answer.upstream.headers
            if name.lower() == "authorization" and value
        ]
        assert handed_on == case.forwarded_credentials(decision)
    COVERAGE.add(SCENE, case, decision)


@pytest.mark.timeout(600)
@seed(SEED)
@generated(max_examples=CASES - LEAST * len(FAULTS))
@given(case=st.deferred(lambda: cases(SCENE)))
def test_the_gate_answers_as_decide(kong: Kong, case: Case) -> None:
    """Whatever is asked: any path, spelling, method, host, further headers, and tokens good and bad."""
    check(kong, case)


@pytest.mark.parametrize("fault", FAULTS)
@seed(SEED)
@generated(max_examples=LEAST)
@given(data=st.data())
def test_the_gate_answers_as_decide_to_a_token_with_a_fault(
    kong: Kong, fault: str, data: st.DataObject
) -> None:
    """Requests that the same token without its fault would be allowed."""
    check(kong, data.draw(faulty_cases(SCENE, fault)))


def test_every_status_and_every_fault_of_a_token_was_covered(
    report: Callable[[str], None],
) -> None:
    """Each in one of a hundred requests; a fault counts only where nothing else keeps the request out."""
    assert COVERAGE.statuses.total() >= CASES, "runs behind the tests above"
    for line in COVERAGE.lines():
        report(line)
    assert {
        status for status in STATUSES if COVERAGE.statuses[status] < LEAST
    } == set()
    assert {
        fault for fault in FAULTS if COVERAGE.faults[fault] < LEAST
    } == set()
