"""A client's grants and the scopes that its pods ask for: if one of the two fails, the other waits,
also with `--continue-on-error`.

No state records the order: the next run may reverse it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kong_oam.engine.state import logical_name
from sandbox.okta.answers import Answer
from sandbox.okta.service import Answered
from tests.support.engine.calls import credential
from tests.support.faults.stacks import Empty, Stack
from tests.support.faults.tiny import TINY
from tests.support.tiers import deep_after

APP = "applications/app0.yaml"
BOTH = "scopes: [things.read, things.write]"
WITH_WRITE = TINY.replace(
    "{things.read: Read things}", "{things.read: r, things.write: w}"
).replace("reader: {scopes: [things.read]", f"reader: {{{BOTH}")
ONE_CALL, BOTH_CALLS = "scopes: [things.read]}]}", f"{BOTH}}}]}}"
JOB, NEXT_JOB = (
    "image: registry.example.com/job",
    "image: registry.example.com/job:2",
)
FLAGS = deep_after(1, ["--continue-on-error", ""])
RULE = "okta-rule-tiny/job"
READ, WRITE = "things.read", "things.write"


def _requested_scopes(stack: Stack) -> list[str]:
    """Return the scopes that the client's pods ask for, by its Secret."""
    return credential(stack.local, "job")["OAUTH_SCOPES"].split()


def _granted(stack: Stack) -> list[str]:
    """Return the scopes that the provider may give the client."""
    (rule,) = (
        resource
        for resource in stack.state()
        if logical_name(resource["urn"]) == RULE
    )
    return list(rule["outputs"]["scopeWhitelists"])


def _no_state_says_the_order(stack: Stack) -> None:
    state = {
        logical_name(resource["urn"]): {
            *map(logical_name, resource.get("dependencies", ()))
        }
        for resource in stack.state()
    }
    pods = {"tiny/job-client", "tiny/job-deployment"}
    assert pods <= state.keys()
    assert not state[RULE] & pods
    assert not [pod for pod in pods if RULE in state[pod]]


def _works(stack: Stack, *scopes: str) -> None:
    stack.local.okta.faults = None
    stack.local.cluster.unpullable.clear()
    stack.run("up")
    assert _requested_scopes(stack) == _granted(stack) == [*scopes]
    stack.assert_unchanged()
    _no_state_says_the_order(stack)


@pytest.mark.parametrize("flags", FLAGS)
def test_pods_request_only_granted_scopes(empty: Empty, flags: str) -> None:
    stack = empty(applications=[WITH_WRITE])
    stack.run("up")
    _no_state_says_the_order(stack)

    def broken(
        method: str, path: str, proceed: Callable[[], Answered]
    ) -> Answered:
        return (
            (Answer(500, {}, {}), b"{}")
            if method == "PUT" and "/rules/" in path
            else proceed()
        )

    stack.edit(APP, ONE_CALL, BOTH_CALLS)
    stack.local.okta.faults = broken
    assert stack.run("up", *flags.split(), check=False).returncode != 0
    assert _requested_scopes(stack) == [READ]
    _works(stack, READ, WRITE)


@pytest.mark.parametrize("flags", FLAGS)
def test_no_scope_is_revoked_that_pods_still_request(
    empty: Empty, flags: str
) -> None:
    stack = empty(applications=[WITH_WRITE.replace(ONE_CALL, BOTH_CALLS)])
    stack.run("up")
    stack.edit(APP, BOTH_CALLS, ONE_CALL)
    stack.edit(APP, JOB, NEXT_JOB)
    stack.local.cluster.unpullable.add(NEXT_JOB.removeprefix("image: "))
    assert stack.run("up", *flags.split(), check=False).returncode != 0
    assert _granted(stack) == [READ, WRITE]
    _works(stack, READ)
