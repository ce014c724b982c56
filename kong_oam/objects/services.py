"""Find the Services of a rendered component and the pods behind them. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kong_oam.oam.position import Fields
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.pods import PodTemplate, mapping, mappings, texts
from kong_oam.objects.ports import Port, Service, Services, port_number
from kong_oam.objects.selection import APPLICATION, COMPONENT


def services_among(
    objects: Iterable[RenderedObject],
    namespace: str,
    application: str,
    component: str,
) -> Services:
    """Return the Services among a component's objects in its namespace, by name.

    Services of one name are merged; the first port of each number wins.
    """
    here = [
        rendered
        for rendered in objects
        if rendered.namespace in ("", namespace)
    ]
    identity = {APPLICATION: application, COMPONENT: component}
    pods = []
    for rendered in here:
        for template in component_pods(rendered):
            pods.append(
                _Pods(rendered, template, {**template.labels, **identity})
            )
    found: dict[str, Service] = {}
    for rendered in here:
        if rendered.group_kind == ("", "Service"):
            earlier = found.get(rendered.name, Service(rendered.name, (), ()))
            found[rendered.name] = _with(earlier, rendered, pods)
    return found


class _Pods(NamedTuple):
    """Pods that a component renders, with their deployed labels."""

    owner: RenderedObject
    template: PodTemplate
    labels: Fields


def _with(
    earlier: Service, rendered: RenderedObject, pods: Iterable[_Pods]
) -> Service:
    """Return a Service merged with another object of its name."""
    spec = rendered.spec
    selector = mapping(spec.get("selector"))
    templates = list(earlier.pods)
    workloads = list(earlier.workloads)
    for each in pods:
        if selector and selector.items() <= each.labels.items():
            templates.append(each.template)
            workloads.append(f"{each.owner.kind} {each.owner.name}")
    return Service(
        rendered.name,
        (*earlier.ports, *_ports(spec)),
        tuple(templates),
        {**earlier.selector, **texts(selector)},
        tuple(workloads),
    )


def _ports(spec: Fields) -> Iterator[Port]:
    """Yield the TCP ports. A headless Service resolves to pods, so its ports have no targets."""
    headless = spec.get("clusterIP") == "None"
    for entry in mappings(spec.get("ports")):
        number = port_number(entry.get("port"))
        if number is None or entry.get("protocol", "TCP") != "TCP":
            continue
        target = None if headless else entry.get("targetPort")
        if not isinstance(target, str) or not target:
            target = port_number(target) or number
        yield Port(
            number,
            str(entry.get("name", "")),
            target,
            str(entry.get("appProtocol", "")),
        )
