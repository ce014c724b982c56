"""Hosts, and the wildcards that stand for them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kong_oam.access.data import Names

_PORT = re.compile(r":[0-9]+\Z")
_HOST = re.compile(r"[a-z0-9._-]{1,253}\Z")  # no DNS name is longer


def hosts_above(host: str) -> Iterator[str]:
    """The host, and the wildcards that stand for it, the nearest first."""
    yield host
    labels = host.removeprefix("*.").split(".")
    while labels := labels[1:]:
        yield f"*.{'.'.join(labels)}"


def host_patterns(host: str) -> Names:
    """The host patterns of endpoints that match `host`, the most specific first: itself, then
    wildcards.

    Empty for a host with capitals, or with characters that no DNS name has: Kong's router compares
    hosts byte by byte and answers 404 (seen on 3.10); browsers and HTTP libraries send them in
    lower case.
    """
    name = _PORT.sub("", host)
    return tuple(hosts_above(name)) if _HOST.match(name) else ()
