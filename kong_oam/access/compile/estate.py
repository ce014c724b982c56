"""Compiles Applications on a stack into an estate: every name resolved, every grant covered, or diagnostics.

It reports all problems at once, and an estate exists only where no error was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import kong_oam.oam.application as oam
from kong_oam.access.compile.clients import Directory, callees_of, compile_clients
from kong_oam.access.compile.component import compile_component
from kong_oam.access.memory import Memory
from kong_oam.access.model import (
    Application,
    Component,
    Endpoint,
    Estate,
    Exposures,
    Stack,
    client_secret_name,
    service_name,
)
from kong_oam.access.paths import PathSegments, written
from kong_oam.diagnostics import Diagnostic, errors, ordered, printable


@dataclass(frozen=True, slots=True)
class Compiled:
    """The result of a compilation. `estate` is None exactly where `diagnostics` hold an error. `unjudged` are
    Applications that could not be read and of which others name components; "" stands for any without a name."""

    estate: Estate | None
    diagnostics: tuple[Diagnostic, ...]
    unjudged: tuple[str, ...] = ()

    @property
    def reservation(self) -> str:
        """What else may be wrong, as the end of a sentence about the errors; empty where nothing was left out."""
        named = [f"'{printable(name)}'" for name in self.unjudged if name]
        if "" in self.unjudged:
            named.append("Applications that only an unreadable file can hold")
        return f"; what others say of {', '.join(named)} is judged when that can be read" if named else ""


def compile_estate(reading: oam.Reading, stack: Stack, memory: Memory | None = None) -> Compiled:
    """Compiles the applications of `reading` on `stack`; with a `memory`, no component anew that it has compiled."""
    memory = memory or Memory()
    findings = list(reading.diagnostics)
    directory = Directory(stack, findings, reading.malformed)
    applications = tuple(_first_of_each_name(reading.applications, findings))
    for application in applications:
        for part in application.components:
            component, found = memory.recall("component", part, stack, partial(_alone, application, part, stack))
            findings += found
            directory.add(component, part)
    directory.check_scopes()
    directory.check_role_members()
    findings += _shared_endpoints(directory.components.values())
    findings += _nested_applications(directory.components.values())
    findings += _applications_beside_gateway(applications, stack)
    findings += _borrowed_credentials(directory)
    findings += _conflicting_certificates(directory.components.values())
    findings += _shared_objects(directory)
    compiled = tuple(_application(application, directory, memory) for application in applications)
    diagnostics, unjudged = ordered(findings), tuple(sorted(directory.unjudged))
    estate = None if errors(diagnostics) else Estate(stack, compiled, unjudged)
    return Compiled(estate, diagnostics, unjudged)


def _alone(application: oam.Application, part: oam.Component, stack: Stack) -> tuple[Component, tuple[Diagnostic, ...]]:
    """The component as far as it can be compiled without the others, and what is wrong about it."""
    findings: list[Diagnostic] = []
    return compile_component(application, part, stack, findings), tuple(findings)


def _first_of_each_name(applications: Iterable[oam.Application], out: list[Diagnostic]) -> Iterator[oam.Application]:
    """Yields the first application of each name; another of the same name is a finding."""
    first: dict[str, oam.Application] = {}
    for application in applications:
        earlier = first.setdefault(application.name, application)
        if earlier is application:
            yield application
        else:
            message = f"application '{application.name}' is already defined at {earlier.place}; a stack has a name once"
            out.append(Diagnostic("OAM106", message, application.place.at("metadata", "name")))


def _application(source: oam.Application, directory: Directory, memory: Memory) -> Application:
    components = (
        _with_clients(directory.components[f"{source.name}/{part.name}"], part, directory, memory)
        for part in source.components
    )
    return Application(source.name, source.namespace, source.labels, source.annotations, tuple(components))


def _with_clients(component: Component, part: oam.Component, directory: Directory, memory: Memory) -> Component:
    if component.key not in directory.clients:
        return component
    compiled = partial(_with_all_clients, component, directory)
    callees = callees_of(component, directory)
    if all(callee and callee.scopes for callee in callees):  # else what is wrong depends on more than these
        beside = (directory.stack, component, callees)
        made, found = memory.recall("clients", part, beside, compiled)
        if found:  # it may say where in the callees' files, and lines move
            made, found = compiled()
    else:
        made, found = compiled()
    directory.out += found
    return made


def _with_all_clients(component: Component, directory: Directory) -> tuple[Component, tuple[Diagnostic, ...]]:
    apart = replace(directory, out=[])
    clients = tuple(compile_clients(component, apart))
    return replace(component, clients=clients), tuple(apart.out)


def _shared_endpoints(components: Iterable[Component]) -> Iterator[Diagnostic]:
    first: dict[tuple[str, PathSegments], tuple[Component, Endpoint]] = {}
    for component in components:
        for endpoint in component.endpoints:
            key = (endpoint.host, endpoint.path)
            owner, earlier = first.setdefault(key, (component, endpoint))
            if earlier is not endpoint:
                message = (
                    f"{endpoint.host}{written(endpoint.path)} already belongs to '{owner.key}' ({earlier.place}); "
                    "a host and path lead to one port of one component"
                )
                yield Diagnostic("ACC205", message, endpoint.place)


_Exposed = tuple[Component, Endpoint]


def _nested_applications(components: Iterable[Component]) -> Iterator[Diagnostic]:
    """Nobody owns a host: whoever declares the longer path, or the nearer host below a wildcard, takes calls, and the
    tokens in them, from the other.

    That is as meant within one application, and between components whose access traits name one owner.
    """
    exposed: dict[str, dict[PathSegments, _Exposed]] = {}
    for component in components:
        for endpoint in component.endpoints:
            exposed.setdefault(endpoint.host, {})[endpoint.path] = component, endpoint
    for paths in exposed.values():
        for component, endpoint in paths.values():
            for owner, outer in _taken_from(endpoint, exposed):
                if owner.application == component.application or (owner.owner and owner.owner == component.owner):
                    continue
                inner = max(endpoint.path, outer.path, key=len)
                wildcard = outer.host if outer.host != endpoint.host else ""
                message = (
                    f"{endpoint.host}{written(inner)} lies below {wildcard}{written(outer.path)} of '{owner.key}' "
                    f"({outer.place}): its calls go to '{component.key}' and are judged by its rules alone; agree on "
                    "that, or take a host of your own"
                )
                yield Diagnostic("ACC219", message, endpoint.place, "warning")


def _taken_from(endpoint: Endpoint, exposed: Mapping[str, Mapping[PathSegments, _Exposed]]) -> Iterator[_Exposed]:
    """What would get the endpoint's calls without it: on its own host or, where nothing there would, on the nearest
    wildcard above; and what lies below it on wildcards before that."""
    path = endpoint.path
    for host in _hosts_above(endpoint.host):
        paths = exposed.get(host, {})
        if host != endpoint.host:
            yield from (pair for below, pair in paths.items() if len(below) > len(path) and below[: len(path)] == path)
        longest = len(path) if host != endpoint.host else len(path) - 1
        above = (paths.get(path[:length]) for length in range(longest, -1, -1))
        if pair := next(filter(None, above), None):
            yield pair
            return


def _hosts_above(host: str) -> Iterator[str]:
    """The host, and the wildcards that stand for it, the nearest first."""
    yield host
    labels = host.removeprefix("*.").split(".")
    yield from (f"*.{'.'.join(labels[start:])}" for start in range(1, len(labels)))


def _conflicting_certificates(components: Iterable[Component]) -> Iterator[Diagnostic]:
    """A host has one certificate: of two, callers would be shown either."""
    first: dict[str, tuple[str, str, Endpoint]] = {}
    for component in components:
        for endpoint in component.endpoints:
            if endpoint.certificate:
                wanted = (component.namespace, endpoint.certificate)
                *first_named, earlier = first.setdefault(endpoint.host, (*wanted, endpoint))
                if tuple(first_named) != wanted:
                    message = (
                        f"{endpoint.host} is given another certificate at {earlier.place}: '{'/'.join(first_named)}'"
                    )
                    yield Diagnostic("ACC215", message, endpoint.place)


def _applications_beside_gateway(applications: Iterable[oam.Application], stack: Stack) -> Iterator[Diagnostic]:
    for application in applications:
        if application.namespace == stack.gateway_namespace:
            message = f"namespace '{application.namespace}' is the gateway's: pods there could pass for it; use another"
            yield Diagnostic("ACC216", message, application.place.at("metadata", "namespace"))


def _borrowed_credentials(directory: Directory) -> Iterator[Diagnostic]:
    """A client's Secret is its own: whoever else could read it would call as that client, with no role asked."""
    owners: dict[tuple[str, str], list[Component]] = {}
    for component in directory.components.values():
        if component.key in directory.clients and not component.outside:
            owners.setdefault((component.namespace, client_secret_name(component.name)), []).append(component)
    for key, secret in sorted(directory.stack.known_secrets):
        if owner := directory.components.get(key):
            owners.setdefault((owner.namespace, secret), []).append(owner)
    for component in directory.components.values():
        for path in _secret_references(component.properties, ()):
            name = component.properties
            for step in path:
                name = name[step]  # type: ignore[index]
            belongs = owners.get((component.namespace, str(name)), [component])
            if component not in belongs:
                message = (
                    f"Secret '{name}' is the credential of '{belongs[0].key}'; a component has its own client trait"
                )
                yield Diagnostic("ACC217", message, component.place.at("properties", *path))


