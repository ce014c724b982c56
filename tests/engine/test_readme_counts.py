"""The table of resources in docs/ equals a real `pulumi up` of the sample estate."""

from __future__ import annotations

import re
from collections import Counter

from tests.support.documentation import CONTRIBUTING, page
from tests.support.engine.sample import Sample

ROW = re.compile(
    r"^\| (kong|okta|kubernetes|time|tls) \| (\d.*?) \|$", re.MULTILINE
)


def test_the_page_counts_the_resources_of_the_sample_estate(
    sample: Sample,
) -> None:
    """By provider and kind, every kind and no other."""
    counted: Counter[tuple[str, str]] = Counter()
    for resource in sample.deployment.state():
        provider, _, rest = resource["type"].partition(":")
        if provider in ("kong", "okta", "kubernetes", "time", "tls"):
            module, _, kind = rest.partition(":")
            where = (
                module.split("/")[0]
                if provider == "okta" and not module.startswith("index")
                else ""
            )
            counted[provider, f"{where}.{kind}" if where else kind] += 1
    reported = {
        (provider, kind): int(count)
        for provider, kinds in ROW.findall(page("explanation/cost.md"))
        for count, kind in re.findall(r"(\d+) ([\w.]+)", kinds)
    }
    assert reported == dict(counted)


def test_the_previews_that_pages_show_leave_the_rest_unchanged(
    sample: Sample,
) -> None:
    """The first updates six resources of the sample estate, the second a single resource."""
    made = [
        resource
        for resource in sample.deployment.state()
        if "::default" not in resource["urn"]
    ]  # the engine's own are not counted
    texts = (
        page("tutorial.md"),
        CONTRIBUTING.read_text("utf-8"),
    )
    shown = [
        (int(count), int(rest))
        for text in texts
        for count, rest in re.findall(
            r"~ (\d) to update\n[^~]*?(\d+) unchanged", text
        )
    ]
    assert shown == [(6, len(made) - 6), (1, len(made) - 1)]
