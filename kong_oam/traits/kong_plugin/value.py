"""The value of traits `kong-plugin`: Kong plugins that no other trait adds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

from kong_oam.access.data import Texts, YamlObject
from kong_oam.oam.position import SourcePosition
from kong_oam.traits.key import Key


class KongPluginYaml(TypedDict, total=False):
    """The properties of a trait `kong-plugin`. `waiver`: the fields of PluginWaiver."""

    name: str
    config: YamlObject
    waiver: Texts


@dataclass(frozen=True, slots=True)
class PluginWaiver:
    """The reason to accept a plugin that could decide in the gate's place, and the last day
    (YYYY-MM-DD)."""

    reason: str
    until: str


@dataclass(frozen=True, slots=True)
class KongPlugin:
    """A plugin of a component, by Kong's name, with the given part of its configuration.

    `position`: of the trait's properties.
    """

    name: str
    config: YamlObject
    waiver: PluginWaiver | None
    position: SourcePosition = field(compare=False)


KONG_PLUGIN: Key[tuple[KongPlugin, ...]] = Key(
    "kong-plugin", "edge.kongPlugins"
)
