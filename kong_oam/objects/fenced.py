"""Which pods the project holds: the templates that get the labels, the identity and the fence of
their component. Pure.

Everything goes by these alone: what is labelled when it is deployed, and what may answer behind a
route.
"""

from __future__ import annotations

from collections.abc import Iterable

from kong_oam.oam.rendered import WORKLOADS, Options, RenderedObject
from kong_oam.objects.known_kinds import RELEASE, USUAL, is_cluster_scoped
from kong_oam.objects.pods import (
    CONTAINER_LISTS,
    PodTemplate,
    pod_templates,
    template_of,
)


def fenced_pods(one: RenderedObject) -> tuple[PodTemplate, ...]:
    """The pod templates of an object, outer ones first.

    Kubernetes' own workloads have theirs at one place, and no other object that every stack takes
    has any, whatever is written in it. In a kind that a stack allows each mapping that looks like
    one counts, and what its definition says (`podSpecPath`): which of them its controller makes
    pods of nobody knows. The object itself is none.
    """
    found: tuple[PodTemplate, ...] | None = one.known.get("pods")
    if found is None:
        found = one.known["pods"] = _fenced_pods(one)
    return found


def fence_name(component: str, pods: Iterable[Options]) -> str:
    """What the fence of a component's pods in a namespace is called, which are kept so: as the
    component. Where all are only read, they may be of an earlier version, and still run; or
    somebody else's, with a fence of that name."""
    return (
        f"{component.lower()}-read-only" if all(one.read for one in pods) else component
    )


def _fenced_pods(one: RenderedObject) -> tuple[PodTemplate, ...]:
    kind = one.group_kind
    if kind in WORKLOADS:
        return tuple(pod_templates(one.object))
    if kind in USUAL or kind == RELEASE or is_cluster_scoped(kind):
        return ()
    said = {
        template.path
        for template in pod_templates(one.object, one.pod_spec_path or None)
    }
    return tuple(
        template
        for path, holder in one.inside
        if path
        and (template := template_of(holder, path))
        and (path in said or _has_containers(template))
    )


def _has_containers(template: PodTemplate) -> bool:
    return any(
        isinstance(template.spec.get(kind), (list, tuple)) for kind in CONTAINER_LISTS
    )
