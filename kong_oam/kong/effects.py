"""The effect of other kinds of plugins on a call that our plugins judge."""

from __future__ import annotations

import json
from enum import Enum, auto

from kong_oam.access.data import Texts
from kong_oam.kong.entities import Entity
from kong_oam.kong.plugin_kinds import PLUGIN_KINDS
from kong_oam.kong.plugins import CLEARED, CUSTOM_FIELDS, GUARDS
from kong_oam.traits.kong_plugin.findings import is_gate_header

# Protocols of requests. Any of them on a plugin is as good as all.
HTTP = frozenset({"http", "https", "grpc", "grpcs"})


class Effect(Enum):
    """The effect of a plugin on calls.

    NONE: it only observes calls or changes answers. LIMITS: it denies some calls, unknown which.
    CLOSES: it answers every call itself. UNKNOWN: any effect.
    """

    NONE = auto()
    LIMITS = auto()
    CLOSES = auto()
    UNKNOWN = auto()


# Fields that name a header to write, with Kong's defaults.
_WRITTEN: Texts = {
    "header_name": "Kong-Request-ID",
    "http_response_header_for_traceid": "",
}


def effect_of(plugin: Entity) -> Effect:
    """Return the effect of a plugin, by its kind (`kong.plugin_kinds`).

    A harmless kind counts as harmless only while its configuration leaves important headers alone.
    A plugin that answers, authenticates or rewrites requests is UNKNOWN. So is a plugin of an
    unlisted kind, and a plugin of our kinds in a foreign place.
    """
    config = plugin["config"]
    match PLUGIN_KINDS.get(plugin["name"]):
        case (
            "lets pages read"
        ):  # pages that read answers do not change the callers
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


def is_active(plugin: Entity) -> bool:
    """Return whether a plugin is enabled, for any protocol of requests."""
    return bool(plugin["enabled"] and HTTP.intersection(plugin["protocols"]))


def is_acting(plugin: Entity) -> bool:
    """Return whether a plugin on all services may decide or change calls of a stack's services."""
    if plugin["name"] in GUARDS or tells_browsers(plugin):
        return True
    return effect_of(plugin) is not Effect.NONE


def tells_browsers(plugin: Entity) -> bool:
    """Return whether a plugin tells browsers which pages may read answers."""
    if plugin["name"] == "cors":
        return True
    transforms = plugin["name"].startswith("response-transformer")
    return (
        transforms and "access-control-" in json.dumps(plugin["config"]).lower()
    )


def _runs_code(config: Entity) -> bool:
    """Return whether a configuration has a foreign script. A script can read tokens, and a record
    can send them."""
    scripts = config.get(CUSTOM_FIELDS) or {}
    return any(script != CLEARED for script in scripts.values())


def _touches_headers(config: Entity) -> bool:
    """Return whether a configuration removes headers, or writes a header that something may depend
    on."""
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
    """Return whether a header begins with `X-` and is not the gate's.

    Any other header may identify a caller or end a request.
    """
    return header.lower().startswith("x-") and not is_gate_header(header)
