"""The ports of pods that the gateway reaches through a component's rendered Services. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kong_oam.access.model import Component
from kong_oam.objects.pods import Manifest, PodTemplate, mapping, mappings


def reached_ports(
    component: Component,
    services: Mapping[str, Manifest],
    templates: Sequence[PodTemplate],
) -> Iterator[int]:
    """Yields the ports of the pods that the Services lead to by which the gateway reaches them."""
    for name, ports in component.exposures:
        spec = mapping(services.get(name, {}).get("spec"))
        selector = mapping(spec.get("selector")).items()
        pods = [
            template for template in templates if selector <= template.labels.items()
        ]
        for entry in mappings(spec.get("ports")):
            if entry.get("port") in ports and entry.get("protocol", "TCP") == "TCP":
                # A headless Service is the addresses of its pods, at whatever port one calls.
                target = (
                    None if spec.get("clusterIP") == "None" else entry.get("targetPort")
                )
                yield from _targets(target or entry["port"], pods)


def _targets(target: Any, pods: Iterable[PodTemplate]) -> Iterator[int]:
    """The numbers of a target port: its own, or those that containers have under its name."""
    if not isinstance(target, str):
        yield int(target)
        return
    for template in pods:
        for _, container in template.containers():
            for port in mappings(container.get("ports")):
                if port.get("name") == target and isinstance(
                    port.get("containerPort"), int
                ):
                    yield port["containerPort"]
