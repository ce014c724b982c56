"""The gateway decides like the model: literal statuses, and generated requests, over real sockets
byte by byte."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support.gateway_cases import (
    STATUSES,
    Case,
    Coverage,
    cases,
    faulty_cases,
)
from tests.support.gateway_tokens import MALFORMED
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import CASES_DOMAIN, SEED, issuer, issuers, scene

CASES = int(os.environ.get("LIVE_CASES") or 500)
EACH = max(CASES // 100, 1)
"""The number of requests with each token fault."""

COVERAGE = Coverage()

# Hosts below CASES_DOMAIN, except the last, which is unknown.
ORDERS, CAPITALS, WILD, DEEP, UNKNOWN = (
    "orders",
    "ORDERS",
    "a",
    "x.deep",
    "nobody.example.net",
)
R, W, RW, ODD, NONE = ("read",), ("write",), ("read", "write"), ("a.b",), ()

WITHOUT_A_TOKEN = [
    ("GET", ORDERS, b"/orders", 401),
    ("GET", ORDERS, b"/orders/7?x=1", 401),
    ("HEAD", ORDERS, b"/orders", 401),
    ("POST", ORDERS, b"/orders", 401),
    ("DELETE", ORDERS, b"/orders", 401),
    ("GET", ORDERS, b"/%6frders", 401),
    ("GET", ORDERS, b"//orders/./x/..", 401),
    ("GET", ORDERS, b"/orders/health", 200),
    ("HEAD", ORDERS, b"/orders/health", 200),
    ("GET", ORDERS, b"/orders/health/x", 200),
    ("GET", ORDERS, b"/orders/health/../health", 200),
    ("POST", ORDERS, b"/orders/health", 401),
    ("GET", ORDERS, b"/orders/health/deep", 401),
    ("GET", ORDERS, b"/orders/health/../7", 401),
    ("GET", ORDERS, b"/orders/x:y", 200),
    ("GET", ORDERS, b"/orders/x%3ay", 200),
    ("GET", ORDERS, b"/docs", 200),
    ("OPTIONS", ORDERS, b"/docs", 200),
    ("POST", ORDERS, b"/docs", 401),
    ("GET", ORDERS, b"/orders/files/1", 401),
    ("GET", ORDERS, b"/orders/nested", 401),
    (
        "GET",
        ORDERS,
        b"/orders-internal",
        200,
    ),  # of the wildcard host, whose root is public
    ("POST", ORDERS, b"/orders-internal", 401),
    ("GET", WILD, b"/", 200),
    ("POST", WILD, b"/", 401),
    ("GET", DEEP, b"/orders", 401),
    ("GET", DEEP, b"/other", 200),
    ("GET", CAPITALS, b"/orders", 404),
    ("GET", UNKNOWN, b"/orders", 404),
    ("PROPFIND", ORDERS, b"/orders", 404),
    ("PROPFIND", ORDERS, b"/orders/health", 404),
]

# Two servers could read these differently. Without a matching route, Kong answers 404.
UNREADABLE = [
    b"/orders/health/..%2f7",
    b"/orders/health/..%2F7",
    b"/orders/health/..;/7",
    b"/orders/health/..%5c7",
    b"/orders/health/..\\7",
    b"/orders/health/%252e%252e/7",
    b"/orders/health;x=1",
    b"/orders/health%3bx",
    b"/orders/health#x",
    b"/orders/health%3F",
    b"/orders/health/%00",
    b"/orders/health/%0a",
    b"/orders/health/%7f",
    b"/orders/health/\x01",
    b"/orders/health/\xff",
    b"/orders/health/%ff",
    b"/orders/health/%c0%ae%c0%ae/7",
    b"/orders/health/%zz",
    b"/orders/health/%2",
    b"http://elsewhere.example.com/orders/health",
    b"/../orders/health",
    b"/orders/../../orders/health",
]

OF_A_SERVICE = [
    ("GET", ORDERS, b"/orders", R, 200),
    ("HEAD", ORDERS, b"/orders", R, 200),
    ("GET", ORDERS, b"/orders/7", R, 200),
    ("POST", ORDERS, b"/orders", R, 403),
    ("PUT", ORDERS, b"/orders", W, 403),
    ("PUT", ORDERS, b"/orders", RW, 200),
    ("PUT", ORDERS, b"/orders", ODD, 200),
    ("GET", ORDERS, b"/orders", ODD, 403),
    ("GET", ORDERS, b"/orders", NONE, 403),
    ("POST", ORDERS, b"/orders", RW, 200),
    ("DELETE", ORDERS, b"/orders", RW, 403),
    ("PATCH", ORDERS, b"/orders", RW, 403),
    ("GET", ORDERS, b"/orders/health/deep", R, 403),
    ("DELETE", ORDERS, b"/orders/health/deep", W, 200),
    ("POST", ORDERS, b"/orders/health", RW, 403),
    (
        "GET",
        ORDERS,
        b"/orders/Health",
        RW,
        400,
    ),  # an upstream that ignores case would find another rule's path
    ("GET", ORDERS, b"/orders/files/1", R, 200),
    ("GET", ORDERS, b"/orders/files/1", W, 403),
    ("GET", ORDERS, b"/orders/nested/1", NONE, 200),
    ("DELETE", ORDERS, b"/docs", RW, 403),
    ("POST", WILD, b"/", RW, 403),
    ("POST", DEEP, b"/orders", NONE, 200),
    ("GET", UNKNOWN, b"/orders", RW, 404),
]

OF_A_USER = [
    ("GET", b"/orders", RW, ("sales",), 200),
    (
        "POST",
        b"/orders",
        RW,
        ("sales",),
        403,
    ),  # the token lists the scope, but no group of the user has it
    ("POST", b"/orders", RW, ("desk",), 200),
    ("POST", b"/orders", RW, ("sales", "desk"), 200),
    ("POST", b"/orders", RW, ("de]==]sk",), 200),
    ("POST", b"/orders", R, ("desk",), 403),
    ("GET", b"/orders", RW, ("elsewhere",), 403),
    ("GET", b"/orders", RW, (), 403),
    ("PUT", b"/orders", ODD, ("desk",), 403),
    ("GET", b"/orders/nested", NONE, (), 200),
]

FAULTS = list(issuer().faults((), issuers()["other"]))


def _case(method: str, host: str, target: bytes, *authorization: str) -> Case:
    return Case(
        method,
        host if host == UNKNOWN else f"{host}.{CASES_DOMAIN}",
        target,
        authorization,
    )


def _check(live: LiveGateway, case: Case, status: int) -> None:
    """Check that model, gateway and upstream agree on the literal status."""
    meant = case.meant(scene())
    assert meant.status == status
    outcome = live.send(case)
    assert outcome.status in case.statuses(meant), (
        f"{outcome.status}, not {status}: {meant.reason}"
    )
    assert (outcome.arrived is not None) == (status == 200)


@pytest.mark.parametrize(
    ("method", "host", "target", "status"), WITHOUT_A_TOKEN
)
@pytest.mark.usefixtures("entities")
def test_without_a_token(
    live: LiveGateway, method: str, host: str, target: bytes, status: int
) -> None:
    """Public rules are open, all other exposed paths require a token, and paths that are not
    exposed get 404."""
    _check(live, _case(method, host, target), status)


@pytest.mark.parametrize("target", UNREADABLE)
@pytest.mark.usefixtures("entities")
def test_a_path_that_could_be_read_in_two_ways_is_refused(
    live: LiveGateway, target: bytes
) -> None:
    """With and without a token with every scope, on a public path and on the way out of it."""
    _check(live, _case("GET", ORDERS, target), 400)
    _check(
        live,
        _case("GET", ORDERS, target, f"Bearer {issuer().service(RW)}"),
        400,
    )


@pytest.mark.parametrize(
    ("method", "host", "target", "scopes", "status"), OF_A_SERVICE
)
@pytest.mark.usefixtures("entities")
def test_a_service_with_scopes(
    live: LiveGateway,
    method: str,
    host: str,
    target: bytes,
    scopes: tuple[str, ...],
    status: int,
) -> None:
    """The longest rule path owns the request, and one of its rules for the method must have all its
    scopes in the token."""
    _check(
        live,
        _case(method, host, target, f"Bearer {issuer().service(scopes)}"),
        status,
    )


@pytest.mark.parametrize(
    ("method", "target", "scopes", "groups", "status"), OF_A_USER
)
@pytest.mark.usefixtures("entities")
def test_a_user_in_groups(
    live: LiveGateway,
    method: str,
    target: bytes,
    scopes: tuple[str, ...],
    groups: tuple[str, ...],
    status: int,
) -> None:
    """A user's scopes count only if the roles of their groups have them."""
    _check(
        live,
        _case(
            method, ORDERS, target, f"Bearer {issuer().user(scopes, groups)}"
        ),
        status,
    )


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("entities")
def test_a_token_with_a_fault(live: LiveGateway, fault: str) -> None:
    """It is denied; on a public path it counts as no token, unless another reader could see a
    different token in it."""
    token = issuer().faults(RW, issuers()["other"])[fault]
    authorization = (f"Bearer {token}",)
    _check(live, _case("GET", ORDERS, b"/orders", *authorization), 401)
    _check(live, _case("GET", ORDERS, b"/orders/nested", *authorization), 401)
    _check(
        live,
        _case("GET", ORDERS, b"/orders/health", *authorization),
        401 if fault in MALFORMED else 200,
    )


