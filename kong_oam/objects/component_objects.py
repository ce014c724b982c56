"""The objects and routes of a component at one place, rendered or plain. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from kong_oam.diagnostics import Diagnostic, Diagnostics, Findings, some
from kong_oam.oam.model import Application, ComponentSpec, Trait
from kong_oam.oam.rendered import Objects
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.manifests import service_name
from kong_oam.objects.plain import plain_objects, wrong_properties
from kong_oam.objects.pods import mappings
from kong_oam.objects.ports import GRPC, named_as_grpc
from kong_oam.objects.routes import (
    Route,
    Routes,
    ingress_routes,
    refused_annotation,
)
from kong_oam.objects.services import services_among


@dataclass(frozen=True, slots=True)
class ComponentObjects:
    """The objects of a component, its routes, and the findings about both."""

    objects: Objects
    routes: tuple[Route | Diagnostic, ...]
    wrong: Diagnostics = ()


def objects_of(application: Application, part: ComponentSpec) -> Objects:
    """Return the objects of a component in the namespace of `application`: rendered objects, or the
    objects of a plain component."""
    return (
        plain_objects(application, part)
        if part.rendered is None
        else part.rendered
    )


def component_objects(
    application: Application, part: ComponentSpec, harmless: Collection[str]
) -> ComponentObjects:
    """Return the objects and routes of a component in the namespace of `application`.

    `harmless`: keys and domains of annotations that the stack declares harmless.
    """
    objects = objects_of(application, part)
    wrong = [*_unordered_variables(part, objects)]
    if part.rendered is None:
        routes = tuple(_gateway_routes(part, harmless))
        wrong += wrong_properties(application, part)
    else:
        services = services_among(
            part.rendered, application.namespace, application.name, part.name
        )
        routes = tuple(ingress_routes(application, part, services, harmless))
        wrong += _existing_accounts(part)
    return ComponentObjects(objects, routes, tuple(wrong))


def _unordered_variables(part: ComponentSpec, objects: Objects) -> Findings:
    """Yield a variable that a container has twice, if values refer to variables.

    Only the last value is deployed, at the place of the first. References would get other values
    than in KubeVela, which deploys both.
    """
    if part.rendered is None and "env" not in part.properties:
        return
    for rendered in objects:
        for template in component_pods(rendered):
            for _, container in template.containers():
                variables = mappings(container.get("env"))
                names = [str(each.get("name")) for each in variables]
                if len(set(names)) < len(names) and "$(" in str(variables):
                    [(name, _)] = Counter(names).most_common(1)
                    message = (
                        f"'{part.name}' has the variable '{name}' more than "
                        "once, and a value refers to variables by $(...); "
                        f"write '{name}' once"
                    )
                    position = part.position.at("properties", "env")
                    yield Diagnostic("OAM106", message, position)


def _existing_accounts(part: ComponentSpec) -> Findings:
    """Yield the traits that name a ServiceAccount which the component does not create.

    Another account would not have the cloud's identity of the component, and providers know each
    client by its own account.
    """
    own = [part.name]
    for rendered in part.rendered or ():
        if rendered.kind == "ServiceAccount":
            own.append(rendered.name)
    for trait in part.traits_of("service-account"):
        name = trait.properties.get("name")
        if name not in own:
            message = (
                f"'{part.name}' runs as its own ServiceAccount, never as an "
                "existing one; write create: true so that it creates "
                f"'{name}', or remove the trait"
            )
            yield Diagnostic(
                "OAM108", message, trait.position.at("properties", "name")
            )


def _gateway_routes(part: ComponentSpec, harmless: Collection[str]) -> Routes:
    """Yield the routes of a plain component's gateway traits, and findings. `harmless`: annotations
    that the stack declares harmless."""
    for trait in part.traits_of("gateway"):
        properties = trait.properties
        position = trait.position
        domain = properties.get("domain")
        certificate = properties.get("secretName")
        service = service_name(part.name, properties.get("name"))
        yield from _grpc_ports(part, trait)
        yield from _missing_ports(part, trait)
        for name, value in properties.get("annotations", {}).items():
            if refused := refused_annotation(name, value, harmless):
                at = position.at("properties", "annotations").key(name)
                yield Diagnostic(*refused, at)
        host_place = position.at("properties", "domain")
        for path, port in properties["http"].items():
            at = position.at("properties", "http", path, on_key=True)
            yield Route(
                domain, path, service, port, certificate, at, host_place
            )


def _grpc_ports(part: ComponentSpec, trait: Trait) -> Findings:
    """Yield findings about ports with a gRPC name (`grpc`, `grpc-...`, as in service meshes).

    Kong sends gRPC calls with the client's path, not with the path that the gate checked.
    """
    names: dict[int, str] = {}
    for entry in part.properties.get("ports", ()):
        name = str(entry.get("name", ""))
        names[entry["port"]] = name
        names[entry.get("containerPort", entry["port"])] = name
    for path, port in trait.properties["http"].items():
        if named_as_grpc(names.get(port, "")):
            message = f"port {port} ('{names[port]}') {GRPC}"
            position = trait.position.at("properties", "http").key(path)
            yield Diagnostic("ACC218", message, position)


def _missing_ports(part: ComponentSpec, trait: Trait) -> Findings:
    """Yield findings about ports that the component does not list.

    As in KubeVela, the Service of a gateway trait leads to the container port of the same number. A
    port with `expose: true` is on another Service, and leads to its `containerPort`.
    """
    properties = part.properties
    listed = properties.get("ports") or (
        [properties] if "port" in properties else []
    )
    if not listed:
        return
    ports = set[int]()
    for entry in listed:
        if entry.get("protocol", "TCP") == "TCP":
            ports.add(int(entry.get("containerPort", entry["port"])))
            if entry.get("expose") and "name" not in trait.properties:
                ports.add(int(entry["port"]))
    for path, port in trait.properties["http"].items():
        if port not in ports:
            has = "none of its ports is TCP"
            if ports:
                has = f"its ports are {some(map(str, sorted(ports)))}"
            message = f"'{part.name}' has no port {int(port)}; {has}"
            position = trait.position.at("properties", "http", path)
            yield Diagnostic("ACC223", message, position)
