"""Unauthorized calls are denied while the estate comes and goes, though Kong's parts see changes at
different times."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from sandbox.kong import Lags
from sandbox.local import Local
from tests.support.engine.deployment import Empty
from tests.support.sandbox.engine_project import wait
from tests.support.tiers import deep_after

LAG = 1.0
"""Seconds."""


TARGETS = (("orders.example.com", "/orders"), ("hello.example.com", "/hello"))
CLOSED = {401, 404, 503}
"""Answers before a gate is visible: no such route, a token is required, or the service points to
nothing."""
LET_THROUGH = 200
"""The workload answered, or Kong tried to reach one."""


def _status(local: Local, host: str, target: str) -> int:
    """Return the gateway's status, without sockets."""
    answer = local.kong.handle(
        f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), "http"
    )
    return LET_THROUGH if answer.upstream else answer.status


def _answers_during(
    local: Local, act: Callable[[], object], *last: int
) -> set[int]:
    """Return every status for callers without a token while `act` runs, and until all TARGETS
    answer `last`.

    They call again about 5 ms after each answer. Raises AssertionError if `last` does not come
    within 30 seconds.
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
        wait(lambda: tuple(latest.get(host) for host, _ in TARGETS) == last)
    finally:
        done.set()
        for caller in callers:
            caller.join(10)
    return answers


LATE = {
    "plugins are seen late": Lags(plugins=LAG),
    "routes and services are seen late": Lags(routes=LAG),
    "credentials are seen late": Lags(credentials=LAG),
}


@pytest.mark.parametrize("lags", deep_after(1, LATE.values()), ids=LATE)
def test_no_call_is_allowed_while_the_estate_comes_and_goes(
    empty: Empty, lags: Lags
) -> None:
    """In whatever order Kong's workers see changes, and without pauses: no call ever reaches a
    workload."""
    deployment = empty(lags=lags)
    local = deployment.local
    # While the consumer of callers without a token is not visible, Kong's jwt fails (500).
    closed = CLOSED | {500} if lags.credentials else CLOSED
    assert (
        _answers_during(local, lambda: deployment.run("up"), 401, 401) <= closed
    )
    assert (
        _answers_during(local, lambda: deployment.run("destroy"), 404, 404)
        <= closed
    )
