"""Opening one path in an emergency, while other products are down: limited in time, visible, and
closed automatically."""

from __future__ import annotations

import re
import time
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.support.documentation import page
from tests.support.engine.calls import service_token
from tests.support.faults.stacks import Empty, Stack
from tests.support.faults.tiny import HOST, PROTECTED, PUBLIC, SERVICE, TINY

# A component without a public rule: its `jwt` denies anonymous callers until a path is opened.
CLOSED = TINY.replace(
    "              - {paths: [/things/health], methods: [GET], public: {reason: probes}}\n",
    "",
).replace(
    "scopes: [things.read]}\n",
    "scopes: [things.read]}\n              - {paths: [/things/7], scopes: [things.read]}\n",
    1,
)
DEFAULTS = {"worker_state_update_frequency": 5, "db_update_frequency": 5}
"""Kong's own settings give the delay of a change, whatever this stand-in needs."""
REASON = "INC-4711: Okta is down"


def emergency(stack: Stack, *arguments: str) -> CompletedProcess[str]:
    """Run the command, without access to state and CLI."""
    asked = ("emergency", "--stack", stack.name, *arguments)
    return stack.module(
        "kong_oam", *asked, PULUMI_BACKEND_URL="file:///nowhere"
    )


def verified(stack: Stack) -> CompletedProcess[str]:
    return stack.module(
        "kong_oam", "verify", "--stack", stack.name, "--only", "gateway"
    )


def answers(stack: Stack) -> dict[str, int]:
    """Return the statuses without a token: of the opened path, its other method, a path below with
    a rule; and with a token."""
    asked = {
        "GET /things": ("GET", "/things"),
        "GET /things/9": ("GET", "/things/9"),
        "POST": ("POST", "/things"),
    }
    asked |= {
        "longer": ("GET", "/things/7"),
        "otherwise": ("GET", "/Things/7"),
        "misread": ("GET", "/things/7."),
    }
    return {
        name: stack.status(method, HOST, path)
        for name, (method, path) in asked.items()
    }


SHUT = {
    "GET /things": 401,
    "GET /things/9": 401,
    "POST": 401,
    "longer": 401,
    "otherwise": 404,
    "misread": 401,
}


@pytest.fixture
def stack(empty: Empty) -> Stack:
    made = empty(applications=[CLOSED], configuration=DEFAULTS)
    made.run("up")
    return made


def test_a_path_is_opened_while_nothing_else_answers_and_closed(
    stack: Stack,
) -> None:
    """Without the identity provider, the state and the CLI, only one rule's path and method opens."""
    token = service_token(stack.local, "job")
    assert answers(stack) == SHUT
    stack.local.okta.faults = lambda *_: None
    assert stack.run("up", check=False).returncode != 0
    gate = stack.plugin("post-function", SERVICE)
    stack.kong("PATCH", f"/plugins/{gate['id']}", {"enabled": False})
    refused = emergency(
        stack, "open", "tiny/api", PROTECTED, "--reason", REASON
    )
    assert (
        refused.returncode,
        f"    {refused.stderr}" in page("how-to/break-glass.md"),
    ) == (
        2,
        True,
    ), refused.stderr
    assert emergency(stack, "close").returncode == 0
    stack.kong("PATCH", f"/plugins/{gate['id']}", {"enabled": True})
    opened = emergency(stack, "open", "tiny/api", PROTECTED, "--reason", REASON)
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.startswith(
        "open: GET,HEAD /things of tiny/api for everybody until 20"
    )
    assert f"({REASON})" in opened.stdout
    assert answers(stack) == {**SHUT, "GET /things": 200, "GET /things/9": 200}
    assert stack.status("GET", HOST, "/things/7", token) == 200
    listed = emergency(stack)
    assert (listed.returncode, REASON in listed.stdout) == (1, True)
    stack.local.okta.faults = None
    seen = verified(stack)
    assert seen.returncode == 1
    shown, ends = (
        page("how-to/break-glass.md"),
        re.compile(r"[0-9-]{10}T[0-9:]{8}Z"),
    )
    assert (
        seen.stdout.startswith("opened: ")
        and f"GET,HEAD http://{HOST}{PROTECTED}\n" in seen.stdout
    )
    assert (
        stack.changes("up") == {}
    )  # a run without a change leaves the opening, until it ends
    closed = emergency(stack, "close")
    assert closed.returncode == 0
    for done in (opened, listed, seen, closed):
        for line in done.stdout.splitlines():
            assert ends.sub("TIME", f"    {line}\n") in ends.sub("TIME", shown)
    assert answers(stack) == SHUT
    assert emergency(stack).stdout == "no emergency opening exists\n"
    assert verified(stack).returncode == 0
    stack.assert_unchanged("up", "--refresh")


