"""Components at several targets."""

from __future__ import annotations

from dataclasses import dataclass, field

from kong_oam.oam.rendered import RenderedObject


@dataclass(frozen=True, slots=True)
class FurtherTarget:
    """Another target that a component is deployed to. `cluster` None: the stack's own; `suffix`
    tells the namespace, in names in the state, from the first one in that cluster."""

    cluster: str | None
    namespace: str
    suffix: str = ""
    # The objects of the component there.
    rendered: tuple[RenderedObject, ...] = field(default=(), compare=False)
