"""By what pods are selected: the labels of a component, and those behind a Service that its access
trait names."""

from __future__ import annotations

from dataclasses import dataclass, field

from kong_oam.oam.position import SourcePosition, Texts

APPLICATION = "app.oam.dev/name"
COMPONENT = "app.oam.dev/component"
"""The labels that every pod gets, and by which its fence selects it."""

STACK = "kong-oam.dev/stack"
"""The label of objects that names the stack which made them; of an estate in partitions, its
base's."""


@dataclass(frozen=True, slots=True)
class NamedService:
    """What `access.service` says: the Service `name` with its `port`, and the pods behind it by
    their `labels` and `target`, the port that they listen at. `ours` is what is made of it: the
    name of a Service and a NetworkPolicy. `https`: they speak it, with a certificate that names the
    Service `name`."""

    name: str
    port: int
    target: int
    labels: Texts
    ours: str
    position: SourcePosition = field(compare=False)
    https: bool = False
