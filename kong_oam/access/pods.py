"""The pods behind the ports of a component, as texts for the comparison of two models."""

from __future__ import annotations

from collections.abc import Iterable

from kong_oam.access.data import Texts
from kong_oam.access.model import Component
from kong_oam.access.services import services_of
from kong_oam.objects.ports import Service
from kong_oam.objects.selection import APPLICATION, COMPONENT


def pods_behind(component: Component) -> Texts:
    """Return the pods behind each port of a component, by the port's name: `pods tier=web in shop
    at 8080`. For an external component, it is the text of its upstream.

    A port is left out if the component's objects do not show which pods its Service selects.
    """
    if upstream := component.exposure.upstream:
        return dict.fromkeys(
            (endpoint.port_name for endpoint in component.exposure.endpoints),
            upstream.text,
        )
    # If two Services use a plain port name, the last counts, as for the gateway (`backends_of`).
    endpoints = sorted(
        component.exposure.endpoints, key=lambda endpoint: endpoint.order
    )
    services = services_of(component) if endpoints else {}
    pods: dict[str, str] = {}
    for endpoint in endpoints:
        pods.pop(endpoint.port_name, None)
        if service := services.get(endpoint.service):
            # Another owner's pods are behind its only port.
            port = service.port(endpoint.port)
            if not service.pods:
                port = service.ports[0]
            if port:
                pods[endpoint.port_name] = _pods_text(
                    component, service, service.pod_ports(port)
                )
    return pods


def _pods_text(
    component: Component, service: Service, ports: Iterable[int]
) -> str:
    own = {APPLICATION: component.application, COMPONENT: component.name}
    labels = ",".join(
        f"{key}={value}"
        for key, value in sorted(service.selector.items())
        if own.get(key) != value
    )
    pods = f"pods {labels}" if labels else "own pods"
    words = f"{pods} in {component.at} at {' and '.join(map(str, ports))}"
    made_by = ", ".join(sorted({*service.workloads}))
    return f"{words} ({made_by})" if made_by else words
