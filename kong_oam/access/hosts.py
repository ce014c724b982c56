"""Hosts, and the wildcards that stand for them."""

from __future__ import annotations

from collections.abc import Iterator


def hosts_above(host: str) -> Iterator[str]:
    """The host, and the wildcards that stand for it, the nearest first."""
    yield host
    labels = host.removeprefix("*.").split(".")
    yield from (f"*.{'.'.join(labels[start:])}" for start in range(1, len(labels)))
