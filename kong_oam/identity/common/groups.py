"""Checks the groups that roles name: those that a provider does not have, or has more than once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic, nearest
from kong_oam.identity.common.looked_up import Ids
from kong_oam.identity.common.parts import groups_at, offered_at


def group_names(settings: ProviderSettings, estate: Estate) -> list[str]:
    """Lists the groups that roles at a provider name, as it calls them."""
    provider = estate.stack.providers[settings.name]
    return sorted({provider.group(group) for group in groups_at(settings, estate)})


def unclear_groups(
    settings: ProviderSettings,
    estate: Estate,
    ids: Ids,
    others: Callable[[], Iterable[str]] = tuple,
) -> Iterator[Diagnostic]:
    """Reports each group that is not at the provider exactly once, where a role names it.

    `ids` are those of the groups that roles name, and of others, which may have been meant. More
    names are asked for (`others`) only where a group is missing.
    """
    existing = [name for name, found in ids.items() if found]
    if len(existing) < len(ids):
        existing += others()
    for component in offered_at(settings, estate):
        for role in component.roles:
            for group in role.groups:
                if problem := _problem(settings, estate, group, ids, existing):
                    message = f"role '{role.name}': group '{group}'{problem}"
                    yield Diagnostic(
                        "ENV401",
                        message,
                        role.place.at("groups", role.groups.index(group)),
                    )


def _problem(
    settings: ProviderSettings,
    estate: Estate,
    group: str,
    ids: Ids,
    existing: Sequence[str],
) -> str | None:
    """Says what is wrong with a group, and what to do; None where it is there once."""
    name = estate.stack.providers[settings.name].group(group)
    if len(ids[name]) == 1:
        return None
    mapped = f" (there '{name}')" if name != group else ""
    if ids[name]:
        return f"{mapped} of {settings.name} is there {len(ids[name])} times. Rename the others"
    where = (
        f"under identityProviders[].groups in stacks/Pulumi.{estate.stack.name}.yaml"
    )
    meant = nearest(name, existing) or "."
    return (
        f"{mapped} of {settings.name} does not exist{meant} Create it there, or map '{group}' "
        f"{where}"
    )
