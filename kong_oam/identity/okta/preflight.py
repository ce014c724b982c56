"""Compares what Okta has and lacks with what is about to be made: before the first change."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

import httpx

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.state import Held
from kong_oam.http.management import FEW, Row
from kong_oam.identity.common.groups import group_names, unclear_groups
from kong_oam.identity.common.looked_up import Ids, LookedUp
from kong_oam.identity.okta.api import account, client, rows
from kong_oam.identity.okta.conflicts import name_conflicts
from kong_oam.identity.okta.limits import limits

_PAGE = 1_000
"""Groups of one answer: Okta gives 10,000 at most, and recommends less."""


def inspect(
    settings: ProviderSettings,
    estate: Estate,
    held: Held,
    configuration: Configuration,
    looked_up: LookedUp,
) -> Iterator[Diagnostic]:
    """Reports what stands in the way at Okta: groups that it lacks, names that it has, more than it
    takes.

    Raises InspectionError and ManagementApiError.
    """
    with client(account(configuration)) as org:
        yield from limits(settings, estate)
        yield from missing_groups(org, settings, estate, looked_up)
        yield from name_conflicts(org, settings, estate, held, configuration.project)


def missing_groups(
    org: httpx.Client, settings: ProviderSettings, estate: Estate, looked_up: LookedUp
) -> Iterator[Diagnostic]:
    """Reports groups of roles that the org does not have, or has more than once: each where a role
    names it.

    Raises ManagementApiError.
    """
    ids = looked_up.groups(
        settings.name,
        group_names(settings, estate),
        lambda names: group_ids(org, names),
    )
    yield from unclear_groups(settings, estate, ids)


def group_ids(org: httpx.Client, names: Collection[str]) -> Ids:
    """Gives the ids of the groups of exactly these names, and of others that were read on the way.
    Raises ManagementApiError.

    All groups are read, page by page: there is no question for several names whose answer would be
    of this moment. But where they are more than a page, few names are asked for one by one, by how
    the name begins: Okta gives at most 300 groups to such a question, and has no further page.
    """
    listed = rows(org, "/groups", limit=str(_PAGE))
    found = list(islice(listed, _PAGE + 1))
    if len(found) > _PAGE and len(names) <= FEW:
        found = [
            row
            for name in names
            for row in rows(org, "/groups", q=name, limit="300")
            if _name(row) == name
        ]
    else:
        found += listed
    ids: dict[str, list[str]] = {}
    for row in {row["id"]: row for row in found}.values():
        ids.setdefault(_name(row), []).append(str(row["id"]))
    return ids


def _name(group: Row) -> str:
    return str(group["profile"]["name"])
