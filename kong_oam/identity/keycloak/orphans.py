"""Finds objects of a realm whose creation, by the state, was cut off: they were made, but the
answer was lost.

A realm's objects have no tags. So an object is an orphan only if the state was about to make it, as
it is now, and nothing uses or changed it. A user of an object needs its id, which no answer gave
out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from kong_oam.access.settings.values import ProviderSettings
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.pending import ExportedState, PendingCreation
from kong_oam.http.addresses import without_secrets
from kong_oam.http.management import Row
from kong_oam.identity.common.orphans import (
    DoubtedOrphan,
    Doubts,
    Orphan,
    Orphans,
)
from kong_oam.identity.common.parts import account_name
from kong_oam.identity.keycloak import foreign
from kong_oam.identity.keycloak.api import Realm, account
from kong_oam.identity.keycloak.names import (
    AUDIENCE,
    CLIENT,
    GROUPS,
    ROLE,
    SCOPE,
)

_TYPES = (CLIENT, AUDIENCE, GROUPS, SCOPE, ROLE)
_FOREIGN_USES = {
    CLIENT: foreign.of_client,
    ROLE: foreign.of_role,
    SCOPE: foreign.of_scope,
}


def find(
    settings: ProviderSettings,
    state: ExportedState,
    opened: ExitStack,
    configuration: Configuration,
) -> Orphans | None:
    """Find objects of interrupted creations in the realm. Raises InspectionError and
    ManagementApiError."""
    provider = account_name(settings.name)
    if not state.pending_at(provider, _TYPES):
        return None
    realm = opened.enter_context(
        Realm(account(settings.issuer or "", configuration))
    )
    return Orphans(
        f"Keycloak, {without_secrets(settings.issuer or '')}",
        orphans(realm, state, provider),
        lambda lost: remove(realm, lost),
    )


def orphans(
    realm: Realm, state: ExportedState, provider: str
) -> list[DoubtedOrphan]:
    """Find objects of interrupted creations that the state lacks, each with the reason to keep it,
    or None.

    Raises ManagementApiError.
    """
    orphans = []
    for creation in state.pending_at(provider, _TYPES):
        for orphan, doubts in _candidates(realm, creation):
            if orphan.id not in state.ids:
                orphans.append((orphan, next(doubts, None)))
    return orphans


def remove(realm: Realm, lost: Iterable[Orphan]) -> None:
    """Remove the objects. Raises ManagementApiError."""
    for orphan in lost:
        realm.remove(orphan.path)


def _candidates(
    realm: Realm, creation: PendingCreation
) -> Iterator[tuple[Orphan, Doubts]]:
    """Find objects of the name, each with the reason why it may not be the orphan."""
    place, rows = _listed(realm, creation)
    name = "clientId" if creation.type == CLIENT else "name"
    wanted = creation.inputs[name]
    for row in rows:
        if row and row[name] == wanted:
            path = f"{place}/{row['id']}"
            orphan = Orphan(creation.type, row["id"], wanted, path)
            yield orphan, _doubts(realm, creation, row)


def _listed(
    realm: Realm, creation: PendingCreation
) -> tuple[str, list[Row | None]]:
    """Return the path of such objects, and at least the objects of the name."""
    wanted = creation.inputs
    if creation.type == CLIENT:
        return "/clients", [realm.client(wanted["clientId"])]
    if creation.type == ROLE:
        return "/roles-by-id", [realm.role(wanted["name"])]
    place = "/client-scopes"
    if creation.type != SCOPE:
        place = f"{place}/{wanted['clientScopeId']}/protocol-mappers/models"
    return place, [*realm.rows(place)]


def _doubts(realm: Realm, creation: PendingCreation, row: Row) -> Doubts:
    if creation.id and row["id"] != creation.id:
        yield "its id differs from the recorded id"
    if row.get("description") != creation.inputs.get("description"):
        yield "its description differs from the intended description"
    if creation.type in foreign.MAPPERS:
        yield from foreign.of_mapper(row, creation.type)
    else:
        yield from _FOREIGN_USES[creation.type](realm, row)
