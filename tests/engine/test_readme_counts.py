"""The README's table of resources is that of a real `pulumi up` of the sample estate."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.support.engine.sample import Sample

pytestmark = pytest.mark.engine

README = Path(__file__).resolve().parents[2] / "README.md"
ROW = re.compile(r"^\| (kong|okta|kubernetes|time|tls) \| (\d.*?) \|$", re.MULTILINE)


def test_the_readme_counts_the_resources_of_the_sample_estate(sample: Sample) -> None:
    """By provider and kind, every kind and no other."""
    counted: Counter[tuple[str, str]] = Counter()
    for resource in sample.deployment.state():
        provider, _, rest = resource["type"].partition(":")
        if provider in ("kong", "okta", "kubernetes", "time", "tls"):
            module, _, kind = rest.partition(":")
            where = module.split("/")[0] if provider == "okta" and not module.startswith("index") else ""
            counted[provider, f"{where}.{kind}" if where else kind] += 1
    told = {
        (provider, kind): int(count)
        for provider, kinds in ROW.findall(README.read_text())
        for count, kind in re.findall(r"(\d+) ([\w.]+)", kinds)
    }
    assert told == dict(counted)


def test_the_previews_that_the_readme_shows_leave_the_rest_unchanged(sample: Sample) -> None:
    """One updates six resources of the sample estate, the other one."""
    made = [
        one for one in sample.deployment.state() if "::default" not in one["urn"]
    ]  # the engine's own are not counted
    shown = [
        (int(count), int(rest))
        for count, rest in re.findall(r"~ (\d) to update\n[^~]*?(\d+) unchanged", README.read_text())
    ]
    assert shown == [(6, len(made) - 6), (1, len(made) - 1)]
