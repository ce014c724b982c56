"""Where a component is exposed: the routes of its gateway traits, or of the Ingresses that it renders, as endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import kong_oam.oam.application as oam
from kong_oam.access.endpoint import Endpoint, Exposures
from kong_oam.access.model import Stack
from kong_oam.access.paths import PathSegments, Unreadable, declared, written
from kong_oam.diagnostics import Diagnostic, some
from kong_oam.oam.document import Place
from kong_oam.objects.manifests import service_name
from kong_oam.objects.routes import Route, ingress_routes, refused_annotation
from kong_oam.objects.services import GRPC, named_as_grpc

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\Z")


DEEPEST = 511
DEEPEST_BELOW_WILDCARD = 15
"""The most elements that an exposed path may have: gateways order routes by a small number."""
MOST_LABELS_OF_WILDCARD = 31


def endpoints_of(
    application: oam.Application, part: oam.Component, stack: Stack, out: list[Diagnostic]
) -> tuple[Endpoint, ...]:
    """The endpoints of a component, in its own order. Findings are added to `out`."""
    if part.rendered is None:
        routes = _gateway_routes(part, stack)
    else:
        routes = ingress_routes(application, part, stack.metadata)
    endpoints: list[Endpoint] = []
    for route in routes:
        if isinstance(route, Diagnostic):
            out.append(route)
        elif endpoint := _endpoint(route, application, part, stack, out):
            endpoints.append(endpoint)
    out += _unroutable(endpoints)
    return tuple(endpoints if part.rendered is None else _apart(endpoints))


def exposures_of(part: oam.Component, endpoints: Iterable[Endpoint]) -> Exposures:
    """The Services that the gateway reaches, each with its ports."""
    if part.rendered is None:
        return tuple(
            (_service(part, trait), tuple(sorted(set(trait.properties["http"].values()))))
            for trait in part.traits_of("gateway")
        )
    ports: dict[str, set[int]] = {}
    for endpoint in endpoints:
        ports.setdefault(endpoint.service, set()).add(endpoint.port)
    return tuple((service, tuple(sorted(numbers))) for service, numbers in ports.items())


def _service(part: oam.Component, trait: oam.Trait) -> str:
    return service_name(part.name, trait.properties.get("name"))


def _apart(endpoints: Iterable[Endpoint]) -> Iterator[Endpoint]:
    """Of Services with one port the first by name goes by the port alone, as that of a single gateway trait does."""
    endpoints = list(endpoints)
    first = {endpoint.port: endpoint.service for endpoint in sorted(endpoints, key=lambda e: e.service, reverse=True)}
    for endpoint in endpoints:
        yield endpoint if endpoint.service == first[endpoint.port] else replace(endpoint, apart=endpoint.service)


def _gateway_routes(part: oam.Component, stack: Stack) -> Iterator[Route | Diagnostic]:
    """Yields the routes of the gateway traits of a component that is lowered without definitions."""
    for trait in part.traits_of("gateway"):
        properties, place = trait.properties, trait.place.at("properties")
        domain, certificate = properties.get("domain"), properties.get("secretName")
        yield from _grpc_ports(part, trait)
        yield from _missing_ports(part, trait)
        for name, value in properties.get("annotations", {}).items():
            if refused := refused_annotation(name, value, stack.metadata):
                yield Diagnostic(*refused, place.at("annotations").key(name))
        for path, port in properties["http"].items():
            host_place = place if domain is None else place.at("domain")
            at = place.at("http").key(path)
            yield Route(domain, path, _service(part, trait), port, certificate, at, host_place)


def _endpoint(
    route: Route, application: oam.Application, part: oam.Component, stack: Stack, out: list[Diagnostic]
) -> Endpoint | None:
    host = _host(application.name, part.name, route.host, stack)
    found = None
    if host is None:
        message = "no domain here, and the stack has none to give; write `domain`, or set the stack's"
        found = Diagnostic("ACC208", message, route.host_place)
    elif not _HOST.match(host):
        message = f"host '{host}' is not a DNS name (a wildcard may only be its first label)"
        found = Diagnostic("ACC213", message, route.host_place)
    if found or host is None:
        out += [found] if found else []
        return None
    elements = elements_of(route.path, route.place, out)
    if elements is None:
        return None
    return Endpoint(host, elements, route.port, route.place, route.certificate, route.service)


def _unroutable(endpoints: Iterable[Endpoint]) -> Iterator[Diagnostic]:
    """Finds hosts and paths that a gateway cannot put into the order in which the nearer host and the longer path
    win."""
    wildcards = {endpoint.host: endpoint for endpoint in endpoints if endpoint.host.startswith("*.")}
    for host, endpoint in wildcards.items():
        if host.count(".") > MOST_LABELS_OF_WILDCARD:
            message = f"'{host}' has more than {MOST_LABELS_OF_WILDCARD} labels below its wildcard"
            yield Diagnostic("ACC221", message, endpoint.place)
    deepest = DEEPEST_BELOW_WILDCARD if wildcards else DEEPEST
    for endpoint in endpoints:
        if len(endpoint.path) > deepest:
            where = f" on a wildcard host ('{next(iter(wildcards))}')" if wildcards else ""
            message = f"path '{written(endpoint.path)}' has more than {deepest} elements{where}"
            yield Diagnostic("ACC221", message, endpoint.place)


def _grpc_ports(part: oam.Component, trait: oam.Trait) -> Iterator[Diagnostic]:
    """Finds ports that are named as gRPC's (`grpc`, `grpc-...`, as service meshes expect it).

    Kong hands a call of gRPC on by the path that its client wrote (grpc_pass takes no other), not by that of the gate.
    """
    place = trait.place.at("properties")
    names = {
        number: str(port.get("name", ""))
        for port in part.properties.get("ports", ())
        for number in (port["port"], port.get("containerPort", port["port"]))
    }
    for path, port in trait.properties["http"].items():
        if named_as_grpc(names.get(port, "")):
            yield Diagnostic("ACC218", f"port {port} ('{names[port]}') {GRPC}", place.at("http").key(path))


def _missing_ports(part: oam.Component, trait: oam.Trait) -> Iterator[Diagnostic]:
    """Finds ports that the component does not have, where it lists those that it has.

    As in KubeVela, a gateway trait's Service leads to the container's port of the same number; a port with
    `expose: true` is on a Service of its own name already, and leads where that says.
    """
    properties = part.properties
    listed = properties.get("ports") or ([properties] if "port" in properties else [])
    tcp = [port for port in listed if port.get("protocol", "TCP") == "TCP"]
    ports = {int(port.get("containerPort", port["port"])) for port in tcp}
    if "name" not in trait.properties:
        ports |= {int(port["port"]) for port in tcp if port.get("expose")}
    for path, port in trait.properties["http"].items() if listed else ():
        if port not in ports:
            has = f"its ports are {some(map(str, sorted(ports)))}" if ports else "none of its ports is TCP"
            message = f"'{part.name}' has no port {int(port)}; {has}"
            yield Diagnostic("ACC223", message, trait.place.at("properties", "http", path))


def _host(application: str, component: str, domain: str | None, stack: Stack) -> str | None:
    """The host as this environment has it, in lower case; None where nothing says."""
    if domain is None:
        return f"{component}-{application}.{stack.domain}".lower() if stack.domain else None
    domain = domain.lower()
    for suffix, replacement in sorted(stack.suffixes.items(), key=lambda pair: -len(pair[0])):
        if domain == suffix or domain.endswith(f".{suffix}"):
            return domain[: len(domain) - len(suffix)] + replacement.lower()
    return domain


def elements_of(path: str, place: Place, out: list[Diagnostic]) -> PathSegments | None:
    """Parses a path as an Application writes it; None, and a finding, where it could be read in two ways."""
    try:
        return declared(path)
    except Unreadable as why:
        out.append(Diagnostic("ACC213", f"path '{path}': {why}", place))
        return None
