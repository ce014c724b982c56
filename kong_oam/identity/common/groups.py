"""Checks the groups that roles name: those that a provider does not have, or has more than once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kong_oam.access.model import Estate, Role
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic, nearest
from kong_oam.identity.common.looked_up import Ids


def group_names(settings: ProviderSettings, estate: Estate) -> list[str]:
    """Lists the groups that roles at a provider name, as it calls them."""
    provider = estate.stack.providers[settings.name]
    return sorted({provider.group(group) for _, group in _named(settings, estate)})


def unclear_groups(
    settings: ProviderSettings, estate: Estate, ids: Ids, others: Callable[[], Iterable[str]] = tuple
) -> Iterator[Diagnostic]:
    """Reports each group that is not at the provider exactly once, where a role names it.

    `ids` are those of the groups that roles name, and of others, which may have been meant. More names are asked for
    (`others`) only where a group is missing.
    """
    provider = estate.stack.providers[settings.name]
    existing = [name for name, found in ids.items() if found]
    if len(existing) < len(ids):
        existing += others()
    for role, group in _named(settings, estate):
        name = provider.group(group)
        if len(ids[name]) == 1:
            continue
        mapped = f" (there '{name}')" if name != group else ""
        message = f"role '{role.name}': group '{group}'{mapped} of {settings.name} "
        if ids[name]:
            message += f"is there {len(ids[name])} times. Rename the others"
        else:
            where = f"under identityProviders[].groups in stacks/Pulumi.{estate.stack.name}.yaml"
            message += f"does not exist{nearest(name, existing) or '.'} Create it there, or map '{group}' {where}"
        yield Diagnostic("ENV401", message, role.place.at("groups", role.groups.index(group)))


def _named(settings: ProviderSettings, estate: Estate) -> Iterator[tuple[Role, str]]:
    for component in estate.offering:
        if component.provider == settings.name:
            yield from ((role, group) for role in component.roles for group in role.groups)
