"""The Services of a component, and the ports of its pods that routes lead to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import Component
from kong_oam.objects.ports import Port, Service, Services
from kong_oam.objects.services import services_among


def services_of(site: Component) -> Services:
    """Return the Services of a component at one place, by name: its own, and the Service in
    `access.service` under both names."""
    workload = site.workload
    services = dict(
        services_among(
            workload.rendered,
            workload.namespace,
            site.application,
            site.name,
        )
    )
    if named := workload.named_service:
        port = Port(named.port, "", named.target, "")
        for name in (named.name, named.ours):
            services[name] = Service(name, (port,), (), named.labels)
    return services


def routed_at(site: Component) -> Iterator[tuple[int, Endpoint]]:
    """Yield the pods' ports that routes lead to at one place of a component.

    Each port has its endpoint. The first endpoint comes last.
    """
    endpoints = site.exposure.endpoints
    services = services_of(site) if endpoints else {}
    for endpoint in reversed(endpoints):
        service = services.get(endpoint.service)
        port = service.port(endpoint.port) if service else None
        for number in service.pod_ports(port) if service and port else ():
            yield number, endpoint


def routed_ports(component: Component) -> Mapping[int, Endpoint]:
    """Return the pods' ports that routes lead to, in any place of the component, each with the
    first endpoint."""
    return dict(chain.from_iterable(map(routed_at, component.instances)))
