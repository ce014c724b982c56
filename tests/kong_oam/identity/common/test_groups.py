"""Ids of groups, as a provider is asked for them."""

from __future__ import annotations

from collections.abc import Collection

from kong_oam.identity.common.groups import Ids, look_up, unique


def test_a_provider_is_asked_once_for_all_groups() -> None:
    """The result includes groups that were read on the way. Without names it makes no request."""
    requests: list[list[str]] = []

    def ask(names: Collection[str]) -> Ids:
        requests.append([*names])
        return {"sales": ["1"], "desk": ["2"], "twins": ["3", "4"]}

    assert look_up([], ask) == {} and requests == []
    found = look_up(["sales", "twins", "nobody", "sales"], ask)
    assert found == {
        "sales": ["1"],
        "desk": ["2"],
        "twins": ["3", "4"],
        "nobody": (),
    }
    assert requests == [["nobody", "sales", "twins"]]


def test_a_group_is_known_where_it_is_there_once() -> None:
    ids = {"sales": ["1"], "desk": ["2"], "twins": ["3", "4"], "nobody": ()}
    assert unique(ids) == {"sales": "1", "desk": "2"}
