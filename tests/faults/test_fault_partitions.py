"""Commands over the stacks of an estate that are interrupted, run in parallel, or fail in one
partition."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import pytest

from sandbox.kong.http import Request, Response
from sandbox.local import STACK, Local, Saved
from tests.support.documentation import page
from tests.support.engine.deployment import AT_ONCE, Deployment
from tests.support.engine.partitions import kong_oam, partition, run, stack_of
from tests.support.faults.blackout import shape
from tests.support.faults.interruptions import (
    ALL,
    LOCK,
    PARTITIONS,
    Requests,
    answers_as_meant,
    as_stack,
    assert_nothing_to_do,
    cuts,
    ended,
    go_on,
    ids,
    interrupt,
    start_command,
    start_project,
    write,
)
from tests.support.faults.stacks import object_counts
from tests.support.faults.tiny import HOST, PROTECTED
from tests.support.faults.watch import Watch
from tests.support.tiers import deep_after

pytestmark = [pytest.mark.deep, pytest.mark.timeout(900)]

CHANGES = {"rule": "up", "scope": "up", "swap": "move"}


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """The deployed estate with its state after an undisturbed change, and the duration and requests
    of that run, by change."""

    deployment: Deployment
    saved: Saved
    after: dict[str, dict[str, list[str]]]
    seconds: dict[str, float]
    requests: dict[str, int]

    def restore(self) -> Deployment:
        self.deployment.local.kong.faults = None
        self.deployment.local.restore(self.saved)
        write(self.deployment.folder)
        return self.deployment


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Undisturbed]:
    with Local(lags=AT_ONCE) as local:
        deployment = start_project(
            local, tmp_path_factory.mktemp("estate") / "project"
        )
        kong_oam(deployment, "up", "-s", STACK, "--yes", status=0)
        yield Undisturbed(
            deployment, local.save(), {"": shape(as_stack(deployment))}, {}, {}
        )


def after(known: Undisturbed, change: str) -> dict[str, list[str]]:
    """Return the objects after the change; the first call runs it."""
    if change not in known.after:
        deployment = known.restore()
        write(deployment.folder, change)
        begun = time.monotonic()
        with Requests(deployment.local) as asked:
            kong_oam(
                deployment, CHANGES[change], "-s", STACK, "--yes", status=0
            )
        known.seconds[change], known.requests[change] = (
            time.monotonic() - begun,
            asked.count,
        )
        go_on(deployment, "up")
        assert_nothing_to_do(deployment)
        known.after[change] = shape(as_stack(deployment))
    return known.after[change]


@pytest.mark.parametrize("seed", deep_after(1, range(9)))
def test_an_interrupted_command_continues(
    undisturbed: Undisturbed, seed: int
) -> None:
    """A signal ends the command, or all its processes, at any moment. Then the same command runs
    again, or the change is reverted. If a dead run has locked a stack, the documented recovery
    comes first. The result is as after an undisturbed run."""
    assert f"[prod-payments] error: {LOCK}" in page(
        "how-to/deploy-in-partitions.md"
    )
    cut = cuts(seed)
    expected = after(undisturbed, cut.change)
    deployment = undisturbed.restore()
    before = ids(deployment)
    write(deployment.folder, cut.change)
    with Watch(as_stack(deployment), ((HOST, PROTECTED),)) as watch:
        output = interrupt(
            deployment,
            cut,
            undisturbed.seconds[cut.change],
            undisturbed.requests[cut.change],
        )
        if (
            cut.verb == "up" and cut.number == signal.SIGINT
        ):  # The command completes.
            assert "goes on\n" in output or " run: " in output, output
        if cut.back:
            write(deployment.folder)
        output += go_on(deployment, "move", "up")
    print(f"{cut}: {output}")
    assert watch.asked and not watch.let_in
    assert_nothing_to_do(deployment)
    assert shape(as_stack(deployment)) == (
        undisturbed.after[""] if cut.back else expected
    )
    if cut.verb == "move":
        assert ids(deployment) == before
    answers_as_meant(deployment)


TOGETHER = (
    ("up", "up"),
    ("up", "move"),
    ("move", "move"),
    ("up", "destroy"),
    ("destroy", "up"),
)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(len(TOGETHER)))
def test_two_commands_at_once_end_well(
    undisturbed: Undisturbed, seed: int
) -> None:
    """A command may report that the other holds a stack; then each runs again, in turn."""
    rng = random.Random(seed)
    pair = TOGETHER[seed]
    change = "swap" if "move" in pair else rng.choice(("rule", "scope"))
    expected = after(undisturbed, change)
    deployment = undisturbed.restore()
    write(deployment.folder, change)
    with Watch(as_stack(deployment), ((HOST, PROTECTED),)) as watch:
        first = start_command(deployment, pair[0], "-s", STACK, "--yes")
        time.sleep(rng.random() * undisturbed.seconds[change])
        second = start_command(deployment, pair[1], "-s", STACK, "--yes")
        outputs = [
            running.communicate(timeout=300)[0] for running in (first, second)
        ]
        for running in (first, second):
            ended(running)
        print(pair, *outputs, sep="\n")
        assert {first.returncode, second.returncode} <= {
            0,
            2,
        } and "Traceback" not in "".join(outputs)
        if "destroy" in pair:
            go_on(deployment, "refresh")
        go_on(deployment, "move", "up")
    assert watch.asked and not watch.let_in
    assert_nothing_to_do(deployment)
    assert shape(as_stack(deployment)) == expected
    answers_as_meant(deployment)
    if "destroy" in pair:
        go_on(deployment, "destroy")
        assert object_counts(deployment.local) == {}


@pytest.mark.parametrize("nth", deep_after(1, range(2)))
def test_a_partition_that_fails_stops_no_other(
    undisturbed: Undisturbed, nth: int
) -> None:
    """The product rejects any of the partition's requests: the other partition has its change, and
    the next command runs the failed partition."""
    deployment = undisturbed.restore()
    write(deployment.folder, "both")
    changed = iter(range(100))

    def refused(request: Request, answer: Callable[[], Response]) -> Response:
        return (
            Response(500, (), b"{}")
            if request.method != "GET" and next(changed) >= nth
            else answer()
        )

    deployment.local.kong.faults = refused
    failed = kong_oam(deployment, "up", "-s", STACK, "--yes", status=2)
    deployment.local.kong.faults = None
    assert f"1 run: {stack_of('jobs')}" in failed.stdout
    assert (
        f"1 failed: {stack_of('apis')}. Fix the errors above. Repeat the command to continue"
        in failed.stderr
    )
    (image,) = (
        found["spec"]["template"]["spec"]["containers"][0]["image"]
        for found in deployment.local.cluster.objects("Deployment")
        if found["metadata"]["namespace"] == "jobs"
    )
    assert image.endswith(":2")
    assert (
        kong_oam(deployment, "up", "-s", STACK).stdout.splitlines()[0]
        == f"1 of 3 stacks: {stack_of('apis')}"
    )
    go_on(deployment, "up")
    assert_nothing_to_do(deployment)
    answers_as_meant(deployment)


PLACES = tuple(product(((), ("apis",), ("jobs",), ("apis", "jobs")), repeat=2))
"""Each assignment of the namespaces `apis` and `jobs` to partitions."""


@pytest.mark.parametrize(
    ("apis", "jobs"), deep_after(0, PLACES, wanted=[((), ("jobs",))])
)
def test_a_rule_that_changes_under_deployed_stacks_changes_nothing(
    undisturbed: Undisturbed, apis: tuple[str, ...], jobs: tuple[str, ...]
) -> None:
    """No stack runs if an Application is in no partition or in two. An Application in a new
    partition must be moved first. With the old rule again, no work is left."""
    deployment = undisturbed.restore()
    before = shape(as_stack(deployment))
    by_name = {
        name: [
            f"nothing-{name}",
            *(
                partition
                for partition, where in (("apis", apis), ("jobs", jobs))
                if name in where
            ),
        ]
        for name in PARTITIONS
    }
    partition(deployment.folder, by_name)
    done = kong_oam(deployment, "up", "-s", STACK, "--yes")
    output = done.stdout + done.stderr
    if len(apis) == len(jobs) == 1:
        moves = (apis, jobs) != (("apis",), ("jobs",))
        assert done.returncode == (2 if moves else 0), output
        assert (f"python -m kong_oam move -s {STACK}" in output) == moves
    else:
        assert done.returncode == 2 and " run: " not in output
        assert (
            "in two partitions, 'apis' and 'jobs'"
            if 2 in (len(apis), len(jobs))
            else "ACC249"
        ) in output
    assert shape(as_stack(deployment)) == before
    write(deployment.folder)
    if (
        len(apis) == len(jobs) == 1
    ):  # stacks that do not depend on the rule did run
        go_on(deployment, "up")
    assert kong_oam(deployment, "up", "-s", STACK).stdout.startswith(
        "nothing to run"
    )


@pytest.mark.deep
def test_a_base_may_be_newer_than_its_partitions(
    undisturbed: Undisturbed,
) -> None:
    """With the literal CLI: calls work as before, and the command runs the rest. The base may not
    be older."""
    deployment = undisturbed.restore()
    write(deployment.folder, "scope")
    for name in ("apis", "jobs"):
        refused = run(deployment, "up", name, check=False)
        assert (
            refused.returncode != 0
            and f"run `pulumi up -s {STACK}` first"
            in refused.stdout + refused.stderr
        )
    answers_as_meant(deployment)
    run(deployment, "up", None)
    answers_as_meant(deployment)
    listed = kong_oam(deployment, "up", "-s", STACK, status=1)
    assert listed.stdout.splitlines()[0].endswith(
        ", ".join(map(stack_of, ALL))
    )  # the base kept a scope
    go_on(deployment, "up")
    assert_nothing_to_do(deployment)
    answers_as_meant(deployment)