def _secret_references(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """Yields the path of every name of a Secret in a component's properties: env, volumes, volumeMounts."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secret_references(item, (*path, index))
    elif isinstance(value, dict):
        if "secretName" in value:
            yield (*path, "secretName")
        if path[-1:] == ("secretKeyRef",) and "name" in value:
            yield (*path, "name")
        for key, item in value.items():
            yield from _secret_references(item, (*path, key))


_SERVICE_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


def object_names(
    name: str, properties: Mapping[str, Any], exposures: Exposures, *, client: bool
) -> Iterator[tuple[str, str]]:
    """Yields (kind, name) of a component's Kubernetes objects, in its namespace: KubeVela's names, and those that are
    added."""
    for kind in ("Deployment", "ServiceAccount", "NetworkPolicy"):
        yield kind, name
    services = {service_name(name, trait) for trait, _ in exposures}
    if any(port.get("expose") for port in properties.get("ports", ())):
        services.add(name)
    for service in sorted(services):
        yield "Service", service
    if client:
        yield "Secret", client_secret_name(name)


def _shared_objects(directory: Directory) -> Iterator[Diagnostic]:
    first: dict[tuple[str, str, str], Component] = {}
    for component in (component for component in directory.components.values() if not component.outside):
        client = component.key in directory.clients
        for kind, name in object_names(component.name, component.properties, component.exposures, client=client):
            if kind == "Service" and not _SERVICE_NAME.match(name):
                message = f"'{name}' cannot name a Service: a letter first, then letters, digits and dashes, 63 in all"
                yield Diagnostic("OAM103", message, component.place.at("name"))
            earlier = first.setdefault((kind, component.namespace, name), component)
            if earlier is not component:
                message = (
                    f"{kind} '{name}' in namespace '{component.namespace}' would also be made for '{earlier.key}' "
                    f"({earlier.place}); rename one, or give the applications namespaces of their own"
                )
                yield Diagnostic("OAM107", message, component.place.at("name"))
                break
