"""A preview announces newly public paths by the gates' tables, not by outputs. It also does so
after a failed or partial run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from sandbox.kong import Lags
from sandbox.kong.http import Request, Response
from tests.support.faults.stacks import Empty, Stack
from tests.support.faults.tiny import SERVICE, TINY
from tests.support.tiers import deep_after

APP = "applications/app0.yaml"
CLOSED, OPEN = (
    "[/things/health], methods: [GET]",
    "[/things/health], methods: [GET, POST]",
)
LINE = "access: newly public: POST http://tiny.example.com/things/health"
BACK = (
    "access: revoked from everybody: POST http://tiny.example.com/things/health"
)


def _preview(stack: Stack) -> str:
    done = stack.pulumi("preview", "--suppress-outputs")
    return done.stdout + done.stderr


def _diff(stack: Stack) -> str:
    """Return the first line of `diff` against the deployed estate."""
    command = [
        ".venv/bin/python",
        "-m",
        "kong_oam",
        "diff",
        "deployed:local",
        ".",
    ]
    ran = subprocess.run(
        command,
        cwd=stack.folder,
        env=stack.local.env,
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    return ran.stdout.partition("\n")[0]


def _breaks(role: str) -> Callable[[Stack], None]:
    """Let the run fail at the plugin of a role, while its program's outputs say that all is done."""

    def run(stack: Stack) -> None:
        plugin = stack.plugin(role, SERVICE)["id"]

        def broken(
            request: Request, answer: Callable[[], Response]
        ) -> Response:
            failing = (request.method, request.target) == (
                "PATCH",
                f"/plugins/{plugin}",
            )
            return Response(500, (), b"{}") if failing else answer()

        stack.local.kong.faults = broken
        assert stack.run("up", check=False).returncode != 0
        stack.local.kong.faults = None

    return run


def _left_out(stack: Stack) -> None:
    stack.run("up", "--target", "**::tiny/job-account")


def _both(stack: Stack) -> None:
    """Let a run fail, and the next run leave out the failed resource."""
    _breaks("post-function")(stack)
    _left_out(stack)


HALF: dict[str, Callable[[Stack], None]] = {
    "it failed at the gate": _breaks("post-function"),
    "it failed at admission": _breaks("pre-function"),
    "it was about something else": _left_out,
    "it failed at the gate, and the next was about something else": _both,
}


@pytest.mark.deep
@pytest.mark.parametrize("half", deep_after(1, HALF.values()), ids=HALF)
def test_a_preview_announces_the_next_openings(
    empty: Empty, half: Callable[[Stack], None]
) -> None:
    """Previews announce it until the gate has it. `diff` prints the same for the deployed estate."""
    stack = empty(applications=[TINY], lags=Lags())
    stack.run("up")
    stack.edit(APP, CLOSED, OPEN)
    half(stack)
    assert LINE in _preview(stack)
    assert f"access: {_diff(stack)}" == LINE
    stack.run("up")
    assert "access:" not in _preview(stack)
    assert _diff(stack) == ""


@pytest.mark.deep
def test_a_gate_at_which_a_run_failed_stays_as_kong_has_it(
    empty: Empty,
) -> None:
    """The state may already record the change (the official Kong plugin does), before its
    Deployment is ready."""
    stack = empty(applications=[TINY], lags=Lags())
    stack.run("up")
    before = stack.plugin("post-function", SERVICE)["config"]
    stack.edit(APP, CLOSED, OPEN)
    HALF["it failed at the gate"](stack)
    stack.edit(APP, "com/tiny,", "com/tiny:2,")
    output = stack.run("up", "--target", "**::tiny/api-8080-gate").stdout
    assert (
        "opens nothing new: its Deployment of this version is missing" in output
    )
    assert stack.plugin("post-function", SERVICE)["config"] == before
    stack.run("up")
    assert stack.plugin("post-function", SERVICE)["config"] != before


@pytest.mark.deep
def test_a_revert_announces_what_it_opens(empty: Empty) -> None:
    """A run that should close a path ended after admission: the earlier estate, deployed again,
    opens the path."""
    stack = empty(applications=[TINY.replace(CLOSED, OPEN)], lags=Lags())
    stack.run("up")
    stack.edit(APP, OPEN, CLOSED)
    HALF["it failed at the gate"](stack)
    assert BACK in _preview(stack)
    stack.edit(APP, CLOSED, OPEN)
    assert LINE in _preview(stack)
    assert f"access: {_diff(stack)}" == LINE


@pytest.mark.deep
def test_a_failed_first_run_is_announced_by_its_remains(
    empty: Empty,
) -> None:
    """A gate without a route allows no caller, so all access is still newly granted."""
    stack = empty(applications=[TINY], lags=Lags())

    def broken(request: Request, answer: Callable[[], Response]) -> Response:
        return (
            Response(500, (), b"{}")
            if (request.method, request.target) == ("POST", "/routes")
            else answer()
        )

    stack.local.kong.faults = broken
    assert stack.run("up", check=False).returncode != 0
    stack.local.kong.faults = None
    assert (
        "access: newly public: GET,HEAD http://tiny.example.com/things/health"
        in _preview(stack)
    )
