"""Headers that a stack takes from callers (`gateway.stripHeaders`) stand in admission: they are ours, and looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.kong.entities import Entities
from kong_oam.verify.stack import Reason
from tests.support.verified_gateway import Deployment, sample

TAKEN = ("x-tenant", "x-user-id")


def deployment(*headers: str) -> Deployment:
    settings, estate = sample()
    gateway = replace(settings.gateway, strip_headers=headers)
    return Deployment.of(replace(settings, gateway=gateway), estate)


def findings(expected: Deployment, live: Entities) -> list[tuple[str, Reason]]:
    return [
        (found.kind, reason)
        for found, reasons in expected.judged(live).findings
        for reason in reasons
    ]


def test_a_stack_that_takes_more_is_as_it_is_meant() -> None:
    """Its admissions are scripts of ours, whatever they take."""
    deployed = deployment(*TAKEN)
    assert findings(deployed, deployed.meant) == []


@pytest.mark.parametrize("headers", [(), TAKEN[:1]])
def test_what_callers_may_send_again_weakens(headers: tuple[str, ...]) -> None:
    deployed = deployment(*TAKEN)
    found = findings(
        deployed, replace(deployment(*headers), issuer=deployed.issuer).meant
    )
    assert {kind for kind, _ in found} == {"weakened"}
    assert all(
        "its script differs from the intended script" in reason.text
        for _, reason in found
    )
