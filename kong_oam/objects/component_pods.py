"""Find the pod templates that get the labels, the identity and the NetworkPolicy of their
component. Pure.

Both the deployment and the checks of routes use these templates.
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


def component_pods(rendered: RenderedObject) -> tuple[PodTemplate, ...]:
    """Return the pod templates of an object, outer templates first.

    Kubernetes' workloads have one at a known path; other usual kinds have none. In kinds that a
    stack allows, every mapping that looks like a pod template counts, and the `podSpecPath` of the
    definition. Their controllers may create pods from any of them. The object itself is never a
    template.
    """
    return rendered.recall(_fenced_pods)


def network_policy_name(component: str, pods: Iterable[Options]) -> str:
    """Return the name of the NetworkPolicy for a component's pods in a namespace: the component's
    name.

    It differs if all pods are only read: these pods may belong to an older version or another
    owner, whose NetworkPolicy has that name.
    """
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
