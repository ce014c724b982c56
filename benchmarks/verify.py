"""Time of `verify` to compare a Kong that it has read: without changes, and after manual changes.

    python -m benchmarks.verify [--components 1000]

The estate is from `benchmarks.compile`, on the sandbox's Kong, a stand-in, through its Admin API.
The manual change: one component in a hundred has lost its gate. Prints CPU seconds; exits 1 if
either takes more than 60. The time of reading is Kong's: a page of a thousand entities is one
request.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import replace

from benchmarks.compile import APPLICATION, compiled
from kong_oam.kong.entities import Entities
from tests.support.verified_gateway import Deployment, Running, sample

LIMIT = 60.0
EVERY = 100
PER_APPLICATION = 3


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--components", type=int, default=1000)
    components = parser.parse_args().components
    times = measured(components)
    print(f"verify of {components:,} components, once Kong was read")
    for name, seconds in times.items():
        print(f"{name + ':':12} {seconds:6.1f} CPU s  (at most {LIMIT:g})")
    return int(max(times.values()) > LIMIT)


def measured(components: int) -> dict[str, float]:
    """Return CPU seconds by case. Raises AssertionError if `verify` reports other changes."""
    settings, _ = sample()
    applications = math.ceil(components / PER_APPLICATION)
    texts = (APPLICATION.format(n=number) for number in range(applications))
    estate = compiled(texts, settings.stack)
    seconds = {}
    with Running(Deployment.of(settings, estate)) as running:
        there = running.entities()
        for name, live in (
            ("as meant", there),
            ("changed", without_gates(there)),
        ):
            start = time.process_time()
            findings = running.judged(live).findings
            seconds[name] = time.process_time() - start
            assert bool(findings) == (name == "changed"), findings[:1]
    return seconds


def without_gates(live: Entities) -> Entities:
    """Return the entities without the gate of every n-th component."""
    gates = [
        plugin["id"]
        for plugin in live.plugins
        if plugin["name"] == "post-function"
    ][::EVERY]
    return replace(
        live,
        plugins=tuple(
            plugin for plugin in live.plugins if plugin["id"] not in gates
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
