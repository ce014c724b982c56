"""The knowledge that a command shares with its runs, and the files that runs do not trust."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_oam.engine.known_stacks import (
    UNKNOWN,
    VARIABLE,
    Contents,
    known_stacks_file,
    read_known_stacks,
)

STACKS = {
    "prod-apis": Contents(["apis/one"], 7),
    "prod-rest": Contents(None, 5),
}
TEXT = '{"prod-apis": {"components": ["apis/one"], "generation": 7}, "prod-rest": {"components": null, "generation": 5}}'


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a command that knows these stacks."""
    with known_stacks_file(STACKS) as environment:
        monkeypatch.setenv(VARIABLE, environment[VARIABLE])
        yield Path(environment[VARIABLE])


def test_a_command_writes_one_file_and_removes_it() -> None:
    with known_stacks_file(STACKS) as environment:
        file = Path(environment[VARIABLE])
        assert (file.read_text(), file.stat().st_mode & 0o777) == (TEXT, 0o600)
    assert not file.exists()


def test_its_runs_read_the_file(file: Path) -> None:
    assert read_known_stacks() == STACKS


def test_a_run_that_no_command_makes_knows_nothing() -> None:
    assert read_known_stacks() == {}


def test_a_stack_lacks_components_that_it_neither_has_nor_gets() -> None:
    """If the components are unknown, the stack's state has them."""
    assert STACKS["prod-apis"].lacks({"shop/one"})
    assert not STACKS["prod-apis"].lacks({"apis/one", "shop/one"})
    assert not STACKS["prod-rest"].lacks({"shop/one"}) and not UNKNOWN.lacks(
        {"shop/one"}
    )


@pytest.mark.parametrize(
    "text",
    ["", "[", "null", "[]", '{"prod-apis": []}', '{"prod-apis": {"more": 1}}'],
)
def test_a_file_of_another_form_says_nothing(file: Path, text: str) -> None:
    """The runs then read the states."""
    file.write_text(text)
    assert read_known_stacks() == {}


@pytest.mark.parametrize(
    ("mode", "believed"), [(0o600, True), (0o620, False), (0o602, False)]
)
def test_a_file_that_others_may_write_says_nothing(
    file: Path, mode: int, believed: bool
) -> None:
    """Such a file could hide a component, which would then be created twice."""
    file.chmod(mode)
    assert read_known_stacks() == (STACKS if believed else {})
