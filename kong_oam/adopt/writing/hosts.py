"""The hosts on which routes are adopted, and examples of requests' hosts for each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from kong_oam.access.data import Names
from kong_oam.access.hosts import hosts_above
from kong_oam.adopt.entities import OldKong, OldRoute
from kong_oam.adopt.fields import is_placeholder

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\Z")


def is_adoptable(host: str) -> bool:
    """Return whether a gateway trait can have the host. A placeholder stands for one host."""
    if is_placeholder(host):
        return "*" not in host and ":" not in host
    return _HOST.match(host) is not None


def adopted_hosts(old: OldKong, more: Iterable[str]) -> Names:
    """Return the adoptable hosts of HTTP routes, and `more` for routes without a host.

    Exact hosts come first, then the longer wildcards.
    """
    found: dict[str, None] = {}
    has_hostless = False
    for route in old.routes:
        if route.is_http:
            has_hostless = has_hostless or not route.hosts
            found.update(dict.fromkeys(filter(is_adoptable, route.hosts)))
    if has_hostless:
        found.update(dict.fromkeys(more))
    return tuple(sorted(found, key=_order))


def _order(host: str) -> tuple[bool, int, str]:
    return host.startswith("*."), -host.count("."), host


def may_match(route: OldRoute, host: str) -> bool:
    """Return whether a route may take requests for a host, or for a host below a wildcard."""
    if not route.is_http:
        return False
    return not route.hosts or any(_meet(each, host) for each in route.hosts)


def _meet(declared: str, host: str) -> bool:
    name = declared.partition(":")[0]
    if name == host or "*" in host or name.endswith("*"):
        return True
    return name.startswith("*") and host.endswith(name[1:])


def examples(host: str, old: OldKong) -> Names:
    """Return a request's host for each set of routes that may tell hosts apart.

    An exact host has one: itself. Below a wildcard, other routes may have narrower hosts.
    """
    if not host.startswith("*."):
        return (host,)
    declared = set[str]().union(*(route.hosts for route in old.routes))
    found = [_unused_label(declared) + host[1:]]
    for name in sorted(declared):
        bare = name.partition(":")[0]
        if bare.endswith("*"):
            found.append(bare[:-1].rstrip(".") + host[1:])
        elif bare != host and host in tuple(hosts_above(bare)):
            found.append(bare.replace("*", _unused_label(declared), 1))
    return tuple(dict.fromkeys(found))


def _unused_label(declared: Iterable[str]) -> str:
    """Return a label that no declared host has or begins with."""
    labels = set(chain.from_iterable(map(_labels, declared)))
    length = 1 + max(map(len, labels), default=0)
    return "x" * length


def _labels(name: str) -> Iterator[str]:
    yield from name.partition(":")[0].split(".")
