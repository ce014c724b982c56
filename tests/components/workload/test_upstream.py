"""The gateway's address for a workload: values of a Service, and values that no run waits for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.workload.upstream import (
    Upstream,
    balancer_of,
    node_port_of,
    upstream_of,
)
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.settings.values import GatewaySettings
from kong_oam.oam.position import NO_POSITION
from tests.support.json_object import JsonObject
from tests.support.verified_gateway import sample


class _Known:
    """Stands in for an output whose value is known."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def apply(self, made: Any) -> Any:
        return made(self._value)


class _Service:
    """Stands in for a Service of which this alone is known: to read more is an error."""

    def __init__(self, **known: Any) -> None:
        self.__dict__.update(
            {name: _Known(value) for name, value in known.items()}
        )


BALANCED = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}


@pytest.mark.parametrize(
    ("reach", "known", "found"),
    [
        ("cluster", {}, Upstream("api.orders.svc.cluster.local", 8080)),
        ("loadBalancer", {"status": BALANCED}, Upstream("192.0.2.1", 8080)),
        (
            "nodePort",
            {"spec": {"ports": [{"port": 8080, "nodePort": 30080}]}},
            Upstream("192.0.2.9", 30080),
        ),
    ],
)
def test_only_what_is_asked_for_is_read(
    reach: Any, known: JsonObject, found: Upstream
) -> None:
    """A value that the cluster never gives would stay unknown."""
    gateway: GatewaySettings = replace(
        sample()[0].gateway, reach=reach, node_address="192.0.2.9"
    )
    service: Any = _Service(**known)
    backend = Endpoint("api.test", (), 8080, NO_POSITION, service="api")
    assert upstream_of(gateway, service, "orders", backend) == found


@pytest.mark.parametrize(
    ("ingress", "found"),
    [
        ([{"ip": "192.0.2.1"}], "192.0.2.1"),
        ([{"hostname": "lb.example.com"}], "lb.example.com"),
        ([{}, {"ip": "::1", "hostname": "x"}], "::1"),
    ],
)
def test_a_load_balancer_has_an_address_or_a_name(
    ingress: Any, found: str
) -> None:
    assert balancer_of({"loadBalancer": {"ingress": ingress}}) == found


@pytest.mark.parametrize(
    "status",
    [
        None,
        {},
        {"loadBalancer": None},
        {"loadBalancer": {"ingress": [{"ip": ""}]}},
    ],
)
def test_nothing_leads_to_nowhere(status: Any) -> None:
    """A run stops where the cluster has not said yet where."""
    with pytest.raises(LookupError, match="load balancer has no address yet"):
        balancer_of(status)


@pytest.mark.parametrize(
    "ports", [None, [{"port": 80, "nodePort": 30001}], [{"port": 8080}]]
)
def test_a_port_without_a_node_port_leads_nowhere(ports: Any) -> None:
    """Others of the Service do not stand in for it."""
    with pytest.raises(LookupError, match="no node port for port 8080"):
        node_port_of({"ports": ports}, 8080)
