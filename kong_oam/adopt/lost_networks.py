"""Compare the networks of an `ip-restriction` with the networks of our rules."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from kong_oam.access.data import Network, Networks
from kong_oam.adopt.acting import texts


def admits_more(config: Mapping[str, Any], networks: Networks) -> bool:
    """Return whether a rule admits an address that the `ip-restriction` may deny.

    `networks` are the networks of the rule; empty for every address. An entry that is no network
    may deny any address.
    """
    try:
        allowed = [*map(ip_network, texts(config.get("allow")))]
        denied = [*map(ip_network, texts(config.get("deny")))]
    except ValueError:
        return True
    if not networks:
        return bool(allowed or denied)
    for network in networks:
        if any(_overlap(network, other) for other in denied):
            return True
        if allowed and not any(_within(network, other) for other in allowed):
            return True
    return False


def _overlap(network: Network, other: IPv4Network | IPv6Network) -> bool:
    return network.version == other.version and network.overlaps(other)


def _within(network: Network, other: IPv4Network | IPv6Network) -> bool:
    if isinstance(network, IPv4Network) and isinstance(other, IPv4Network):
        return network.subnet_of(other)
    if isinstance(network, IPv6Network) and isinstance(other, IPv6Network):
        return network.subnet_of(other)
    return False
