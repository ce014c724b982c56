"""Find NetworkPolicies of others that select the pods of components, in the cluster.

NetworkPolicies add up: each of them can only let in more callers. Charts, operators and people
create them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence

from kong_oam.access.model import Component
from kong_oam.kubernetes import kubectl
from kong_oam.oam.position import Fields, Texts
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.pods import Manifest
from kong_oam.objects.selection import APPLICATION, COMPONENT


def other_policies(
    context: str | None,
    sites: Sequence[Component],
    ours: Collection[kubectl.Name],
) -> Iterator[tuple[Manifest, list[str]]]:
    """Yield each NetworkPolicy, except `ours`, that lets callers in to pods of components in a
    cluster, with these components. Raise kubectl.KubectlError."""
    for namespace in sorted({site.workload.namespace for site in sites}):
        opening = [
            policy
            for policy in kubectl.network_policies(context, namespace)
            if kubectl.name_of(policy) not in ours and callers(policy)
        ]
        pods = []
        for site in sites if opening else ():
            if site.workload.namespace == namespace:
                pods += [(site.key, labels) for labels in _pods(context, site)]
        for policy in opening:
            selector = policy["spec"].get("podSelector", {})
            selected = {
                key for key, labels in pods if _selects(selector, labels)
            }
            if selected:
                yield policy, sorted(selected)


def callers(policy: Fields) -> list[str]:
    """Return the callers and ports of each ingress rule of a policy, in words."""
    spec = policy["spec"]
    if "Ingress" not in spec.get("policyTypes", ("Ingress",)):
        return []
    return [
        f"{_flow(rule.get('from')) or 'everybody'} at {_flow(rule.get('ports')) or 'all ports'}"
        for rule in spec.get("ingress", ())
    ]


def _flow(items: object) -> str:
    """Return a list like YAML on a line."""
    return json.dumps(items).replace('"', "") if items else ""


def _pods(context: str | None, site: Component) -> Iterator[Texts]:
    """Yield the labels of a component's pods. Those behind `access.service` have further labels,
    which only the cluster knows."""
    own = {APPLICATION: site.application, COMPONENT: site.name}
    for rendered in site.workload.rendered:
        for template in component_pods(rendered):
            yield {**template.labels, **own}
    if named := site.workload.named_service:
        yield named.labels
        yield from kubectl.labels_of_pods(
            context, site.workload.namespace, named.labels
        )


def _selects(selector: Fields, labels: Texts) -> bool:
    """Return whether a label selector selects a pod with these labels."""
    for expression in selector.get("matchExpressions", ()):
        key = expression["key"]
        has_label = key in labels and (
            labels[key] in expression.get("values", labels.values())
        )
        if has_label != (expression["operator"] in ("In", "Exists")):
            return False
    wanted: Texts = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()
