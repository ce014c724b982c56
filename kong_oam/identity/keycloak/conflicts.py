"""Finds what a realm has under names of ours and the state does not know. Nothing of it is adopted.

In a realm a name is there once: to create it again would fail half-way. Whoever made such a thing
may have left a way in, and all that is removed there can be made anew under the same name. What has
no name of its own (the roles of a group, the lists of a client's scopes, the roles that a scope
asks for) takes what is there as it is made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kong_oam.access.model import Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Findings
from kong_oam.engine.state import Held
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
    realm: Realm, settings: ProviderSettings, estate: Estate, held: Held
) -> Findings:
    """Report what is called in the realm as ours will be. Raises ManagementApiError.

    Nothing is asked about what the state holds: that is this stack's.
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


def _ids(
    realm: Realm, kind: str, names: Collection[str], begin: str
) -> dict[str, str]:
    """Return ids by name of what there is of a kind: a few by their names, many in the list of all.

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
