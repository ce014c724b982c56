"""Finds objects of a realm whose creation, by the state, was cut off: they were made, but the answer was lost.

A realm's objects have no tags. So nothing counts as lost but what the state itself says it was about to make, and of
that only the object of that name which is as it would have been made, and in which, or by which, nobody has done
anything since: whoever uses an object needs its id, and nobody heard that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.pending import ExportedState, PendingCreation
from kong_oam.http.addresses import shown
from kong_oam.http.management import Row
from kong_oam.identity.common.orphans import Orphan, Orphans
from kong_oam.identity.keycloak import foreign
from kong_oam.identity.keycloak.api import Realm, account
from kong_oam.identity.keycloak.names import AUDIENCE, CLIENT, GROUPS, ROLE, SCOPE, account_name

_TYPES = (CLIENT, AUDIENCE, GROUPS, SCOPE, ROLE)


def find(
    settings: ProviderSettings, state: ExportedState, opened: ExitStack, configuration: Configuration
) -> Orphans | None:
    """Finds what interrupted creations made in the realm. Raises InspectionError and RefusedError."""
    provider = account_name(settings.name)
    if not state.pending_at(provider, _TYPES):
        return None
    realm = opened.enter_context(Realm(account(settings.issuer or "", configuration)))
    return Orphans(
        f"Keycloak, {shown(settings.issuer or '')}", orphans(realm, state, provider), lambda lost: remove(realm, lost)
    )


def orphans(realm: Realm, state: ExportedState, provider: str) -> list[tuple[Orphan, str | None]]:
    """Finds objects of interrupted creations that are not in the state, each with the reason not to remove it or None.

    Raises RefusedError.
    """
    return [
        (orphan, next(doubts, None))
        for creation in state.pending_at(provider, _TYPES)
        for orphan, doubts in _candidates(realm, creation)
        if orphan.id not in state.ids
    ]


def remove(realm: Realm, lost: Iterable[Orphan]) -> None:
    """Removes the objects. Raises RefusedError."""
    for orphan in lost:
        realm.remove(orphan.path)


def _candidates(realm: Realm, creation: PendingCreation) -> Iterator[tuple[Orphan, Iterator[str]]]:
    """Finds objects of the name, each with what speaks against its being the one that was made."""
    wanted = creation.inputs
    if creation.type == CLIENT:
        if client := realm.client(wanted["clientId"]):
            orphan = _orphan(creation, "/clients", client)
            yield orphan, _doubts(creation, client, foreign.of_client(realm, client))
    elif creation.type == ROLE:
        if role := realm.role(wanted["name"]):
            orphan = _orphan(creation, "/roles-by-id", role)
            yield orphan, _doubts(creation, role, foreign.of_role(realm, role))
    elif creation.type == SCOPE:
        for scope in realm.rows("/client-scopes"):
            if scope["name"] == wanted["name"]:
                parts = foreign.of_scope(realm, scope)
                orphan = _orphan(creation, "/client-scopes", scope)
                yield orphan, _doubts(creation, scope, parts)
    else:
        place = f"/client-scopes/{wanted['clientScopeId']}/protocol-mappers/models"
        for mapper in realm.rows(place):
            if mapper["name"] == wanted["name"]:
                orphan = _orphan(creation, place, mapper)
                yield orphan, foreign.of_mapper(mapper, creation.type)


def _orphan(creation: PendingCreation, place: str, row: Row) -> Orphan:
    name = row["clientId"] if creation.type == CLIENT else row["name"]
    return Orphan(creation.type, row["id"], name, f"{place}/{row['id']}")


def _doubts(creation: PendingCreation, row: Row, foreign_parts: Iterable[str]) -> Iterator[str]:
    if creation.id and row["id"] != creation.id:
        yield "its id is another than the one that was heard"
    if row.get("description") != creation.inputs.get("description"):
        yield "its description is another than the one that it would have been given"
    yield from foreign_parts
