"""Check pods and Services for ways around the component's NetworkPolicy. Pure.

The NetworkPolicy controls a pod that has its own network, cannot become root of its node, and has
its component's labels. `allowPrivilegeEscalation` is no issue: it is Kubernetes' default, and stays
inside the container.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kong_oam.diagnostics import Diagnostic, Findings, Position, some
from kong_oam.oam.position import Texts
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import JudgedComponent, Rules, dotted
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.known_keys import is_harmless_key
from kong_oam.objects.known_kinds import may_name_objects
from kong_oam.objects.pods import Path, mapping, texts
from kong_oam.objects.texts import (
    label_refused,
    reading,
    texts_in,
    with_inner_objects,
)

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
    component: JudgedComponent, rendered: RenderedObject
) -> Findings:
    """Yield the labels with which another component's NetworkPolicy would select the pods of an
    object."""
    found = []
    if may_name_objects(rendered):
        labels = rendered.metadata.get("labels")
        found += reading(rendered).texts
        found += texts_in(labels, ("metadata", "labels"))
    else:
        for template in component_pods(rendered):
            marks = {
                key: value
                for key, value in template.labels.items()
                if _OF_OAM in str(key)
            }
            # The usual labels are right, and need no reading.
            if not marks.items() <= component.pod_labels.items():
                path = (*template.path, "metadata", "labels")
                found += texts_in(marks, path)
    for text in found:
        if message := label_refused(text, component):
            message = f"{dotted(text.position)} {message}"
            yield component.refused("ACC226", rendered, message, text.position)


def services_refused(
    component: JudgedComponent, rendered: RenderedObject, rules: Rules
) -> Findings:
    """Yield findings about a Service that others than the gateway can reach."""
    if rendered.group_kind != _SERVICE:
        return
    spec = rendered.spec
    routed = rendered.name in component.routed
    reached = _TYPES.get(rules.reach) if routed else None
    kind = spec.get("type") or "ClusterIP"
    is_allowed_type = (
        not routed and not rendered.nested and kind in rules.service_types
    )
    if wrong := _open_to_others(
        component, rendered, reached, is_allowed_type=is_allowed_type
    ):
        yield component.refused("ACC227", rendered, *wrong)
    unknown = {*spec} - _SERVICE_FIELDS - {"externalName"}
    for field in sorted(map(str, filter(spec.get, unknown))):
        message = (
            f"spec.{field} changes who can reach the Service; remove it, since "
            "the stack configures this"
        )
        yield component.refused("ACC227", rendered, message)
    if not reached and not is_allowed_type:
        return
    hint = "remove it"
    if reached:
        hint = "use gateway.serviceAnnotations of the stack"
    for key in sorted(_strange_annotations(rendered, rules)):
        message = f"annotation '{key}' could open its load balancer; {hint}"
        path = ("metadata", "annotations", key)
        yield component.refused("ACC228", rendered, message, path)


def _open_to_others(
    component: JudgedComponent,
    rendered: RenderedObject,
    reached: str | None,
    *,
    is_allowed_type: bool,
) -> tuple[str, Path] | None:
    """Return why others can reach a Service, or why it leads elsewhere, with the path.

    `reached`: the type with which the gateway reaches it from outside the cluster, if any.
    `is_allowed_type`: whether the stack allows Services of its type without a route.
    """
    spec = rendered.spec
    kind = spec.get("type") or "ClusterIP"
    if kind == "ExternalName" or "externalName" in spec:
        message = (
            "spec.externalName sends the gateway's calls to a name outside "
            "the cluster; remove it"
        )
        return message, ()
    if kind not in ("ClusterIP", reached) and not is_allowed_type:
        hint = "or allow it in the stack: cluster.serviceTypes"
        if rendered.name in component.routed:
            hint = "since the stack configures this (gateway.reach)"
        message = (
            f"spec.type '{kind}' opens the Service outside the cluster, and "
            f"the gateway does not need it; remove it, {hint}"
        )
        return message, ("spec", "type")
    if not mapping(spec.get("selector")):
        message = (
            "it has no selector, so others could choose its target; select the "
            "labels of the component's pods"
        )
        return message, ()
    if is_allowed_type and not any(
        map(_service(component, rendered).select, _pods_of(component))
    ):
        message = (
            f"spec.type '{kind}' opens the Service outside the cluster, and it "
            "selects no pods of the component; remove it"
        )
        return message, ("spec", "type")
    return None


def selections_refused(components: Sequence[JudgedComponent]) -> Findings:
    """Yield the pods that a Service of another component selects beside its own, with both
    positions.

    Such pods would answer calls that the other component's rules allowed. A Service needs pods of
    its component to have a route.
    """
    pods = []
    services: _ByLabel = {}
    for component in components:
        own = list(_pods_of(component))
        pods += own
        for service in _services_of(component):
            if any(map(service.select, own)):
                key, value = min(service.labels.items())
                label = (service.namespace, key, value)
                services.setdefault(label, []).append(service)
    for template in pods:
        others = list(_selecting(template, services))
        if (
            others
        ):  # one finding for the pods, even if several Services select them
            yield _answering_for(others, template)


def _selecting(pods: _Labels, services: _ByLabel) -> Iterator[_Labels]:
    """Yield the Services of other components that select these pods."""
    for key, value in pods.labels.items():
        for service in services.get((pods.namespace, key, value), ()):
            if service.owner is not pods.owner and service.select(pods):
                yield service


class _Labels(NamedTuple):
    """The labels that a Service selects, or the labels of a pod template."""

    owner: JudgedComponent
    namespace: str
    name: str
    labels: Texts
    position: Position

    def select(self, pods: _Labels) -> bool:
        return (
            self.namespace == pods.namespace
            and self.labels.items() <= pods.labels.items()
        )


# Services by namespace and one of their labels, as key and value.
_ByLabel = dict[tuple[str, str, str], list[_Labels]]


def _named(component: JudgedComponent) -> Iterator[_Labels]:
    """Yield the labels of the pods behind the Service in `access.service`."""
    if named := component.named:
        labels = texts(named.labels)
        yield _Labels(
            component,
            component.namespace,
            named.name,
            labels,
            component.position,
        )


def _services_of(component: JudgedComponent) -> Iterator[_Labels]:
    yield from _named(component)
    for rendered in with_inner_objects(component.objects):
        if (
            rendered.group_kind == _SERVICE
            and (service := _service(component, rendered)).labels
        ):
            yield service


def _service(component: JudgedComponent, rendered: RenderedObject) -> _Labels:
    selector = texts(rendered.spec.get("selector"))
    return _Labels(
        component,
        rendered.namespace,
        rendered.name,
        selector,
        rendered.position,
    )


def _pods_of(component: JudgedComponent) -> Iterator[_Labels]:
    yield from _named(component)
    for rendered in component.objects:
        for template in component_pods(rendered):
            labels = {**texts(template.labels), **component.pod_labels}
            yield _Labels(
                component,
                rendered.namespace,
                rendered.name,
                labels,
                rendered.position,
            )


def _answering_for(services: Sequence[_Labels], pods: _Labels) -> Diagnostic:
    first = services[0]
    more = len(services) - 1
    selector = some(
        f"{key}: {value}" for key, value in sorted(first.labels.items())
    )
    others = f" and {more} more Services" if more else ""
    message = (
        f"pods of '{pods.owner.key}' have the labels that Service "
        f"'{first.name}' of '{first.owner.key}' ({first.position}){others} "
        f"selects ({selector}), so they would receive its calls; change their "
        "labels"
    )
    return Diagnostic("ACC227", message, pods.position)


def _strange_annotations(
    rendered: RenderedObject, rules: Rules
) -> Iterator[str]:
    """Yield annotations that are harmless on other objects, but only the stack may set on open
    Services."""
    for key in texts(rendered.metadata.get("annotations")):
        domain, slash, _ = key.partition("/")
        of_oam = domain == _OF_OAM or domain.endswith(f".{_OF_OAM}")
        if slash and not of_oam and is_harmless_key(key, rules.metadata):
            yield key
