"""Nodes without a database: no mixture of old, new and missing entities is more open than both.

Callers ask without a pause. Meanwhile the command is killed at any moment, and nodes restart. Each
mixture is also a rollout that failed. A control without gates shows that the callers would see a
leak.

LIVE_NODES names the Admin APIs of the nodes. The shell command LIVE_RESTART kills a node and starts
it with the document. `{node}` is its number from 0, and `{document}` is the document's file.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from kong_oam.access.model import Estate
from kong_oam.access.settings.assumed import assumed
from kong_oam.kong.dbless.file import DocumentFile
from kong_oam.kong.intended import intended
from tests.support.dbless import emptied
from tests.support.gateway_cases import Case
from tests.support.gateway_tokens import CLIENTS
from tests.support.json_object import JsonObject
from tests.support.live.gateway import LiveGateway
from tests.support.live.hammer import Hammer
from tests.support.live.orders import denied_callers, orders
from tests.support.live.run import RUN, issuer, upstream_host
from tests.support.repository import ROOT
from tests.support.two_stacks import with_ids
from tests.support.verified_gateway import Deployment

STACK = f"{RUN}-mixed"
OLD_HOST, NEW_HOST = (f"{name}.mixed.{RUN}.example.com" for name in ("old", "new"))  # fmt: skip
REQUESTS = int(os.environ.get("LIVE_CASES") or 3_000)
MIXED, CONTROL = "with gates", "without gates"
_PATHS = {
    "consumers": "/consumers/{id}",
    "credentials": "/consumers/{consumer}/jwt/{id}",
    "upstreams": "/upstreams/{id}",
    "services": "/services/{id}",
    "plugins": "/plugins/{id}",
    "routes": "/routes/{id}",
}
"""Kinds of entities, in the order in which a run makes them."""

Bodies = dict[str, JsonObject]


@pytest.fixture
def nodes() -> Sequence[str]:
    found = os.environ.get("LIVE_NODES", "").split()
    if not found or "LIVE_RESTART" not in os.environ:
        pytest.skip("LIVE_NODES and LIVE_RESTART name no nodes to restart")
    return found


def _estate(host: str, scope: str) -> Estate:
    return orders(STACK, "orders", host, 8080, scope)


def _bodies(estate: Estate, port: int) -> Bodies:
    """Return the entities of an estate by path. Its gates lead to the tier's upstream."""
    settings = replace(assumed(STACK, date(2026, 1, 31)), stack=estate.stack)
    usual = Deployment(settings, estate, issuer(STACK)).deployed
    deployed = replace(
        usual,
        upstreams=dict.fromkeys(usual.upstreams, f"{upstream_host()}:{port}"),
        clients={"main": {key: name for name, key in CLIENTS.items()}},
    )
    entities = intended(settings, estate, deployed)
    bodies = {}
    for kind, path in _PATHS.items():
        for entity in getattr(entities, kind):
            body = with_ids(STACK, entity)
            owner = (body.get("consumer") or {}).get("id")
            bodies[path.format(id=body["id"], consumer=owner)] = body
    return bodies


def _without_gates(bodies: Bodies, port: int) -> Bodies:
    """Return services that lead to the workload, and their routes."""
    open_bodies = {}
    for path, body in bodies.items():
        if path.startswith("/services/"):
            open_bodies[path] = {**body, "host": upstream_host(), "port": port}
        elif path.startswith("/routes/"):
            open_bodies[path] = body
    return open_bodies


def _callers() -> Mapping[str, Sequence[Case]]:
    """Return callers that both estates deny."""
    return {
        f"{caller}, {host}": cases
        for host in (OLD_HOST, NEW_HOST)
        for caller, cases in denied_callers(STACK, host).items()
    }


def _welcome() -> Mapping[str, Sequence[Case]]:
    """Return callers that either estate allows."""
    key = issuer(STACK)
    return {
        "reader": [_read(OLD_HOST, key.service(["read"]))],
        "writer": [_read(NEW_HOST, key.service(["write"]))],
    }


def _read(host: str, token: str) -> Case:
    return Case("GET", host, b"/orders/7", (f"Bearer {token}",))


@contextmanager
def _restarting(nodes: Sequence[str], document: Path) -> Iterator[list[int]]:
    """Restart nodes in turn until the end. Yield the numbers of the restarted nodes."""
    command = os.environ["LIVE_RESTART"]
    restarted: list[int] = []
    is_over = threading.Event()

    def restart() -> None:
        while not is_over.wait(3):
            node = len(restarted) % len(nodes)
            filled = command.format(node=node, document=document)
            subprocess.run(filled, shell=True, timeout=120, check=True)
            restarted.append(node)

    thread = threading.Thread(target=restart)
    thread.start()
    try:
        yield restarted
    finally:
        is_over.set()
        thread.join()


def _kill_after(
    document: Path,
    nodes: Sequence[str],
    sides: Mapping[str, Bodies],
    seed: int,
) -> None:
    """Write to the nodes for some seconds, and kill the command."""
    words = [STACK, str(document), str(seed), *nodes]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.live.mixed_writes", *words],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        text=True,
    )
    assert process.stdin
    json.dump(sides, process.stdin)
    process.stdin.close()
    time.sleep(2 + random.Random(seed).random() * 4)
    process.kill()
    process.wait()
    DocumentFile(document).free()


@pytest.mark.timeout(0)
def test_no_mixture_is_more_open_than_both_estates(
    live: LiveGateway,
    nodes: Sequence[str],
    tmp_path: Path,
    report: Callable[[str], None],
) -> None:
    document = tmp_path / "document.json.gz"
    port = live.upstream.port
    old = _bodies(_estate(OLD_HOST, "read"), port)
    new = _bodies(_estate(NEW_HOST, "write"), port)
    sides = {"old": old, "new": new}
    opened = {
        side: _without_gates(bodies, port) for side, bodies in sides.items()
    }
    kills = 0
    with (
        emptied(nodes),
        Hammer(live, _callers(), _welcome()) as hammer,
        _restarting(nodes, document) as restarted,
    ):
        hammer.stage(MIXED)
        while hammer.asked(MIXED) < REQUESTS:
            kills += 1
            _kill_after(document, nodes, sides, kills)
        hammer.stage(CONTROL)
        begun = kills
        while not hammer.let_through(CONTROL) and kills < begun + 20:
            kills += 1
            _kill_after(document, nodes, opened, kills)
    for line in hammer.lines(MIXED, CONTROL):
        report(line)
    report(f"{kills} commands were killed, and nodes restarted {len(restarted)} times")  # fmt: skip
    assert restarted
    assert hammer.let_through(MIXED) == {}
    assert hammer.allowed("reader") and hammer.allowed("writer")
    assert hammer.let_through(CONTROL)
