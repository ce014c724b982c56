"""The order in which Kong's router `traditional_compatible` tries routes.

Sources: kong/router/transform.lua, recorded answers of a Kong 3.10.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from ctypes import c_int32

from kong_oam.kong.entities import Entity

# The flavour of the router with this order, Kong's default.
FLAVOR = "traditional_compatible"


def paths_by_priority(route: Entity) -> list[list[str]]:
    """Return the paths of a route in groups with a priority of their own.

    All regular expressions of a route are a group, and all plain paths of a length. A route without
    paths is an empty group.
    """
    groups = defaultdict(list)
    for path in route.get("paths") or ():
        length = -1 if path.startswith("~") else len(path.encode())
        groups[length].append(path)
    return list(groups.values()) or [[]]


def priority(route: Entity, paths: Sequence[str]) -> int:
    """Return the priority by which Kong orders routes, as an unsigned number of 64 bits.

    Plain hosts come first, then regular expressions. Three numbers follow, which Kong shifts in 32
    bits, so they overlap. The first is the number of kinds of conditions (by 29), the second the
    number of headers (by 20). The third is the regular expression's priority (by 19) or the path's
    length. A number that is negative in 32 bits wins over all others.
    """
    hosts = route.get("hosts") or ()
    headers = route.get("headers") or {}
    conditions = (
        route.get("methods"),
        hosts,
        headers,
        route.get("snis"),
        paths,
    )
    kinds = sum(map(bool, conditions))
    plain = bool(hosts) and "*" not in "".join(hosts)
    first = paths[0] if paths else ""
    regex = first.startswith("~")
    by_path = len(first.encode()) & 0x7FFFF
    if regex:
        by_path = int(route.get("regex_priority") or 0) << 19
    by_headers = min(len(headers), 255) << 20
    low = c_int32(kinds << 29 | by_headers | by_path).value
    high = plain << 60 | regex << 51
    return (high | low) & (2**64 - 1)
