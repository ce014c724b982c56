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


def fenced_pods(rendered: RenderedObject) -> tuple[PodTemplate, ...]:
    """Return the pod templates of an object, outer ones first.

    Kubernetes' own workloads have theirs at one place, and no other object that every stack takes
    has any, whatever is written in it. In a kind that a stack allows each mapping that looks like
    one counts, and what its definition says (`podSpecPath`): which of them its controller makes
    pods of nobody knows. The object itself is none.
    """
    return rendered.recall(_fenced_pods)


def fence_name(component: str, pods: Iterable[Options]) -> str:
    """Return what the fence of a component's pods in a namespace is called, which are kept so: as
    the component. Where all are only read, they may be of an earlier version, and still run; or
    somebody else's, with a fence of that name."""
    is_read = all(options.read for options in pods)
    return f"{component.lower()}-read-only" if is_read else component


def _fenced_pods(rendered: RenderedObject) -> tuple[PodTemplate, ...]:
    kind = rendered.group_kind
    if kind in WORKLOADS:
        return tuple(pod_templates(rendered.object))
    if kind in USUAL or kind == RELEASE or is_cluster_scoped(kind):
        return ()
    defined = pod_templates(rendered.object, rendered.pod_spec_path or None)
    known = {template.path for template in defined}
    found = []
    for path, holder in rendered.inside:
        template = template_of(holder, path) if path else None
        if template and (path in known or _has_containers(template)):
            found.append(template)
    return tuple(found)


def _has_containers(template: PodTemplate) -> bool:
    lists = map(template.spec.get, CONTAINER_LISTS)
    return any(isinstance(containers, (list, tuple)) for containers in lists)
