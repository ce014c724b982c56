"""Checks the groups that roles name: those that a provider does not have, or has more than once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic, nearest


def unclear_groups(
    settings: ProviderSettings, estate: Estate, count: Callable[[str], int], names: Callable[[], Sequence[str]]
) -> Iterator[Diagnostic]:
    """Reports each group that is not at the provider exactly once, where a role names it.

    `count` says how many groups have a name at the provider. `names` gives names that may have been meant; it is asked
    only where a group is missing.
    """
    provider = estate.stack.providers[settings.name]
    guarded = [component for component in estate.components.values() if component.provider == settings.name]
    named = [(role, group) for component in guarded for role in component.roles for group in role.groups]
    counts = {name: count(name) for name in sorted({provider.group(group) for _, group in named})}
    existing = names() if 0 in counts.values() else ()
    for role, group in named:
        name = provider.group(group)
        if counts[name] == 1:
            continue
        mapped = f" (there '{name}')" if name != group else ""
        message = f"role '{role.name}': group '{group}'{mapped} of {settings.name} "
        if counts[name]:
            message += f"is there {counts[name]} times. Rename the others"
        else:
            where = f"under identityProviders[].groups in stacks/Pulumi.{estate.stack.name}.yaml"
            message += f"does not exist{nearest(name, existing) or '.'} Create it there, or map '{group}' {where}"
        yield Diagnostic("ENV401", message, role.place.at("groups", role.groups.index(group)))
