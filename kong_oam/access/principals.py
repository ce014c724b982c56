"""Callers as values, exact over all clients and all sets of groups of their users."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations

from kong_oam.access.data import Networks
from kong_oam.errors import InputError

Groups = frozenset[str]

# The users with access: the smallest sufficient sets of groups, none within another. The form is
# unique, so equal conditions are equal values.
Condition = frozenset[Groups]

# The condition of a client that calls as itself.
ITSELF: Condition = frozenset({frozenset()})


@dataclass(frozen=True, slots=True, order=True)
class Principal:
    """A client of an identity provider as itself, or with `users` the users who sign in through it.

    `client` is its component's key. A service that becomes a web application is another principal,
    because its users call instead. `by` and `consumer` are the kind and the owner of its old
    credential (access.before), or empty for a token.
    """

    client: str
    provider: str
    users: bool = False
    by: str = ""
    consumer: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """The callers with access: everybody, or principals, each with its condition; all from these
    networks only. `until`: the last day of each principal with an old credential."""

    everybody: bool = False
    principals: Mapping[Principal, Condition] = field(default_factory=dict)
    networks: Networks = ()
    until: Mapping[Principal, str] = field(default_factory=dict)


EVERYBODY = Access(everybody=True)
NOBODY = Access()


class TooManyGroupSetsError(InputError):
    """A condition has too many sets of groups. The message gives the place and the remedy."""


# The most sets of groups in a condition. Two required roles of 150 groups each make 22,500.
MOST = 50_000

# A set of at most so many groups has few subsets, so these are looked up instead of a comparison
# with all sets.
_SMALL = 8


def minimal(sets: Collection[Groups]) -> Condition:
    """Return the sets that contain no other of the sets."""

    def is_minimal(groups: Groups) -> bool:
        return all(subset == groups for subset in _within(groups, sets))

    return frozenset(filter(is_minimal, sets))


def suffices(groups: Groups, condition: Condition) -> bool:
    """Return whether a user in `groups` meets the condition."""
    return next(_within(groups, condition), None) is not None


def _within(groups: Groups, sets: Collection[Groups]) -> Iterator[Groups]:
    """Return the sets that `groups` contains, itself included."""
    if len(groups) > _SMALL:
        return (subset for subset in sets if subset <= groups)
    sizes = range(len(groups) + 1)
    subsets = chain.from_iterable(combinations(groups, size) for size in sizes)
    return (subset for subset in map(frozenset, subsets) if subset in sets)


def minimal_transversals(clauses: Iterable[Groups]) -> Condition | None:
    """Return the smallest sets with a member in every clause (Berge's method for minimal
    transversals). None if there are more than MOST.

    A set without a group of a clause is extended by each of them. An extended set is not minimal if
    it contains a set that already had that group. Two extended sets never contain each other.
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
    """Return by group of the clause the rest of each set that has this group."""
    others = defaultdict(list)
    for groups in sets:
        for group in groups & clause:
            others[group].append(groups - {group})
    return others
