"""Comparison of the connections inside the cluster, caller by caller."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kong_oam.access.diff.change import INTERNAL, JsonValues, Setting, Subject
from kong_oam.access.diff.kind import Kind, kind_of_list
from kong_oam.access.diff.model import AccessModel, changed_facts
from kong_oam.access.internal import Connection, PodGroup
from kong_oam.access.model import Component, Estate
from kong_oam.oam.position import SourcePosition
from kong_oam.objects.selection import APPLICATION, COMPONENT


def connections_of(component: Component) -> JsonValues:
    """Return the pods of each connection, by port and caller: `3306 blog/wordpress`.

    `own pods` are all pods with the caller's OAM labels: it remains the same caller where it moves.
    The pods of a peer, and the pods behind an `access.service`, are selected by other labels.
    Clusters are left out. The list is empty if the caller cannot be read.
    """
    workload = component.workload
    named = workload.named_service
    called = ""
    if named:
        called = f" to {PodGroup(None, workload.namespace, named.labels).text}"
    pods = {}
    for connection in component.connections:
        texts = {_caller_text(connection, each) for each in connection.pods}
        pods[f"{connection.at} {connection.by}"] = [
            text + called for text in sorted(texts)
        ]
    return pods


def _caller_text(connection: Connection, pods: PodGroup) -> str:
    application, _, name = connection.caller.partition("/")
    if pods.labels == {APPLICATION: application, COMPONENT: name}:
        return "own pods"
    return replace(pods, cluster=None).text


def connections_changed(
    old: AccessModel, new: AccessModel, *, between_stacks: bool
) -> Iterator[Setting]:
    """Yield the connections that only one estate allows. Within one stack, also yield the
    connections of other pods."""
    positions = _positions(old.estate, new.estate)
    for key, was, now in changed_facts(old, new, INTERNAL, {}):
        for name in sorted({*was, *now}):
            before = was.get(name)
            after = now.get(name)
            kind: Kind = "granted"
            if name not in now:
                kind = "revoked"
            elif name in was:
                # Without pods, the caller cannot be read. Pods differ between stacks.
                if before == after or between_stacks or not (before and after):
                    continue
                kind = kind_of_list(before, after)
            port, _, caller = name.partition(" ")
            yield Setting(
                kind,
                Subject(key),
                INTERNAL,
                before,
                after,
                position=positions.get((key, name)),
                connection=(port, caller),
            )


def _positions(*estates: Estate) -> dict[tuple[str, str], SourcePosition]:
    """Return the entries in access traits, by callee, and by port and caller. An exported model has
    no positions."""
    positions = {}
    for estate in estates:
        for key, component in estate.components.items():
            for each in component.connections:
                if each.position.file:
                    positions[key, f"{each.at} {each.by}"] = each.position
    return positions
