"""Callers before and after a change, compared with brute force over principals, sets of groups and
addresses."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_oam.access import principals
from kong_oam.access.data import Networks
from kong_oam.access.diff import answering
from kong_oam.access.diff.answering import remaining_callers
from kong_oam.access.diff.change import AffectedCaller
from kong_oam.access.networks import Source, admits, network
from kong_oam.access.principals import (
    ITSELF,
    NOBODY,
    Access,
    Condition,
    Principal,
)
from tests.support.tiers import examples

JOB, WEB = (
    Principal("app/job", "main"),
    Principal("app/web", "main", users=True),
)
RENAMED = Principal("app/site", "main", users=True)
"""The new name of WEB."""
SETS = [
    frozenset(groups)
    for size in range(1, 4)
    for groups in combinations("abc", size)
]
EVERY_SET = [frozenset[str](), *SETS]
ADDRESSES = ("10.1.0.1", "10.200.0.1", "192.0.2.1", "2001:db8::1")

_networks = st.sampled_from(
    [
        (),
        *(
            tuple(map(network, texts))
            for texts in (
                ["10.0.0.0/8"],
                ["10.1.0.0/16", "2001:db8::/32"],
                ["192.0.2.0/24"],
            )
        ),
    ]
)
_conditions = st.sets(st.sampled_from(SETS), min_size=1, max_size=3).map(
    lambda sets: frozenset(
        groups
        for groups in sets
        if not any(smaller < groups for smaller in sets)
    )
)


def accesses(web: Principal) -> st.SearchStrategy[Access]:
    """Everybody; or a service, users of a client, both or neither."""
    by_principal = st.fixed_dictionaries(
        {}, optional={JOB: st.just(ITSELF), web: _conditions}
    )
    return st.builds(
        lambda everybody, principals, networks: Access(networks=networks, **({"everybody": True} if everybody else {"principals": principals})),
        st.sampled_from((False, False, True)),
        by_principal,
        _networks,
    )  # fmt: skip


def may(
    access: Access,
    principal: Principal | None,
    groups: frozenset[str],
    address: str,
) -> bool:
    if not admits(access.networks, address):
        return False
    condition = access.principals.get(principal) if principal else None
    return access.everybody or (
        condition is not None and any(needed <= groups for needed in condition)
    )


def covered(
    caller: AffectedCaller,
    principal: Principal | None,
    groups: frozenset[str],
    address: str,
) -> bool:
    if not admits(caller.source.networks, address):
        return False
    return caller.principal is None or (
        caller.principal == principal
        and any(needed <= groups for needed in caller.condition)
    )


@settings(max_examples=examples(500), deadline=None)
@given(accesses(WEB), accesses(RENAMED))
def test_who_stays_is_who_may_before_and_after(
    was: Access, now: Access
) -> None:
    """Each caller appears once, by the name of the new side."""
    stays = list(remaining_callers(was, now, {RENAMED: WEB}))
    for old_name, new_name in ((None, None), (JOB, JOB), (WEB, RENAMED)):
        for groups in EVERY_SET:
            for address in ADDRESSES:
                allowed = may(was, old_name, groups, address) and may(
                    now, new_name, groups, address
                )
                assert (
                    sum(
                        covered(caller, new_name, groups, address)
                        for caller in stays
                    )
                    == allowed
                )


def _with(condition: Condition, networks: Networks = ()) -> Access:
    return Access(principals={WEB: condition}, networks=networks)


def test_a_condition_of_both_is_as_small_as_can_be() -> None:
    """No set of groups in it contains another."""
    a, b, ab, c = (frozenset(name) for name in ("a", "b", "ab", "c"))
    assert list(
        remaining_callers(
            _with(frozenset({a, b})), _with(frozenset({a, c})), {}
        )
    ) == [AffectedCaller(WEB, frozenset({a, frozenset("bc")}), Source())]
    assert list(
        remaining_callers(_with(frozenset({a})), _with(frozenset({ab})), {})
    ) == [AffectedCaller(WEB, frozenset({ab}), Source())]
    assert list(remaining_callers(_with(frozenset({a})), NOBODY, {})) == []


def test_more_sets_of_groups_than_can_be_listed_are_refused_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither condition is narrower."""
    monkeypatch.setattr(answering, "MOST", 3)
    was, now = (
        _with(frozenset(map(frozenset, names)))
        for names in (("a", "b"), ("b", "c"))
    )
    with pytest.raises(
        principals.TooManyGroupSetsError,
        match="users of 'app/web' keep access through more than",
    ):
        list(remaining_callers(was, now, {}))
