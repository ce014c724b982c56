"""The meaning of the traits `kong-plugin`. `findings` judges the plugins."""

from __future__ import annotations

from typing import Any, cast

from kong_oam.access.compile.dates import date_findings
from kong_oam.access.diff.kind import Kind
from kong_oam.access.meaning import Declared, Meaning
from kong_oam.traits.kong_plugin.value import (
    KONG_PLUGIN,
    KongPlugin,
    KongPluginYaml,
    PluginWaiver,
)


def _compile(declared: Declared) -> tuple[KongPlugin, ...]:
    """Return the plugins in the order of the Application."""
    plugins = []
    for trait in declared.part.traits:
        if trait.type != KONG_PLUGIN.name:
            continue
        properties = cast("KongPluginYaml", trait.properties)
        position = trait.position.at("properties")
        waiver = None
        if written := properties.get("waiver"):
            waiver = PluginWaiver(**written)
            declared.out.extend(
                date_findings(waiver.until, position.at("waiver", "until"))
            )
        plugins.append(
            KongPlugin(
                properties["name"],
                properties.get("config", {}),
                waiver,
                position,
            )
        )
    return tuple(plugins)


def _change(_: str, was: Any, now: Any) -> Kind:
    """Return the kind of a change.

    A new plugin without a waiver grants no access. A removed plugin may have denied requests.
    """
    before = was or []
    after = now or []
    gone = any(plugin not in after for plugin in before)
    waived = any(
        plugin.get("waiver.until") for plugin in after if plugin not in before
    )
    return "may widen" if gone or waived else "may narrow"


MEANING = Meaning(
    KONG_PLUGIN, _compile, _change, left_out={KongPlugin: ("position",)}
)
