"""Objects of a realm whose creation the state says was cut off: made, but the answer was lost.

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
from kong_oam.identity.common.errors import InspectionError
from kong_oam.identity.common.management import Row
from kong_oam.identity.common.orphans import OrphanAtPath, Orphans
from kong_oam.identity.keycloak import foreign
from kong_oam.identity.keycloak.adoption import KINDS, PROOFS
from kong_oam.identity.keycloak.api import NO_ACCOUNT, Realm, account
from kong_oam.identity.keycloak.names import AUDIENCE, CLIENT, GROUPS, ROLE, SCOPE, account_name

_TYPES = (CLIENT, AUDIENCE, GROUPS, SCOPE, ROLE)


def find(
    settings: ProviderSettings, state: ExportedState, opened: ExitStack, configuration: Configuration
) -> Orphans | None:
    """What interrupted creations made in the realm. Raises InspectionError and RefusedError."""
    provider = account_name(settings.name)
    if not concerned(state, provider):
        return None
    if (known := account(settings.issuer or "", configuration)) is None:
        raise InspectionError(f"creations were interrupted, and there is {NO_ACCOUNT}")
    realm = opened.enter_context(Realm(known))
    return Orphans(f"Keycloak, {settings.issuer}", made(realm, state, provider), lambda lost: remove(realm, lost))


def concerned(state: ExportedState, provider: str) -> bool:
    """Whether anything that was interrupted had been asked of `provider` (its resource's logical name)."""
    return any(True for _ in _creations(state, provider))


def made(realm: Realm, state: ExportedState, provider: str) -> list[tuple[OrphanAtPath, str | None]]:
    """What there is of the interrupted creations and not in the state, with the reason not to remove it, or None.

    Raises RefusedError.
    """
    return [
        (one, next(doubts, None))
        for creation in _creations(state, provider)
        for one, doubts in _found(realm, creation)
        if one.id not in state.ids
    ]


def remove(realm: Realm, lost: Iterable[OrphanAtPath]) -> None:
    """Removes them. Raises RefusedError."""
    for one in lost:
        realm.remove(one.path)


def _creations(state: ExportedState, provider: str) -> Iterator[PendingCreation]:
    return (one for one in state.interrupted if one.type in _TYPES and one.provider == provider)


def _found(realm: Realm, creation: PendingCreation) -> Iterator[tuple[OrphanAtPath, Iterator[str]]]:
    """What has the name, and what speaks against its being what was made."""
    wanted = creation.inputs
    if creation.type == CLIENT:
        if client := realm.client(wanted["clientId"]):
            one = OrphanAtPath(CLIENT, f"/clients/{client['id']}", client["clientId"])
            yield one, _doubts(creation, client, _of_client(realm, client))
    elif creation.type == ROLE:
        if role := realm.role(wanted["name"]):
            one = OrphanAtPath(ROLE, f"/roles-by-id/{role['id']}", role["name"])
            yield one, _doubts(creation, role, _of_role(realm, role))
    elif creation.type == SCOPE:
        for scope in realm.rows("/client-scopes"):
            if scope["name"] == wanted["name"]:
                found = foreign.of_scope(realm, scope, mappers={}, roles=(), clients=())
                one = OrphanAtPath(SCOPE, f"/client-scopes/{scope['id']}", scope["name"])
                yield one, _doubts(creation, scope, found)
    else:
        place = f"/client-scopes/{wanted['clientScopeId']}/protocol-mappers/models"
        for mapper in realm.rows(place):
            if mapper["name"] == wanted["name"]:
                one = OrphanAtPath(creation.type, f"{place}/{mapper['id']}", mapper["name"])
                yield one, foreign.of_mapper(mapper, KINDS[creation.type])


def _doubts(creation: PendingCreation, row: Row, found: Iterable[str]) -> Iterator[str]:
    if creation.id and row["id"] != creation.id:
        yield "its id is another than the one that was heard"
    if row.get("description") != creation.inputs.get("description"):
        yield "its description is another than the one that it would have been given"
    yield from found


def _of_client(realm: Realm, client: Row) -> Iterator[str]:
    """It is new: nobody has signed in through it, and nothing is granted to its service account."""
    proofs = frozenset(name for names in PROOFS.values() for name in names)
    return foreign.of_client(realm, client, service=True, public=True, proofs=proofs, always=())


def _of_role(realm: Realm, role: Row) -> Iterator[str]:
    """A scope that asks for it and for nothing else would be everybody's without it."""
    yield from foreign.of_role(realm, role, ())
    asking = foreign.asking(realm, role, realm.rows("/client-scopes"))
    yield from (f"client scope '{scope}' asks for it" for scope in asking)
