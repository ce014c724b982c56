"""Find pods of other components behind the Services in access traits, in the cluster.

Labels of such pods are in no file: webhooks add labels, and other stacks deploy pods.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kong_oam.access.model import Component
from kong_oam.kubernetes import kubectl
from kong_oam.objects.selection import APPLICATION, COMPONENT, NamedService


@dataclass(frozen=True, slots=True)
class OtherPods:
    """A component whose `podLabels` match pods of other components, and the keys of these."""

    component: Component
    named: NamedService
    owners: tuple[str, ...]


def other_pods(
    context: str | None, sites: Iterable[Component]
) -> Iterator[OtherPods]:
    """Yield the components in a cluster whose `podLabels` match pods of other components.

    Every pod of a component has the label `app.oam.dev/component`. Raise kubectl.KubectlError.
    """
    for component in sites:
        if component.workload.named_service is None:
            continue
        found = kubectl.labels_of_pods(
            context,
            component.workload.namespace,
            component.workload.named_service.labels,
        )
        owners = {
            f"{labels.get(APPLICATION, '')}/{labels[COMPONENT]}"
            for labels in found
            if COMPONENT in labels
        }
        owners.discard(component.key)
        if owners:
            yield OtherPods(
                component,
                component.workload.named_service,
                tuple(sorted(owners)),
            )