@pytest.mark.usefixtures("entities")
def test_a_token_for_two_audiences_counts(live: LiveGateway) -> None:
    """One of them is our audience."""
    both = issuer().token(R, aud=["api://other", issuer().provider.audience])
    _check(live, _case("GET", ORDERS, b"/orders", f"Bearer {both}"), 200)


@pytest.mark.parametrize(
    ("values", "on_protected", "on_public"),
    [
        (("Basic YTpi",), 401, 200),
        (("Negotiate x",), 401, 200),
        (("bearer x.y.z",), 401, 401),
        (("Bearer",), 401, 401),
        (("Negotiate bearer",), 401, 401),
        (("Bearer  x.y.z",), 401, 401),
        (("Bearer x.y.z, Bearer x.y.z",), 401, 401),
    ],
)
@pytest.mark.usefixtures("entities")
def test_another_authorization(
    live: LiveGateway,
    values: tuple[str, ...],
    on_protected: int,
    on_public: int,
) -> None:
    """Other schemes count as no token; other mentions of bearer than exactly one token are denied
    everywhere."""
    _check(live, _case("GET", ORDERS, b"/orders", *values), on_protected)
    _check(live, _case("GET", ORDERS, b"/orders/health", *values), on_public)


@pytest.mark.usefixtures("entities")
def test_two_authorization_headers_are_refused(live: LiveGateway) -> None:
    """Kong denies them with 400 before any plugin runs, also with valid tokens and on public paths."""
    good = f"Bearer {issuer().service(RW)}"
    for target in (b"/orders", b"/orders/health"):
        outcome = live.send(_case("GET", ORDERS, target, good, good))
        assert (outcome.status, outcome.arrived) == (400, None)