@pytest.mark.deep
def test_it_ends_by_itself_and_a_refresh_ends_it_before(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gates check the time themselves, without the person who opened it."""
    assert (
        emergency(
            stack,
            "open",
            "tiny/api",
            PROTECTED,
            "--reason",
            "x",
            "--minutes",
            "1",
        ).returncode
        == 0
    )
    assert answers(stack)["GET /things"] == 200
    with monkeypatch.context() as later:
        later.setattr(stack.local.kong._proxy, "_now", lambda: time.time() + 61)
        assert answers(stack) == SHUT
    assert answers(stack)["GET /things"] == 200
    assert stack.changes("up", "--refresh") != {}
    assert answers(stack) == SHUT
    assert verified(stack).returncode == 0
    stack.assert_unchanged()


@pytest.mark.deep
def test_remains_of_an_opening_are_closed(stack: Stack) -> None:
    """A run that changes the rules ends the opening and leaves `jwt` in its first form. A second
    opening is rejected. Changed scripts are never reported as closed."""
    opening = ("open", "tiny/api", PROTECTED, "--reason", "x")
    assert emergency(stack, *opening).returncode == 0
    again = emergency(stack, "open", "tiny/api", "/things/7", "--reason", "y")
    assert (again.returncode, "close this opening first" in again.stderr) == (
        2,
        True,
    )
    stack.edit(
        "applications/app0.yaml",
        "{paths: [/things/7], scopes",
        "{paths: [/things/8], scopes",
    )
    stack.run("up")
    assert answers(stack)["GET /things"] == 401
    assert emergency(stack).returncode == 0
    assert emergency(stack, "close").returncode == 0
    assert stack.plugin("jwt", SERVICE)["config"]["anonymous"] is None
    assert emergency(stack, *opening).returncode == 0
    gate = stack.plugin("post-function", SERVICE)
    stack.kong(
        "PATCH",
        f"/plugins/{gate['id']}",
        {"config": {"log": ["return function() end"]}},
    )
    for verb in ((), ("close",)):
        done = emergency(stack, *verb)
        assert (
            done.returncode,
            "the scripts of tiny/api come from another version of the program"
            in done.stderr,
        ) == (
            2,
            True,
        )
    stack.run("up", "--refresh")
    assert (
        answers(stack)["GET /things"] == 401
        and emergency(stack).returncode == 0
    )


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("verb", ["open", "close"])
@pytest.mark.deep
def test_a_failed_opening_can_be_closed(
    stack: Stack, verb: str, number: int
) -> None:
    """Kong does not answer one of three changes: the command reports it, and the next `close`
    closes all."""
    opening = ("open", "tiny/api", PROTECTED, "--reason", "x")
    if verb == "close":
        assert emergency(stack, *opening).returncode == 0
    changes: list[str] = []

    def refuse(request: Any, answer: Any) -> Any:
        if request.method == "PATCH":
            changes.append(request.target)
            if len(changes) == number:
                return None
        return answer()

    stack.local.kong.faults = refuse
    failed = emergency(stack, *(opening if verb == "open" else ("close",)))
    stack.local.kong.faults = None
    assert (
        failed.returncode,
        "does not answer (RemoteProtocolError)" in failed.stderr,
    ) == (
        2,
        True,
    ), failed
    assert emergency(stack, "close").returncode == 0
    assert answers(stack) == SHUT
    assert emergency(stack).returncode == 0 and verified(stack).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("tiny/api", "/other", "--reason", "x"),
            "'tiny/api' has no rule for '/other'; it has rules for: /things, /things/7",
        ),
        (
            ("tiny/none", PUBLIC, "--reason", "x"),
            "this Kong has no gate of 'tiny/none'; it has gates of: tiny/api",
        ),
        (
            ("tiny/api", PROTECTED, "--reason", "x", "--minutes", "481"),
            "--minutes is outside 1 to 480",
        ),
        (
            ("tiny/api", PROTECTED, "--reason", "x", "--methods", "LOOK"),
            "the rule does not list LOOK; it lists GET, HEAD",
        ),
        (
            ("tiny/api", PROTECTED, "--reason", "x", "--methods", "DELETE"),
            "the rule does not list DELETE; it lists GET, HEAD",
        ),
        (
            ("tiny/api", PROTECTED, "--reason", "a\nb"),
            "--reason is not one line of printable text",
        ),
        (
            ("tiny/api", PROTECTED, "--reason", "St\udcf6rung"),
            "--reason is not one line of printable text",
        ),
        (
            ("tiny/api", PROTECTED, "--reason", " "),
            "--reason is not one line of printable text",
        ),
    ],
)
@pytest.mark.deep
def test_an_impossible_opening_is_reported_and_changes_nothing(
    stack: Stack, arguments: tuple[str, ...], message: str
) -> None:
    before = stack.local.kong.entities("plugins")
    done = emergency(stack, "open", *arguments)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert stack.local.kong.entities("plugins") == before
