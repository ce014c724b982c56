"""Where the gateway finds a workload: what the cluster says of a Service, and what nobody waits for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.workload.upstream import Upstream, balancer_of, node_port_of, upstream_of
from kong_oam.access.settings.stack import GatewaySettings
from tests.support.verifying import sample


def _never() -> Any:
    raise AssertionError("nobody asks for it")


@pytest.mark.parametrize(
    ("reach", "asked", "found"),
    [
        ("cluster", {"inside": lambda: "api.orders.svc.cluster.local"}, Upstream("api.orders.svc.cluster.local", 8080)),
        ("loadBalancer", {"balancer": lambda: "192.0.2.1"}, Upstream("192.0.2.1", 8080)),
        ("nodePort", {"node_port": lambda: 30080}, Upstream("192.0.2.9", 30080)),
    ],
)
def test_only_what_is_asked_for_is_read(reach: Any, asked: dict[str, Any], found: Upstream) -> None:
    """What the cluster never gives would never be known."""
    gateway: GatewaySettings = replace(sample()[0].gateway, reach=reach, node_address="192.0.2.9")
    reading = {"inside": _never, "balancer": _never, "node_port": _never} | asked
    assert upstream_of(gateway, 8080, **reading) == found


@pytest.mark.parametrize(
    ("ingress", "found"),
    [([("192.0.2.1", None)], "192.0.2.1"), ([(None, "lb.example.com")], "lb.example.com"), ([(None, None), ("::1", "x")], "::1")],
)  # fmt: skip
def test_a_load_balancer_has_an_address_or_a_name(ingress: Any, found: str) -> None:
    assert balancer_of(ingress) == found


def test_nothing_leads_to_nowhere() -> None:
    """A run stops where the cluster has not said yet where."""
    for ingress in ((), [(None, None)], [("", "")]):
        with pytest.raises(LookupError, match="load balancer has no address yet"):
            balancer_of(ingress)
    assert node_port_of([(80, 30001), (8080, 30080)], 8080) == 30080
    for ports in ((), [(80, 30001)], [(8080, None)]):
        with pytest.raises(LookupError, match="no node port for port 8080"):
            node_port_of(ports, 8080)
