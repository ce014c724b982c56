"""Nobody is let in while the estate comes and goes, though Kong's parts see changes at different times."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from sandbox.kong import Lags
from sandbox.local import Local
from tests.support.engine.deployment import Deployment, Empty
from tests.support.tiers import deep_after

pytestmark = pytest.mark.engine

LAG = 1.0
"""Seconds."""


TARGETS = (("orders.example.com", "/orders"), ("hello.example.com", "/hello"), ("joins.example.com", "/"))
JOINS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: joins, annotations: {owner: team-joins}}
spec:
  components:
    - name: joins
      type: webservice
      properties: {image: registry.example.com/joins:1, ports: [{port: 8000, expose: true}]}
      traits: [{type: gateway, properties: {domain: joins.example.com, http: {/: 8000}}}]
"""
CLOSED = {401, 404, 503}
"""No such route, or a token is needed, or nobody leads anywhere yet: what a gate that is not seen yet comes to."""
LET_THROUGH = 200
"""The workload answered, or Kong tried to reach one."""


def _status(local: Local, host: str, target: str) -> int:
    """What the gateway answered, without sockets."""
    answer = local.kong.handle(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), "http")
    return LET_THROUGH if answer.upstream else answer.status


def _answers_during(local: Local, act: Callable[[], object], *last: int) -> set[int]:
    """Every status that callers without a token got while `act` ran, and then until those of TARGETS got `last`.

    They ask again some 5 ms after each answer. Raises AssertionError when `last`, if any is wanted, does not come within
    30 seconds.
    """
    answers: set[int] = set()
    latest: dict[str, int] = {}
    done = threading.Event()

    def ask(host: str, target: str) -> None:
        while not done.is_set():
            latest[host] = _status(local, host, target)
            answers.add(latest[host])
            time.sleep(0.005)

    callers = [threading.Thread(target=ask, args=target) for target in TARGETS]
    for caller in callers:
        caller.start()
    try:
        act()
        _wait(lambda: not last or tuple(latest.get(host) for host, _ in TARGETS) == last)
    finally:
        done.set()
        for caller in callers:
            caller.join(10)
    return answers


def _wait(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.01)


LATE = {
    "plugins are seen late": Lags(plugins=LAG),
    "routes and services are seen late": Lags(routes=LAG),
    "credentials are seen late": Lags(credentials=LAG),
}


@pytest.mark.parametrize("lags", deep_after(1, LATE.values()), ids=LATE)
def test_nobody_is_let_in_while_the_estate_comes_and_goes(empty: Empty, lags: Lags) -> None:
    """Whatever Kong's workers see first, and with no pause anywhere: nothing ever reaches a workload."""
    deployment = empty(lags=lags)
    local = deployment.local
    # Where the consumer of who has no token is not seen yet, Kong's jwt fails (500).
    closed = CLOSED | {500} if lags.credentials else CLOSED
    assert _answers_during(local, lambda: deployment.run("up"), 401, 401, 404) <= closed
    assert _answers_during(local, lambda: deployment.run("destroy"), 404, 404, 404) <= closed


@pytest.mark.deep
@pytest.mark.parametrize(
    "flags",
    [
        "destroy --target **::hello/** --target-dependents",
        "destroy --target **::orders/** --target-dependents --continue-on-error",
        "up --replace **::hello/hello-world-8000-service",
        "up --target **::orders/** --target-dependents --refresh",
    ],
)
def test_no_flag_lets_anybody_in(empty: Empty, flags: str) -> None:
    """Parts of an estate go at once, in whatever order the engine deletes what is named; some runs fail half-way."""
    deployment = empty(lags=Lags(plugins=LAG))
    local = deployment.local
    deployment.run("up")
    verb, *rest = flags.split()
    for lags in (Lags(plugins=LAG), Lags(routes=LAG)):
        local.kong.lags = lags
        answers = _answers_during(local, lambda: deployment.run(verb, *rest, check=False))
        assert answers <= CLOSED
        deployment.run("up")


@pytest.mark.deep
def test_nobody_is_let_in_while_components_join_move_and_leave(empty: Empty) -> None:
    """One that only joins, one that moves to another port and back, and one that leaves: each with either lag."""
    deployment = empty(lags=Lags(plugins=LAG))
    local = deployment.local
    deployment.run("up")
    joins = deployment.folder / "applications/joins.yaml"
    joins.write_text(JOINS, "utf-8")
    _moved(deployment, 8000, 9000)
    assert _answers_during(local, lambda: deployment.run("up"), 401, 401, 401) <= CLOSED
    local.kong.lags = Lags(routes=LAG)
    joins.unlink()
    _moved(deployment, 9000, 8000)
    assert _answers_during(local, lambda: deployment.run("up"), 401, 401, 404) <= CLOSED


def _moved(deployment: Deployment, old: int, new: int) -> None:
    file = "applications/hello.yaml"
    deployment.edit(file, f"[{{port: {old}, expose: true}}]", f"[{{port: {new}, expose: true}}]")
    deployment.edit(file, f"{{/: {old}}}", f"{{/: {new}}}")
