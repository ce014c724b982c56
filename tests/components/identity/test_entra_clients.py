"""Entra: what the applications of clients can do, field by field, and how long what proves them counts."""

from __future__ import annotations

import pytest

from kong_oam.identity.entra.names import role_id, scope_id
from tests.support.entra_mocks import entra, program
from tests.support.mocks import Registered


@pytest.fixture(scope="module")
def registered() -> list[Registered]:
    return program()


def test_a_clients_application_can_do_no_more_than_its_kind(
    registered: list[Registered],
) -> None:
    """It is for this tenant alone: tokens of version 2, none in a redirect, no password or device
    code."""
    apps = {
        name.removeprefix("entra-app-"): resource.inputs
        for name, resource in entra(registered, "Application").items()
        if name.startswith("entra-app-")
    }
    redirects = {
        "desk/bot": [],
        "reports/console": [],
        "reports/renderer": [],
        "shop/checkout": [],
        "shop/web": ["http://shop.example.com/callback"],
    }
    assert set(apps) == set(redirects)
    for client, app in apps.items():
        assert app["displayName"] == f"kong-oam local {client}"
        assert app["api"]["requestedAccessTokenVersion"] == 2
        assert (app["signInAudience"], app["fallbackPublicClientEnabled"]) == (
            "AzureADMyOrg",
            False,
        )
        assert app["web"] == {
            "redirectUris": redirects[client],
            "implicitGrant": {
                "accessTokenIssuanceEnabled": False,
                "idTokenIssuanceEnabled": False,
            },
        }
        pages = {
            "reports/console": [
                "http://console-reports.sandbox.example.com/auth/callback"
            ]
        }.get(client, [])
        assert (
            app["singlePageApplication"]["redirectUris"],
            app["publicClient"]["redirectUris"],
        ) == (pages, [])


def test_a_clients_application_says_what_it_asks_for(
    registered: list[Registered],
) -> None:
    """Roles for a service, permissions for users, of the API that it calls."""
    apps = entra(registered, "Application")
    orders = {"resourceAppId": "client entra-api-orders/api"}
    role = {
        "id": role_id("local", "orders/api", "scope=orders.read"),
        "type": "Role",
    }
    assert {**orders, "resourceAccesses": [role]} in apps[
        "entra-app-shop/checkout"
    ].inputs["requiredResourceAccesses"]
    secrets = [
        {
            "id": scope_id("local", "orders/api", f"orders.{name}"),
            "type": "Scope",
        }
        for name in ("read", "write")
    ]
    assert {**orders, "resourceAccesses": secrets} in apps[
        "entra-app-shop/web"
    ].inputs["requiredResourceAccesses"]


def test_a_certificate_counts_as_long_as_it_lives(
    registered: list[Registered],
) -> None:
    """To the second, as Microsoft Graph reads it: what is longer it refuses."""
    found = entra(registered, "ApplicationCertificate")
    assert len(found) == 2 * 4
    lives = {
        (password.inputs["startDate"], password.inputs["endDate"])
        for password in found.values()
    }
    assert lives == {("2020-01-01T00:00:00Z", "2049-12-31T00:00:00Z")}
