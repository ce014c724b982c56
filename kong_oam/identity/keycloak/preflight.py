"""Compares what a realm has and lacks with what is about to be made: before the first change."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.state import Held
from kong_oam.identity.common.groups import group_names, unclear_groups
from kong_oam.identity.common.looked_up import Ids, LookedUp
from kong_oam.identity.keycloak.api import Realm, account
from kong_oam.identity.keycloak.conflicts import name_conflicts
from kong_oam.identity.keycloak.names import group_path


def inspect(
    settings: ProviderSettings,
    estate: Estate,
    held: Held,
    configuration: Configuration,
    looked_up: LookedUp,
) -> Iterator[Diagnostic]:
    """Reports what stands in the way: groups of roles that the realm lacks, and names of ours that
    it has already.

    Raises InspectionError and ManagementApiError.
    """
    with Realm(account(settings.issuer or "", configuration)) as realm:
        ids = group_ids(realm, settings, estate, looked_up)
        yield from unclear_groups(settings, estate, ids)
        yield from name_conflicts(realm, settings, estate, held)


def group_ids(
    realm: Realm, settings: ProviderSettings, estate: Estate, looked_up: LookedUp
) -> Ids:
    """Looks up the groups of roles, by their paths. Raises ManagementApiError."""
    paths = {name: group_path(name) for name in group_names(settings, estate)}
    found = looked_up.groups(settings.name, paths.values(), realm.group_ids)
    others = {
        path.removeprefix("/"): ids
        for path, ids in found.items()
        if path not in paths.values()
    }
    return {**others, **{name: found[path] for name, path in paths.items()}}
