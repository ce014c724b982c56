"""What runs of one command know of the stacks of their estate, and what they believe nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_oam.engine.known_stacks import VARIABLE, Contents, KnownStacks, shared

EMPTY = '{"components": [], "generation": 3}'


def test_runs_of_one_command_know_what_is_in_a_stack_that_it_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing until a run of it has begun; of a stack of before they know nothing, and after the command of none."""
    with shared({"prod-apis": Contents()}) as environment:
        monkeypatch.setenv(VARIABLE, environment[VARIABLE])
        assert KnownStacks.of_command().lacks("prod-apis", {"apis/one"})
        for components in (["apis/one"], ["apis/two"], []):
            KnownStacks.of_command().add("prod-apis", components)
        known = KnownStacks.of_command()
        assert not known.lacks("prod-apis", {"apis/one", "shop/one"}) and not known.lacks("prod-apis", {"apis/two"})
        assert known.lacks("prod-apis", {"shop/one"})
        known.add("prod-rest", ["shop/one"])
        assert not known.lacks("prod-rest", {"apis/one"}) and known.generation("prod-rest") is None
        folder = Path(environment[VARIABLE])
        assert folder.stat().st_mode & 0o777 == 0o700
        assert [one.name for one in folder.iterdir()] == ["prod-apis.json"]
    assert not folder.exists() and not known.lacks("prod-apis", {"shop/one"})
    monkeypatch.delenv(VARIABLE)
    alone = KnownStacks.of_command()
    alone.add("prod-apis", ["apis/one"])
    assert not alone.lacks("prod-apis", {"shop/one"}) and alone.generation("prod-apis") is None


def test_of_a_stack_as_recorded_they_know_what_it_was_made_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which components are in it only where the command does, and then those that a run of it makes, too."""
    told = {"prod-apis": Contents(frozenset({"apis/one"}), 7), "prod-rest": Contents(None, 5)}
    with shared(told) as environment:
        monkeypatch.setenv(VARIABLE, environment[VARIABLE])
        known = KnownStacks.of_command()
        for stack in told:
            known.add(stack, ["more/one"])
        assert known.lacks("prod-apis", {"shop/one"}) and not known.lacks("prod-apis", {"apis/one"})
        assert not known.lacks("prod-apis", {"more/one"})
        assert not known.lacks("prod-rest", {"shop/one"})
        assert [known.generation(stack) for stack in told] == [7, 5]


@pytest.mark.parametrize(
    "text", ["", "[", "{}", '"prod"', "null", "[]", EMPTY.replace("[]", '"a"'), EMPTY.replace("3", "null")]
)
def test_a_file_that_is_none_of_these_says_nothing(tmp_path: Path, text: str) -> None:
    """Its stack's state is read, also once a run has had something to add."""
    (tmp_path / "prod-apis.json").write_text(text)
    KnownStacks(tmp_path).add("prod-apis", ["apis/one"])
    assert not KnownStacks(tmp_path).lacks("prod-apis", {"shop/one"})
    assert KnownStacks(tmp_path).generation("prod-apis") is None
    assert (tmp_path / "prod-apis.json").read_text() == text


def test_a_folder_that_others_may_write_says_nothing(tmp_path: Path) -> None:
    """Who could say that a component is nowhere would have it made twice."""
    (tmp_path / "prod-apis.json").write_text(EMPTY)
    for mode, believed in ((0o700, True), (0o720, False), (0o702, False)):
        tmp_path.chmod(mode)
        assert KnownStacks(tmp_path).lacks("prod-apis", {"shop/one"}) is believed
        assert KnownStacks(tmp_path).generation("prod-apis") == (3 if believed else None)
