"""Run the benchmark of large estates on a small estate in partitions, from the first `up` to `destroy`."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from benchmarks.estate import SIZES, limits
from benchmarks.large import large, measure, walk
from tests.support.documentation import page


@pytest.mark.deep
@pytest.mark.stand_in  # it counts requests to stand-ins
@pytest.mark.timeout(3600)
def test_an_estate_in_partitions_goes_through_its_life(
    report: Callable[[str], None],
) -> None:
    """Each run makes only the needed operations: up, a changed rule, an added and moved Application, a rotation, an
    interruption, and destroy."""
    with large(
        20,
        10,
        tell=lambda name, run: report(
            f"{name}: {run.cpu:.1f} CPU s, {run.written / 1e6:.1f} MB"
        ),
    ) as estate:
        measure(estate)
        walk(estate)
    done = {name: dict(run.operations) for name, run in estate.runs.items()}
    assert done["nothing changed"] == done["an Application moved"] == {}
    assert (
        estate.runs["nothing changed"].requests
        == estate.runs["an Application moved"].requests
        == {}
    )
    assert (
        done["one rule changed: up"].keys()
        == done["gone on"].keys()
        == {"updated"}
    )
    assert (
        "deleted" not in done["an Application added"]
        and "deleted" not in done["one client rotated"]
    )
    assert done["one client rotated"]["created"] == 1
    assert done["up after the move"].keys() == {
        "updated",
        "deleted",
    }  # tags; and the resource that kept others in the other stack
    created = sum(operations.get("created", 0) for operations in done.values())
    assert done["destroyed"] == {"deleted": created}


def test_the_page_keeps_to_the_limits_of_the_benchmark() -> None:
    """The page shows the numbers of one run, and its command."""
    section = (
        page("explanation/cost.md")
        .partition("## An estate that grows")[2]
        .partition("\n## ")[0]
    )
    assert "`.venv/bin/python -m benchmarks.estate`" in section
    assert {*map(str, SIZES)} <= {
        *re.findall(r"^(\d+) components in \d+ partitions", section, re.M)
    }
    lines = re.findall(
        r"^ *([\d.]+) (\S.*) \(at most ([\d.]+)\)$", section, re.M
    )
    shown = {name: float(most) for _, name, most in lines}
    assert shown
    assert shown.items() <= limits(SIZES).items()
    assert [
        name for value, name, most in lines if float(value) > float(most)
    ] == []
