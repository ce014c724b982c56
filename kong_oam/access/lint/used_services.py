"""Find the Services that components use: by host names in the texts that their pods read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from re import Match
from typing import NamedTuple

from kong_oam.access.model import Component, Estate
from kong_oam.access.services import routed_ports, services_of
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.host_names import (
    NAME,
    is_host,
    line_of,
    references_in,
    text_in_source,
    text_of,
)
from kong_oam.objects.ports import Service, port_number

# By place, kind and name.
_Objects = dict[tuple[str, str, str], tuple[Component, RenderedObject]]


class Use(NamedTuple):
    """A connection that a component needs to the pods of another component, or to its own pods.

    `port` is the pods' port; None if it is uncertain. `source` is the component with the `line` of
    text that names the Service; without a line, `service` is a StatefulSet with several pods.
    """

    caller: Component
    callee: Component
    service: str
    port: int | None
    source: Component
    line: str = ""


class _Target(NamedTuple):
    """A component behind a Service, its allowed callers with ports, and the pods' ports that were
    found."""

    component: Component
    service: Service
    allowed: set[tuple[str, int | None]]
    ports: dict[str | None, int | None]


# By cluster, then by name and namespace (`mysql.shop`).
_Targets = dict[str | None, dict[str, _Target]]


def unallowed_uses(estate: Estate) -> Iterable[Use]:
    """Return each connection that a component needs, and that nothing allows, once."""
    targets: _Targets = defaultdict(dict)
    objects: _Objects = {}
    for component in estate.components.values():
        allowed: set[tuple[str, int | None]] = set()
        for connection in component.connections:
            allowed.add((connection.caller, connection.port))
            allowed.add((connection.caller, None))
        for site in component.instances:
            workload = site.workload
            for name, service in services_of(site).items():
                if service.pods or workload.named_service:
                    target = _Target(component, service, allowed, {})
                    full_name = f"{name}.{workload.namespace}"
                    targets[workload.cluster][full_name] = target
            for rendered in workload.rendered:
                place = workload.at, rendered.kind, rendered.name
                objects[place] = component, rendered
    uses: dict[tuple[str, str, int | None], Use] = {}
    for component in estate.components.values():
        for site in component.instances:
            known = targets[site.workload.cluster]
            for rendered in site.workload.rendered:
                for use in _uses(site, rendered, known, objects):
                    uses.setdefault((site.key, use.callee.key, use.port), use)
    return uses.values()


def _uses(
    site: Component,
    rendered: RenderedObject,
    known: Mapping[str, _Target],
    objects: _Objects,
) -> Iterator[Use]:
    """Yield the connections that an object's pods need, and that nothing allows."""
    yield from _own_connections(site, rendered)
    namespace = site.workload.namespace
    caller = site.key
    for found, source in _names(site, rendered, objects):
        # Without `.svc.cluster.local`, and without the pod of a StatefulSet.
        base = found[1].lower().partition(".svc")[0]
        rest = base.partition(".")[2]
        target = (
            known.get(base)
            or known.get(f"{base}.{namespace}")
            or known.get(rest)
            or known.get(f"{rest}.{namespace}")
        )
        if target is None:
            continue
        callee, service, allowed, ports = target
        written = found[2]
        if written not in ports:
            ports[written] = _pods_port(written, service)
        port = ports[written]
        if (caller, port) in allowed or not is_host(
            found, has_port=bool(written and port)
        ):
            continue
        if callee.key != caller or (
            component_pods(rendered)
            and f"{rendered.kind} {rendered.name}" not in service.workloads
        ):
            yield Use(site, callee, service.name, port, source, line_of(found))


def _names(
    site: Component, rendered: RenderedObject, objects: _Objects
) -> Iterator[tuple[Match[str], Component]]:
    """Yield the words in the texts that an object's pods read, each with the text's component."""
    for found in NAME.finditer(text_of(rendered)):
        yield found, site
    for kind, name, key in references_in(rendered):
        if source := objects.get((site.at, kind, name)):
            for found in NAME.finditer(text_in_source(source[1], key)):
                yield found, source[0]


def _own_connections(
    site: Component, rendered: RenderedObject
) -> Iterator[Use]:
    """Yield the connections between the pods of a StatefulSet."""
    if rendered.kind != "StatefulSet":
        return
    is_allowed = any(each.caller == site.key for each in site.connections)
    if rendered.spec.get("replicas") in range(2, 1000) and not is_allowed:
        ports = {
            port_number(holder.get("containerPort"))
            for _, holder in rendered.inside
        }
        ports -= {None, *routed_ports(site)}
        port = ports.pop() if len(ports) == 1 else None
        yield Use(site, site, rendered.name, port, site)


def _pods_port(written: str | None, service: Service) -> int | None:
    """Return the pods' port behind the written port, or behind the Service's only port."""
    numbers = {
        number
        for port in service.ports
        if written in (None, str(port.number))
        for number in service.pod_ports(port)
    }
    return numbers.pop() if len(numbers) == 1 else None
