"""Texts of findings."""

from __future__ import annotations

from kong_oam.diagnostics import Diagnostic, suggestion
from kong_oam.oam.position import FilePlace


def test_the_nearest_name_is_suggested_or_a_few_are_listed() -> None:
    """An estate may have a thousand clients, too many to list."""
    assert (
        suggestion("gatway", ["access", "gateway"])
        == "; did you mean 'gateway'?"
    )
    assert suggestion("x", ["access", "gateway"]) == "; known: access, gateway"
    assert suggestion("x", []) == ""
    assert suggestion("x", [f"shop/{n:04}" for n in range(1000)]).endswith(
        ", shop/0011 and 988 more"
    )


def test_no_line_of_a_finding_is_a_command_to_github() -> None:
    """GitHub's runner reads a line that begins with `::`, after spaces or not, as a command, and
    text after `##[`, too."""
    position = FilePlace("::error::x.yaml", 1, 1, "##[add-mask]a")
    finding = Diagnostic(
        "OAM111",
        "a ##[error]b",
        position,
        details=("::error::c", "  ::stop-commands::d", "e ::f"),
    )
    assert str(finding).splitlines() == [
        "| ::error::x.yaml:1:1: error OAM111: a ##?error]b",
        "| ::error::c",
        "|   ::stop-commands::d",
        "e ::f",
        "    1 | ##?add-mask]a",
        "      | ^",
    ]
