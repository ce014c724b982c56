"""An Okta that rejects, limits or breaks: one clear message, no open path, and the next run
finishes the work."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from email.utils import formatdate

import pytest

from sandbox.okta.answers import Answer
from sandbox.okta.service import Answered
from tests.support.engine.calls import service_token
from tests.support.faults.stacks import Empty, Stack
from tests.support.faults.tiny import HOST, PROTECTED, PUBLIC, TINY
from tests.support.faults.watch import Watch
from tests.support.tiers import deep_after

Proceed = Callable[[], Answered]


def _says(
    status: int, code: str, summary: str, headers: dict[str, str] | None = None
) -> Answered:
    body = {
        "errorCode": code,
        "errorSummary": summary,
        "errorLink": code,
        "errorId": "oae1",
        "errorCauses": [],
    }
    return Answer(status, body, headers or {}), json.dumps(body).encode()


def _stopped(stack: Stack, *messages: str) -> None:
    """Expect an `up` that fails with each of `messages`; no caller is allowed meanwhile."""
    with Watch(stack, ((HOST, PROTECTED),)) as watch:
        done = stack.run("up", check=False)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert [message for message in messages if message not in output] == [], (
        output
    )
    assert watch.let_in == set()


def _works(stack: Stack) -> None:
    stack.local.okta.faults = None
    stack.run("up")
    stack.assert_unchanged()
    token = service_token(stack.local, "job")
    statuses = [
        stack.status("GET", HOST, path, t)
        for path, t in ((PROTECTED, None), (PROTECTED, token), (PUBLIC, None))
    ]
    assert statuses == [401, 200, 200]


@pytest.mark.deep
def test_a_rate_limit_is_waited_for(empty: Empty) -> None:
    """429 with Okta's headers: the run takes longer, and succeeds."""
    stack = empty(applications=[TINY])
    limited: list[float] = []

    def limit(method: str, path: str, proceed: Proceed) -> Answered:
        if method == "POST" and path.endswith("/scopes") and len(limited) < 2:
            limited.append(time.monotonic())
            now = int(time.time())
            headers = {
                "Date": formatdate(now, usegmt=True),
                "X-Rate-Limit-Reset": str(now + 1),
                "Retry-After": "1",
            }
            return _says(
                429,
                "E0000047",
                "API call exceeded rate limit due to too many requests.",
                headers,
            )
        return proceed()

    stack.local.okta.faults = limit
    stack.run("up")
    assert len(limited) == 2 and limited[1] - limited[0] > 1.5
    _works(stack)


@pytest.mark.deep
def test_an_endless_rate_limit_is_reported(empty: Empty) -> None:
    """After five repetitions the run stops, with the scope's name and Okta's message as the plugin
    prints it."""
    stack = empty(applications=[TINY])
    asked: list[str] = []

    def limit(method: str, path: str, proceed: Proceed) -> Answered:
        if method == "POST" and path.endswith("/scopes"):
            asked.append(path)
            now = int(time.time())
            headers = {
                "Date": formatdate(now, usegmt=True),
                "X-Rate-Limit-Reset": str(now - 1),
            }
            return _says(
                429,
                "E0000047",
                "API call exceeded rate limit due to too many requests.",
                headers,
            )
        return proceed()

    stack.local.okta.faults = limit
    _stopped(stack, "okta-scope-things.read", "too many requests")
    assert len(asked) == 6
    _works(stack)


@pytest.mark.parametrize(
    ("end", "name"),
    deep_after(
        1,
        [
            ("/apps", "okta-app-tiny/job"),
            ("/authorizationServers", "okta-server"),
            ("/policies", "okta-policy-tiny/job"),
        ],
    ),
)
def test_an_okta_that_breaks_is_named_and_the_next_run_finishes(
    empty: Empty, end: str, name: str
) -> None:
    """500 on the creation of one kind of object: the message has the resource's name and Okta's
    words."""
    stack = empty(applications=[TINY])

    def broken(method: str, path: str, proceed: Proceed) -> Answered:
        if method == "POST" and path.endswith(end):
            return _says(500, "E0000009", "Internal Server Error")
        return proceed()

    stack.local.okta.faults = broken
    with Watch(stack, ((HOST, PROTECTED),)) as watch:
        done = stack.run("up", check=False)
    assert done.returncode != 0 and watch.let_in == set()
    assert f"({name})" in done.stdout and "Internal Server Error" in done.stdout
    _works(stack)
