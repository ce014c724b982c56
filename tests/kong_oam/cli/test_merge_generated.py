"""Generated pairs of estates: after the patch of `merge` both fit together, and nobody's access
changes."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support import merged_estates
from tests.support.cli import Cli
from tests.support.merged_estates import Renaming
from tests.support.oracle import meaning, worlds
from tests.support.oracle.worlds import World
from tests.support.projects import GIT
from tests.support.tiers import deep_after

SEEDS = 100
QUESTIONS = 60


@pytest.mark.parametrize("seed", deep_after(6, range(SEEDS)))
def test_nothing_collides_changes_or_crosses_after_the_patch(
    seed: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cli: Cli,
) -> None:
    """Only components without scopes accept tokens of the other estate, and `merge` lists them."""
    monkeypatch.chdir(tmp_path)
    a, b = merged_estates.pair(seed)
    merged_estates.write(Path("a"), a, "local")
    merged_estates.write(Path("b"), b, "local" if seed % 2 else "prod")
    report = _merged(cli)
    renaming = Renaming(b, merged_estates.read(Path("b")))
    both = merged_estates.joined(a, renaming.after)
    merged_estates.write(Path("both"), both, "local")
    crossing = cli.json("diff", "a", "both", "--crossing", "--json")
    assert crossing == report["crossing"]
    assert crossing["groups"] == crossing["connections"] == []
    components = meaning.components(both.applications)
    for call in crossing["calls"]:
        assert meaning.access_of(components[call["component"]]) is None
    # Components without an access trait get the default provider of the first estate.
    moved = {name.rpartition(" ")[2] for name in _by_hand(report)}
    _assert_unchanged(Random(seed), a, both, Renaming(a, a), {})
    _assert_unchanged(Random(seed), b, both, renaming, dict.fromkeys(moved, ""))


def _merged(cli: Cli) -> Any:
    """Apply the patch for `b`, and return the report about the collisions that remain."""
    arguments = ("merge", "a", "b", "--json")
    first = cli.json(*arguments, "-o", "b.patch", status=1)
    git = ["git", "apply", "../b.patch"]
    subprocess.run(git, cwd="b", check=True, env=GIT, timeout=60)
    remains = bool(_by_hand(first)) or any(first["crossing"].values())
    after = cli.json(*arguments, status=int(remains))
    assert not [each for each in after["collisions"] if each["new"]]
    assert after["findings"] == first["findings"] == []
    assert after["crossing"] == first["crossing"]
    return after


def _by_hand(report: Any) -> list[str]:
    return [each["name"] for each in report["collisions"] if not each["new"]]


def _assert_unchanged(
    rng: Random,
    alone: World,
    both: World,
    renaming: Renaming,
    moved: Mapping[str, str],
) -> None:
    """Ask the oracle the same questions about an estate alone, and about the estate of both."""
    keys = renaming.components
    for question in worlds.questions(rng, alone, alone, QUESTIONS):
        expected = alone.answer(question.request)
        if expected.status == 404:
            continue  # the host may be the other estate's
        component = keys.get(expected.component or "", expected.component)
        if component not in moved:
            found = both.answer(renaming.request(question.request))
            assert found == replace(expected, component=component), question
