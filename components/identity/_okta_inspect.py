"""What there is at Okta and what there is not, compared with what is about to be made: before the first change."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import httpx

from access.model import Estate
from access.stack import ProviderSettings
from components.identity._okta_org import Row, rows
from oam.diagnostics import Diagnostic, nearest

_NAMES = 10_000
"""So many groups are looked through for one of nearly the name. Finding one of the very name has no limit."""


def missing_groups(org: httpx.Client, settings: ProviderSettings, estate: Estate) -> Iterator[Diagnostic]:
    """Groups of roles that the org does not have, or has more than once: each where a role names it.

    Raises _okta_org.RefusedError.
    """
    provider = estate.stack.providers[settings.name]
    guarded = [component for component in estate.components.values() if component.provider == settings.name]
    named = [(role, group) for component in guarded for role in component.roles for group in role.groups]
    counts = {name: _count(org, name) for name in sorted({provider.group(group) for _, group in named})}
    known = list(islice(map(_name, rows(org, "/groups")), _NAMES)) if 0 in counts.values() else []
    for role, group in named:
        name = provider.group(group)
        if counts[name] != 1:
            mapped = f" (there '{name}')" if name != group else ""
            found = f"is there {counts[name]} times. Rename the others" if counts[name] else "does not exist"
            message = f"role '{role.name}': group '{group}'{mapped} of {settings.name} {found}"
            if not counts[name]:
                where = f"under identityProviders[].groups in stacks/Pulumi.{estate.stack.name}.yaml"
                message += f"{nearest(name, known) or '.'} Create it there, or map '{group}' {where}"
            yield Diagnostic("ENV301", message, role.place.at("groups", role.groups.index(group)))


def _count(org: httpx.Client, name: str) -> int:
    """How many groups have exactly this name: asked as the provider does, by how the name begins.

    Okta gives at most 300 to such a question, and has no further page.
    """
    return sum(_name(row) == name for row in rows(org, "/groups", q=name, limit="300"))


def _name(group: Row) -> str:
    return str(group["profile"]["name"])
