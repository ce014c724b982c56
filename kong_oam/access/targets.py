"""Components in more places than one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kong_oam.oam.rendered import RenderedObject


@dataclass(frozen=True, slots=True)
class FurtherTarget:
    """Another place that a component is deployed to. `cluster` None: the stack's own; `suffix`
    tells the namespace, in names in the state, from the first one in that cluster."""

    cluster: str | None
    namespace: str
    suffix: str = ""
    # The objects of the component there.
    rendered: tuple[RenderedObject, ...] = field(default=(), compare=False)

    @property
    def fields(self) -> dict[str, Any]:
        """The component's fields that are other ones there."""
        return {
            "cluster": self.cluster,
            "namespace": self.namespace,
            "rendered": self.rendered,
        }
