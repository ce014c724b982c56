"""The effect of plugins of other kinds on a call that our plugins judge."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from kong_oam.kong.entities import Entity
from kong_oam.kong.plugin_kinds import PLUGIN_KINDS


class Effect(Enum):
    """What a plugin does to calls.

    NONE: it looks at a call, or changes its answer, no more. LIMITS: it refuses some calls, nobody here knows which.
    CLOSES: it answers every call itself. UNKNOWN: anything.
    """

    NONE = auto()
    LIMITS = auto()
    CLOSES = auto()
    UNKNOWN = auto()


def effect_of(plugin: Entity) -> Effect:
    """The effect of a plugin, by its kind (`kong.plugin_kinds`).

    What answers from a cache or a function, authenticates, or rewrites a request is UNKNOWN, as is any plugin that is
    not listed there, and one of our own kinds in a place that is not ours.
    """
    doing = PLUGIN_KINDS.get(plugin["name"])
    if doing in ("harmless", "lets pages read"):  # what pages read is no matter of who may call
        return Effect.NONE
    if doing == "limits":
        return Effect.CLOSES if plugin["name"] == "ip-restriction" and _refuses_everybody(plugin) else Effect.LIMITS
    if doing == "closes":
        # With a trigger it answers only to callers that ask for it.
        return Effect.NONE if plugin["config"].get("trigger") else Effect.CLOSES
    return Effect.UNKNOWN


def _refuses_everybody(restriction: Entity) -> bool:
    """Whether it denies all addresses (of IPv4 is enough: there are callers), or all that it allows."""
    denied = list(_networks(restriction["config"].get("deny") or ()))
    allowed = list(_networks(restriction["config"].get("allow") or ()))
    every = IPv4Network("0.0.0.0/0")
    return _within(every, denied) or (bool(allowed) and all(_within(network, denied) for network in allowed))


def _within(network: IPv4Network | IPv6Network, others: Iterable[IPv4Network | IPv6Network]) -> bool:
    if isinstance(network, IPv4Network):
        four = collapse_addresses(other for other in others if isinstance(other, IPv4Network))
        return any(network.subnet_of(other) for other in four)
    six = collapse_addresses(other for other in others if isinstance(other, IPv6Network))
    return any(network.subnet_of(other) for other in six)


def _networks(written: Iterable[str]) -> Iterable[IPv4Network | IPv6Network]:
    return (ip_network(text, strict=False) for text in written)
