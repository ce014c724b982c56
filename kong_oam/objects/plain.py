"""Render a webservice, worker or external component without definitions. Pure.

This is one of two sources of rendered objects; the other is the evaluator. Later code does not
distinguish them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kong_oam.diagnostics import Diagnostic, Findings, Position
from kong_oam.oam.model import Application, ComponentSpec, Trait
from kong_oam.oam.position import Fields, SourcePosition
from kong_oam.oam.rendered import Objects, RenderedObject
from kong_oam.objects.manifests import Exposure, Workload
from kong_oam.objects.named_services import is_service_name, named_service
from kong_oam.objects.pods import Manifest, Path
from kong_oam.objects.selection import APPLICATION, COMPONENT
from kong_oam.objects.webservice import PROBES, deployment, mounts, services

# Properties that no check is about, unless a variable has a reference or a probe has a host.
_INERT = frozenset(
    {
        "addRevisionLabel",
        "args",
        "cmd",
        "cpu",
        "env",
        "hostAliases",
        "image",
        "imagePullPolicy",
        "limit",
        "livenessProbe",
        "memory",
        "port",
        "ports",
        "readinessProbe",
    }
)
# Harmless keys of labels and annotations: they have no domain.
_WORD = re.compile(r"[A-Za-z-]+\Z")
_METADATA = ("labels", "annotations")
_POD: Path = ("spec", "template", "spec")
_CONTAINER: Path = (*_POD, "containers", "0")


def plain_objects(
    application: Application, component: ComponentSpec
) -> Objects:
    """Return the Deployment and the Services of a plain component, in the namespace of
    `application`."""
    if component.type == "external":
        return ()
    workload = _workload(application, component)
    manifests = {"": deployment(workload)}
    for service in services(workload):
        manifests[service["metadata"]["name"]] = service
    named = all(is_service_name(name) for name in manifests if name)
    inert = named and _is_inert(application, component)
    position = component.position.at("name")
    return tuple(
        RenderedObject(
            manifest,
            None,
            key,
            position,
            plain=True,
            inert=inert,
            positions={}
            if inert
            else dict(_positions(application.position, component, manifest)),
        )
        for key, manifest in manifests.items()
    )


def exposure_of(trait: Trait) -> Exposure:
    """Return the Service of a gateway trait, with the ports of its paths."""
    ports = sorted(set(trait.properties["http"].values()))
    return Exposure(trait.properties.get("name"), tuple(ports))


def _workload(application: Application, component: ComponentSpec) -> Workload:
    return Workload(
        application=application.name,
        namespace=application.namespace,
        component=component.name,
        type=component.type,
        properties=component.properties,
        labels=application.labels,
        annotations=application.annotations,
        exposures=tuple(map(exposure_of, component.traits_of("gateway"))),
    )


def _is_inert(application: Application, component: ComponentSpec) -> bool:
    """Tell whether the objects of a component need no checks."""
    properties = component.properties
    keys = (*application.labels, *application.annotations)
    if not all(map(_WORD.match, keys)) or not _INERT.issuperset(properties):
        return False
    if any("valueFrom" in variable for variable in properties.get("env", ())):
        return False
    requests = [
        properties.get(probe, {}).get("httpGet", {}) for probe in PROBES
    ]
    return not any("host" in request for request in requests)


def _positions(
    application: SourcePosition, component: ComponentSpec, manifest: Manifest
) -> Iterator[tuple[Path, Position]]:
    """Yield the positions of an object's paths in properties or in metadata of the Application."""
    for field in _METADATA:
        for key in manifest["metadata"].get(field, {}):
            yield (
                ("metadata", field, key),
                application.at("metadata", field).key(key),
            )
    properties = component.properties
    position = component.position.at("properties")
    if manifest["kind"] == "Service":
        if "exposeType" in properties:
            yield ("spec", "type"), position.at("exposeType")
        return
    for field in _METADATA:
        for key in properties.get(field, {}):
            yield (
                ("spec", "template", "metadata", field, key),
                position.at(field).key(key),
            )
    pod = manifest["spec"]["template"]["spec"]
    for index, volume in enumerate(pod.get("volumes", ())):
        yield (*_POD, "volumes", str(index)), _volume(component, volume["name"])
    for index, variable in enumerate(pod["containers"][0].get("env", ())):
        last = _last(properties["env"], variable["name"])
        yield (*_CONTAINER, "env", str(index)), position.at("env", last)
    for probe in PROBES:
        for path in _fields(properties.get(probe)):
            yield (*_CONTAINER, probe, *path), position.at(probe, *path)


def _fields(value: Any) -> Iterator[Path]:
    """Yield the paths of all fields in a mapping, at any depth."""
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        yield (key,)
        for path in _fields(inner):
            yield (key, *path)


def _volume(component: ComponentSpec, name: str) -> Position:
    """Return the position of the first mount of a volume."""
    position = component.position.at("properties")
    return next(
        position.at(*path)
        for path, _, mount in mounts(component.properties) or ()
        if mount["name"] == name
    )


def _last(variables: Sequence[Fields], name: str) -> int:
    """Return the index of the last variable with a name; it overrides the others."""
    return max(
        index
        for index, variable in enumerate(variables)
        if variable["name"] == name
    )


def wrong_properties(
    application: Application, component: ComponentSpec
) -> Findings:
    """Yield the findings about a plain component's properties that its schema does not cover."""
    yield from _labelled_as_others(application, component)
    yield from _ports_exposed_twice(component)
    if named := named_service(component):
        message = (
            f"a {component.type} has its own Service, and access.service is "
            "for Services of others; remove it"
        )
        if component.type == "external":
            message = (
                "an external component has no Service in a cluster; remove it"
            )
        yield Diagnostic("ACC211", message, named.position)


def _labelled_as_others(
    application: Application, component: ComponentSpec
) -> Findings:
    """Yield labels that would give pods another component's identity; they are overwritten."""
    labels = component.properties.get("labels", {})
    for key, own in (
        (APPLICATION, application.name),
        (COMPONENT, component.name),
    ):
        if labels.get(key, own) != own:
            expected = (
                f"the pods of '{application.name}/{component.name}' need "
                f"'{own}'"
            )
            message = (
                f"label '{key}' is '{labels[key]}', but {expected}; remove it"
            )
            yield Diagnostic(
                "ACC226",
                message,
                component.position.at("properties", "labels").key(key),
            )


def _ports_exposed_twice(component: ComponentSpec) -> Findings:
    """Yield ports that are exposed twice with one number and protocol. No API server accepts such a
    Service."""
    first: dict[tuple[int, str], SourcePosition] = {}
    for index, port in enumerate(component.properties.get("ports", ())):
        if port.get("expose"):
            number = int(port["port"])
            protocol = port.get("protocol", "TCP")
            position = component.position.at(
                "properties", "ports", index, "port"
            )
            earlier = first.setdefault((number, protocol), position)
            if earlier is not position:
                message = (
                    f"{protocol} port {number} is already exposed (line "
                    f"{earlier.line}); remove one"
                )
                yield Diagnostic("OAM106", message, position)
