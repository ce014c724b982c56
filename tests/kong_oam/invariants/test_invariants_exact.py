"""The judge of invariants against brute force, on generated estates and invariants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, note, seed, settings
from hypothesis import strategies as st

from kong_oam.access.model import METHODS, Estate
from kong_oam.invariants.judge import judge
from kong_oam.invariants.model import (
    CallInvariant,
    Exceptions,
    InvariantException,
    Requests,
    RoleInvariant,
    RoleName,
    Who,
)
from tests.support.components import with_fields
from tests.support.invariant_oracle import Calls, PathParts, Verdict, verdict
from tests.support.small_estates import (
    GROUPS,
    KEYS,
    MANY,
    PLACE,
    connected,
    estates,
    with_old_callers,
)
from tests.support.tiers import examples

TODAY = date(2026, 12, 2)
DAYS = ("2026-12-01", "2026-12-02", "2027-01-01")
HOSTS = ("a.test", "b.a.test", "c.a.test", "c.b.a.test", "z.test", "no.test")
NAMED_HOSTS = (
    "*",
    "*",
    "*",
    "a.test",
    "c.a.test",
    "*.a.test",
    "*.test",
    "no.test",
)
INVARIANTS = 10
# Each part of the deep test takes a minute or two.
PARTS = 10

_PATHS: st.SearchStrategy[PathParts] = st.sampled_from(
    [
        (),
        (),
        (),
        (),
        ("x",),
        ("X",),
        ("x", "y"),
        ("y",),
        ("z",),
        ("x", "y", "z"),
    ]
)
_METHODS = st.sampled_from(
    [METHODS, METHODS, ("GET", "HEAD"), ("POST",), ("POST", "PUT"), ("HEAD",)]
)
_MAY = st.builds(Requests, _METHODS, st.sampled_from(NAMED_HOSTS), _PATHS)
_CLIENTS = st.frozensets(
    st.sampled_from((*KEYS, "app/*", "old/a", "old/*")), max_size=3
)
_LISTED_GROUPS = st.frozensets(st.sampled_from(GROUPS), max_size=3)
_WHO = st.builds(Who, st.booleans(), _CLIENTS, _LISTED_GROUPS).filter(
    lambda who: who != Who()
)


def _exception(
    who: Who | None, may: Requests | None, until: str
) -> InvariantException:
    return InvariantException(who, may, "reason", until, PLACE)


_EXCEPTIONS: st.SearchStrategy[Exceptions] = st.lists(
    st.builds(
        _exception,
        st.none() | _WHO,
        st.none() | _MAY,
        st.sampled_from(DAYS),
    ),
    max_size=2,
).map(tuple)
_ROLE_EXCEPTIONS: st.SearchStrategy[Exceptions] = st.lists(
    st.builds(
        _exception,
        st.builds(Who, st.just(False), _CLIENTS, _LISTED_GROUPS),
        st.none(),
        st.sampled_from(DAYS),
    ),
    max_size=2,
).map(tuple)
_CALLS = st.builds(
    CallInvariant,
    st.sampled_from(("never", "only", "only", "only", "only")),
    _WHO,
    _MAY,
    st.just("reason"),
    st.just("team"),
    st.one_of(st.just(()), st.just(()), st.just(()), _EXCEPTIONS),
    st.just(PLACE),
)


@st.composite
def _estates(draw: st.DrawFn) -> Estate:
    """Draw an estate whose roles name components too, and whose clients may have old credentials."""
    estate = draw(estates())
    if draw(st.integers(0, 3)):
        estate = connected(estate)
    if draw(st.booleans()):
        estate = with_old_callers(draw, estate)
    members = st.lists(
        st.sampled_from([*estate.components]), unique=True, max_size=2
    ).map(tuple)
    (application,) = estate.applications
    components = tuple(
        with_fields(
            component,
            roles=tuple(
                replace(role, components=draw(members))
                for role in component.identity.roles
            ),
        )
        for component in application.components
    )
    application = replace(application, components=components)
    return replace(estate, applications=(application,))


@st.composite
def _roles(draw: st.DrawFn, estate: Estate) -> RoleInvariant:
    names = [
        RoleName(component.key, role.name)
        for component in estate.components.values()
        for role in component.identity.roles
    ]
    chosen = draw(
        st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=3)
    )
    exceptions = draw(_ROLE_EXCEPTIONS)
    return RoleInvariant(tuple(chosen), "reason", "team", exceptions, PLACE)


@st.composite
def _judged(
    draw: st.DrawFn,
) -> tuple[Estate, tuple[CallInvariant | RoleInvariant, ...]]:
    estate = draw(_estates())
    some = st.one_of(_CALLS, _CALLS, _CALLS, _CALLS, _roles(estate))
    count = INVARIANTS
    return estate, tuple(draw(st.lists(some, min_size=count, max_size=count)))


# The path of an invariant: declared paths may begin it in other letters.
_LONGEST = ("x", "y", "z")


def _paths(estate: Estate) -> set[PathParts]:
    """Return a path of each kind: each named path, a path below it, and a path beside it."""
    named: set[PathParts] = {(), ("x",), ("X",), ("x", "y"), ("y",), ("z",)}
    for component in estate.components.values():
        named.update(endpoint.path for endpoint in component.exposure.endpoints)
        for rule in component.exposure.rules:
            named.add(rule.path)
            refusals = rule.refusals
            for text in (*refusals.exactly, *refusals.begins):
                parts = text.split("/")
                named.add(tuple(filter(None, parts)))
                # A refusal may name a path with a slash at its end, which is another request.
                named.add(tuple(parts[1:]))
    for path in tuple(named):
        start = tuple(element.lower() for element in path)
        if start == _LONGEST[: len(start)]:
            rest = _LONGEST[len(start) :]
            named.update({(*path, *rest[:length]) for length in (1, 2, 3)})
    complete = [path for path in named if "" not in path]
    below = {(*path, element) for path in complete for element in "yq"}
    return {path for path in named | below if len(path) <= 5}


def _compare(
    estate: Estate, invariants: tuple[CallInvariant | RoleInvariant, ...]
) -> Verdict:
    calls = Calls(estate, HOSTS, sorted(_paths(estate)))
    expected = verdict(invariants, estate, calls, TODAY)
    found = judge(invariants, estate, TODAY)
    for index, invariant in enumerate(invariants):
        note(f"{index}: {invariant}")
    broken = frozenset((each.index, each.component) for each in found.broken)
    assert broken == expected.broken
    assert found.unconcerned == expected.unconcerned
    assert found.unused == expected.unused
    return expected


@MANY
@given(_judged())
def test_an_invariant_is_broken_exactly_where_a_call_breaks_it(
    case: tuple[Estate, tuple[CallInvariant | RoleInvariant, ...]],
) -> None:
    _compare(*case)


@pytest.mark.deep
@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_invariants_are_judged_as_by_brute_force(
    part: int, report: Callable[[str], None]
) -> None:
    """About a third of them is broken, so that no answer is always the same."""
    counts: Counter[str] = Counter()

    @seed(part)
    @settings(MANY, max_examples=examples(1000 // PARTS))
    @given(_judged())
    def judged(
        case: tuple[Estate, tuple[CallInvariant | RoleInvariant, ...]],
    ) -> None:
        result = _compare(*case)
        counts["pairs"] += INVARIANTS
        counts["broken"] += len({index for index, _ in result.broken})

    judged()
    report(f"{counts['pairs']} pairs, {counts['broken']} broken")
    assert counts["broken"] > counts["pairs"] / 5
