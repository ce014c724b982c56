"""The fields of the Kong service, the table's entry and the scripts of the trait `limits`.

limits      {body: bytes, retried: [methods]}: the largest body, and the methods with retries
"""

from __future__ import annotations

from typing import Any

from kong_oam.access.data import JsonFields, JsonObject, Names
from kong_oam.kong.at_kong import AtKong
from kong_oam.traits.limits.value import IDEMPOTENT, LIMITS, Limits


def limit_fields(limits: Limits) -> JsonObject:
    """Return the fields of the Kong service that differ from the defaults, as the Admin API writes
    them."""
    fields = {
        "connect_timeout": limits.connect,
        "read_timeout": limits.read,
        "write_timeout": limits.write,
        "retries": limits.retries.count if limits.retries else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def limits_entry(limits: Limits, *_: Any) -> JsonObject:
    """Return the table's `limits`; nothing if no script needs it."""
    entry: JsonFields = {}
    if limits.body is not None:
        entry["body"] = limits.body
    if limits.retries and limits.retries.count:
        entry["retried"] = list(limits.retries.methods)
    return {"limits": entry} if entry else {}


def needed_features(limits: Limits) -> Names:
    """Return the feature of Kong by which a script prevents retries; none if no method needs it.

    Kong itself never repeats a request with another method that it has sent.
    """
    retries = limits.retries
    if retries and retries.count and set(IDEMPOTENT) - set(retries.methods):
        return ("kong.service.set_retries",)
    return ()


AT_KONG = AtKong(
    LIMITS,
    needs=needed_features,
    fields=limit_fields,
    entries=limits_entry,
    scripts={"limits": {"access": ("limits",)}},
    behind={"limits": {"access": ("body",)}},
    remedies={
        "body-too-large": "send a smaller body, or allow a larger body in the trait limits"
    },
)
