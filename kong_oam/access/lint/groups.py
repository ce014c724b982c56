"""Find groups that one role names and that nearly match another group: a probable typing error."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from kong_oam.access.data import NameSets, Texts
from kong_oam.access.model import Estate
from kong_oam.diagnostics import is_one_slip, some
from kong_oam.oam.position import SourcePosition

# The longest name that a provider accepts (Entra). Longer names are not compared.
_LONGEST = 256


def doubtful_groups(estate: Estate) -> Texts:
    """Map each group that only one role names to a group with nearly the same name.

    The group is in quotes, and the places of the roles that name it follow.

    Groups that the stack maps to a provider's group are not doubtful. The result is empty if the
    stack lists its groups: an unknown group is an error then.
    """
    if estate.stack.known_groups is not None:
        return {}
    named = _positions(estate)
    mapped = set[str]()
    for provider in estate.stack.providers.values():
        mapped.update(provider.groups)
    named_once = {group for group in named if len(named[group]) == 1} - mapped
    by_reduced_name: NameSets = {}
    for name in (*named, *mapped):
        for reduced_name in _reduced_names(name):
            by_reduced_name.setdefault(reduced_name, set()).add(name)
    doubts: dict[str, str] = {}
    for group in sorted(named_once):
        # Prefer a group that is named more than once to another doubtful group.
        similar = [
            (other in named_once, other)
            for other in _similar_names(group, by_reduced_name)
        ]
        if similar:
            near = min(similar)[1]
            # If one role names each, either may be the error: one finding has both.
            if doubts.get(near) != group:
                doubts[group] = near
    return {
        group: f"'{near}' ({some(map(str, named.get(near, ()))) or 'in the stack'})"
        for group, near in doubts.items()
    }


def _positions(estate: Estate) -> dict[str, list[SourcePosition]]:
    """Return the roles that name each group, by their positions."""
    named: dict[str, list[SourcePosition]] = {}
    for component in estate.components.values():
        for role in component.identity.roles:
            for group in role.groups:
                named.setdefault(group, []).append(role.position)
    return named


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
        if is_one_slip(group.casefold(), other.casefold()):
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
