"""Who may call, as values: exact over all clients and all sets of groups of their users."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations

from kong_oam.access.data import Networks
from kong_oam.errors import InputError

Groups = frozenset[str]

# Which users may: the smallest sets of groups that suffice, none within another. Unique, so that
# equal means equal.
Condition = frozenset[Groups]

# The condition of a client that calls as itself: none.
ITSELF: Condition = frozenset({frozenset()})


@dataclass(frozen=True, slots=True, order=True)
class Principal:
    """A client of an identity provider, as itself, or with `users` those who sign in through it.

    `client` is its component's key. A service that becomes a web application is another principal:
    others call by it.
    """

    client: str
    provider: str
    users: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call: everybody, token or not; or those principals, each under its condition. All of
    them from these networks only."""

    everybody: bool = False
    principals: Mapping[Principal, Condition] = field(default_factory=dict)
    networks: Networks = ()


EVERYBODY = Access(everybody=True)
NOBODY = Access()


class TooManyGroupSetsError(InputError):
    """There are more sets of groups that suffice than anybody could list. The message says where,
    and what to do."""


# The most sets of groups in one condition. Two roles of 150 groups each, both of which are needed,
# make 22,500.
MOST = 50_000

# A set of that many groups has fewer subsets than there are sets to compare it with, where it
# matters.
_SMALL = 8


def minimal(sets: Collection[Groups]) -> Condition:
    """The sets that contain no other of them."""

    def is_minimal(groups: Groups) -> bool:
        return all(subset == groups for subset in _within(groups, sets))

    return frozenset(filter(is_minimal, sets))


def suffices(groups: Groups, condition: Condition) -> bool:
    """Whether a user in `groups` meets the condition."""
    return next(_within(groups, condition), None) is not None


def _within(groups: Groups, sets: Collection[Groups]) -> Iterator[Groups]:
    """The sets that `groups` contains, itself included."""
    if len(groups) > _SMALL:
        return (subset for subset in sets if subset <= groups)
    sizes = range(len(groups) + 1)
    subsets = chain.from_iterable(combinations(groups, size) for size in sizes)
    return (subset for subset in map(frozenset, subsets) if subset in sets)


def minimal_transversals(clauses: Iterable[Groups]) -> Condition | None:
    """The smallest sets with a member in every clause (Berge's method for minimal transversals);
    None: over MOST.

    A set with no group of a clause grows by each of them. It is then no smallest one where it
    contains a set that has that group already; two that have grown never contain each other.
    """
    sets = ITSELF
    for clause in clauses:
        meeting = frozenset(groups for groups in sets if groups & clause)
        grown = set(meeting)
        others_by_group = _without_one(meeting, clause)
        for groups in sets - meeting:
            for group in clause:
                others = others_by_group.get(group, ())
                if not any(other <= groups for other in others):
                    grown.add(groups | {group})
            if len(grown) - len(meeting) > MOST:
                return None
        sets = frozenset(grown)
    return sets


def _without_one(
    sets: Iterable[Groups], clause: Groups
) -> Mapping[str, Sequence[Groups]]:
    """By group of the clause, what else is in the sets that have it."""
    others: dict[str, list[Groups]] = {}
    for groups in sets:
        for group in groups & clause:
            others.setdefault(group, []).append(groups - {group})
    return others
