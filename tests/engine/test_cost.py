"""The cost of an added Application: resources and bytes of state as on the page, and no change of
others."""

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

pytestmark = pytest.mark.engine


@pytest.mark.deep
@pytest.mark.stand_in  # the limits are the benchmark's, which uses stand-ins; official plugins record more
def test_an_application_more_is_within_the_limits_and_changes_no_other(
    tmp_path: Path,
) -> None:
    """In the benchmark's estate, with three components an Application; the added Application sorts
    first."""
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
    """Requests of whole runs: without a change, and with an added Application. Plugins send only
    their first requests if nothing changes."""
    runs = requests.measured("okta", 2 * graph.PER_APPLICATION)
    rows = re.findall(
        r"^\| a(?: run without|n Application more).*?\| (\d+) \|.*\| (\d+) \|$",
        page("explanation/cost.md"),
        re.M,
    )
    reported = [(int(okta), int(kong)) for okta, kong in rows]
    assert [
        (runs[run].ours["okta"], runs[run].ours["Kong"])
        for run in ("no change", "an Application added")
    ] == reported
    assert runs["no change"].plugins == {"okta": 2}  # as it starts
    assert runs["refresh"].ours.total() == 0 < runs["refresh"].plugins.total()


@pytest.mark.deep
@pytest.mark.stand_in
def test_all_that_may_be_asked_for_is_within_its_limit(
    report: Callable[[str], None],
) -> None:
    """Records to a sink; and every trait with them, and metrics."""
    for name, all_else in (
        ("with records", False),
        ("with all that may be asked for", True),
    ):
        found = kilobytes(graph.added_bytes(records=True, all_else=all_else))
        report(f"{found:.1f} KB of state a component {name}")
        assert found < graph.LIMITS[f"KB of state a component {name}"]


@pytest.mark.deep
def test_a_compressed_state_is_less_to_write_and_to_keep(
    report: Callable[[str], None],
) -> None:
    """As the page on backends says for a larger estate; this includes the bytes that a run adds."""
    plain, compressed = (
        backends.measured(1, settings, None) for settings in ({}, backends.ZSTD)
    )
    report(f"{plain} and with zstd {compressed}")
    assert (
        compressed.state < plain.state / 4 and compressed.left < plain.left / 4
    )
    assert compressed.written < plain.written / 2


def kilobytes(state: int) -> float:
    """Return the kilobytes of a component, from the bytes of an Application."""
    return state / graph.PER_APPLICATION / 1000


@pytest.mark.deep
def test_what_the_sdk_says_for_debugging_is_said_to_who_asks(
    tmp_path: Path,
) -> None:
    """It waits for the engine with each message, several for each resource, whoever reads them."""
    with Local(groups=graph.GROUPS, users=()) as local:
        stack = start(local, tmp_path / "project", applications=[])
        graph.write(stack.folder, 1)
        output = stack.run("up", "--json").stdout.count(
            "resource registration successful"
        )
        local.env[DEBUG] = "true"
        asked = stack.run("up", "--json").stdout.count(
            "resource registration successful"
        )
        resources = len(stack.state())
    assert output == 0
    assert asked >= resources
