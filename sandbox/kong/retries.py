"""Retries: how often and where nginx repeats a request that a workload did not answer.

Measured with a Kong 3.10 and workloads that reject connections, close them, or answer late
(tests/live/test_live_edge.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.kong.balancer import Peer
from sandbox.kong.entities import Service
from sandbox.kong.exchange import Exchange
from sandbox.kong.upstream import UpstreamError

_ONCE = ("POST", "PATCH")
"""Methods that are not tried again once anything was sent."""


def attempts(
    exchange: Exchange, service: Service, peers: list[Peer]
) -> Iterator[tuple[int, Peer]]:
    """Yield each attempt by its number, and its address: the peers in turn, until the limit of
    attempts."""
    count = max(_retries(exchange, service) + 1, len(peers)) if peers else 0
    return ((number, peers[number % len(peers)]) for number in range(count))


def is_last(
    exchange: Exchange, service: Service, attempt: int, error: UpstreamError
) -> bool:
    """Return whether the request is not tried again after this failure."""
    return (error.sent and exchange.method in _ONCE) or attempt >= _retries(
        exchange, service
    )


def _retries(exchange: Exchange, service: Service) -> int:
    return (
        int(service["retries"])
        if exchange.retries is None
        else exchange.retries
    )
