"""The Services of a rendered component, and whether something of it answers behind them. Pure
functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from kong_oam.oam.document import Fields
from kong_oam.oam.model import Application, Component
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import APPLICATION, COMPONENT
from kong_oam.objects.fenced import fenced_pods
from kong_oam.objects.pods import mapping, mappings, texts
from kong_oam.objects.ports import Port, Service, port_number


def services_of(application: Application, part: Component) -> Mapping[str, Service]:
    """The Services that a component renders in its Application's namespace, by name."""
    return services_among(
        part.rendered or (), application.namespace, application.name, part.name
    )


def services_among(
    objects: Iterable[RenderedObject], namespace: str, application: str, component: str
) -> Mapping[str, Service]:
    """The Services among the objects of a component that are in its namespace, by name.

    Those of one name are one, with the ports of all; of ports with one number the first counts.
    """
    objects = [one for one in objects if one.namespace in ("", namespace)]
    identity = {APPLICATION: application, COMPONENT: component}
    pods = [
        (one, {**pod.labels, **identity}, pod)
        for one in objects
        for pod in fenced_pods(one)
    ]
    found: dict[str, Service] = {}
    for one in objects:
        if one.group_kind == ("", "Service"):
            spec = mapping(one.object.get("spec"))
            earlier = found.get(one.name, Service(one.name, (), ()))
            selector = mapping(spec.get("selector"))
            selected = [
                (owner, pod)
                for owner, labels, pod in pods
                if selector and selector.items() <= labels.items()
            ]
            found[one.name] = Service(
                one.name,
                (*earlier.ports, *_ports(spec)),
                (*earlier.pods, *(pod for _, pod in selected)),
                {**earlier.selector, **texts(selector)},
                (
                    *earlier.workloads,
                    *(f"{owner.kind} {owner.name}" for owner, _ in selected),
                ),
            )
    return found


def _ports(spec: Fields) -> Iterator[Port]:
    """Yields the TCP ports. A headless Service is the addresses of its pods, at whatever port one
    calls."""
    headless = spec.get("clusterIP") == "None"
    for entry in mappings(spec.get("ports")):
        number = port_number(entry.get("port"))
        if number is not None and entry.get("protocol", "TCP") == "TCP":
            target = None if headless else entry.get("targetPort")
            target = (
                target
                if isinstance(target, str) and target
                else port_number(target) or number
            )
            yield Port(
                number,
                str(entry.get("name", "")),
                target,
                str(entry.get("appProtocol", "")),
            )
