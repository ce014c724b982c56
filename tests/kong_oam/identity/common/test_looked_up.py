"""Ids that are looked up once: by a run, by one of several of a command, and never from what others may write."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from kong_oam.identity.common.errors import InspectionError
from kong_oam.identity.common.looked_up import VARIABLE, Ids, LookedUp, shared

IDS = {"sales": ["1"], "desk": ["2"], "twins": ["3", "4"], "nobody": list[str]()}


class Asked(list[list[str]]):
    """What a provider was asked for, each time; it knows IDS."""

    def __call__(self, names: Collection[str]) -> Ids:
        self.append([*names])
        return {name: IDS[name] for name in names if IDS[name]}


def test_a_run_asks_once_for_all_and_knows_each_that_is_there_once() -> None:
    """Whatever more it asks for later."""
    asked, looked_up = Asked(), LookedUp()
    assert looked_up.groups("main", "place", ["sales", "twins", "nobody", "sales"], asked) == {
        name: IDS[name] for name in ("sales", "twins", "nobody")
    }
    assert asked == [["nobody", "sales", "twins"]]
    assert looked_up.group("main", "sales") == "1"
    for unclear in ("twins", "nobody", "desk"):
        with pytest.raises(KeyError):
            looked_up.group("main", unclear)
    with pytest.raises(KeyError):
        looked_up.group("other", "sales")


def test_runs_of_one_command_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is not there is not asked for again, another place's are others, and the file goes at the end."""
    asked = Asked()
    with shared() as environment:
        monkeypatch.setenv(VARIABLE, environment[VARIABLE])
        file = Path(environment[VARIABLE])
        LookedUp.of_command().groups("main", "place", ["sales", "nobody"], asked)
        second = LookedUp.of_command()
        assert second.groups("main", "place", ["desk", "nobody", "sales"], asked)["sales"] == ["1"]
        assert asked == [["nobody", "sales"], ["desk"]]
        assert second.group("main", "sales") == "1"
        LookedUp.of_command().groups("main", "elsewhere", ["sales"], asked)
        LookedUp.of_command().groups("main", "place", ["desk", "sales", "nobody"], asked)
        assert asked[2:] == [["sales"]]
        assert file.stat().st_mode & 0o777 == 0o600
        assert [one.name for one in file.parent.iterdir()] == [file.name]
    assert not file.exists()
    monkeypatch.delenv(VARIABLE)
    LookedUp.of_command().groups("main", "place", ["sales"], asked)
    assert asked[3:] == [["sales"]]


def test_what_is_read_on_the_way_is_kept(tmp_path: Path) -> None:
    """A list of all groups is read once for all partitions, whatever each of them names."""
    file, times = tmp_path / "known.json", list[int]()

    def everything(names: Collection[str]) -> Ids:
        times.append(1)
        return {name: ids for name, ids in IDS.items() if ids}

    assert LookedUp(file).groups("main", "place", ["sales"], everything) == {"sales": ["1"]}
    assert LookedUp(file).groups("main", "place", ["twins"], everything) == {"twins": ["3", "4"]}
    assert len(times) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"place": []}', '{"place": {"sales": 7}}', '{"place": "sales"}'])
def test_a_file_that_was_cut_off_or_is_none_is_not_believed(tmp_path: Path, text: str) -> None:
    """The run asks by itself."""
    file, asked = tmp_path / "known.json", Asked()
    file.write_text(text)
    assert LookedUp(file).groups("main", "place", ["sales"], asked) == {"sales": ["1"]}
    assert asked == [["sales"]]


def test_a_file_that_others_may_write_ends_the_run(tmp_path: Path) -> None:
    """Whoever writes it says which groups hold the roles."""
    file = tmp_path / "known.json"
    file.write_text('{"place": {"sales": ["9"]}}')
    file.chmod(0o622)
    with pytest.raises(InspectionError, match="which others may write: they could choose groups"):
        LookedUp(file).groups("main", "place", ["sales"], Asked())
