"""Which objects of a tenant are certain to be what an interrupted creation left, and which are only like it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kong_oam.engine.pending import ExportedState, PendingCreation
from kong_oam.identity.entra import orphans as entra
from kong_oam.identity.entra.assignments import (
    ASSIGNMENT,
    FEDERATED,
    GRANT,
    NO_ROLE,
    PASSWORD,
    PRINCIPAL,
)
from kong_oam.identity.entra.names import APPLICATION
from sandbox.entra import Entra
from tests.support.entra_mocks import graph_of

NAME, OURS = "kong-oam local shop/web", "Kong-OAM, stack local"
INPUTS = {"displayName": NAME, "description": OURS}


@pytest.fixture
def tenant() -> Iterator[Entra]:
    with Entra(groups=("sales",)) as made:
        yield made


def _state(
    kind: str,
    known: tuple[str, ...] = (),
    provider: str = "entra-account",
    **inputs: Any,
) -> ExportedState:
    return ExportedState(
        frozenset(known), (PendingCreation(kind, inputs, None, provider),), None
    )


def _orphans(
    tenant: Entra, state: ExportedState
) -> list[tuple[str, str | None]]:
    with graph_of(tenant) as graph:
        return [
            (orphan.id, doubt)
            for orphan, doubt in entra.orphans(graph, state, "entra-account")
        ]


def _remove(tenant: Entra, state: ExportedState) -> None:
    with graph_of(tenant) as graph:
        entra.remove(
            graph,
            [
                orphan
                for orphan, doubt in entra.orphans(
                    graph, state, "entra-account"
                )
                if doubt is None
            ],
        )


def _app(tenant: Entra, name: str = NAME, description: str = OURS) -> Any:
    return tenant.directory.create_application(
        {"displayName": name, "description": description}
    )


def test_an_application_as_it_was_meant_is_certain(tenant: Entra) -> None:
    """It is removed, and nothing else; what the state knows is not listed."""
    other, app = _app(tenant, "theirs"), _app(tenant)
    state = _state(APPLICATION, **INPUTS)
    assert _orphans(tenant, state) == [(f"/applications/{app['id']}", None)]
    assert (
        _orphans(
            tenant,
            _state(APPLICATION, (f"/applications/{app['id']}",), **INPUTS),
        )
        == []
    )
    _remove(tenant, state)
    assert list(tenant.directory.applications) == [other["id"]]


def test_an_application_that_is_somebodys_is_kept(tenant: Entra) -> None:
    """One that has another description, a secret, an owner, a service principal; of several nobody knows which."""
    app = _app(tenant)
    position, state = (
        f"/applications/{app['id']}",
        _state(APPLICATION, **INPUTS),
    )
    app["description"] = "by hand"
    assert _orphans(tenant, state) == [
        (
            position,
            "its description differs from the intended description",
        )
    ]
    app["description"] = OURS
    key = tenant.directory.add_password(app["id"], {"displayName": "x"})[
        "keyId"
    ]
    assert _orphans(tenant, state) == [(position, f"secret 'x' ({key})")]
    tenant.directory.remove_password(app["id"], key)
    tenant.directory.owners[app["id"]] = [{"id": "u1"}]
    assert _orphans(tenant, state) == [(position, "it has an owner, u1")]
    tenant.directory.owners.clear()
    tenant.directory.create_principal({"appId": app["appId"]})
    assert _orphans(tenant, state) == [(position, "it has a service principal")]
    _app(tenant)
    assert {doubt for _, doubt in _orphans(tenant, state)} == {
        "several objects match"
    }


def test_a_service_principal_is_of_its_application(tenant: Entra) -> None:
    app = _app(tenant)
    state = _state(PRINCIPAL, clientId=app["appId"])
    assert _orphans(tenant, state) == []
    made = tenant.directory.create_principal({"appId": app["appId"]})["id"]
    assert _orphans(tenant, state) == [(f"/servicePrincipals/{made}", None)]
    (sales,) = tenant.directory.groups
    tenant.directory.assign(made, {"appRoleId": NO_ROLE, "principalId": sales})
    assert _orphans(tenant, state) == [
        (
            f"/servicePrincipals/{made}",
            "it has role assignments",
        )
    ]


def test_what_is_assigned_and_consented_to_is_known_by_whom_it_is_between(
    tenant: Entra,
) -> None:
    first, second = (
        tenant.directory.create_principal(
            {"appId": _app(tenant, name)["appId"]}
        )["id"]
        for name in "ab"
    )
    (sales,) = tenant.directory.groups
    made = tenant.directory.assign(
        first, {"appRoleId": NO_ROLE, "principalId": sales}
    )["id"]
    tenant.directory.assign(
        first, {"appRoleId": NO_ROLE, "principalId": second}
    )
    assignment = {
        "resourceObjectId": first,
        "principalObjectId": sales,
        "appRoleId": NO_ROLE,
    }
    where = f"/servicePrincipals/{first}/appRoleAssignedTo/{made}"
    assert _orphans(tenant, _state(ASSIGNMENT, **assignment)) == [(where, None)]
    _remove(tenant, _state(ASSIGNMENT, **assignment))
    assert len(tenant.directory.assignments) == 1
    consent = {"clientId": first, "resourceId": second, "scope": "read"}
    tenant.directory.grant(
        {**consent, "consentType": "Principal", "principalId": "u1"}
    )
    consent_grant = tenant.directory.grant(
        {**consent, "consentType": "AllPrincipals"}
    )["id"]
    inputs = {
        "servicePrincipalObjectId": first,
        "resourceServicePrincipalObjectId": second,
    }
    assert _orphans(tenant, _state(GRANT, **inputs)) == [
        (f"/oauth2PermissionGrants/{consent_grant}", None)
    ]


def test_a_secret_that_nobody_learned_is_removed(tenant: Entra) -> None:
    """The earlier secret has the same name, and is in the state."""
    app = _app(tenant)
    old, new = (
        tenant.directory.add_password(app["id"], {"displayName": "kong-oam a"})[
            "keyId"
        ]
        for _ in range(2)
    )
    other = tenant.directory.add_password(
        app["id"], {"displayName": "by hand"}
    )["keyId"]
    password = {
        "applicationId": f"/applications/{app['id']}",
        "displayName": "kong-oam a",
    }
    state = _state(PASSWORD, (f"{app['id']}/password/{old}",), **password)
    assert _orphans(tenant, state) == [(f"{app['id']}/password/{new}", None)]
    _remove(tenant, state)
    assert [
        credential["keyId"] for credential in app["passwordCredentials"]
    ] == [old, other]


def test_trust_in_another_than_the_cluster_is_kept(tenant: Entra) -> None:
    app = _app(tenant)
    trust = {
        "issuer": "https://cluster.example.com",
        "subject": "s",
        "audiences": ["a"],
    }
    made = tenant.directory.add_federated(
        app["id"], {"name": "kubernetes", **trust}
    )
    credential = {
        "applicationId": f"/applications/{app['id']}",
        "displayName": "kubernetes",
        **trust,
    }
    position = f"{app['id']}/federatedIdentityCredential/{made['id']}"
    assert _orphans(tenant, _state(FEDERATED, **credential)) == [
        (position, None)
    ]
    made["subject"] = "me"
    assert _orphans(tenant, _state(FEDERATED, **credential)) == [
        (
            position,
            "its issuer, subject or audience differs from the intended trust",
        )
    ]
