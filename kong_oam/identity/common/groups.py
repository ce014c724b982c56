"""Looks up the groups that roles name, and reports missing and ambiguous groups."""

from __future__ import annotations

from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)

from kong_oam.access.data import Texts
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Diagnostic, Findings, nearest_typo
from kong_oam.identity.common.parts import offered_at

# Ids by name: none for a missing group, several for a name that several groups have.
Ids = Mapping[str, Sequence[str]]


def look_up(names: Iterable[str], ask: Callable[[Collection[str]], Ids]) -> Ids:
    """Return the ids of the groups of these names, and of others that `ask` reads on the way.

    It calls `ask` once with all names, or never if there is no name.
    """
    wanted = sorted({*names})
    if not wanted:
        return {}
    return {**dict.fromkeys(wanted, ()), **ask(wanted)}


def unique(ids: Ids) -> Texts:
    """Return the id of each group that exists exactly once."""
    return {
        name: of_name[0] for name, of_name in ids.items() if len(of_name) == 1
    }


def unclear_groups(
    settings: ProviderSettings,
    estate: Estate,
    ids: Ids,
    others: Callable[[], Iterable[str]] = tuple,
) -> Findings:
    """Report each group that does not exist exactly once at the provider, at a role that names it.

    `ids` has the groups that roles name, and others, to suggest a similar name. `others` reads more
    names, only if a group is missing.
    """
    existing = [name for name, of_name in ids.items() if of_name]
    if len(existing) < len(ids):
        existing += others()
    for component in offered_at(settings, estate):
        for role in component.identity.roles:
            for index, group in enumerate(role.groups):
                problem = _problem(settings, estate, group, ids, existing)
                if problem:
                    message = f"role '{role.name}': group '{group}'{problem}"
                    place = role.position.at("groups", index)
                    yield Diagnostic("ENV401", message, place)


def _problem(
    settings: ProviderSettings,
    estate: Estate,
    group: str,
    ids: Ids,
    existing: Sequence[str],
) -> str | None:
    """Return the problem with a group, and the remedy; None if the group exists once."""
    name = estate.stack.providers[settings.name].group(group)
    if len(ids[name]) == 1:
        return None
    mapped = f" (there '{name}')" if name != group else ""
    if ids[name]:
        return f"{mapped} of {settings.name} exists {len(ids[name])} times. Rename the others"
    where = f"under identityProviders[].groups in stacks/Pulumi.{estate.stack.name}.yaml"
    meant = nearest_typo(name, existing) or "."
    return (
        f"{mapped} of {settings.name} does not exist{meant} Create it there, or map '{group}' "
        f"{where}"
    )
