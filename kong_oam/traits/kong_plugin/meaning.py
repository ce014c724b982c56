"""Compiles the trait kong-plugin. What a plugin does to calls, and whether it may stand, is for who
knows the gateway (`kong_oam.traits.kong_plugin.findings`)."""

from __future__ import annotations

from collections.abc import Iterator

import kong_oam.oam.application as oam
from kong_oam.access.compile.days import no_day
from kong_oam.diagnostics import Diagnostic
from kong_oam.traits.kong_plugin.value import KongPlugin, PluginWaiver


def kong_plugins_of(part: oam.Component, out: list[Diagnostic]) -> Iterator[KongPlugin]:
    """Yields the plugins of `part`, in the order in which they stand. Findings are added to
    `out`."""
    for trait in part.traits:
        if trait.type == "kong-plugin":
            said, place = trait.properties, trait.place.at("properties")
            waiver = said.get("waiver")
            if waiver:
                out += no_day(waiver["until"], place.at("waiver", "until"))
            yield KongPlugin(
                said["name"],
                said.get("config", {}),
                PluginWaiver(**waiver) if waiver else None,
                place,
            )
