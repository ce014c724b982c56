"""Cost of many clients with grants at one port, on a real Kong: the table of its gate.

    KONG_ADMIN_URL=http://127.0.0.1:8001 KONG_PROXY_URL=http://127.0.0.1:8000 \
        python -m benchmarks.clients [--clients 50 500 5000]

Kong must run on this machine without other load: the CPU time and the memory of its workers are
read from /proc. Each number of clients is a separate stack, deployed alone. A change of any plugin
makes each worker read all tables again. Prints the bytes of the table, and the CPU time and memory
of a worker after such a change. Prints also the CPU time of a later request. Its entities are
deleted at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.gateway import (
    HOST,
    Case,
    Deployment,
    Load,
    Workload,
    application,
    cpu,
    listening,
    stack,
    token,
)
from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.model import Estate, Stack
from kong_oam.oam.application import join_readings, read_bytes

# A list of an Application has at most 1,000 entries.
_ENTRIES = 1000
# Kong's workers notice a change after at most `worker_state_update_frequency`: 5 s.
_NOTICED = 7
_REQUESTS = 200
_ROUNDS = 5


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--clients", type=int, nargs="+", default=[50, 500, 5000]
    )
    options = parser.parse_args()
    for number, count in enumerate(options.clients):
        print(measured(number, count), flush=True)
    return 0


def measured(number: int, count: int) -> str:
    """Deploy a port with `count` clients, and return a line with its cost."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    url = urlsplit(os.environ["KONG_PROXY_URL"])
    load = Load((str(url.hostname), url.port or 80))
    settings, estate = stack(Case("clients"), number, {})
    estate = with_clients(number, count, settings.stack)
    with listening(Workload) as port:
        workload = f"127.0.0.1:{port}"
        deployment = Deployment(os.environ["KONG_ADMIN_URL"], workload, key)
        try:
            deployment.add(settings, estate)
            plugins = [*plugins_of(deployment)]
            table = max(len(json.dumps(each["config"])) for each in plugins)
            workers = deployment.workers()
            head = f"GET /items/0 HTTP/1.1\r\nHost: {HOST.format(number)}\r\n"
            access = f"Authorization: Bearer {token(key, number)}\r\n\r\n"
            request = (head + access).encode()
            while load.send(request, _REQUESTS) < _REQUESTS:
                time.sleep(1)
            unchanged, changed, later = [], [], []
            for _ in range(_ROUNDS):
                for change, into in ((False, unchanged), (True, changed)):
                    start = cpu(workers)
                    if change:
                        touch(deployment, plugins[0]["id"])
                    time.sleep(_NOTICED)
                    assert load.send(request, _REQUESTS) == _REQUESTS
                    into.append(cpu(workers) - start)
                start = cpu(workers)
                load.send(request, _REQUESTS)
                later.append((cpu(workers) - start) / _REQUESTS)
            after = statistics.median(changed) - statistics.median(unchanged)
            resident = max(map(memory, workers))
        finally:
            deployment.clean()
    return (
        f"{count:5,} clients: {table / 1000:7.1f} kB of table, "
        f"{after / len(workers) * 1000:6.1f} ms a worker after a change, "
        f"{resident:4.0f} MB a worker, "
        f"{statistics.median(later) * 1e6:6.0f} µs a request"
    )


def with_clients(number: int, count: int, of: Stack) -> Estate:
    """Return the benchmark's estate with `count` clients of its API."""
    api = json.loads(application(HOST.format(number), ()))
    access = api["spec"]["components"][0]["traits"][1]["properties"]
    scopes = access["roles"]["reader"]["scopes"]
    readings = []
    for first in range(1, count, _ENTRIES):
        numbers = range(first, min(first + _ENTRIES, count))
        name = f"callers{first}"
        access["roles"][name] = {
            "scopes": scopes,
            "components": [f"{name}/caller{each}" for each in numbers],
        }
        caller = api["spec"]["components"][1]
        callers = [{**caller, "name": f"caller{each}"} for each in numbers]
        more = {
            **api,
            "metadata": {"name": name},
            "spec": {"components": callers},
        }
        readings.append(read_bytes(f"{name}.yaml", json.dumps(more).encode()))
    readings.append(read_bytes("bench.yaml", json.dumps(api).encode()))
    compiled = compile_estate(join_readings(readings), of)
    assert compiled.estate is not None, compiled.diagnostics[0]
    return compiled.estate


def plugins_of(deployment: Deployment) -> Iterator[dict[str, Any]]:
    """Yield the plugins of the Kong."""
    answer = deployment.admin.get("/plugins", params={"size": 1000})
    yield from answer.raise_for_status().json()["data"]


def touch(deployment: Deployment, plugin: str) -> None:
    """Change the tags of a plugin, which changes nothing for callers."""
    tags = {"tags": [f"benchmark-{time.time_ns()}"]}
    deployment.admin.patch(f"/plugins/{plugin}", json=tags).raise_for_status()


def memory(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+([0-9]+) kB", status)
    assert found, status
    return int(found[1]) / 1000


if __name__ == "__main__":
    sys.exit(main())
