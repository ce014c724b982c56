"""The resources and the output of `make demo`."""

from __future__ import annotations

import re

from sandbox.demo.table import ask, estate_of, log, report
from sandbox.project import add_own_types, keep_records
from tests.support.documentation import below, page
from tests.support.engine.deployment import Deployment


def test_the_demo_shows_the_table_of_the_tutorial(deployed: Deployment) -> None:
    """The example of custom types is deployed beside the sample estate, whose resources do not
    change."""
    add_own_types(deployed.folder)
    keep_records(deployed.folder, records := deployed.folder / "records.jsonl")
    assert {
        operation
        for _, operation in deployed.changes("up").items()
        if operation != "create"
    } == {"update"}
    deployed.assert_unchanged()
    table = ask(deployed.local, estate_of(deployed.folder))
    assert table.wrong == ()
    lines, wrong = log(table, records.read_text("utf-8"))
    assert wrong == []
    assert len(lines) == len(table.rows) * len(table.callers)
    printed = report(table, lines, wrong, "the Okta stand-in")
    assert len(printed.splitlines()) < 70
    assert re.fullmatch(_shown(), printed.strip("\n") + "\n")
    assert not [
        line for line in lines if " allowed " in line and " - " in line
    ], "it says who was let in"
    kinds = {
        (item["kind"], item["metadata"]["name"])
        for kind in ("StatefulSet", "CronJob")
        for item in deployed.local.objects(kind)
    }
    assert kinds == {("StatefulSet", "book"), ("CronJob", "closing")}
    assert not deployed.local.objects("Ingress")


def _shown() -> str:
    """Return a pattern of the table on the page. There, `...` replaces omitted lines."""
    text = below(page("tutorial.md"), "## Output of the demo")
    output = text.partition("```\n")[2].partition("```")[0]
    _, *parts = output.split("...\n")
    return r"(?:.*\n)+".join(map(re.escape, parts))
