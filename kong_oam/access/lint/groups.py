"""Finds groups that are named once, and nearly as another: who mistypes a group gives its role to
nobody, or to another team."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain

from kong_oam.access.data import NameSets, Texts
from kong_oam.access.model import Estate

# Shorter names are near each other by chance.
_SHORTEST = 4

# The most characters that a provider takes (Entra). Longer names are compared with none.
_LONGEST = 256


def doubtful_groups(estate: Estate) -> Texts:
    """Map groups that one role of the estate names, and no other and no mapping of the stack, to
    one that is nearly named so: one that is meant, where there is one. Empty where the stack lists
    its groups: any other is an error there."""
    if estate.stack.known_groups is not None:
        return {}
    named: Counter[str] = Counter()
    for component in estate.components.values():
        for role in component.identity.roles:
            named.update(role.groups)
    mapped = set[str]()
    for provider in estate.stack.providers.values():
        mapped.update(provider.groups)
    once = {group for group in named if named[group] == 1} - mapped
    by_rest: NameSets = {}
    for name in (*named, *mapped):
        for rest in _rests(name):
            by_rest.setdefault(rest, set()).add(name)
    doubts = {}
    for group in sorted(once):
        # One that is named more than once is more likely meant than another doubtful one.
        near = [(other in once, other) for other in _near(group, by_rest)]
        if near:
            doubts[group] = min(near)[1]
    return doubts


def _near(group: str, by_rest: NameSets) -> Iterator[str]:
    """Yield the names that are one slip apart. Two such names have a rest in common, so that nobody
    compares each with each."""
    names = {*chain.from_iterable(map(by_rest.__getitem__, _rests(group)))}
    for other in names - {group}:
        if _one_slip(group.casefold(), other.casefold()):
            yield other


def _rests(group: str) -> set[str]:
    """The name in small letters, and all that is left of it without one character."""
    name = group.casefold()
    if len(name) > _LONGEST:
        return set()
    return {
        name,
        *(name[:index] + name[index + 1 :] for index in range(len(name))),
    }


def _one_slip(a: str, b: str) -> bool:
    """Whether a typo makes one of the other: a letter too many, one too few, another, or two
    exchanged. Digits are meant: `team-1` and `team-2` are two teams."""
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
