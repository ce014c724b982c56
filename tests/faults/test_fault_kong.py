"""A Kong that is down, slow, broken, foreign or unusable: one clear message, no open path, and a
way to continue."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable

import pytest

from sandbox.kong.http import Request, Response
from tests.support.engine.calls import service_token
from tests.support.faults.blackout import lost
from tests.support.faults.stacks import Empty, Stack, object_counts
from tests.support.faults.tiny import HOST, PROTECTED, PUBLIC, SERVICE, TINY
from tests.support.faults.watch import Watch
from tests.support.tiers import deep_after

Answer = Callable[[], Response]


def _says(status: int, body: object) -> Response:
    return Response(
        status,
        (("Content-Type", "application/json; charset=utf-8"),),
        json.dumps(body).encode(),
    )


UNEXPECTED = {"message": "An unexpected error occurred"}


def _stopped(stack: Stack, *messages: str) -> str:
    """Expect an `up` that fails with each of `messages` and does not crash; return its output."""
    with Watch(stack, ((HOST, PROTECTED),)) as watch:
        done = stack.run("up", check=False)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert [message for message in messages if message not in output] == [], (
        output
    )
    assert "unhandled exception" not in output
    assert watch.let_in == set()
    return output


def _works(stack: Stack) -> None:
    """Check that the next `up` finishes the work, and no work is left."""
    stack.run("up")
    stack.assert_unchanged()
    token = service_token(stack.local, "job")
    statuses = [
        stack.status("GET", HOST, path, t)
        for path, t in ((PROTECTED, None), (PROTECTED, token), (PUBLIC, None))
    ]
    assert statuses == [401, 200, 200]


@pytest.mark.deep
def test_a_kong_that_answers_after_15_seconds_is_taken_for_down(
    empty: Empty,
) -> None:
    """The inspection before a run waits for 10 seconds, and says so."""
    stack = empty(applications=[TINY])

    def slow(request: Request, answer: Answer) -> Response:
        time.sleep(15)
        return answer()

    stack.local.kong.faults = slow
    begun = time.monotonic()
    _stopped(stack, "does not answer (ReadTimeout)", "that Kong is up")
    assert time.monotonic() - begun < 30
    assert object_counts(stack.local) == {}


@pytest.mark.deep
def test_a_kong_that_becomes_slow_is_waited_for(empty: Empty) -> None:
    """An entity whose creation takes 15 seconds is created; no step fails and no path is open
    meanwhile."""
    stack = empty(applications=[TINY])

    def slow(request: Request, answer: Answer) -> Response:
        time.sleep(
            15
            if (request.method, request.target) == ("POST", "/services")
            else 0
        )
        return answer()

    stack.local.kong.faults = slow
    with Watch(stack, ((HOST, PROTECTED),)) as watch:
        stack.run("up")
    assert watch.let_in == set()
    stack.local.kong.faults = None
    _works(stack)


@pytest.mark.parametrize(
    ("path", "name"),
    deep_after(
        1,
        [
            ("/plugins", "tiny/api-8080-"),
            ("/services", "tiny/api-8080-service"),
            ("/routes", "tiny/api-protected-1-8080"),
        ],
    ),
)
def test_a_kong_that_breaks_half_way_is_named_and_the_next_run_finishes(
    empty: Empty, path: str, name: str
) -> None:
    """500 on every creation of one kind: the message has the resource's name and Kong's words, and
    no caller is allowed."""
    stack = empty(applications=[TINY])

    def broken(request: Request, answer: Answer) -> Response:
        return (
            _says(500, UNEXPECTED)
            if (request.method, request.target) == ("POST", path)
            else answer()
        )

    stack.local.kong.faults = broken
    _stopped(stack, name, "HTTP status 500", "An unexpected error occurred")
    assert stack.status("GET", HOST, PUBLIC) in (401, 404, 200)
    stack.local.kong.faults = None
    _works(stack)


@pytest.mark.deep
@pytest.mark.parametrize("role", deep_after(1, ["gate", "admission"]))
def test_a_script_that_is_printed_before_the_cause_says_so_first(
    empty: Empty, role: str
) -> None:
    """The output has the whole configuration of a plugin that Kong rejects. Its first line says
    where the cause is, its second how to see only the cause."""
    stack = empty(applications=[TINY])
    name = {"gate": b"post-function", "admission": b"pre-function"}[role]

    def broken(request: Request, answer: Answer) -> Response:
        refused = (request.method, request.target) == (
            "POST",
            "/plugins",
        ) and name in request.body
        return _says(500, UNEXPECTED) if refused else answer()

    stack.local.kong.faults = broken
    output = _stopped(stack, "An unexpected error occurred")
    shown = output[output.index("Diagnostics:") :].splitlines()
    about = shown.index(f"  kong:index:Plugin (tiny/api-8080-{role}):")
    assert (
        "In a failed run: Kong did not take the plugin that is named above"
        in shown[about + 2]
    )
    (pattern,) = re.findall(
        r"pulumi up -s STACK --yes \| grep -o '(.*)'", shown[about + 3]
    )
    assert {line.split(" (")[0] for line in re.findall(pattern, output)} == {
        "} error: HTTP status 500"
    }


@pytest.mark.deep
@pytest.mark.parametrize(
    ("response", "message"),
    [
        (_says(401, {"message": "Unauthorized"}), "HTTP status 401"),
        (None, "closed connection without response"),
    ],
    ids=["credentials that end", "gone"],
)
def test_a_kong_that_goes_away_half_way_is_named_and_the_next_run_finishes(
    empty: Empty, response: Response | None, message: str
) -> None:
    """From the first plugin on, Kong rejects every request, or answers none: the error names the
    resource, and no caller is allowed.

    The last new entity may have lost its answer, and is removed as documented.
    """
    stack = empty(applications=[TINY])
    away: list[Request] = []

    def going(request: Request, answer: Answer) -> Response | None:
        if away or (request.method, request.target) == ("POST", "/plugins"):
            away.append(request)
            return response
        return answer()

    stack.local.kong.faults = going
    _stopped(stack, "tiny/api-8080-", message)
    stack.local.kong.faults = None
    assert stack.local.kong.entities("routes") == []
    lost(stack, "--remove")
    _works(stack)


@pytest.mark.deep
def test_a_service_of_our_name_that_is_not_ours_is_never_touched(
    empty: Empty,
) -> None:
    """The run stops before its first change, also in a preview, and names the owner; without the
    service, the next run works."""
    stack = empty(applications=[TINY])
    theirs = stack.kong(
        "POST",
        "/services",
        {"name": SERVICE, "host": "theirs.example.com", "tags": ["theirs"]},
    )
    before = object_counts(stack.local)
    message = f"ENV405: Kong has service '{SERVICE}' ({theirs['id']}) of no stack (its tags are 'theirs')"
    _stopped(stack, "applications/app0.yaml:6:7: error " + message)
    assert message in stack.pulumi("preview", check=False).stdout
    assert (
        object_counts(stack.local) == before
        and stack.entity("services", SERVICE) == theirs
    )
    stack.kong("DELETE", f"/services/{theirs['id']}")
    _works(stack)


@pytest.mark.deep
def test_a_service_of_our_name_that_comes_up_meanwhile_is_never_touched(
    empty: Empty,
) -> None:
    """409: the run stops half-way and names the entity, whose own settings stay."""
    stack = empty(applications=[TINY])
    theirs = {"name": SERVICE, "host": "theirs.example.com", "tags": ["theirs"]}
    came: list[bool] = []

    def overtaken(request: Request, answer: Answer) -> Response:
        if not came and (request.method, request.target) == (
            "POST",
            "/services",
        ):
            came.append(True)
            stack.kong("POST", "/services", theirs)
        return answer()

    stack.local.kong.faults = overtaken
    _stopped(
        stack,
        "tiny/api-8080-service",
        "HTTP status 409",
        f'name=\\"{SERVICE}\\"',
    )
    stack.local.kong.faults = None
    assert theirs.items() <= stack.entity("services", SERVICE).items()
    assert stack.local.kong.entities("routes") == []


@pytest.mark.deep
def test_an_update_that_fails_leaves_the_old_rules(empty: Empty) -> None:
    """500 on the gate of an edited rule: revoked access is already gone, and granted access does
    not exist yet.

    Then the edit takes effect.
    """
    stack = empty(applications=[TINY])
    stack.run("up")
    token = service_token(stack.local, "job")
    stack.edit(
        "applications/app0.yaml",
        "methods: [GET], scopes: [things.read]",
        "methods: [PUT], scopes: [things.read]",
    )

    def broken(request: Request, answer: Answer) -> Response:
        gate = f"/plugins/{stack.plugin('post-function', SERVICE)['id']}"
        return (
            _says(500, UNEXPECTED)
            if (request.method, request.target) == ("PATCH", gate)
            else answer()
        )

    stack.local.kong.faults = broken
    _stopped(stack, "tiny/api-8080-gate", "HTTP status 500")
    assert [
        stack.status(method, HOST, PROTECTED, token)
        for method in ("GET", "PUT")
    ] == [403, 403]
    stack.local.kong.faults = None
    stack.run("up")
    assert [
        stack.status(method, HOST, PROTECTED, token)
        for method in ("GET", "PUT")
    ] == [403, 200]
