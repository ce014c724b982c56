"""The plugins that traits `kong-plugin` add at Kong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kong_oam.kong.at_kong import AtKong, TraitPlugin, kong_plugin_role
from kong_oam.traits.kong_plugin.value import KONG_PLUGIN, KongPlugin


def _plugins(plugins: tuple[KongPlugin, ...], *_: Any) -> Iterator[TraitPlugin]:
    for plugin in plugins:
        yield TraitPlugin(
            kong_plugin_role(plugin.name),
            plugin.name,
            plugin.config,
            asked=True,
        )


AT_KONG = AtKong(KONG_PLUGIN, plugins=_plugins)
