"""Hosts, and the wildcards that match them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kong_oam.access.data import Names

_PORT = re.compile(r":[0-9]+\Z")
_HOST = re.compile(r"[a-z0-9._-]{1,253}\Z")  # the longest DNS name


def hosts_above(host: str) -> Iterator[str]:
    """Yield the host and the wildcards that match it, the nearest first."""
    yield host
    labels = host.removeprefix("*.").split(".")
    while labels := labels[1:]:
        yield f"*.{'.'.join(labels)}"


def host_patterns(host: str) -> Names:
    """Return the host patterns of endpoints that match `host`, the most specific first.

    Empty for a host with capitals or with characters outside DNS names. Kong's router compares
    hosts byte by byte and answers 404 (seen on 3.10). Browsers and HTTP libraries send hosts in
    lower case.
    """
    name = _PORT.sub("", host)
    return tuple(hosts_above(name)) if _HOST.match(name) else ()
