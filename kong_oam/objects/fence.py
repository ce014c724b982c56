"""What would open a component past its NetworkPolicy: pods that it does not hold, and Services.
Pure.

A pod is held where its network is its own, it cannot become its node's root, and it has its
component's labels. So `allowPrivilegeEscalation` is nobody's business here: it is Kubernetes'
default, and stays inside the container.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kong_oam.diagnostics import Diagnostic, Position, some
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import (
    APPLICATION,
    COMPONENT,
    JudgedComponent,
    Rules,
    dotted,
)
from kong_oam.objects.fenced import fenced_pods
from kong_oam.objects.known_keys import opens_nothing
from kong_oam.objects.known_kinds import is_read_freely
from kong_oam.objects.pods import mapping, texts
from kong_oam.objects.texts import label_refused, reading, texts_in, with_inner_objects

_SERVICE = ("", "Service")
_SERVICE_FIELDS = frozenset(
    {
        "allocateLoadBalancerNodePorts",
        "clusterIP",
        "clusterIPs",
        "externalTrafficPolicy",
        "internalTrafficPolicy",
        "ipFamilies",
        "ipFamilyPolicy",
        "loadBalancerSourceRanges",
        "ports",
        "publishNotReadyAddresses",
        "selector",
        "sessionAffinity",
        "sessionAffinityConfig",
        "trafficDistribution",
        "type",
    }
)
_TYPES = {"loadBalancer": "LoadBalancer", "nodePort": "NodePort"}
_OF_OAM = "oam.dev"


def labels_refused(
    component: JudgedComponent, one: RenderedObject
) -> Iterator[Diagnostic]:
    """Yields the labels by which another component's fence would select an object's pods."""
    if is_read_freely(one):
        labels = mapping(one.object.get("metadata")).get("labels")
        found = [*reading(one).texts, *texts_in(labels, ("metadata", "labels"))]
    else:
        found = []
        for template in fenced_pods(one):
            marks = {
                key: value
                for key, value in template.labels.items()
                if _OF_OAM in str(key)
            }
            found += texts_in(marks, (*template.path, "metadata", "labels"))
    for text in found:
        if message := label_refused(text, component):
            yield component.refused(
                "ACC226", one, f"{dotted(text.place)} {message}", text.place
            )


def services_refused(
    component: JudgedComponent, one: RenderedObject, rules: Rules
) -> Iterator[Diagnostic]:
    """Yields what makes a Service one that is open to others than the gateway."""
    if one.group_kind != _SERVICE:
        return
    spec = mapping(one.object.get("spec"))
    routed = one.name in component.routed
    reached = _TYPES.get(rules.reach) if routed else None
    kind = spec.get("type") or "ClusterIP"
    asked = not routed and not one.nested and kind in rules.service_types
    if kind == "ExternalName" or "externalName" in spec:
        message = (
            "spec.externalName leads to a name outside the cluster, with what the gateway "
            "sends; take it out"
        )
        yield component.refused("ACC227", one, message)
    elif kind not in ("ClusterIP", reached) and not asked:
        hint = "or have the stack ask for it: cluster.serviceTypes"
        if routed:
            hint = "for the stack says it (gateway.reach)"
        message = (
            f"spec.type '{kind}' answers outside the cluster, and this stack's gateway does not "
            f"reach it so; take it out, {hint}"
        )
        yield component.refused("ACC227", one, message, ("spec", "type"))
    elif not mapping(spec.get("selector")):
        message = (
            "it has no selector, so others say where it leads; write the labels of the "
            "component's pods"
        )
        yield component.refused("ACC227", one, message)
    elif asked and not any(
        _service(component, one).select(pods) for pods in _pods_of(component)
    ):
        message = (
            f"spec.type '{kind}' answers outside the cluster, and it selects no pods of the "
            "component, whose fence says who connects; take it out"
        )
        yield component.refused("ACC227", one, message, ("spec", "type"))
    for field in sorted(
        str(field)
        for field in {*spec} - _SERVICE_FIELDS - {"externalName"}
        if spec[field]
    ):
        message = f"spec.{field} says from where else it is reached; take it out, for the stack says it"
        yield component.refused("ACC227", one, message)
    if reached or asked:
        hint = (
            "the stack has gateway.serviceAnnotations for it"
            if reached
            else "take it out"
        )
        for key in sorted(_strange_annotations(one, rules)):
            message = f"annotation '{key}' could open its load balancer; {hint}"
            yield component.refused(
                "ACC228", one, message, ("metadata", "annotations", key)
            )


def selections_refused(components: Sequence[JudgedComponent]) -> Iterator[Diagnostic]:
    """Yields the pods that a Service of another component selects beside its own, with both
    places.

    What is reached by the rules of one component would be answered by another. A Service that
    has no pods of its own component says itself whose it leads to, and no route leads to it.
    """
    pods = [list(_pods_of(component)) for component in components]
    by_label: dict[tuple[str, str, str], list[_Labels]] = {}
    for component, own in zip(components, pods, strict=True):
        for service in _services_of(component):
            if any(service.select(one) for one in own):
                key, value = min(service.labels.items())
                by_label.setdefault((service.namespace, key, value), []).append(service)
    for one in (one for of_component in pods for one in of_component):
        others: list[_Labels] = []
        for label in one.labels.items():
            for service in by_label.get((one.namespace, *label), ()):
                if service.owner is not one.owner and service.select(one):
                    others.append(service)
        if others:  # pods have one finding, however many Services select them
            yield _answering_for(others, one)


@dataclass(frozen=True, slots=True)
class _Labels:
    """The labels by which a Service selects pods, or those of pods of one template."""

    owner: JudgedComponent
    namespace: str
    name: str
    labels: Mapping[str, str]
    place: Position

    def select(self, pods: _Labels) -> bool:
        return (
            self.namespace == pods.namespace
            and self.labels.items() <= pods.labels.items()
        )


def _named(component: JudgedComponent) -> Iterator[_Labels]:
    """Yields the labels of the Service that is named as made elsewhere, and of its pods."""
    if named := component.named:
        labels = texts(named.labels)
        yield _Labels(
            component, component.namespace, named.ours, labels, component.place
        )


def _services_of(component: JudgedComponent) -> Iterator[_Labels]:
    yield from _named(component)
    for one in with_inner_objects(component.objects):
        if one.group_kind == _SERVICE and (service := _service(component, one)).labels:
            yield service


def _service(component: JudgedComponent, one: RenderedObject) -> _Labels:
    selector = texts(mapping(one.object.get("spec")).get("selector"))
    return _Labels(component, one.namespace, one.name, selector, one.place)


def _pods_of(component: JudgedComponent) -> Iterator[_Labels]:
    yield from _named(component)
    for one in component.objects:
        for template in fenced_pods(one):
            own = {APPLICATION: component.application, COMPONENT: component.name}
            labels = {**texts(template.labels), **own}
            yield _Labels(component, one.namespace, one.name, labels, one.place)


def _answering_for(services: Sequence[_Labels], pods: _Labels) -> Diagnostic:
    first, more = services[0], len(services) - 1
    selector = some(f"{key}: {value}" for key, value in sorted(first.labels.items()))
    others = f" and {more} more Services" if more else ""
    message = (
        f"pods of '{pods.owner.key}' have the labels that Service '{first.name}' of "
        f"'{first.owner.key}' ({first.place}){others} selects, {selector}, and would answer in its "
        "place; give them other labels"
    )
    return Diagnostic("ACC227", message, pods.place)


def _strange_annotations(one: RenderedObject, rules: Rules) -> Iterator[str]:
    """Yields the annotations that are the stack's to give, of those that open nothing on other
    objects."""
    for key in texts(mapping(one.object.get("metadata")).get("annotations")):
        domain, slash, _ = key.partition("/")
        of_oam = domain == _OF_OAM or domain.endswith(f".{_OF_OAM}")
        if slash and not of_oam and opens_nothing(key, rules.metadata):
            yield key
