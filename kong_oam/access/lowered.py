"""A component that needs no definition: its workload, its objects, and where its properties say what they have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kong_oam.access.model import Component
from kong_oam.diagnostics import Position
from kong_oam.oam.document import Place
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.manifests import VOLUME_KINDS, Exposure, Workload, deployment, services
from kong_oam.objects.pods import Path

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
        "imagePullSecrets",
        "limit",
        "livenessProbe",
        "memory",
        "port",
        "ports",
        "readinessProbe",
    }
)
"""Properties that no rule about objects is about, as long as no variable is read from elsewhere, and no probe asks
another host."""
_PROBES = ("livenessProbe", "readinessProbe")
_WORD = re.compile(r"[A-Za-z-]+\Z")
"""Keys of labels and annotations that nobody obeys: they are of no domain."""


def workload_of(
    component: Component,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    properties: Mapping[str, Any] | None = None,
) -> Workload:
    """The workload of a component that runs, with its Application's labels and annotations, and with its own
    properties where no others are given."""
    return Workload(
        application=component.application,
        namespace=component.namespace,
        component=component.name,
        type=component.type,
        properties=component.properties if properties is None else properties,
        labels=labels,
        annotations=annotations,
        exposures=tuple(Exposure(_trait_name(component, service), ports) for service, ports in component.exposures),
    )


def is_inert(component: Component, labels: Mapping[str, str], annotations: Mapping[str, str]) -> bool:
    """Whether nothing that a component or its Application says could be wrong about its objects."""
    properties = component.properties
    return (
        all(map(_WORD.match, (*labels, *annotations)))
        and _INERT.issuperset(properties)
        and not any("valueFrom" in variable for variable in properties.get("env", ()))
        and not any("host" in properties.get(probe, {}).get("httpGet", {}) for probe in _PROBES)
    )


def lowered_objects(
    component: Component, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> tuple[RenderedObject, ...]:
    """The Deployment and the Services, as if a definition had rendered them."""
    workload, place = workload_of(component, labels, annotations), component.place.at("type")
    return tuple(RenderedObject(one, None, "", place) for one in (deployment(workload), *services(workload)))


def said_at(application: Place, component: Component, one: RenderedObject, path: Path) -> Position:
    """Where a component's properties, or the metadata of its Application, say what is at a path of one of its objects;
    else its type."""
    properties = component.place.at("properties")
    match path:
        case ("metadata", "labels" | "annotations" as field, key):
            return application.at("metadata", field).key(key)
        case ("spec", "template", "metadata", "labels" | "annotations" as field, key):
            return properties.at(field).key(key)
        case ("spec", "template", "spec", "volumes", index, *_):
            name = one.object["spec"]["template"]["spec"]["volumes"][int(index)]["name"]
            return _volume(component, name)
        case ("spec", "template", "spec", "containers", _, "env", index, *_):
            name = one.object["spec"]["template"]["spec"]["containers"][0]["env"][int(index)]["name"]
            return properties.at("env", _last(component.properties["env"], name))
        case ("spec", "template", "spec", "containers", _, probe, *rest) if probe in _PROBES:
            return properties.at(probe, *rest)
        case ("spec", "type") if "exposeType" in component.properties:
            return properties.at("exposeType")
    return one.place


def _volume(component: Component, name: str) -> Position:
    """Where a volume of this name is mounted first."""
    groups, place = component.properties.get("volumeMounts"), component.place.at("properties")
    if groups is None:
        return place.at("volumes", _first(component.properties["volumes"], name))
    kind = next(kind for kind in VOLUME_KINDS if any(mount["name"] == name for mount in groups.get(kind, ())))
    return place.at("volumeMounts", kind, _first(groups[kind], name))


def _first(entries: Any, name: str) -> int:
    return next(index for index, entry in enumerate(entries) if entry["name"] == name)


def _last(entries: Any, name: str) -> int:
    """Of variables of one name the last is the one that counts."""
    return len(entries) - 1 - _first(reversed(entries), name)


def _trait_name(component: Component, service: str) -> str | None:
    """The `name` of the gateway trait whose Service this is (`objects.manifests.service_name`)."""
    return service.removeprefix(f"{component.name}-") if service != component.name else None
