"""The balancer of a gateway: the address behind a host."""

from __future__ import annotations

from dataclasses import dataclass

from kong_oam.access.data import Names
from kong_oam.kong.entities import Entities, Entity, reference


@dataclass(frozen=True, slots=True)
class End:
    """The destination of a call, as "host:port", or None. `through`: the balancer's entities on the
    way."""

    address: str | None
    through: Names = ()


class Balancer:
    """The Upstreams of a gateway with their Targets."""

    def __init__(self, entities: Entities) -> None:
        self._labels = entities.labels
        self._upstreams = {
            upstream["name"]: upstream["id"] for upstream in entities.upstreams
        }
        self._targets: dict[str, list[Entity]] = {}
        for target in entities.targets:
            # Kong sends no calls to a target of weight 0.
            if target["weight"] > 0:
                upstream = reference(target, "upstream")
                self._targets.setdefault(upstream, []).append(target)

    def ends(self, host: str, port: int) -> list[End]:
        """Return the ends behind a host: the Targets of its Upstream, or else the host itself."""
        identifier = self._upstreams.get(host)
        if identifier is None:
            return [End(f"{host}:{port}")]
        upstream = self._labels["upstream", identifier]
        ends = []
        for target in self._targets.get(identifier, ()):
            label = self._labels["target", target["id"]]
            ends.append(End(target["target"], (upstream, label)))
        return ends or [End(None, (upstream,))]
