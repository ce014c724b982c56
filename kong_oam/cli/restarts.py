"""Commands that restart pods with open connections.

A NetworkPolicy decides new connections. Kubernetes leaves it to the network plugin whether it ends
open connections.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kong_oam.access.diff.change import Difference, Setting
from kong_oam.access.model import Component, Estate
from kong_oam.objects.selection import APPLICATION, COMPONENT

_RESTARTED = ("Deployment", "StatefulSet", "DaemonSet")


def restart_notes(
    changes: Iterable[Difference], estate: Estate
) -> Iterator[str]:
    """Yield a sentence for each component to which a caller may no longer connect.

    The pods of a removed component end. An exported model does not know where pods run.
    """
    closed = [
        change.of.component
        for change in changes
        if isinstance(change, Setting) and change.kind == "revoked"
    ]
    for key in dict.fromkeys(closed):
        component = estate.components.get(key)
        if component and component.where:
            yield (
                f"open connections to {key} in {component.where} may last until its pods restart: "
                f"{_command(component)}"
            )


def _command(component: Component) -> str:
    """Return the command for the first place. Pods of no known workload are selected by labels."""
    workload = component.workload
    kubectl = f"kubectl --namespace={workload.namespace}"
    labels = {APPLICATION: component.application, COMPONENT: component.name}
    if workload.named_service:
        labels = dict(workload.named_service.labels)
    elif making := [
        f"{each.kind.lower()}/{each.name}"
        for each in workload.rendered
        if each.kind in _RESTARTED
    ]:
        return f"{kubectl} rollout restart {' '.join(making)}"
    selector = ",".join(map("=".join, labels.items()))
    return f"{kubectl} delete pods --selector={selector}"
