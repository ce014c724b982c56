"""Compares an org with the intended objects before the first change."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from itertools import islice

import httpx

from kong_oam.access.data import NameLists
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.state import RecordedNames
from kong_oam.http.management import FEW, Row
from kong_oam.identity.common.groups import Ids, look_up, unclear_groups, unique
from kong_oam.identity.common.kind import Inspection
from kong_oam.identity.common.parts import group_names
from kong_oam.identity.okta.api import account, client, rows
from kong_oam.identity.okta.conflicts import name_conflicts
from kong_oam.identity.okta.limits import limits

# Groups of one answer: Okta gives 10,000 at most, and recommends less.
_PAGE = 1_000


def inspect(
    settings: ProviderSettings,
    estate: Estate,
    recorded_names: RecordedNames,
    configuration: Configuration,
) -> Inspection:
    """Report conflicts at Okta: missing groups, existing names, and exceeded limits.

    Raises InspectionError and ManagementApiError.
    """
    with client(account(configuration)) as org:
        ids = look_up(group_names(settings, estate), partial(group_ids, org))
        findings = (
            *limits(settings, estate),
            *unclear_groups(settings, estate, ids),
            *name_conflicts(
                org, settings, estate, recorded_names, configuration.project
            ),
        )
    return Inspection(findings, unique(ids))


def group_ids(org: httpx.Client, names: Collection[str]) -> Ids:
    """Return the ids of the groups of exactly these names, and of others that were read on the way.
    Raises ManagementApiError.

    It reads all groups, page by page: Okta has no current search for several names. If there are
    more than a page, it searches a few names one by one, by their beginning. Okta answers such a
    search with at most 300 groups, and no further page.
    """
    listed = rows(org, "/groups", limit=str(_PAGE))
    groups = list(islice(listed, _PAGE + 1))
    if len(groups) > _PAGE and len(names) <= FEW:
        groups = []
        for name in names:
            begin_so = rows(org, "/groups", q=name, limit="300")
            groups += [group for group in begin_so if _name(group) == name]
    else:
        groups += listed
    # Two pages, or two searches, may have the same group.
    by_id = {group["id"]: group for group in groups}
    ids: NameLists = {}
    for group in by_id.values():
        ids.setdefault(_name(group), []).append(str(group["id"]))
    return ids


def _name(group: Row) -> str:
    return str(group["profile"]["name"])
