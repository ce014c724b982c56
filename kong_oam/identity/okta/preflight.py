"""Compares what Okta has and lacks with what is about to be made: before the first change."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import httpx

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.state import Held
from kong_oam.errors import RefusedError
from kong_oam.http.management import Row
from kong_oam.identity.common.errors import InspectionError
from kong_oam.identity.common.groups import unclear_groups
from kong_oam.identity.okta.adoption import name_conflicts
from kong_oam.identity.okta.api import NO_ACCOUNT, account, client, rows
from kong_oam.identity.okta.limits import limits

_NAMES = 10_000
"""So many groups are looked through for one of nearly the name. Finding one of the very name has no limit."""


def inspect(
    settings: ProviderSettings, estate: Estate, held: Held, configuration: Configuration
) -> Iterator[Diagnostic]:
    """Reports what stands in the way at Okta: groups that it lacks, names that it has, more than it takes.

    Raises InspectionError.
    """
    of_org = account(configuration)
    if of_org is None:
        raise InspectionError(NO_ACCOUNT)
    try:
        with client(of_org) as org:
            yield from limits(settings, estate, held)
            yield from missing_groups(org, settings, estate)
            yield from name_conflicts(org, settings, estate, held, configuration.project)
    except RefusedError as error:
        raise InspectionError(f"identity provider '{settings.name}': Okta at {error}") from None


def missing_groups(org: httpx.Client, settings: ProviderSettings, estate: Estate) -> Iterator[Diagnostic]:
    """Reports groups of roles that the org does not have, or has more than once: each where a role names it.

    Raises RefusedError.
    """

    def names() -> list[str]:
        return list(islice(map(_name, rows(org, "/groups")), _NAMES))

    return unclear_groups(settings, estate, lambda name: _count(org, name), names)


def _count(org: httpx.Client, name: str) -> int:
    """Counts the groups of exactly this name: asked as the provider does, by how the name begins.

    Okta gives at most 300 to such a question, and has no further page.
    """
    return sum(_name(row) == name for row in rows(org, "/groups", q=name, limit="300"))


def _name(group: Row) -> str:
    return str(group["profile"]["name"])
