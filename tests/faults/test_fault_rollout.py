"""New access waits for its workload: while the new pods do not start, new rules open no path, and
revoked access closes at once.

The cluster stand-in has images that cannot be pulled: such a Deployment does not roll out, and its
old pods continue.
"""

from __future__ import annotations

import pytest

from sandbox.kong import Lags
from tests.support.faults.stacks import Empty, Stack, job_status
from tests.support.faults.tiny import HOST, PROTECTED, PUBLIC, TINY
from tests.support.tiers import deep_after

BROKEN = "registry.example.com/tiny:2"
APP = "applications/app0.yaml"
IMAGE, NEXT_IMAGE = "image: registry.example.com/tiny,", f"image: {BROKEN},"
HEALTH = "- {paths: [/things/health], methods: [GET], public: {reason: probes}}"
OPENED = "- {paths: [/things/health], methods: [GET, POST], public: {reason: probes}}"
"""Only a rule changes: the new path already has its route, so only the gate denies callers."""
CLOSED = "- {paths: [/things/other], methods: [GET], public: {reason: probes}}"
OTHER = "/things/other"


@pytest.fixture
def stack(empty: Empty) -> Stack:
    """Return the deployed tiny estate; its next image cannot be pulled."""
    made = empty(applications=[TINY], lags=Lags())
    made.run("up")
    made.local.cluster.unpullable.add(BROKEN)
    return made


def statuses(stack: Stack, *paths: str) -> list[int]:
    return [stack.status("GET", HOST, path) for path in paths]


def opened(stack: Stack) -> list[int]:
    """Return the statuses of a path that was public, a path that the new rule makes public, and a
    path that is never public."""
    return [
        stack.status(*asked)
        for asked in (
            ("GET", HOST, PUBLIC),
            ("POST", HOST, PUBLIC),
            ("GET", HOST, PROTECTED),
        )
    ]


def running(stack: Stack) -> str | None:
    return stack.local.cluster.running("default", "api")


def test_a_rule_opens_only_once_its_version_is_ready(stack: Stack) -> None:
    """The old image never answers by another version's rule; the next successful run opens the
    path."""
    stack.edit(APP, IMAGE, NEXT_IMAGE)
    stack.edit(APP, HEALTH, OPENED)
    failed = stack.run("up", check=False)
    assert (
        failed.returncode != 0
        and "was not rolled out" in failed.stdout + failed.stderr
    )
    assert running(stack) == "registry.example.com/tiny"
    assert opened(stack) == [200, 401, 401]
    assert job_status(stack) == 200
    stack.local.cluster.unpullable.clear()
    stack.run("up")
    assert (running(stack), opened(stack)) == (BROKEN, [200, 200, 401])
    stack.assert_unchanged()


@pytest.mark.deep
def test_a_closing_rule_does_not_wait(stack: Stack) -> None:
    """Admission closes the path before the rollout begins; going back opens it again, and no other
    path."""
    stack.edit(APP, IMAGE, NEXT_IMAGE)
    stack.edit(APP, HEALTH, CLOSED)
    assert stack.run("up", check=False).returncode != 0
    assert statuses(stack, PUBLIC, OTHER) == [401, 401]
    stack.edit(APP, CLOSED, HEALTH)
    stack.edit(APP, NEXT_IMAGE, IMAGE)
    stack.run("up")
    assert (running(stack), statuses(stack, PUBLIC, OTHER)) == (
        "registry.example.com/tiny",
        [200, 401],
    )
    stack.assert_unchanged()


AROUND = {
    "all but the workload": "--exclude **::tiny/api-deployment",
    "the run goes on": "--continue-on-error",
    "the gate alone": "--target **::tiny/api-8080-gate",
    "the gate and what is before it": "--target **::tiny/api-8080-gate --target **::tiny/api-8080-admission",
}


@pytest.mark.deep
@pytest.mark.parametrize("flags", deep_after(1, AROUND.values()), ids=AROUND)
@pytest.mark.parametrize(
    "first",
    deep_after(1, [False, True]),
    ids=["at once", "after a run that failed"],
)
def test_no_flag_opens_for_a_missing_workload(
    stack: Stack, flags: str, first: bool
) -> None:
    """This holds for any resource that a run leaves out, or that fails in it."""
    stack.edit(APP, IMAGE, NEXT_IMAGE)
    stack.edit(APP, HEALTH, OPENED)
    if first:
        assert stack.run("up", check=False).returncode != 0
    done = stack.run("up", *flags.split(), check=False)
    assert opened(stack) == [200, 401, 401], done.stdout
    assert running(stack) == "registry.example.com/tiny"
    stack.local.cluster.unpullable.clear()
    stack.run("up")
    assert (running(stack), opened(stack)) == (BROKEN, [200, 200, 401])
    stack.assert_unchanged()


@pytest.mark.deep
def test_a_run_that_leaves_the_workload_out_says_that_nothing_opens(
    stack: Stack,
) -> None:
    """The output also has the remedy."""
    stack.edit(APP, IMAGE, NEXT_IMAGE)
    stack.edit(APP, HEALTH, OPENED)
    output = stack.run("up", "--target", "**::tiny/api-8080-gate").stdout
    assert (
        "opens nothing new: its Deployment of this version is missing; run `pulumi up` once it can be deployed"
        in output
    )
