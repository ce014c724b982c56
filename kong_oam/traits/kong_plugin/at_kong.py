"""The plugins that traits `kong-plugin` add at Kong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kong_oam.kong.at_kong import AtKong, Extra, asked_role
from kong_oam.traits.kong_plugin.value import KONG_PLUGIN, KongPlugin


def _plugins(plugins: tuple[KongPlugin, ...], *_: Any) -> Iterator[Extra]:
    for plugin in plugins:
        yield Extra(
            asked_role(plugin.name), plugin.name, plugin.config, asked=True
        )


AT_KONG = AtKong(KONG_PLUGIN, plugins=_plugins)
