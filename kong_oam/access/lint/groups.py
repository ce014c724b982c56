"""Find groups that one role names and that nearly match another group: a probable typing error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain

from kong_oam.access.data import NameSets, Texts
from kong_oam.access.model import Estate

# Shorter names are similar by chance.
_SHORTEST = 4

# The longest name that a provider accepts (Entra). Longer names are not compared.
_LONGEST = 256


def doubtful_groups(estate: Estate) -> Texts:
    """Map each group that only one role names to a group with nearly the same name.

    Groups that the stack maps to a provider's group are not doubtful. The result is empty if the
    stack lists its groups: an unknown group is an error then.
    """
    if estate.stack.known_groups is not None:
        return {}
    named: Counter[str] = Counter()
    for component in estate.components.values():
        for role in component.identity.roles:
            named.update(role.groups)
    mapped = set[str]()
    for provider in estate.stack.providers.values():
        mapped.update(provider.groups)
    named_once = {group for group in named if named[group] == 1} - mapped
    by_reduced_name: NameSets = {}
    for name in (*named, *mapped):
        for reduced_name in _reduced_names(name):
            by_reduced_name.setdefault(reduced_name, set()).add(name)
    doubts = {}
    for group in sorted(named_once):
        # Prefer a group that is named more than once to another doubtful group.
        similar = [
            (other in named_once, other)
            for other in _similar_names(group, by_reduced_name)
        ]
        if similar:
            doubts[group] = min(similar)[1]
    return doubts


def _similar_names(group: str, by_reduced_name: NameSets) -> Iterator[str]:
    """Yield the names that are one slip apart.

    Two such names share a reduced name. This avoids comparing all pairs.
    """
    names = {
        *chain.from_iterable(
            map(by_reduced_name.__getitem__, _reduced_names(group))
        )
    }
    for other in names - {group}:
        if _is_one_slip(group.casefold(), other.casefold()):
            yield other


def _reduced_names(group: str) -> set[str]:
    """Return the name in small letters, and each name that results from removing one character."""
    name = group.casefold()
    if len(name) > _LONGEST:
        return set()
    return {
        name,
        *(name[:index] + name[index + 1 :] for index in range(len(name))),
    }


def _is_one_slip(a: str, b: str) -> bool:
    """Return whether one typing error turns one name into the other.

    The error adds, removes, replaces or swaps characters. Digits are no errors: `team-1` and
    `team-2` are two teams.
    """
    shorter, longer = sorted((a, b), key=len)
    if len(shorter) < _SHORTEST:
        return False
    pairs = zip(shorter, longer, strict=False)
    same = next(
        (index for index, (x, y) in enumerate(pairs) if x != y), len(shorter)
    )
    left = shorter[same:]
    right = longer[same:]
    if any(character.isdigit() for character in left[:1] + right[:1]):
        return False
    exchanged = left[:2] == right[1::-1] and left[2:] == right[2:]
    return exchanged or right[1:] in (left, left[1:])
