"""The page about objects: its table equals the code's."""

from __future__ import annotations

from kong_oam.objects.known_kinds import USUAL
from tests.support.documentation import page, table

PAGE = "reference/objects.md"


def test_every_usual_kind_is_documented() -> None:
    rows = [
        row.strip("| ").split(" | ")
        for row in table(page(PAGE), "| group | kinds that every stack takes |")
    ]
    found = {
        ("" if group == "core" else group, kind)
        for group, kinds in rows
        for kind in kinds.split(", ")
    }
    assert found == USUAL
