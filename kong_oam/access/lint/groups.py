"""Finds groups that are named once, and nearly as another: who mistypes a group gives its role to nobody, or to another
team."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kong_oam.access.model import Estate

_SHORTEST = 4
"""Shorter names are near each other by chance."""

_LONGEST = 256
"""The most characters that a provider takes (Entra). Longer names are compared with none."""

_ENOUGH = 16
"""How many names that have the same left of them others are compared with: among more, which one is meant is unclear
anyway."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Another group, `near` in its name. Where it is `mutual`, that one is named once, too: either may be wrong."""

    near: str
    mutual: bool = False


def doubtful_groups(estate: Estate) -> Mapping[str, Doubt]:
    """Maps groups that one role of the estate names, and no other and no mapping of the stack, to one that is nearly
    named so: one that is meant, where there is one. Empty where the stack lists its groups: any other is an error
    there."""
    if estate.stack.known_groups is not None:
        return {}
    named = Counter(
        group for component in estate.components.values() for role in component.roles for group in role.groups
    )
    mapped = {group for provider in estate.stack.providers.values() for group in provider.groups}
    once = {group for group, times in named.items() if times == 1 and group not in mapped}
    near = _Neighbours(sorted({*named, *mapped}, key=lambda group: (group in once, group)))
    doubts = {group: [Doubt(other, other in once) for other in near.of(group)] for group in sorted(once)}
    return {group: min(found, key=lambda doubt: doubt.mutual) for group, found in doubts.items() if found}


class _Neighbours:
    """Names by all that is left of them without one character: two that are one slip apart have one of these in common,
    so that nobody compares each with each. Those before count, where many have the same in common."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_rest: dict[int, list[str]] = {}
        for name in names:
            for rest in _rests(name.casefold()):
                sharing = self._by_rest.setdefault(rest, [])
                if len(sharing) < _ENOUGH:
                    sharing.append(name)

    def of(self, name: str) -> Iterator[str]:
        """The other names that are one slip apart, in order."""
        candidates = {other for rest in _rests(name.casefold()) for other in self._by_rest.get(rest, ())} - {name}
        return (other for other in sorted(candidates) if _one_slip(name.casefold(), other.casefold()))


def _rests(name: str) -> set[int]:
    """All that is left of a name, as hashes: the texts would take the square of its length."""
    if len(name) > _LONGEST:
        return set()
    return {hash(name), *(hash(name[:index] + name[index + 1 :]) for index in range(len(name)))}


def _one_slip(a: str, b: str) -> bool:
    """Whether a typo makes one of the other: a letter too many, one too few, another, or two exchanged. Digits are
    meant: `team-1` and `team-2` are two teams."""
    shorter, longer = sorted((a, b), key=len)
    if len(shorter) < _SHORTEST:
        return False
    pairs = zip(shorter, longer, strict=False)
    same = next((index for index, (x, y) in enumerate(pairs) if x != y), len(shorter))
    left, right = shorter[same:], longer[same:]
    if any(character.isdigit() for character in left[:1] + right[:1]):
        return False
    exchanged = left[:2] == right[1::-1] and left[2:] == right[2:]
    return exchanged or right[1:] in (left, left[1:])
