"""The cost of an added Application: resources, bytes of state, and requests."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import backends, graph, requests
from components.process import DEBUG
from sandbox.local import Local
from tests.support.documentation import page
from tests.support.faults.stacks import start


@pytest.mark.deep
@pytest.mark.stand_in  # the benchmark has limits for stand-ins; official plugins record more
def test_an_application_more_is_within_the_limits_and_changes_no_other(
    tmp_path: Path,
) -> None:
    """The estate of the benchmark has three components an Application. The added Application sorts first."""
    with Local(groups=graph.GROUPS, users=()) as local:
        stack = start(local, tmp_path / "project", applications=[])
        graph.write(stack.folder, 1)
        stack.run("up")
        before = stack.state()
        graph.write(stack.folder, 0)
        done = graph.operations(stack.run("up", "--json").stdout)
        after = stack.state()
    assert {operation.split()[0] for operation in done} == {"create"}
    assert (
        kilobytes(sum(map(graph.size, after)) - sum(map(graph.size, before)))
        < graph.LIMITS["KB of state a component"]
    )
    added = Counter(resource["type"] for resource in after) - Counter(
        resource["type"] for resource in before
    )
    assert added == {kind.split()[1]: count for kind, count in done.items()}
    assert (
        added.total()
        <= graph.PER_APPLICATION * graph.LIMITS["resources a component"]
    )


@pytest.mark.deep
@pytest.mark.stand_in
def test_a_run_asks_for_no_more_than_the_page_says() -> None:
    """The stand-ins count all requests of a run without a change, and of a run that adds an Application."""
    runs = requests.measured("okta", 2 * graph.PER_APPLICATION)
    rows = re.findall(
        r"^\| a(?: run without|n Application more).*?\| (\d+) \|.*\| (\d+) \|$",
        page("explanation/cost.md"),
        re.M,
    )
    documented = [(int(okta), int(kong)) for okta, kong in rows]
    assert [
        (runs[run].ours["okta"], runs[run].ours["Kong"])
        for run in ("no change", "an Application added")
    ] == documented
    assert runs["no change"].plugins == {"okta": 2}  # as it starts
    assert runs["refresh"].ours.total() == 0 < runs["refresh"].plugins.total()


@pytest.mark.deep
@pytest.mark.stand_in
def test_all_that_may_be_asked_for_is_within_its_limit(
    report: Callable[[str], None],
) -> None:
    """The first state has records for a sink. The second also has every trait and metrics."""
    for name, all_else in (
        ("with records", False),
        ("with all options", True),
    ):
        found = kilobytes(graph.added_bytes(records=True, all_else=all_else))
        report(f"{found:.1f} KB of state a component {name}")
        assert found < graph.LIMITS[f"KB of state a component {name}"]


@pytest.mark.deep
def test_a_compressed_state_is_less_to_write_and_to_keep(
    report: Callable[[str], None],
) -> None:
    """The page on backends has the numbers of a larger estate."""
    plain, compressed = (
        backends.measured(1, settings, None) for settings in ({}, backends.ZSTD)
    )
    report(f"{plain} and with zstd {compressed}")
    assert (
        compressed.state < plain.state / 4 and compressed.left < plain.left / 4
    )
    assert compressed.written < plain.written / 2


def kilobytes(state: int) -> float:
    """Return the KB of a component, from the bytes of an Application."""
    return state / graph.PER_APPLICATION / 1000


@pytest.mark.deep
def test_debug_messages_of_the_sdk_need_the_setting(
    tmp_path: Path,
) -> None:
    """The SDK waits for the engine with each message, several times for each resource."""
    with Local(groups=graph.GROUPS, users=()) as local:
        stack = start(local, tmp_path / "project", applications=[])
        graph.write(stack.folder, 1)
        default = stack.run("up", "--json").stdout.count(
            "resource registration successful"
        )
        local.env[DEBUG] = "true"
        with_setting = stack.run("up", "--json").stdout.count(
            "resource registration successful"
        )
        resources = len(stack.state())
    assert default == 0
    assert with_setting >= resources
