"""What a trait `limits` comes to: fields of the Kong service, and what scripts beside admission and
gate read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kong_oam.traits.limits.value import Limits


def limit_fields(limits: Limits | None) -> dict[str, Any]:
    """The fields of the Kong service that differ from the usual ones, as the Admin API writes
    them."""
    if limits is None:
        return {}
    times = {
        "connect_timeout": limits.connect,
        "read_timeout": limits.read,
        "write_timeout": limits.write,
        "retries": limits.retries.count if limits.retries else None,
    }
    return {name: value for name, value in times.items() if value is not None}


def limits_entry(limits: Limits | None) -> Mapping[str, Any]:
    """The table's `limits`; nothing where no script has a part in it."""
    entry: dict[str, Any] = {}
    if limits and limits.body is not None:
        entry["body"] = limits.body
    if limits and limits.retries and limits.retries.count:
        entry["retried"] = list(limits.retries.methods)
    return {"limits": entry} if entry else {}
