"""The azuread stand-in imports what it made itself by the ids that the official plugin was recorded to take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.entra import Entra
from sandbox.entra.directory import NO_ROLE
from sandbox.entra.service import TENANT
from sandbox.plugins.azuread_api import Graph
from sandbox.plugins.azuread_application import Application, ApplicationFederatedIdentityCredential
from sandbox.plugins.azuread_principal import (
    AppRoleAssignment,
    ServicePrincipal,
    ServicePrincipalDelegatedPermissionGrant,
)
from sandbox.plugins.provider import Naming


@pytest.fixture
def graph(monkeypatch: pytest.MonkeyPatch) -> Iterator[Graph]:
    """As `pulumi import` configures the plugin: by the environment alone."""
    with Entra(groups=("sales",)) as tenant:
        place = {"ARM_METADATA_HOSTNAME": urlsplit(tenant.url).netloc, "ARM_TENANT_ID": TENANT}
        for name, value in {**tenant.environment, **place}.items():
            monkeypatch.setenv(name, value)
        made = Graph()
        made.configure({})
        yield made


def _imported(resource: Any, identifier: str, inputs: dict[str, Any]) -> None:
    """It is found, and a program that has the same inputs would change nothing."""
    found = resource.read(identifier, {}, {})
    checked = resource.check(inputs, {}, Naming("x", b""))
    assert found.identifier == identifier
    assert resource.differences(found.state, found.inputs, checked).changed == frozenset()
    for key, value in inputs.items():
        assert found.inputs[key] == value
    assert resource.read(identifier.replace(identifier.rsplit("/", 1)[1], "0" * 8), {}, {}) is None


def test_everything_that_can_be_taken_over_is_found_by_its_id(graph: Graph) -> None:
    role = {"id": "5a9b1b3c-0000-4000-8000-000000000001", "value": "role=a", "displayName": "a", "description": "d"}
    about = {
        "displayName": "an API",
        "signInAudience": "AzureADMyOrg",
        "appRoles": [{**role, "allowedMemberTypes": ["User"], "enabled": True}],
    }
    apps = Application(graph)
    api, state = apps.create(apps.check(about, {}, Naming("x", b"")))
    client, other = apps.create(apps.check({"displayName": "client"}, {}, Naming("x", b"")))
    _imported(apps, api, about)
    principals = ServicePrincipal(graph)
    at, of_api = principals.create({"clientId": state["clientId"], "accountEnabled": True})
    _, of_client = principals.create({"clientId": other["clientId"], "accountEnabled": True})
    _imported(principals, at, {"clientId": state["clientId"], "accountEnabled": True})
    assignment = {
        "appRoleId": NO_ROLE,
        "principalObjectId": of_api["objectId"],
        "resourceObjectId": of_client["objectId"],
    }
    assignments = AppRoleAssignment(graph)
    _imported(assignments, assignments.create(assignment)[0], assignment)
    grant = {
        "servicePrincipalObjectId": of_client["objectId"],
        "resourceServicePrincipalObjectId": of_api["objectId"],
        "claimValues": ["read"],
    }
    grants = ServicePrincipalDelegatedPermissionGrant(graph)
    _imported(grants, grants.create(grant)[0], grant)
    trust = {"applicationId": client, "displayName": "kubernetes", "issuer": "https://a.example.com", "subject": "s"}
    federated = ApplicationFederatedIdentityCredential(graph)
    _imported(federated, federated.create({**trust, "audiences": ["a"]})[0], {**trust, "audiences": ["a"]})
