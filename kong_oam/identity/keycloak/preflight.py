"""Compares a realm with the intended objects before the first change."""

from __future__ import annotations

from kong_oam.access.model import Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.state import RecordedNames
from kong_oam.identity.common.groups import Ids, look_up, unclear_groups, unique
from kong_oam.identity.common.kind import Inspection
from kong_oam.identity.common.parts import group_names
from kong_oam.identity.keycloak.api import Realm, account
from kong_oam.identity.keycloak.conflicts import name_conflicts
from kong_oam.identity.keycloak.names import group_path


def inspect(
    settings: ProviderSettings,
    estate: Estate,
    recorded_names: RecordedNames,
    configuration: Configuration,
) -> Inspection:
    """Report conflicts: missing groups of roles, and existing objects with our names.

    Raises InspectionError and ManagementApiError.
    """
    with Realm(account(settings.issuer or "", configuration)) as realm:
        ids = group_ids(realm, settings, estate)
        findings = (
            *unclear_groups(settings, estate, ids),
            *name_conflicts(realm, settings, estate, recorded_names),
        )
    return Inspection(findings, unique(ids))


def group_ids(realm: Realm, settings: ProviderSettings, estate: Estate) -> Ids:
    """Look up the groups of roles by their paths. Raises ManagementApiError.

    The result has the stack's names for groups of roles, and paths for others.
    """
    paths = {name: group_path(name) for name in group_names(settings, estate)}
    by_path = look_up(paths.values(), realm.group_ids)
    ids = {
        path.removeprefix("/"): of_path
        for path, of_path in by_path.items()
        if path not in paths.values()
    }
    ids |= {name: by_path[path] for name, path in paths.items()}
    return ids
