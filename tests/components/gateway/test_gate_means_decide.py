"""Enforced equals meant: the emitted Lua in the sandbox's proxy (a stand-in for Kong) answers as `decide` does."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from access.model import Estate
from sandbox.kong import Kong
from tests import kong_entities
from tests.estates import STACK
from tests.gateway_cases import Case, Issuer, cases, nested_estate

DOMAIN = "example.com"
ISSUER = Issuer(now=time.time())
ESTATE = nested_estate(DOMAIN, STACK)


class Gate:
    """A gateway and the estate that it enforces; no dataclass, so that a failing case prints the request alone."""

    def __init__(self, kong: Kong, estate: Estate) -> None:
        self.kong, self.estate = kong, estate


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    with Kong(now=lambda: ISSUER.now) as kong:
        kong_entities.deploy(kong.admin_url, ESTATE, {"main": {ISSUER.kid: ISSUER.pem}})
        yield Gate(kong, ESTATE)


@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases(DOMAIN, ISSUER))
def test_the_gate_answers_as_decide(gate: Gate, case: Case) -> None:
    """For any request the gateway's status is that of the meaning; an unreadable path may reach no route instead."""
    got = gate.kong.handle(case.raw(), scheme="https")
    meant = case.meant(gate.estate, ISSUER)
    assert got.status in case.statuses(meant), (got.status, meant, got.body)
    assert (got.upstream is not None) == meant.allowed


def test_the_stack_of_these_tests_is_https() -> None:
    """Requests above are made as over TLS, because the stack's routes take nothing else."""
    assert STACK.scheme == "https"
