"""TLS to workloads that somebody weakens by hand: `verify` says so, whatever the gate does about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from kong_oam.access.compile.estate import compile_estate
from kong_oam.oam.application import join_readings, read_bytes
from tests.support.estates import api
from tests.support.json_object import JsonObject
from tests.support.verified_gateway import (
    Deployment,
    Hands,
    Running,
    sample,
)
from tests.support.workload_tls import authority, settings

CA, STRANGER = authority("workloads"), authority("stranger")
ACCESS = "{owner: o, rules: [{paths: [/orders], public: {reason: r}}]}"
SERVICE = "kong-oam.local.orders.api.8080__tls"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """A component by TLS, on a gateway that has the CA."""
    on, _ = sample()
    gateway = replace(on.gateway, upstream_tls=settings(CA))
    on = replace(
        on, stack=replace(on.stack, upstream_tls="tls"), gateway=gateway
    )
    text = (
        api(access=ACCESS) + "        - {type: upstream-tls, properties: {}}\n"
    )
    made = compile_estate(
        join_readings([read_bytes("orders.yaml", text.encode())]), on.stack
    ).estate
    assert made is not None
    with Running(Deployment.of(on, made), CA.certificate) as verified:
        yield verified


def test_what_is_deployed_is_what_is_meant(running: Running) -> None:
    assert running.lines() == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"tls_verify": False}, "tls_verify is false, not true"),
        ({"ca_certificates": None}, "ca_certificates is null, not ["),
    ],
)
def test_a_weaker_service_is_found(
    running: Running, change: JsonObject, expected: str
) -> None:
    """And nothing is left to be said once it is undone."""
    with Hands(running.kong.admin_url) as hands:
        hands.change("services", hands.find("services", name=SERVICE), **change)
        reasons = running.lines()
        assert any(expected in reason for reason in reasons), reasons
    assert running.lines() == []


def test_a_ca_under_an_id_that_is_used_is_known_by_what_it_is(
    running: Running,
) -> None:
    """Somebody puts another CA in the place of ours: its id stays, and whoever it signs for would be believed."""
    (ours,) = running.kong.entities("ca_certificates")
    url = f"{running.kong.admin_url}/ca_certificates/{ours['id']}"
    httpx.patch(
        url, json={"cert": STRANGER.certificate}, trust_env=False
    ).raise_for_status()
    try:
        reasons = running.lines()
        assert any("which Kong lacks" in reason for reason in reasons), reasons
    finally:
        httpx.patch(
            url, json={"cert": CA.certificate}, trust_env=False
        ).raise_for_status()
