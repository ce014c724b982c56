"""Renders plain components: those whose objects their properties say, so that no definition is
evaluated. Pure.

This is one source of rendered objects, beside the evaluator. Both give the same kind of values, and
nothing downstream asks which source gave them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kong_oam.diagnostics import Diagnostic, Findings, Position
from kong_oam.oam.model import Application, ComponentSpec, Trait
from kong_oam.oam.position import SourcePosition
from kong_oam.oam.rendered import Objects, RenderedObject
from kong_oam.objects.manifests import (
    VOLUME_KINDS,
    Exposure,
    Workload,
    deployment,
    services,
)
from kong_oam.objects.named import is_service_name, named_service
from kong_oam.objects.pods import Manifest, Path
from kong_oam.objects.selection import APPLICATION, COMPONENT

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
"""Properties that no rule about objects is about, as long as no variable is read from elsewhere,
and no probe asks another host."""
_PROBES = ("livenessProbe", "readinessProbe")
_WORD = re.compile(r"[A-Za-z-]+\Z")
"""Keys of labels and annotations that nobody obeys: they are of no domain."""
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
    made = []
    for key, manifest in manifests.items():
        said = (
            {}
            if inert
            else dict(_said(application.position, component, manifest))
        )
        made.append(
            RenderedObject(
                manifest,
                None,
                key,
                position,
                plain=True,
                inert=inert,
                said=said,
            )
        )
    return tuple(made)


def exposure_of(trait: Trait) -> Exposure:
    """Return the Service of a gateway trait, with the ports that its paths lead to."""
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
    """Tell whether nothing that a component or its Application says could be wrong about its
    objects."""
    properties = component.properties
    keys = (*application.labels, *application.annotations)
    if not all(map(_WORD.match, keys)) or not _INERT.issuperset(properties):
        return False
    if any("valueFrom" in variable for variable in properties.get("env", ())):
        return False
    requests = [
        properties.get(probe, {}).get("httpGet", {}) for probe in _PROBES
    ]
    return not any("host" in request for request in requests)


def _said(
    application: SourcePosition, component: ComponentSpec, manifest: Manifest
) -> Iterator[tuple[Path, Position]]:
    """Yield where properties, or the metadata of the Application, say what is at a path of an
    object."""
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
    for probe in _PROBES:
        for path in _fields(properties.get(probe)):
            yield (*_CONTAINER, probe, *path), position.at(probe, *path)


def _fields(value: Any) -> Iterator[Path]:
    """Yield the paths of all fields in a mapping, at any depth."""
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        yield (key,)
        for path in _fields(inner):
            yield (key, *path)


def _volume(component: ComponentSpec, name: str) -> Position:
    """Return where a volume of this name is mounted first."""
    groups = component.properties.get("volumeMounts")
    position = component.position.at("properties")
    if groups is None:
        return position.at(
            "volumes", _first(component.properties["volumes"], name)
        )
    position = position.at("volumeMounts")
    for kind in VOLUME_KINDS:
        for number, mount in enumerate(groups.get(kind, ())):
            if mount["name"] == name:
                return position.at(kind, number)
    return position


def _first(entries: Any, name: str) -> int:
    return next(
        index for index, entry in enumerate(entries) if entry["name"] == name
    )


def _last(entries: Any, name: str) -> int:
    """Return of variables of one name the last is the one that counts."""
    return len(entries) - 1 - _first(reversed(entries), name)


def wrong_properties(
    application: Application, component: ComponentSpec
) -> Findings:
    """Yield what is wrong with the properties of a plain component, beside their shape."""
    yield from _labelled_as_others(application, component)
    yield from _ports_exposed_twice(component)
    if named := named_service(component):
        message = (
            f"a {component.type} has a Service of its own, and this is for what is made "
            "elsewhere; take it out"
        )
        yield Diagnostic("ACC211", message, named.position)


def _labelled_as_others(
    application: Application, component: ComponentSpec
) -> Findings:
    """Yield the properties by which pods would have another component's labels, which Kong-OAM
    writes over."""
    labels = component.properties.get("labels", {})
    for key, own in (
        (APPLICATION, application.name),
        (COMPONENT, component.name),
    ):
        if labels.get(key, own) != own:
            whose = f"the pods of '{application.name}/{component.name}' have '{own}'"
            message = (
                f"label '{key}' says '{labels[key]}', and {whose}; take it out"
            )
            yield Diagnostic(
                "ACC226",
                message,
                component.position.at("properties", "labels").key(key),
            )


def _ports_exposed_twice(component: ComponentSpec) -> Findings:
    """Yield exposed ports of one number and protocol: the component's Service, as KubeVela makes
    it, would have such a port twice, which no API server takes."""
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
                    f"{protocol} port {number} is exposed already (line {earlier.line}); a "
                    "Service has it once"
                )
                yield Diagnostic("OAM106", message, position)
