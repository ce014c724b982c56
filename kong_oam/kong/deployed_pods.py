"""The pods behind components' ports, from the Services and workloads in a stack's state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from kong_oam.access.data import Texts
from kong_oam.access.endpoint import Endpoint, component_key
from kong_oam.access.model import (
    Component,
    Exposure,
    WorkloadSpec,
    bare_component,
)
from kong_oam.access.pods import pods_behind
from kong_oam.engine.state import Resource
from kong_oam.oam.position import NO_POSITION
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.pods import mappings
from kong_oam.objects.selection import APPLICATION, COMPONENT

# By component, then by the name of a port (access.pods).
Pods = Mapping[str, Texts]


@dataclass(slots=True)
class _DeployedObjects:
    """A component's Services, by name, and workloads in the stack's own cluster."""

    services: dict[str, RenderedObject] = field(default_factory=dict)
    workloads: list[RenderedObject] = field(default_factory=list)


def deployed_pods(
    resources: Iterable[Resource],
    components: Iterable[Component],
    exported: Pods,
) -> Pods:
    """Return the pods behind the ports of `components`. Uses `exported` for ports whose Service is
    missing in the state."""
    made = _deployed_objects(resources)
    pods = {key: dict(ports) for key, ports in exported.items()}
    for component in components:
        key = component_key(component.key)
        if key in made:
            of_component = _pods_of(
                key, component.exposure.endpoints, made[key]
            )
            pods.setdefault(key, {}).update(of_component)
    return pods


def _deployed_objects(
    resources: Iterable[Resource],
) -> dict[str, _DeployedObjects]:
    """Return the deployed objects of each component.

    The name of a resource in another cluster begins with its place and a colon. Such resources are
    skipped.
    """
    made: dict[str, _DeployedObjects] = {}
    for resource in resources:
        if not resource.type.startswith("kubernetes:") or ":" in resource.name:
            continue
        rendered = RenderedObject(resource.outputs, None, "", NO_POSITION)
        component, is_named, service = resource.name.partition("-service-")
        is_service = rendered.group_kind == ("", "Service")
        if is_service and is_named and service == rendered.name:
            made.setdefault(component, _DeployedObjects()).services[service] = (
                rendered
            )
        for pod in component_pods(rendered):
            key = f"{pod.labels.get(APPLICATION)}/{pod.labels.get(COMPONENT)}"
            made.setdefault(key, _DeployedObjects()).workloads.append(rendered)
    return made


def _pods_of(
    key: str, endpoints: Iterable[Endpoint], made: _DeployedObjects
) -> Texts:
    led = []
    namespaces = set()
    for endpoint in endpoints:
        if name := _service(endpoint, made):
            led.append(replace(endpoint, service=name))
            namespaces.add(made.services[name].namespace)
    if len(namespaces) != 1:
        return {}
    component = replace(
        bare_component(key, ""),
        exposure=Exposure(tuple(led)),
        workload=WorkloadSpec(
            namespaces.pop(),
            rendered=(*made.services.values(), *made.workloads),
        ),
    )
    return pods_behind(component)


def _service(endpoint: Endpoint, made: _DeployedObjects) -> str:
    """Return the name of the Service of an endpoint, or an empty text if it is not certain."""
    having = []
    for name, service in made.services.items():
        ports = mappings(service.spec.get("ports"))
        if endpoint.port in [port.get("port") for port in ports]:
            having.append(name)
    if endpoint.apart in having:
        return endpoint.apart
    return having[0] if len(having) == 1 else ""
