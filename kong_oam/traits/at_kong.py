"""The parts of all traits at Kong, in the order in which their plugins and scripts run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kong_oam.access.model import Component
from kong_oam.kong.at_kong import AtKong
from kong_oam.traits.cors import at_kong as cors
from kong_oam.traits.headers import at_kong as headers
from kong_oam.traits.ip_allow import at_kong as ip_allow
from kong_oam.traits.kong_plugin import at_kong as kong_plugin
from kong_oam.traits.limits import at_kong as limits
from kong_oam.traits.rate_limit import at_kong as rate_limit

AT_KONG: tuple[AtKong[Any], ...] = (
    cors.AT_KONG,
    rate_limit.AT_KONG,
    kong_plugin.AT_KONG,
    headers.AT_KONG,
    limits.AT_KONG,
    ip_allow.AT_KONG,
)


def traits_at_kong(component: Component) -> Iterator[tuple[AtKong[Any], Any]]:
    """Yield the parts at Kong of each trait of a component, with the trait's value."""
    for at_kong in AT_KONG:
        value = component.traits.get(at_kong.key)
        if value:
            yield at_kong, value
