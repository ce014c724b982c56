"""The pods behind the ports of a component, as texts for the comparison of two models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kong_oam.access.data import Texts
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import Component
from kong_oam.objects.ports import Service
from kong_oam.objects.selection import APPLICATION, COMPONENT
from kong_oam.objects.services import services_among


def pods_behind(component: Component) -> Texts:
    """Return the pods behind each port of a component, by the port's name: `pods tier=web in shop
    at 8080`.

    A port is left out if the component's objects do not show which pods its Service selects.
    """
    # If two Services use a plain port name, the last counts, as for the gateway (`backends_of`).
    endpoints = sorted(
        component.exposure.endpoints, key=lambda endpoint: endpoint.order
    )
    ours = (
        component.workload.named_service.ours
        if component.workload.named_service
        else None
    )
    services: Mapping[str, Service] = {}
    if any(endpoint.service != ours for endpoint in endpoints):
        services = services_among(
            component.workload.rendered,
            component.workload.namespace,
            component.application,
            component.name,
        )
    pods: dict[str, str] = {}
    for endpoint in endpoints:
        pods.pop(endpoint.port_name, None)
        if words := _pods_text(component, services, endpoint):
            pods[endpoint.port_name] = words
    return pods


def _pods_text(
    component: Component, services: Mapping[str, Service], endpoint: Endpoint
) -> str:
    named = component.workload.named_service
    service = services.get(endpoint.service)
    if named and endpoint.service == named.ours:
        return _selection_text(component, named.labels, [named.target], ())
    port = service.port(endpoint.port) if service else None
    if service is None or port is None:
        return ""
    return _selection_text(
        component, service.selector, service.pod_ports(port), service.workloads
    )


def _selection_text(
    component: Component,
    selector: Texts,
    ports: Iterable[int],
    workloads: Iterable[str],
) -> str:
    own = {APPLICATION: component.application, COMPONENT: component.name}
    labels = ",".join(
        f"{key}={value}"
        for key, value in sorted(selector.items())
        if own.get(key) != value
    )
    pods = f"pods {labels}" if labels else "own pods"
    words = f"{pods} in {component.at} at {' and '.join(map(str, ports))}"
    made_by = ", ".join(sorted({*workloads}))
    return f"{words} ({made_by})" if made_by else words
