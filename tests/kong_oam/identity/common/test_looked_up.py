"""Ids of groups that a run has looked up."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from kong_oam.identity.common.looked_up import Ids, LookedUp


def test_a_run_asks_once_for_all_and_knows_each_that_is_there_once() -> None:
    """Also others that were read on the way. Who names no group asks nobody."""
    asked: list[list[str]] = []

    def ask(names: Collection[str]) -> Ids:
        asked.append([*names])
        return {"sales": ["1"], "desk": ["2"], "twins": ["3", "4"]}

    looked_up = LookedUp()
    assert looked_up.groups("main", [], ask) == {} and asked == []
    found = looked_up.groups("main", ["sales", "twins", "nobody", "sales"], ask)
    assert found == {"sales": ["1"], "desk": ["2"], "twins": ["3", "4"], "nobody": ()}
    assert asked == [["nobody", "sales", "twins"]]
    assert (looked_up.group("main", "sales"), looked_up.group("main", "desk")) == (
        "1",
        "2",
    )
    for provider, unclear in (
        ("main", "twins"),
        ("main", "nobody"),
        ("other", "sales"),
    ):
        with pytest.raises(KeyError):
            looked_up.group(provider, unclear)
