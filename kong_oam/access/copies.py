"""Components in more places than one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kong_oam.oam.document import Place
from kong_oam.oam.rendered import RenderedObject


@dataclass(frozen=True, slots=True)
class Copy:
    """Another place that a component is deployed to. `cluster` None: the stack's own; `suffix` tells the namespace, in
    names in the state, from the first one in that cluster."""

    cluster: str | None
    namespace: str
    suffix: str = ""
    rendered: tuple[RenderedObject, ...] | None = field(default=None, compare=False)
    properties: Mapping[str, Any] | None = field(default=None, compare=False)
    """Those that the component has there; None: those that it has in its first place."""
    said_at: Place | None = field(default=None, compare=False)
    """Where these are said."""

    @property
    def fields(self) -> dict[str, Any]:
        """The component's fields that are other ones there."""
        fields = {"cluster": self.cluster, "namespace": self.namespace, "rendered": self.rendered}
        return fields if self.properties is None else {**fields, "properties": self.properties, "place": self.said_at}
