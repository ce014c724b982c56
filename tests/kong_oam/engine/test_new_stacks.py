"""What runs of one command know of the stacks that it has just made, and what they believe nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_oam.engine.new_stacks import VARIABLE, NewStacks, shared


def test_runs_of_one_command_know_what_is_in_a_stack_that_it_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing until a run of it has begun; of a stack of before they know nothing, and after the command of none."""
    with shared(["prod-apis"]) as environment:
        monkeypatch.setenv(VARIABLE, environment[VARIABLE])
        assert NewStacks.of_command().lacks("prod-apis", {"apis/one"})
        for components in (["apis/one"], ["apis/two"], []):
            NewStacks.of_command().add("prod-apis", components)
        known = NewStacks.of_command()
        assert not known.lacks("prod-apis", {"apis/one", "shop/one"}) and not known.lacks("prod-apis", {"apis/two"})
        assert known.lacks("prod-apis", {"shop/one"})
        known.add("prod-rest", ["shop/one"])
        assert not known.lacks("prod-rest", {"apis/one"})
        folder = Path(environment[VARIABLE])
        assert folder.stat().st_mode & 0o777 == 0o700
        assert [one.name for one in folder.iterdir()] == ["prod-apis.json"]
    assert not folder.exists() and not known.lacks("prod-apis", {"shop/one"})
    monkeypatch.delenv(VARIABLE)
    alone = NewStacks.of_command()
    alone.add("prod-apis", ["apis/one"])
    assert not alone.lacks("prod-apis", {"shop/one"})


@pytest.mark.parametrize("text", ["", "[", "{}", '"prod"', "null"])
def test_a_file_that_is_none_of_these_says_nothing(tmp_path: Path, text: str) -> None:
    """Its stack's state is read, also once a run has had something to add."""
    (tmp_path / "prod-apis.json").write_text(text)
    NewStacks(tmp_path).add("prod-apis", ["apis/one"])
    assert not NewStacks(tmp_path).lacks("prod-apis", {"shop/one"})
    assert (tmp_path / "prod-apis.json").read_text() == text


def test_a_folder_that_others_may_write_says_nothing(tmp_path: Path) -> None:
    """Who could say that a component is nowhere would have it made twice."""
    (tmp_path / "prod-apis.json").write_text("[]")
    for mode, believed in ((0o700, True), (0o720, False), (0o702, False)):
        tmp_path.chmod(mode)
        assert NewStacks(tmp_path).lacks("prod-apis", {"shop/one"}) is believed
