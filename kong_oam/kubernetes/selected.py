"""Finds pods of other components behind the Services that access traits name, in the cluster as it
is.

Labels of pods that no Application renders are in no file: a webhook adds some, and another stack
deploys others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kong_oam.access.model import Component
from kong_oam.kubernetes import kubectl
from kong_oam.objects.selection import APPLICATION, COMPONENT, NamedService


@dataclass(frozen=True, slots=True)
class OtherPods:
    """A component whose `podLabels` are on pods of other components: the keys of these."""

    component: Component
    named: NamedService
    owners: tuple[str, ...]


def other_pods(
    context: str | None, sites: Iterable[Component]
) -> Iterator[OtherPods]:
    """Yield the components in a cluster that reach pods of others by their `podLabels`.

    Every pod of a component has the label `app.oam.dev/component`. Raises kubectl.KubectlError.
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