@pytest.mark.parametrize(
    ("sent", "arrived"),
    [
        (b"/orders/7", b"/orders/7"),
        (b"/orders//7", b"/orders/7"),
        (b"/x/../orders/./7", b"/orders/7"),
        (b"/%6frders/7", b"/orders/7"),
        (b"/orders/a%20b%C3%BC", b"/orders/a%20b%C3%BC"),
        (b"/orders/7?a=%2F&a=//..", b"/orders/7?a=%2F&a=//.."),
    ],
)
@pytest.mark.usefixtures("entities")
def test_the_upstream_gets_the_path_that_was_decided_on(
    live: LiveGateway, sent: bytes, arrived: bytes
) -> None:
    """The gateway resolves and decodes the path once; the query stays unchanged."""
    outcome = live.send(
        _case("GET", ORDERS, sent, f"Bearer {issuer().service(R)}")
    )
    assert outcome.arrived is not None
    assert outcome.arrived.startswith(b"GET " + arrived + b" HTTP/1.1\r\n")


generated = partial(
    settings,
    deadline=None,
    database=None,
    phases=(
        Phase.generate,
    ),  # shrinking would send thousands of requests to a foreign gateway
    suppress_health_check=list(HealthCheck),
)


def _check_generated(live: LiveGateway, case: Case) -> None:
    """Check the model's status. An allowed request arrives with the model's path and the verified
    identity."""
    meant = case.meant(scene())
    outcome = live.send(case)
    COVERAGE.add(scene(), case, meant)
    assert outcome.status in case.statuses(meant), (outcome.status, meant)
    assert (outcome.arrived is not None) == meant.allowed
    if outcome.arrived is not None:
        target = outcome.arrived.split(b" ", 2)[1]
        assert unquote(target.decode().partition("?")[0]) == case.sent(scene())
        assert not {b"", b".", b".."} & set(
            target.partition(b"?")[0].split(b"/")[1:-1]
        )
        assert outcome.identity_headers() == case.identity_headers(
            scene(), meant
        )
        assert outcome.credentials() == case.forwarded_credentials(meant)


@pytest.mark.timeout(0)
@seed(SEED)
@generated(max_examples=max(CASES - EACH * len(FAULTS), 1))
@given(case=st.deferred(lambda: cases(scene(), UNKNOWN)))
@pytest.mark.usefixtures("entities")
def test_the_gateway_answers_as_decide(live: LiveGateway, case: Case) -> None:
    """The answers agree for any request. This test and the next share LIVE_CASES requests."""
    _check_generated(live, case)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("fault", FAULTS)
@seed(SEED)
@generated(max_examples=EACH)
@given(data=st.data())
@pytest.mark.usefixtures("entities")
def test_the_gateway_answers_as_decide_to_a_token_with_a_fault(
    live: LiveGateway, fault: str, data: st.DataObject
) -> None:
    """The same token without its fault would be allowed."""
    _check_generated(live, data.draw(faulty_cases(scene(), fault)))


@pytest.mark.usefixtures("entities")
def test_the_generated_requests_covered_every_status_and_every_fault(
    report: Callable[[str], None],
) -> None:
    """The counts are printed at the end of the run."""
    for line in COVERAGE.lines():
        report(line)
    assert {
        status for status in STATUSES if not COVERAGE.statuses[status]
    } == set()
    assert {fault for fault in FAULTS if not COVERAGE.faults[fault]} == set()
