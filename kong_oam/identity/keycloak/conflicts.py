"""Finds objects of a realm that have our names and are missing in the state. None is adopted.

A realm has a name once: a second creation would fail half-way. The maker of such an object may have
left a way in, and a removed object can be made anew under the same name. Objects without names
replace existing objects: the roles of a group, the lists of a client's scopes, and a scope's roles.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kong_oam.access.data import Texts
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Findings
from kong_oam.engine.state import RecordedNames
from kong_oam.http.management import FEW, Row
from kong_oam.identity.common.conflicts import (
    MADE_ANEW,
    Conflict,
    Managed,
    conflict_finding,
)
from kong_oam.identity.keycloak.api import Realm
from kong_oam.identity.keycloak.names import (
    CLIENT,
    ROLE,
    SCOPE,
    Names,
    in_realm,
)


def name_conflicts(
    realm: Realm,
    settings: ProviderSettings,
    estate: Estate,
    held: RecordedNames,
) -> Findings:
    """Report objects of the realm with our future names. Raises ManagementApiError.

    It skips objects in the state: these are this stack's.
    """
    names = Names(settings, estate)
    begin = in_realm(estate.stack.name, "")
    conflicts = []
    for kind, by_logical in (
        (ROLE, names.roles),
        (SCOPE, names.scopes),
        (CLIENT, names.clients),
    ):
        missing = {}
        for logical, name in by_logical.items():
            if (kind, logical) not in held:
                missing[name] = Managed(kind, logical, name)
        if missing:
            ids = _ids(realm, kind, missing, begin)
            for name, managed in missing.items():
                if name in ids:
                    conflicts.append(Conflict(managed, ids[name]))
    if conflicts:
        yield conflict_finding(settings, estate, conflicts, MADE_ANEW)


def _ids(realm: Realm, kind: str, names: Collection[str], begin: str) -> Texts:
    """Return ids by name of the existing objects of a kind: a few by their names, many from the
    full list.

    Names of our clients `begin` so.
    """
    name_of = "clientId" if kind == CLIENT else "name"
    if kind == SCOPE:
        rows: Iterable[Row] = realm.rows("/client-scopes")
    elif len(names) <= FEW:
        ask = realm.client if kind == CLIENT else realm.role
        rows = filter(None, map(ask, names))
    elif kind == CLIENT:
        rows = realm.pages("/clients", clientId=begin, search="true")
    else:
        rows = realm.pages("/roles")
    return {row[name_of]: row["id"] for row in rows if row[name_of] in names}
