"""Plugins of the gateway that no other trait stands for, as an Application asks for them."""

from __future__ import annotations

from dataclasses import dataclass, field

from kong_oam.access.data import YamlObject
from kong_oam.oam.position import SourcePosition
from kong_oam.traits.key import Key


@dataclass(frozen=True, slots=True)
class PluginWaiver:
    """Why a plugin is accepted that could decide in the gate's place, and the last day (YYYY-MM-DD)
    of that."""

    reason: str
    until: str


@dataclass(frozen=True, slots=True)
class KongPlugin:
    """A plugin before a component, by the gateway's name for it, and its configuration as far as it
    is said. `position` is that of the trait's properties."""

    name: str
    config: YamlObject
    waiver: PluginWaiver | None
    position: SourcePosition = field(compare=False)


KONG_PLUGIN: Key[tuple[KongPlugin, ...]] = Key(
    "kong-plugin", "edge.kongPlugins"
)
