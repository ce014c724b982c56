"""The answer of an old Kong to a request of a caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kong_oam.access.data import Names
from kong_oam.adopt.entities import OldKong, OldPlugin, OldRoute
from kong_oam.adopt.requests import OldCaller, OldRequest
from kong_oam.diagnostics import Position


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an answer is unknown, and the place of the entity that causes it."""

    text: str
    position: Position


@dataclass(frozen=True, slots=True)
class Destination:
    """The address, the path and the Host header of a request at the workload.

    `host` is the service's host: a DNS name, an address, or the name of an upstream (then
    `upstream` is true). `host_header` is the Host that the workload sees; None if it is the
    target's own (an upstream without `host_header`).
    """

    protocol: str
    host: str
    port: int | str
    upstream: bool
    path: str
    host_header: str | None


@dataclass(frozen=True, slots=True)
class OldAnswer:
    """The answer to a request.

    `outcome`: `passes` to `destination`; `denied` with `status` by a plugin or the router;
    `not-found`: no route takes it (404); `unknown` for the `reasons`. `identity`: names of identity
    headers that the workload gets. `sends_credential`: the caller's credential reaches the
    workload. `networks`: the `ip-restriction` that also decides. `also`: other plugins that act and
    do not decide, in order.
    """

    outcome: Literal["passes", "denied", "not-found", "unknown"]
    status: int = 0
    route: OldRoute | None = None
    destination: Destination | None = None
    identity: Names = ()
    sends_credential: bool = False
    networks: OldPlugin | None = None
    also: tuple[OldPlugin, ...] = ()
    by: OldPlugin | None = None
    reasons: tuple[Reason, ...] = ()


class Answers:
    """An old Kong that answers requests."""

    def __init__(self, old: OldKong) -> None:
        raise NotImplementedError

    def answer(self, request: OldRequest, caller: OldCaller) -> OldAnswer:
        """Answer a request of a caller. Never raises."""
        raise NotImplementedError


def answer(old: OldKong, request: OldRequest, caller: OldCaller) -> OldAnswer:
    """Answer a single request; use `Answers` for several."""
    return Answers(old).answer(request, caller)
