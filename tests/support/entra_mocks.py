"""The program under Pulumi's mocks, with a tenant of Entra as its identity provider."""

from __future__ import annotations

from typing import Any

import pytest

from kong_oam.access.settings.values import ProviderSettings
from kong_oam.identity.entra.api import Account, Graph
from kong_oam.identity.entra.names import Tenant
from sandbox.entra import Entra
from sandbox.entra.service import ADMINISTRATOR, TENANT
from sandbox.kong import Kong
from tests.support.mocks import Registered, all_of, run_program

ISSUER = f"https://login.microsoftonline.com/{TENANT}/v2.0"
SETTINGS = ProviderSettings(
    "main", "entra", "api://tests", access_token_minutes=90, issuer=ISSUER
)


def graph_of(tenant: Entra) -> Graph:
    """Ask the tenant as its administrator."""
    account = Account(Tenant(tenant.url, TENANT), ADMINISTRATOR, tenant.secret)
    return Graph(account)


def program(**settings: Any) -> list[Registered]:
    """Return the program's registrations for the sample estate with an Entra tenant."""
    with (
        Entra(groups=("sales", "order-desk")) as entra,
        Kong() as kong,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in {
            "KONG_ADMIN_ADDR": kong.admin_url,
            **entra.environment,
        }.items():
            patch.setenv(name, value)
        provider = {
            "name": "entra",
            "type": "entra",
            "issuer": entra.issuer,
            "accessTokenMinutes": 90,
            **settings,
        }
        return run_program(patch, [provider])


def entra(registered: list[Registered], kind: str) -> dict[str, Registered]:
    """Return the registrations of one type of the plugin `azuread`, by logical name."""
    return all_of(
        registered, f"azuread:index/{kind[0].lower()}{kind[1:]}:{kind}"
    )
