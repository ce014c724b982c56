"""Labels that select pods: the component's own, and those in `access.service`."""

from __future__ import annotations

from dataclasses import dataclass, field

from kong_oam.oam.position import SourcePosition, Texts

# The labels of every pod, which its NetworkPolicy selects.
APPLICATION = "app.oam.dev/name"
COMPONENT = "app.oam.dev/component"

# The label with the name of the stack that created an object. With partitions, it is the base's
# name.
STACK = "kong-oam.dev/stack"


@dataclass(frozen=True, slots=True)
class NamedService:
    """The Service in `access.service`: `name` and `port`, and its pods by `labels` and `target`
    port.

    `ours` is the name of the Service and the NetworkPolicy that Kong-OAM adds. `https`: the pods
    speak TLS, with a certificate for the Service `name`.
    """

    name: str
    port: int
    target: int
    labels: Texts
    ours: str
    position: SourcePosition = field(compare=False)
    https: bool = False
