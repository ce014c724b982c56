"""Finds what is wrong about the gateway in a stack's settings, as far as a schema cannot say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from kong_oam.access.settings import upstream_tls


def gateway_problems(gateway: Mapping[str, Any]) -> Iterator[str]:
    """Yields each problem, behind the setting's name.

    Settings that do not say where the gateway is are one: whoever else could connect to a workload would get past the
    gate.
    """
    if ("namespace" in gateway) != ("podLabels" in gateway):
        yield "gateway: namespace and podLabels go together; else other pods there would count as the gateway"
    for position, cidr in enumerate(gateway.get("cidrs", ())):
        try:
            ip_network(cidr, strict=False)
        except ValueError:
            yield f"gateway.cidrs.{position}: '{cidr}' is no range of addresses; write 192.0.2.0/28 or 2001:db8::/64"
    if "namespace" not in gateway and "cidrs" not in gateway:
        yield "gateway: say where the gateway is: namespace and podLabels in the cluster, or cidrs outside"
    if gateway.get("reach", "cluster") == "cluster" and "namespace" not in gateway:
        yield "gateway: a gateway outside the cluster cannot use its names; set reach to loadBalancer or nodePort"
    if gateway.get("reach") == "nodePort" and "nodeAddress" not in gateway:
        yield "gateway: reach: nodePort needs nodeAddress"
    if "workspace" in gateway and gateway.get("edition") != "enterprise":
        yield "gateway: only Kong Enterprise has workspaces; set edition to enterprise, or leave out workspace"
    yield from upstream_tls.problems(gateway)
