"""Questions about MCP tools: `explain`, `who`, `what` and `matrix` take and print `call NAME`."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from tests.support.cli import Cli
from tests.support.documentation import below, page
from tests.support.mcp_estates import HOST, desk
from tests.support.repository import ROOT

URL = f"https://{HOST}/mcp"


@pytest.fixture(autouse=True)
def applications(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "applications"
    folder.mkdir()
    (folder / "desk.yaml").write_text(desk())


@pytest.mark.parametrize(
    ("method", "answer", "reason"),
    [
        ("call search", "200", "has tickets.read"),
        ("call close", "403", "needs tickets.write"),
        ("call open", "403", "no rule on /mcp names tool 'open'"),
        ("post", "200", "has tickets.use"),
    ],
)
def test_a_call_is_explained(
    cli: Cli, method: str, answer: str, reason: str
) -> None:
    shown = cli("explain", method, URL, "--as", "desk/bot")
    shown_method = method if method.startswith("call ") else method.upper()
    assert shown.startswith(f"{answer} {shown_method} {URL} as desk/bot\n")
    assert f"  reason  {reason}\n" in shown


def test_callers_of_a_tool_are_listed(cli: Cli) -> None:
    assert "desk/bot" in cli("who", "call search", URL)
    assert "desk/bot" not in cli("who", "call close", URL)
    assert "desk/bot" not in cli("who", "call open", URL)


def test_tools_of_a_caller_are_listed(cli: Cli) -> None:
    assert "GET,HEAD,POST,DELETE,call fetch,call search" in cli(
        "what", "desk/bot"
    )
    row = next(
        line for line in cli("matrix").splitlines() if "call close" in line
    )
    assert row.split()[-3:] == ["/mcp", ".", "."]


def test_the_page_shows_a_denied_call(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sample estate has the tools of the page."""
    monkeypatch.chdir(ROOT)
    text = page("how-to/serve-mcp-tools.md")
    after = below(text, f"explain 'call close' {URL} --as desk/bot\n")
    shown = dedent(after.partition("\n\n")[0])
    printed = cli("explain", "call close", URL, "--as", "desk/bot")
    assert shown.strip() == printed.strip()


def test_the_page_shows_the_rules() -> None:
    text = page("how-to/serve-mcp-tools.md")
    (rules,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    sample = (ROOT / "applications" / "desk.yaml").read_text("utf-8")
    assert all(line in sample for line in rules.splitlines())


@pytest.mark.parametrize("name", ["a b", "", "cl*se", "x" * 129])
def test_a_malformed_name_is_a_mistake(cli: Cli, name: str) -> None:
    cli("explain", f"call {name}", URL, status=2)
