"""Routes of an older configuration in the same Kong: known until a date, then findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from kong_oam.access.settings.adopted import AdoptedSettings
from kong_oam.cli.verify import known_lines
from kong_oam.verify.stack import Result
from tests.support.verified_gateway import (
    Deployment,
    Hands,
    Running,
    report_lines,
    sample,
)

ADOPTED = AdoptedSettings("2027-03-31", "services move one by one")
# The workload of a component of the sample.
COMPONENT = "orders/api"
WORKLOAD = "api.orders.test"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    settings, estate = sample()
    gateway = replace(settings.gateway, adopted=ADOPTED)
    deployment = Deployment.of(replace(settings, gateway=gateway), estate)
    with Running(deployment) as verified:
        yield verified


@pytest.fixture
def hands(running: Running) -> Iterator[Hands]:
    with Hands(running.kong.admin_url) as made:
        yield made


def judged(running: Running, as_of: str = "2027-03-31") -> Result:
    """Judge the gateway on a day."""
    deployment = running.deployment
    settings = replace(
        deployment.settings,
        as_of=deployment.settings.as_of.fromisoformat(as_of),
    )
    on_day = replace(deployment, settings=settings)
    again = Running(on_day, beside=running)
    return again.judged()


def older(
    hands: Hands, host: str = WORKLOAD, port: int = 8080, **route: Any
) -> None:
    """Make an older service with a route."""
    hands.make("/services", name="old", host=host, port=port)
    hands.make("/services/old/routes", name="old-route", **route)


def test_an_older_route_to_a_workload_is_known_until_the_date(
    running: Running, hands: Hands
) -> None:
    older(hands, paths=["/old"])
    result = judged(running)
    assert report_lines(result) == []
    assert [str(way) for way in result.known] == [
        "route 'old-route' leads to orders/api around its gate, through service 'old' to "
        "api.orders.test:8080"
    ]


def test_the_same_route_is_a_finding_on_the_next_day(
    running: Running, hands: Hands
) -> None:
    older(hands, paths=["/old"])
    result = judged(running, "2027-04-01")
    assert result.known == ()
    assert report_lines(result)[0].startswith(
        "opened: route 'old-route' is not ours"
    )


def test_a_route_behind_an_older_upstream_is_known(
    running: Running, hands: Hands
) -> None:
    hands.make("/upstreams", name="pool")
    hands.make("/upstreams/pool/targets", target=f"{WORKLOAD}:8080")
    hands.make("/upstreams/pool/targets", target="other.test:80")
    older(hands, "pool", hosts=["old.example.com"])
    (way,) = judged(running).known
    assert (way.route, way.address) == (
        "route 'old-route'",
        "api.orders.test:8080",
    )


@pytest.mark.parametrize(
    ("host", "route"),
    [
        ("elsewhere.test", {"paths": ["/"]}),
        ("elsewhere.test", {"paths": ["/orders"], "hosts": ["api.example.com"]}),
        (WORKLOAD, {"paths": ["/"], "protocols": ["grpc"]}),
    ],
)  # fmt: skip
def test_an_older_route_opens_nothing_that_its_own_service_does_not_have(
    running: Running, hands: Hands, host: str, route: dict[str, Any]
) -> None:
    older(hands, host, **route)
    result = judged(running)
    assert report_lines(result) == []
    assert [way.component for way in result.known] == (
        [COMPONENT] if host == WORKLOAD else []
    )


def test_a_disabled_service_is_no_way(running: Running, hands: Hands) -> None:
    hands.make("/services", name="old", host=WORKLOAD, port=8080, enabled=False)
    hands.make("/services/old/routes", name="old-route", paths=["/old"])
    assert judged(running).known == ()


def test_a_route_that_takes_our_calls_is_a_finding_before_the_date(
    running: Running, hands: Hands
) -> None:
    (endpoint, *_) = running.deployment.estate.components[
        COMPONENT
    ].exposure.endpoints
    older(
        hands,
        hosts=[endpoint.host],
        paths=["~/"],
        regex_priority=1000,
        methods=["GET"],
    )
    result = judged(running)
    assert result.known == ()
    assert report_lines(result)[0].startswith(
        "opened: route 'old-route' is not ours"
    )


def test_a_foreign_route_to_our_service_is_a_finding_before_the_date(
    running: Running, hands: Hands
) -> None:
    service = next(
        service
        for service in hands.list("services")
        if ".orders.api." in service["name"]
    )
    hands.make(
        f"/services/{service['id']}/routes", name="extra", paths=["/extra"]
    )
    lines = report_lines(judged(running))
    assert lines[0].startswith("weakened: route 'extra' is not ours and leads")


def test_a_global_plugin_is_a_finding_before_the_date(
    running: Running, hands: Hands
) -> None:
    hands.make("/plugins", name="request-termination")
    lines = report_lines(judged(running))
    assert (
        "plugin request-termination of everything (global) is not ours"
        in lines[0]
    )


def test_the_command_lists_known_ways_and_the_date(
    running: Running, hands: Hands
) -> None:
    older(hands, paths=["/old"])
    settings = running.deployment.settings
    assert list(known_lines(judged(running), settings)) == [
        "known: route 'old-route' leads to orders/api around its gate, through service 'old' to "
        "api.orders.test:8080",
        "1 known way(s) around the gate are findings after 2027-03-31 (gateway.adopted); to retire "
        "them: python -m kong_oam adopt retire",
    ]
