"""The networks that an `ip-restriction` allows."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import chain

from kong_oam.access.data import Names
from kong_oam.adopt.entities import OldPlugin

ALL: Names = ("0.0.0.0/0", "::/0")
_Network = IPv4Network | IPv6Network


def networks_of(plugin: OldPlugin | None) -> Names | None:
    """Return the allowed networks; all without a plugin; None if they are not clear."""
    if plugin is None:
        return ALL
    try:
        allowed = _read(plugin.config.get("allow") or ALL)
        denied = _read(plugin.config.get("deny") or ())
    except (TypeError, ValueError):
        return None
    left = allowed
    for network in denied:
        parts = (_without(each, network) for each in left)
        left = [*chain.from_iterable(parts)]
    return tuple(sorted(map(str, left))) or None


def _read(texts: Iterable[object]) -> list[_Network]:
    return [ip_network(str(text), strict=False) for text in texts]


def _without(network: _Network, hole: _Network) -> list[_Network]:
    """Return the parts of a network outside another network."""
    if network.version != hole.version or not network.overlaps(hole):
        return [network]
    if network.subnet_of(hole):  # type: ignore[arg-type] # of one version
        return []
    return [*network.address_exclude(hole)]  # type: ignore[arg-type]
