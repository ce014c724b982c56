"""Two stacks on one real Kong, through every verb: no caller is allowed or denied wrongly, and
neither changes the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from subprocess import CompletedProcess

import pytest

from tests.support.engine.deployment import Deployment
from tests.support.engine.partitions import kong_oam
from tests.support.gateway_cases import Case
from tests.support.live.engine import Engine, engine
from tests.support.live.gateway import LiveGateway
from tests.support.live.hammer import Hammer

pytestmark = pytest.mark.timeout(1200)

FIRST, SECOND = "one", "two"
MEANS = "enforces the Applications"
LIMIT = "- {type: rate-limit, properties: {per: client, requests: {hour: 1000000}, policy: local}}"


@pytest.fixture
def stacks(
    live: LiveGateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, Engine]]:
    """Yield both stacks, the first deployed. Each has its own workload, and the second limits its
    callers."""
    folders = [tmp_path_factory.mktemp(name) for name in (FIRST, SECOND)]
    with (
        live.beside() as gateway,
        live.beside() as other,
        engine(gateway, folders[0], FIRST) as first,
        engine(other, folders[1], SECOND) as second,
    ):
        second.edit("- type: access", f"{LIMIT}\n        - type: access")
        first.up()
        yield first, second


def verb_output(
    made: Engine, verb: str, *arguments: str, status: int = 0
) -> str:
    """Return a verb's output on a stack."""
    return run(made, verb, *arguments, status=status).stdout


def run(
    made: Engine, verb: str, *arguments: str, status: int = 0
) -> CompletedProcess[str]:
    """Run a verb on a stack."""
    return kong_oam(
        Deployment(made.local, made.folder),
        verb,
        "--stack",
        made.stack,
        *arguments,
        status=status,
    )


def own(made: Engine) -> Mapping[str, object]:
    """Return the stack's entities at Kong, by their paths, which have their ids."""
    tag = f"kong-oam-stack:{made.stack}"
    return {
        path: item
        for path, item in made.live.target.entities().items()
        if tag in (item["tags"] or ())
    }


def callers(
    made: Engine, other: Engine
) -> tuple[dict[str, list[Case]], dict[str, list[Case]]]:
    """Return callers that a stack's API denies, and callers that it allows, by name."""
    (authorization,) = other.case("GET", "/orders", "report").authorization
    refused = {
        f"nobody at {made.stack}": [made.case("GET", "/orders")],
        f"the other's at {made.stack}": [
            Case("GET", made.host, b"/orders", (authorization,))
        ],
        f"import at {made.stack}": [made.case("GET", "/orders", "import")],
    }
    return refused, {
        f"report at {made.stack}": [made.case("GET", "/orders", "report")],
        f"health at {made.stack}": [made.case("GET", "/orders/health")],
    }


def refused_by_hand(made: Engine) -> None:
    """Somebody disables an admission: `verify` has one command, and an opening is an error."""
    (admission,) = (
        path
        for path, item in own(made).items()
        if item.get("name") == "pre-function"
    )
    with made.live.target.admin() as admin:
        admin.patch(admission, json={"enabled": False}).raise_for_status()
    found = verb_output(made, "verify", "--only", "gateway", status=1)
    commands = [
        line
        for line in found.splitlines()
        if "to do" in line or "owns it" in line
    ]
    assert commands == [f"    to do: pulumi up -s {made.stack} --refresh"]
    made.live.await_steady(
        [(made.case("GET", "/orders/health"), 503)], made.bound
    )
    failed = run(
        made,
        "emergency",
        "open",
        "orders/api",
        "/orders",
        "--reason",
        "a live test",
        status=2,
    ).stderr
    assert (
        f"(503); see `python -m kong_oam verify --stack {made.stack}`" in failed
    )
    assert "closed: orders/api" in verb_output(made, "emergency", "close")


def test_two_stacks_go_through_every_verb_and_leave_each_other_alone(
    stacks: tuple[Engine, Engine],
    live: LiveGateway,
    report: Callable[[str], None],
) -> None:
    first, second = stacks
    second.up()
    refused, welcome = callers(first, second)
    more_refused, more_welcome = callers(second, first)
    cases = [
        (case, 200)
        for of in (welcome, more_welcome)
        for cases in of.values()
        for case in cases
    ]
    live.await_steady(cases, first.bound)
    seconds = own(second)
    since, workloads = time.monotonic(), [made.live.upstream for made in stacks]
    with Hammer(
        live,
        {**refused, **more_refused},
        {**welcome, **more_welcome},
        workloads,
    ) as hammer:

        def stage(name: str) -> None:
            hammer.await_answers()
            hammer.stage(name)

        stage("verify and recover")
        for made in stacks:
            assert MEANS in verb_output(made, "verify", "--only", "gateway")
            assert "0 created, but missing in the state" in verb_output(
                made, "recover"
            )
        stage("up")
        for made in stacks:
            assert made.changes("up", "--refresh") == {}
        stage("no admission")
        refused_by_hand(first)
        assert MEANS in verb_output(second, "verify", "--only", "gateway")
        first.pulumi(
            "up", "-s", first.stack, "--yes", "--skip-preview", "--refresh"
        )
        live.await_steady(cases, first.bound)
        since_repaired = time.monotonic()
        stage("emergency")
        opened = verb_output(
            first,
            "emergency",
            "open",
            "orders/api",
            "/orders",
            "--reason",
            "a live test",
        )
        assert "without a token: the gateway passes it on (200)" in opened
        assert MEANS in verb_output(second, "verify", "--only", "gateway")
        assert "no emergency opening exists" in verb_output(
            second, "emergency", "close"
        )
        assert "the gateway refuses it (401)" in verb_output(
            first, "emergency", "close"
        )
        time.sleep(first.settle)
        stage("move")
        settings = first.stack_file.read_text("utf-8")
        first.stack_file.write_text(
            settings.replace(
                "config:\n", 'config:\n  kong-oam:partitions: {all: ["*"]}\n', 1
            )
        )
        verb_output(first, "move", "--yes")
        verb_output(first, "up", "--yes")
        verb_output(first, "preview", "--all")
        verb_output(first, "refresh", "--yes")
        for made in stacks:
            assert MEANS in verb_output(made, "verify", "--only", "gateway")
        for caller in welcome:
            assert hammer.kept_out(caller, since_repaired) == {}, caller
        assert own(second) == seconds
        stage("destroy")
        verb_output(first, "destroy", "--yes")
        assert (own(first), own(second)) == ({}, seconds)
        assert MEANS in verb_output(second, "verify", "--only", "gateway")
        assert second.changes("up", "--refresh") == {}
        hammer.await_answers()
        for caller in more_welcome:
            assert hammer.kept_out(caller, since) == {}, caller
        let_in = hammer.let_through()
        assert {
            key
            for key in let_in
            if key[0] != "emergency" or second.stack in key[1]
        } == set(), let_in
        for line in hammer.lines(
            "verify and recover",
            "up",
            "no admission",
            "emergency",
            "move",
            "destroy",
        ):
            report(f"two stacks, {line}")
