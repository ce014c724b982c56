"""Nobody is let in while the estate comes and goes, though Kong's parts see changes at different times."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from sandbox.kong import Lags
from sandbox.local import Local
from tests.engine.calls import call
from tests.engine.conftest import Empty

LAG = 1.0
"""Seconds. The settle step waits for it, so that it costs its time thrice."""

LONG_LAG = 4.0
"""Seconds. Longer, on a busy machine too, than the engine takes from a plugin to its route (0.3 s on an idle one)."""

TARGETS = (("orders.example.com", "/orders"), ("hello.example.com", "/hello"))
CLOSED = {401, 404}
"""No such route, or a token is needed. Anything else (200, or a failing upstream's 503) was let through."""


def _answers_during(local: Local, act: Callable[[], object], last: int) -> set[int]:
    """Every status that two callers without a token got while `act` ran, and then until both got `last`.

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
        _wait(lambda: [latest.get(host) for host, _ in TARGETS] == [last, last])
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
    assert _answers_during(local, lambda: deployment.run("up"), last=401) == CLOSED
    local.kong.lags = Lags(routes=LAG)
    assert _answers_during(local, lambda: deployment.run("destroy"), last=404) == CLOSED


def test_without_the_settle_step_everybody_is_let_in_for_a_moment(empty: Empty) -> None:
    """The same, with pauses of no length: order alone leaves the gateway open, both ways."""
    deployment = empty("components", lags=Lags(plugins=LONG_LAG))
    local = deployment.local
    for duration in ("create_duration", "destroy_duration"):
        deployment.edit("components/gateway/service.py", f"{duration}=length", f'{duration}="0s"')
    assert 200 in _answers_during(local, lambda: deployment.run("up"), last=401)
    local.kong.lags = Lags(routes=LONG_LAG)
    assert _open(_answers_during(local, lambda: deployment.run("destroy"), last=404))


def _open(answers: Iterable[int]) -> set[int]:
    return set(answers) - CLOSED
