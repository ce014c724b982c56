"""What others need of the repository: who approves what, in the form that a code host reads."""

from __future__ import annotations

import re
from pathlib import Path

from kong_oam.oam.application import read_files
from tests.support.documentation import block, page

ROOT = Path(__file__).resolve().parents[1]


def _owners(sample: str) -> dict[str, str]:
    """Of files and folders that the lines of a CODEOWNERS name."""
    return dict(line.split() for line in sample.splitlines() if not line.startswith("#"))


def test_the_sample_of_code_owners_names_the_owners_of_the_sample_applications() -> None:
    """One line a file, each team as the file's own `owner`; the first line takes the rest."""
    owners = _owners(block(page("how-to/own-applications.md"), "text"))
    named = {
        f"/applications/{file.name}": set(re.findall(r"\bowner: ([\w-]+)", file.read_text("utf-8")))
        for file in (ROOT / "applications").iterdir()
    }
    assert len(named) == len(read_files([ROOT / "applications"]).applications)
    assert [*owners] == ["*", *sorted(named)]
    assert {file: {team.removeprefix("@acme/")} for file, team in owners.items() if file != "*"} == named
