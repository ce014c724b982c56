"""Finds groups that are named once, and nearly as another: who mistypes a group gives its role to
nobody, or to another team."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from kong_oam.access.model import Estate

_SHORTEST = 4
"""Shorter names are near each other by chance."""

_LONGEST = 256
"""The most characters that a provider takes (Entra). Longer names are compared with none."""


def doubtful_groups(estate: Estate) -> Mapping[str, str]:
    """Maps groups that one role of the estate names, and no other and no mapping of the stack, to
    one that is nearly named so: one that is meant, where there is one. Empty where the stack lists
    its groups: any other is an error there."""
    if estate.stack.known_groups is not None:
        return {}
    named = Counter(
        group
        for component in estate.components.values()
        for role in component.roles
        for group in role.groups
    )
    mapped = {
        group
        for provider in estate.stack.providers.values()
        for group in provider.groups
    }
    once = {
        group for group, times in named.items() if times == 1 and group not in mapped
    }
    # Two names that are one slip apart have a rest in common, so nobody compares each with each.
    by_rest: dict[str, set[str]] = {}
    for group in {*named, *mapped}:
        for rest in _rests(group):
            by_rest.setdefault(rest, set()).add(group)
    doubts = {}
    for group in sorted(once):
        candidates = {other for rest in _rests(group) for other in by_rest[rest]} - {
            group
        }
        near = [
            other
            for other in candidates
            if _one_slip(group.casefold(), other.casefold())
        ]
        if near:
            doubts[group] = min(near, key=lambda other: (other in once, other))
    return doubts


def _rests(group: str) -> set[str]:
    """The name in small letters, and all that is left of it without one character."""
    name = group.casefold()
    if len(name) > _LONGEST:
        return set()
    return {name, *(name[:index] + name[index + 1 :] for index in range(len(name)))}


def _one_slip(a: str, b: str) -> bool:
    """Whether a typo makes one of the other: a letter too many, one too few, another, or two
    exchanged. Digits are meant: `team-1` and `team-2` are two teams."""
    shorter, longer = sorted((a, b), key=len)
    if len(shorter) < _SHORTEST:
        return False
    pairs = zip(shorter, longer, strict=False)
    same = next((index for index, (x, y) in enumerate(pairs) if x != y), len(shorter))
    left = shorter[same:]
    right = longer[same:]
    if any(character.isdigit() for character in left[:1] + right[:1]):
        return False
    exchanged = left[:2] == right[1::-1] and left[2:] == right[2:]
    return exchanged or right[1:] in (left, left[1:])
