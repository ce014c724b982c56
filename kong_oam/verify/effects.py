"""The effect of plugins of other kinds on a call that our plugins judge."""

from __future__ import annotations

from enum import Enum, auto

from kong_oam.access.data import Texts
from kong_oam.kong.entities import Entity
from kong_oam.kong.plugin_kinds import PLUGIN_KINDS
from kong_oam.kong.plugins import CLEARED, CUSTOM_FIELDS
from kong_oam.traits.kong_plugin.findings import is_the_gates


class Effect(Enum):
    """What a plugin does to calls.

    NONE: it looks at a call, or changes its answer, no more. LIMITS: it refuses some calls, nobody
    here knows which. CLOSES: it answers every call itself. UNKNOWN: anything.
    """

    NONE = auto()
    LIMITS = auto()
    CLOSES = auto()
    UNKNOWN = auto()


_WRITTEN: Texts = {
    "header_name": "Kong-Request-ID",
    "http_response_header_for_traceid": "",
}
"""Fields that name a header to write, and what Kong has them be by default."""


def effect_of(plugin: Entity) -> Effect:
    """The effect of a plugin, by its kind (`kong.plugin_kinds`).

    A plugin that is harmless by its kind is so only while its configuration leaves headers alone
    that others read. What answers from a cache or a function, authenticates, or rewrites a request
    is UNKNOWN, as is any plugin that is not listed there, and one of our own kinds in a place that
    is not ours.
    """
    config = plugin["config"]
    match PLUGIN_KINDS.get(plugin["name"]):
        case "lets pages read":  # what pages read is no matter of who may call
            return Effect.NONE
        case "harmless" if not _touches_headers(config) and not _runs_code(
            config
        ):
            return Effect.NONE
        case "limits":
            return Effect.LIMITS
        case "closes":
            # A trigger is the name of a header or parameter. Every call has `Host`, and many have
            # `Authorization`.
            return Effect.LIMITS if config.get("trigger") else Effect.CLOSES
    return Effect.UNKNOWN


def _runs_code(config: Entity) -> bool:
    """Return whether a configuration has a script other than ours. A script reads tokens, and a
    record takes them along."""
    scripts = config.get(CUSTOM_FIELDS) or {}
    return any(script != CLEARED for script in scripts.values())


def _touches_headers(config: Entity) -> bool:
    """Return whether a configuration takes headers away, or names one to write that something may
    depend on."""
    if (config.get("propagation") or {}).get("clear"):
        return True
    for field, default in _WRITTEN.items():
        name = config.get(field) or default
        if (
            name
            and name != _WRITTEN["header_name"]
            and not _is_of_its_own(name)
        ):
            return True
    return False


def _is_of_its_own(header: str) -> bool:
    """Return whether a header begins with `X-`, and is none of the gate's. Any other may say whose
    a call is, or where it ends."""
    return header.lower().startswith("x-") and not is_the_gates(header)
