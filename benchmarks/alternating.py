"""Measurements of several cases in turn, printed as ratios to one of them."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping

Seconds = Mapping[str, float]
"""Seconds for one request, by case."""


def options(about: str | None) -> argparse.Namespace:
    """Return `rounds` and `requests` of the command line."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=2000)
    return parser.parse_args()


def medians(
    cases: Mapping[str, Callable[[int], float]], rounds: int, requests: int
) -> dict[str, float]:
    """Return the median of each case: a function from a number of requests to seconds for one
    request."""
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, run in cases.items():
            seconds[name].append(run(requests))
    return {name: statistics.median(times) for name, times in seconds.items()}


def told(seconds: Seconds, to: str, width: int) -> list[str]:
    """Return a line for each case, with its ratio to the case `to`."""
    return [
        f"{name:>{width}}: {value * 1e6:6.1f} \u00b5s a request, {value / seconds[to]:5.2f} times "
        f"{to}"
        for name, value in seconds.items()
    ]
