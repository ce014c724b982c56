"""Conditions: the sufficient sets of groups, for any number of groups."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.announcement import announcement
from kong_oam.access.callers import logical_names
from kong_oam.access.diff.compare import diff
from kong_oam.access.principals import (
    MOST,
    TooManyGroupSetsError,
    minimal,
    minimal_transversals,
    suffices,
)
from tests.support.diffs import API, SHOP, edited, model
from tests.support.estates import PROVIDER

UNIVERSE = [*"abcdef"]
SUBSETS = [
    frozenset(chosen)
    for chosen in chain.from_iterable(
        combinations(UNIVERSE, size) for size in range(7)
    )
]
SETS = st.frozensets(st.sampled_from(SUBSETS), max_size=8)
CLAUSES = st.lists(
    st.frozensets(st.sampled_from(UNIVERSE), max_size=4), max_size=5
)


def with_groups(readers: int, writers: int) -> str:
    """Return `API`, whose POST needs the scopes read and write, from groups r0, r1 ... and w0, w1
    ..."""
    reading = ", ".join(f"r{number}" for number in range(readers))
    writing = ", ".join(f"w{number}" for number in range(writers))
    return edited(
        API,
        ("groups: [sales]", f"groups: [{reading}]"),
        ("groups: [desk]", f"groups: [{writing}]"),
    )


@given(CLAUSES)
def test_one_group_of_each_clause_is_needed(
    clauses: list[frozenset[str]],
) -> None:
    """Return the smallest sets by brute force; none if a clause is empty."""
    meeting = [
        groups
        for groups in SUBSETS
        if all(groups & clause for clause in clauses)
    ]
    smallest = {
        groups
        for groups in meeting
        if not any(smaller < groups for smaller in meeting)
    }
    assert minimal_transversals(clauses) == smallest


@given(SETS)
def test_minimal_sets_suffice_for_what_all_suffice(
    sets: frozenset[frozenset[str]],
) -> None:
    """None of them contains another."""
    smallest = minimal(sets)
    assert smallest == {
        groups
        for groups in sets
        if not any(smaller < groups for smaller in sets)
    }
    for groups in SUBSETS:
        assert suffices(groups, smallest) == any(
            needed <= groups for needed in sets
        )


def test_many_groups_are_named_in_one_pass() -> None:
    """The provider is not asked about each pair of names; several names may be one group there."""
    lookups = []

    class Counted(dict[str, str]):
        def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
            lookups.append(name)
            return super().get(name, default)

    names = [f"g{number}" for number in range(300)]
    naming = logical_names(names)
    provider = replace(PROVIDER, groups=Counted(g1="same", g2="same"))
    assert [naming(provider, name) for name in names[:4]] == [
        {"g0"},
        {"g1", "g2"},
        {"g1", "g2"},
        {"g3"},
    ]
    assert naming(replace(PROVIDER, name="other"), "g1") == {"g1"}
    assert naming(provider, "elsewhere") == {"elsewhere"}
    for name in names:
        naming(provider, name)
    assert len(lookups) < 3 * len(names)


@pytest.mark.timeout(20)
def test_roles_of_many_groups_are_compared_in_time() -> None:
    """POST needs a group of each role: 150 times 150 sets of groups. Users in w149 are new in each role."""
    before = model(with_groups(150, 149), SHOP)
    after = model(with_groups(150, 150), SHOP)
    changes = diff(before, after)
    (widened,) = [change for change in changes if change.methods == ("POST",)]
    assert widened.callers[0].condition == {
        frozenset({f"r{number}", "w149"}) for number in range(150)
    }
    assert diff(after, after) == ()


def test_more_sets_of_groups_than_can_be_listed_are_refused_in_words() -> None:
    """The command reports it; a run prints it as a line and continues. Equal conditions on both
    sides need no list."""
    estate = model(with_groups(300, 300), SHOP)
    assert diff(estate, estate) == ()
    with pytest.raises(
        TooManyGroupSetsError,
        match=rf"'orders/api' \(app0.yaml:7:7\) has a rule .* through more than {MOST:,} sets",
    ):
        diff(model(with_groups(2, 2), SHOP), estate)
    line = announcement(estate, None, ())
    assert line is not None
    assert line[1].startswith(
        "access: cannot compare with the deployed access model: 'orders/api' (app0.yaml:7:7) has a rule"
    )
