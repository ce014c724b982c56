"""The list of stacks, read while other runs write their states."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kong_oam.engine import stacks
from kong_oam.engine.cli import SHORT, PulumiCliError, pulumi
from sandbox import toolchain

GONE = "list bucket: lstat a.json: no such file or directory"
LISTED = [
    {
        "name": "organization/oam/prod",
        "lastUpdate": "2026-11-28T10:00:00.000Z",
        "resourceCount": 12,
    },
    {"name": "prod-apis"},
]
STATE = {
    "manifest": {"time": "2026-11-28T10:00:00Z", "magic": "", "version": ""},
    "resources": [
        {
            "urn": f"urn:pulumi:prod::oam::a:b:C::{name}",
            "custom": False,
            "type": "a:b:C",
        }
        for name in ("one", "two")
    ],
}


class Cli:
    """A stand-in for the engine's command line, whose first lists fail."""

    def __init__(self, failing: int, why: str = GONE) -> None:
        self.failing, self.why, self.asked = failing, why, 0

    def __call__(self, *words: str, **_: object) -> str:
        assert words == ("stack", "ls", "--json")
        self.asked += 1
        if self.asked <= self.failing:
            raise PulumiCliError(self.why)
        return json.dumps(LISTED)


@pytest.mark.parametrize("failing", [0, 1, 3])
def test_a_listing_that_fails_beside_a_run_is_made_again(
    failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli = Cli(failing)
    monkeypatch.setattr(stacks, "pulumi", cli)
    monkeypatch.setattr(stacks, "_PAUSE", 0.0)
    assert stacks.list_stacks() == {
        "prod": "2026-11-28T10:00:00.000Z/12",
        "prod-apis": None,
    }
    assert cli.asked == failing + 1


@pytest.mark.parametrize(
    ("why", "asked"), [(GONE, 4), ("unable to open state database", 1)]
)
def test_a_list_that_always_fails_is_an_error(
    why: str, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is immediate if the backend does not answer."""
    cli = Cli(99, why)
    monkeypatch.setattr(stacks, "pulumi", cli)
    monkeypatch.setattr(stacks, "_PAUSE", 0.0)
    with pytest.raises(PulumiCliError, match=why):
        stacks.list_stacks()
    assert cli.asked == asked


@pytest.mark.engine
def test_the_engine_says_of_a_state_without_a_resource_nothing_but_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`state delete` and an import leave the time unchanged, so the time alone does not show them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "backend").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("{name: oam, runtime: python}")
    (tmp_path / "state.json").write_text(
        json.dumps({"version": 3, "deployment": STATE})
    )
    monkeypatch.setenv("PATH", str(toolchain.pulumi_folder()), prepend=":")
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}/backend")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "sandbox")
    pulumi("stack", "init", "prod", timeout=SHORT)
    pulumi(
        "stack", "import", "--file", "state.json", stack="prod", timeout=SHORT
    )
    assert stacks.list_stacks() == {"prod": "2026-11-28T10:00:00.000Z/2"}
    pulumi(
        "state",
        "delete",
        "urn:pulumi:prod::oam::a:b:C::two",
        "--yes",
        stack="prod",
        timeout=SHORT,
    )
    assert stacks.list_stacks() == {"prod": "2026-11-28T10:00:00.000Z/1"}
