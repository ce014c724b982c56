"""Entities whose creation was carried out but whose answer was lost: the command finds and removes
only these."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from sandbox.kong import Lags
from sandbox.kong.http import Request, Response
from tests.support.documentation import page
from tests.support.engine.calls import service_token
from tests.support.faults.blackout import lost
from tests.support.faults.stacks import (
    Empty,
    Stack,
    job_status,
    object_counts,
    within,
)
from tests.support.faults.tiny import HOST, PROTECTED, SERVICE, TINY
from tests.support.faults.watch import Watch

LAG = 1.0


@contextmanager
def _loses_answers(
    stack: Stack, method: str, path: str, together: int = 1
) -> Iterator[None]:
    """Let Kong carry such requests out, and close their connections without an answer.

    It closes the first `together` connections at one moment (after at most 30 s): the engine starts
    no step after a failure.
    """
    carried_out = threading.Barrier(together)

    def broken(
        request: Request, answer: Callable[[], Response]
    ) -> Response | None:
        done = answer()
        if (request.method, request.target) != (method, path):
            return done
        with suppress(threading.BrokenBarrierError):
            carried_out.wait(30)
        carried_out.abort()
        return None

    stack.local.kong.faults = broken
    try:
        yield
    finally:
        stack.local.kong.faults = None


def test_lost_objects_are_listed_then_removed_and_no_others(
    empty: Empty,
) -> None:
    """Without `--remove` all objects stay; with it only the lost objects are deleted, and the next
    run finishes the work.

    Objects of other stacks or people are not even listed. No credential is printed.
    """
    stack = empty(applications=[TINY])
    for name, tags in {
        "other": ["kong-oam", "kong-oam-stack:other"],
        "theirs": ["kong-oam"],
        "by-hand": None,
    }.items():
        stack.kong(
            "POST",
            "/services",
            {"name": name, "host": "theirs.example.com", "tags": tags},
        )
    with _loses_answers(stack, "POST", "/plugins", together=2):
        assert stack.run("up", check=False).returncode != 0
    before = object_counts(stack.local)
    listed = lost(stack, status=1)
    assert (
        f"2 created, but missing in the state\n  plugin jwt of {SERVICE}\n"
        in listed.stdout
    )
    assert "0 of 2 removed" in listed.stdout
    assert object_counts(stack.local) == before
    removed = lost(stack, "--remove")
    assert "2 of 2 removed" in removed.stdout
    assert object_counts(stack.local) == {
        kind: count for kind, count in before.items() if kind != "plugins"
    }
    assert f"{stack.local.kong.admin_url}: 0 created" in lost(stack).stdout
    for secret in ("KONG_ADMIN_TOKEN", "OKTA_API_TOKEN"):
        assert (
            stack.local.env[secret]
            not in listed.stdout
            + listed.stderr
            + removed.stdout
            + removed.stderr
        )
    stack.run("up")
    stack.assert_unchanged()
    assert {"other", "theirs", "by-hand"} < {
        entity["name"] for entity in stack.local.kong.entities("services")
    }
    assert job_status(stack) == 200


@pytest.mark.deep
def test_a_gate_is_not_removed_while_its_component_has_routes(
    empty: Empty,
) -> None:
    """The gate stays until the component's routes are gone, and every worker has seen that: no
    caller is allowed.

    (Somebody deleted the gate by hand, and the answer to its new creation was lost.)
    """
    settings = {
        "worker_state_update_frequency": LAG,
        "db_update_frequency": 0.0,
    }
    stack = empty(
        applications=[TINY], lags=Lags(routes=LAG), configuration=settings
    )
    stack.run("up")
    stack.kong(
        "DELETE", f"/plugins/{stack.plugin('post-function', SERVICE)['id']}"
    )
    with _loses_answers(stack, "POST", "/plugins"):
        assert stack.run("up", "--refresh", check=False).returncode != 0
    gate = stack.plugin("post-function", SERVICE)
    with Watch(stack, ((HOST, PROTECTED),)) as watch:
        kept = lost(stack, "--remove", status=1).stdout
        assert f"plugin post-function of {SERVICE}, not certain" not in kept
        assert (
            f"plugin post-function of {SERVICE}, kept: it guards the service of route {SERVICE}."
            in kept
        )
        assert stack.plugin("post-function", SERVICE) == gate
        stack.run(
            "destroy", "--target", "**::tiny/api-p*", "--target-dependents"
        )
        assert "1 of 1 removed" in lost(stack, "--remove").stdout
        stack.run("up")
    assert watch.let_in == set() and watch.asked > 20
    stack.assert_unchanged()
    token = service_token(stack.local, "job")
    within(3 * LAG, lambda: stack.status("GET", HOST, PROTECTED, token) == 200)


@pytest.mark.deep
def test_with_a_state_that_is_not_this_gateways_nothing_is_removed(
    empty: Empty,
) -> None:
    """With an empty state, such as another backend's, every entity would look lost: the command
    stops and asks for the state."""
    stack = empty(applications=[TINY])
    stack.run("up")
    before = object_counts(stack.local)
    stack.pulumi("stack", "rm", "--force", "--preserve-config", "--yes")
    stack.local.pulumi("stack", "init", stack.name, cwd=stack.folder)
    stopped = lost(stack, "--remove", status=2)
    assert (
        f"the state lacks both service {SERVICE} and its child"
        in stopped.stderr
    )
    assert "Check the backend with `pulumi whoami -v`" in stopped.stderr
    assert object_counts(stack.local) == before


@pytest.mark.deep
def test_a_state_that_no_run_can_read_is_repaired_as_it_says(
    empty: Empty,
) -> None:
    """A first run that leaves out dependencies of other resources writes such a state. No caller is
    allowed meanwhile, and the run after the repair creates the rest."""
    stack = empty(applications=[TINY])
    assert (
        stack.run(
            "up", "--exclude", "**tiny/api-8080-admission", check=False
        ).returncode
        != 0
    )
    broken = stack.run("up", check=False)
    assert (
        broken.returncode != 0
        and "snapshot integrity error" in broken.stdout + broken.stderr
    )
    errors = lost(stack, status=2).stderr
    assert errors.startswith(
        "error: the state of stack 'local' is invalid: tiny/"
    )
    assert "refers to tiny/api-8080-admission, which is missing" in errors
    assert "`pulumi state repair -s local --yes`" in errors
    assert "    pulumi state repair -s STACK --yes\n" in page(
        "how-to/recover.md"
    )
    assert stack.local.kong.entities("routes") == []
    stack.pulumi("state", "repair", "--yes")
    assert "0 created, but missing in the state" in lost(stack).stdout
    stack.run("up")
    stack.assert_unchanged()
    assert job_status(stack) == 200
