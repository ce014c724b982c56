"""Nobody is let in while the estate comes and goes, though Kong's parts see changes at different times."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import pytest

from sandbox.kong import Lags
from sandbox.local import Local
from tests.engine.calls import call
from tests.engine.conftest import Empty
from tests.engine.deployment import Deployment

pytestmark = pytest.mark.engine

LAG = 1.0
"""Seconds. The settle step waits for it, so that it costs its time thrice."""

LONG_LAG = 8.0
"""Seconds. Longer, on a busy machine too, than the engine takes from a plugin to its route (0.3 s on an idle one)."""

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
CLOSED = {401, 404}
"""No such route, or a token is needed. Anything else (200, or a failing upstream's 503) was let through."""


def _answers_during(local: Local, act: Callable[[], object], *last: int) -> set[int]:
    """Every status that callers without a token got while `act` ran, and then until those of TARGETS got `last`.

    They ask again some 5 ms after each answer. Raises AssertionError when `last` does not come within 30 seconds.
    """
    answers: set[int] = set()
    latest: dict[str, int] = {}
    done = threading.Event()

    def ask(host: str, target: str) -> None:
        while not done.is_set():
            latest[host] = call(local, "GET", host, target).status
            answers.add(latest[host])
            time.sleep(0.005)

    callers = [threading.Thread(target=ask, args=target) for target in TARGETS]
    for caller in callers:
        caller.start()
    try:
        act()
        _wait(lambda: tuple(latest.get(host) for host, _ in TARGETS) == last)
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


def test_nobody_is_let_in_while_the_estate_comes_and_goes(empty: Empty) -> None:
    """Plugins are seen late while it comes, routes while it goes: 401 and 404 are all that is ever answered."""
    deployment = empty(lags=Lags(plugins=LAG))
    local = deployment.local
    assert _answers_during(local, lambda: deployment.run("up"), 401, 401, 404) == CLOSED
    local.kong.lags = Lags(routes=LAG)
    assert _answers_during(local, lambda: deployment.run("destroy"), 404, 404, 404) == CLOSED


@pytest.mark.deep
def test_without_the_settle_step_everybody_is_let_in_for_a_moment(empty: Empty) -> None:
    """The same, with pauses of no length: order alone leaves the gateway open, both ways."""
    deployment = empty("components", lags=Lags(plugins=LONG_LAG))
    local = deployment.local
    for duration in ("create_duration", "destroy_duration"):
        deployment.edit("components/gateway/service.py", f"{duration}=length", f'{duration}="0s"')
    assert 200 in _answers_during(local, lambda: deployment.run("up"), 401, 401, 404)
    local.kong.lags = Lags(routes=LONG_LAG)
    assert _open(_answers_during(local, lambda: deployment.run("destroy"), 404, 404, 404))


@pytest.mark.deep
def test_nobody_is_let_in_while_components_join_move_and_leave(empty: Empty) -> None:
    """An update waits as the first one did: one that only joins, one that moves to another port, and one that leaves.

    Plugins are seen late, so that a new route could come before them, and then routes, so that an old one could outlive
    them. A move is done both ways.
    """
    deployment = empty(lags=Lags(plugins=LAG))
    local = deployment.local
    deployment.run("up")
    joins = deployment.folder / "applications/joins.yaml"
    joins.write_text(JOINS, "utf-8")
    _moved(deployment, 8000, 9000)
    assert _answers_during(local, lambda: deployment.run("up"), 401, 401, 401) == CLOSED
    local.kong.lags = Lags(routes=LAG)
    joins.unlink()
    _moved(deployment, 9000, 8000)
    assert _answers_during(local, lambda: deployment.run("up"), 401, 401, 404) == CLOSED


def _moved(deployment: Deployment, old: int, new: int) -> None:
    file = "applications/hello.yaml"
    deployment.edit(file, f"[{{port: {old}, expose: true}}]", f"[{{port: {new}, expose: true}}]")
    deployment.edit(file, f"{{/: {old}}}", f"{{/: {new}}}")


@pytest.mark.deep
def test_an_update_that_triggers_no_pause_lets_everybody_in_for_a_moment(empty: Empty) -> None:
    """The first `up` waits all the same: it is the set of ids that makes an update wait, too."""
    deployment = empty("components", lags=Lags(plugins=LONG_LAG))
    local = deployment.local
    deployment.edit(
        "components/gateway/service.py", "triggers={guard._name: guard.id for guard in guards}", "triggers={}"
    )
    assert _answers_during(local, lambda: deployment.run("up"), 401, 401, 404) == CLOSED
    (deployment.folder / "applications/joins.yaml").write_text(JOINS, "utf-8")
    assert 200 in _answers_during(local, lambda: deployment.run("up"), 401, 401, 401)


def test_a_change_of_rules_alone_waits_for_nothing(empty: Empty) -> None:
    """The gate's table is one object: it is replaced, and the pause stays as it is."""
    deployment = empty(lags=Lags(plugins=LAG))
    deployment.run("up")
    deployment.edit("applications/orders.yaml", "[POST, PUT, DELETE]", "[POST, PUT, PATCH, DELETE]")
    assert deployment.changes("up") == {"orders/api-8080-gate": "update"}
    (deployment.folder / "applications/joins.yaml").write_text(JOINS, "utf-8")
    assert {op for name, op in deployment.changes("up").items() if name == "settle"} == {"delete-replaced"}


def _open(answers: Iterable[int]) -> set[int]:
    return set(answers) - CLOSED
