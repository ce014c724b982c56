"""Changes by hand of limits and headers in the sandbox's Kong (a stand-in), and the findings of
`verify`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from kong_oam.kong.owners import OwnerLookup
from kong_oam.traits.headers.value import HEADERS, Headers
from kong_oam.traits.limits.value import LIMITS, Limits, Retries
from kong_oam.verify.drift import drifts
from tests.support.estates import with_traits
from tests.support.verified_gateway import (
    Deployment,
    Hands,
    Running,
    report_lines,
    sample,
)

ORDERS = "kong-oam.local.orders.api.8080"
BOTH = {
    LIMITS: Limits(body=2048, read=5000, retries=Retries(2)),
    HEADERS: Headers(secure=True),
}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    settings, estate = sample()
    with Running(
        Deployment.of(settings, with_traits(estate, "orders/api", BOTH))
    ) as verified:
        yield verified


def test_what_is_meant_is_no_finding(running: Running) -> None:
    """The service has its times, and every script is ours."""
    (service,) = (
        service
        for service in running.kong.entities("services")
        if service["name"] == ORDERS
    )
    assert (service["read_timeout"], service["retries"]) == (5000, 2)
    assert running.lines() == []


@pytest.mark.parametrize(
    ("old", "new", "entry"),
    [
        ("'body':2048", "'body':999999", "limits"),
        ("'X-Frame-Options','DENY'", "'X-Frame-Options','X'", "headers"),
    ],
)
def test_a_table_with_another_limit_is_told_of(
    running: Running, old: str, new: str, entry: str
) -> None:
    with Hands(running.kong.admin_url) as hands:
        admission = hands.find("plugins", name="pre-function", service=ORDERS)
        first, *further_scripts = admission["config"]["access"]
        assert old in first
        hands.change(
            "plugins",
            admission,
            config={"access": [first.replace(old, new), *further_scripts]},
        )
        (finding,) = running.lines()
        assert finding.endswith(
            f"plugin pre-function of service '{ORDERS}': its table differs in {entry}"
        )
        assert finding.startswith("weakened: ")
    assert running.lines() == []


@pytest.mark.parametrize("name", ["pre-function", "post-function"])
def test_a_script_beside_is_missed(running: Running, name: str) -> None:
    """This holds for the script behind the gate and the script before it."""
    with Hands(running.kong.admin_url) as hands:
        plugin = hands.find("plugins", name=name, service=ORDERS)
        first, *beside = plugin["config"]["access"]
        assert len(beside) == (name == "post-function") and (
            "CODE.limits()\n" in first
        ) == (name == "pre-function")
        hands.change(
            "plugins",
            plugin,
            config={"access": [first.replace("CODE.limits()\n", "")]},
        )
        finding = running.lines()[0]
        assert (
            f"plugin {name} of service '{ORDERS}': its script differs from the intended script"
            in finding
        )
    assert running.lines() == []


@pytest.mark.parametrize("kind", ["services", "routes"])
def test_every_field_of_a_service_and_a_route_is_judged(
    running: Running, kind: str
) -> None:
    """Whatever the program sets, whether an Application asks for it or not."""
    live, wanted_entities, asking_stack = (
        running.entities(),
        running.deployment.meant,
        OwnerLookup("local"),
    )
    wanted = next(
        entity
        for entity in getattr(wanted_entities, kind)
        if entity["name"].startswith(ORDERS)
    )
    others = [
        entity
        for entity in getattr(live, kind)
        if entity["name"] != wanted["name"]
    ]
    (altered,) = (
        entity
        for entity in getattr(live, kind)
        if entity["name"] == wanted["name"]
    )
    for name in {*wanted} - {"id", "name", "service", "tags"}:
        changed = replace(
            live,
            **{kind: (*others, {**altered, name: _another(altered[name])})},
        )
        drift = drifts(changed, wanted_entities, asking_stack)[
            f"{kind[:-1]} '{wanted['name']}'"
        ]
        assert drift.misplaced and f"{name} is " in drift.text, name


def _another(value: Any) -> Any:
    """Return another value of the same type, or a text for a missing value."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case list():
            return []
        case _:
            return "https" if value == "http" else "another"


def test_a_time_that_somebody_changed_is_repaired_by_a_run(
    running: Running,
) -> None:
    """Nobody may call anything else for it."""
    with Hands(running.kong.admin_url) as hands:
        hands.change(
            "services", hands.find("services", name=ORDERS), write_timeout=1
        )
        result = running.judged()
        assert report_lines(result) == [
            f"weakened: service '{ORDERS}': write_timeout is 1, not 60000"
        ]
        ((_, (reason,)),) = result.findings
        assert reason.remedy == "pulumi up -s local --refresh"
