"""Finds objects of a tenant whose creation, by the state, was cut off: they were made, but the
answer was lost.

Names are not unique in a tenant. So an object is an orphan only if the state was about to make it,
as it is now, and nothing uses it. A user of an object needs its id, which no answer gave out.
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
from kong_oam.identity.entra.api import Graph, account
from kong_oam.identity.entra.assignments import (
    ASSIGNMENT,
    FEDERATED,
    GRANT,
    PASSWORD,
    PRINCIPAL,
)
from kong_oam.identity.entra.names import APPLICATION, tenant_in


def find(
    settings: ProviderSettings,
    state: ExportedState,
    opened: ExitStack,
    configuration: Configuration,
) -> Orphans | None:
    """Find objects of interrupted creations in the tenant. Raises InspectionError and
    ManagementApiError."""
    provider = account_name(settings.name)
    if not state.pending_at(provider, _SEARCHES):
        return None
    graph = opened.enter_context(
        Graph(account(tenant_in(settings), configuration))
    )
    return Orphans(
        f"Entra, {without_secrets(settings.issuer or '')}",
        orphans(graph, state, provider),
        lambda lost: remove(graph, lost),
    )


def orphans(
    graph: Graph, state: ExportedState, provider: str
) -> list[DoubtedOrphan]:
    """Find objects of interrupted creations that the state lacks, each with the reason to keep it,
    or None.

    Raises ManagementApiError.
    """
    result = []
    for creation in state.pending_at(provider, _SEARCHES):
        candidates = [
            pair
            for pair in _SEARCHES[creation.type](graph, creation)
            if pair[0].id not in state.ids
        ]
        for orphan, doubts in candidates:
            doubt = next(iter(doubts), None)
            result.append(
                (
                    orphan,
                    "several objects match" if len(candidates) > 1 else doubt,
                )
            )
    return list(dict.fromkeys(result))


def remove(graph: Graph, lost: Iterable[Orphan]) -> None:
    """Remove the objects. Raises ManagementApiError."""
    for orphan in lost:
        if orphan.type == PASSWORD:
            application, _, key = orphan.id.split("/")
            graph.remove_password(application, key)
        else:
            graph.remove(orphan.path)


_Candidates = Iterator[tuple[Orphan, Iterable[str]]]


def _applications(graph: Graph, creation: PendingCreation) -> _Candidates:
    name = creation.inputs["displayName"]
    for row in graph.applications([name], name)[name]:
        path = f"/applications/{row['id']}"
        yield (
            Orphan(APPLICATION, path, name, path),
            _doubts_of_application(graph, creation, row),
        )


def _doubts_of_application(
    graph: Graph, creation: PendingCreation, row: Row
) -> Doubts:
    if row.get("description") != creation.inputs.get("description"):
        yield "its description differs from the intended description"
    yield from _credentials(row)
    path = f"/applications/{row['id']}"
    credentials = graph.rows(f"{path}/federatedIdentityCredentials")
    yield from (
        f"federated credential '{credential['name']}'"
        for credential in credentials
    )
    for owner in graph.rows(f"{path}/owners"):
        if owner["id"] != graph.caller:
            yield f"it has an owner, {owner['id']}"
    if graph.principal(row["appId"]):
        yield "it has a service principal"


def _credentials(row: Row) -> Doubts:
    """Name the secrets and certificates of an application, or of its service principal."""
    for kind, field in (
        ("secret", "passwordCredentials"),
        ("certificate", "keyCredentials"),
    ):
        yield from (
            f"{kind} '{key.get('displayName')}' ({key['keyId']})"
            for key in row.get(field) or ()
        )


def _principals(graph: Graph, creation: PendingCreation) -> _Candidates:
    row = graph.principal(creation.inputs["clientId"])
    if row:
        path = f"/servicePrincipals/{row['id']}"
        yield (
            Orphan(PRINCIPAL, path, row["displayName"], path),
            _doubts_of_principal(graph, path, row),
        )


def _doubts_of_principal(graph: Graph, path: str, row: Row) -> Doubts:
    yield from _credentials(row)
    for kind in ("appRoleAssignedTo", "appRoleAssignments"):
        if list(graph.rows(f"{path}/{kind}")):
            yield "it has role assignments"


def _assignments(graph: Graph, creation: PendingCreation) -> _Candidates:
    wanted = creation.inputs
    path = f"/servicePrincipals/{wanted['resourceObjectId']}/appRoleAssignedTo"
    for row in graph.rows(path):
        if (row["principalId"], row["appRoleId"]) == (
            wanted["principalObjectId"],
            wanted["appRoleId"],
        ):
            identifier = f"{path}/{row['id']}"
            name = (
                f"{row['principalDisplayName']} at {row['resourceDisplayName']}"
            )
            yield (
                Orphan(ASSIGNMENT, identifier, name, identifier),
                (),
            )


def _grants(graph: Graph, creation: PendingCreation) -> _Candidates:
    wanted = creation.inputs
    for row in graph.rows(
        "/oauth2PermissionGrants",
        f"clientId eq '{wanted['servicePrincipalObjectId']}'",
    ):
        at = wanted["resourceServicePrincipalObjectId"]
        if (row["resourceId"], row["consentType"]) == (at, "AllPrincipals"):
            path = f"/oauth2PermissionGrants/{row['id']}"
            yield Orphan(GRANT, path, row.get("scope", "").strip(), path), ()


def _federated(graph: Graph, creation: PendingCreation) -> _Candidates:
    application = creation.inputs["applicationId"].rpartition("/")[2]
    place = f"/applications/{application}/federatedIdentityCredentials"
    for row in graph.rows(place):
        if row["name"] == creation.inputs["displayName"]:
            identifier = (
                f"{application}/federatedIdentityCredential/{row['id']}"
            )
            same = all(
                row.get(name) == creation.inputs.get(name)
                for name in ("issuer", "subject", "audiences")
            )
            doubts = (
                ()
                if same
                else (
                    "its issuer, subject or audience differs from the intended trust",
                )
            )
            yield (
                Orphan(
                    FEDERATED, identifier, row["name"], f"{place}/{row['id']}"
                ),
                doubts,
            )


def _passwords(graph: Graph, creation: PendingCreation) -> _Candidates:
    """Find secrets whose value no answer gave out. A secret with a name in the state is an earlier
    one."""
    application = creation.inputs["applicationId"].rpartition("/")[2]
    for row in (
        graph.row(f"/applications/{application}").get("passwordCredentials")
        or ()
    ):
        if row.get("displayName") == creation.inputs.get("displayName"):
            place = f"/applications/{application}/passwordCredentials"
            identifier = f"{application}/password/{row['keyId']}"
            yield (
                Orphan(
                    PASSWORD,
                    identifier,
                    row["displayName"],
                    f"{place}/{row['keyId']}",
                ),
                (),
            )


_SEARCHES = {
    APPLICATION: _applications,
    PRINCIPAL: _principals,
    ASSIGNMENT: _assignments,
    GRANT: _grants,
    FEDERATED: _federated,
    PASSWORD: _passwords,
}
