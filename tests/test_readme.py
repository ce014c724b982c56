"""The README's tables are those of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

from access.lint.finding import KINDS
from oam.diagnostics import CODES
from policies.catalogue import RULES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def test_every_diagnostic_code_is_in_the_readme() -> None:
    """In the same order, with the same words and with what to do."""
    rows = re.findall(r"^\| ((?:OAM|ACC|ENV)\d+) \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    assert rows == [(code, known.title, known.remedy) for code, known in CODES.items()]


def test_every_policy_is_in_the_readme() -> None:
    """In the pack's order, with level, words and controls."""
    rows = [f"| `{r.id}` | {r.level} | {r.title} | {', '.join(r.controls)} |" for r in RULES]
    table = README[README.index("| rule | level |") :].partition("\n\n")[0]
    assert table.splitlines()[2:] == rows


def test_every_finding_of_lint_is_in_the_readme() -> None:
    """With the same words, and whether a waiver can accept it."""
    rows = re.findall(r"^\| (LINT\d+) \| (.*?) \| (.*?) \| (yes|no) \|$", README, re.MULTILINE)
    kinds = {code: (kind.title, kind.remedy, "yes" if kind.waivable else "no") for code, kind in KINDS.items()}
    assert {code: tuple(cells) for code, *cells in rows} == kinds


def test_every_setting_of_a_stack_is_in_the_readme() -> None:
    """By its dotted name, and no other is."""
    schema = json.loads((ROOT / "access" / "stack.schema.json").read_text())
    settings = {
        f"{name}.{inner}" if value.get("type") == "object" and "properties" in value else name
        for name, value in schema["properties"].items()
        for inner in value.get("properties", {"": None})
    }
    table = README[README.index("## Settings of a stack") : README.index("## What stands in for what")]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([A-Za-z.]+)`", row)} == settings
