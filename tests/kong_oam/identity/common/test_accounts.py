"""The administrative account of a provider: its settings, its credential, and that no output shows
the credential."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
from pulumi.runtime import set_all_config

from components.settings import configuration
from kong_oam.access.model import Stack
from kong_oam.access.providers import Provider
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.identity.common.errors import InspectionError
from kong_oam.identity.common.groups import unclear_groups
from kong_oam.identity.common.parts import group_names
from kong_oam.identity.entra import api as entra
from kong_oam.identity.entra.names import Tenant
from kong_oam.identity.keycloak import api as keycloak
from kong_oam.identity.okta import api as okta
from tests.support.estates import SPELLING, api, estate

TENANT = Tenant(
    "https://login.microsoftonline.com", "11111111-1111-4111-8111-111111111111"
)
ISSUER = "https://kc.example.com/realms/acme"
SECRET = "the very secret"
VARIABLES = (
    *("OKTA_ORG_NAME", "OKTA_API_TOKEN", "OKTA_BASE_URL", "OKTA_HTTP_PROXY"),
    *(
        "KEYCLOAK_CLIENT_ID",
        "KEYCLOAK_CLIENT_SECRET",
        "KEYCLOAK_URL",
        "KEYCLOAK_REALM",
    ),
    *(
        "ARM_CLIENT_ID",
        "ARM_CLIENT_SECRET",
        "ARM_OIDC_TOKEN",
        "ARM_OIDC_TOKEN_FILE_PATH",
    ),
)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither in the environment nor in the stack, before a test and after it."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    set_all_config({})
    yield
    set_all_config({})


def test_an_account_is_never_shown() -> None:
    """It may stand in a traceback: no form of it has what proves it."""
    for account in (
        okta.Account("acme", "okta.com", SECRET, None),
        keycloak.Account(
            "https://kc.example.com", "acme", "acme", "kong-oam", SECRET
        ),
        entra.Account(TENANT, "client", secret=SECRET),
        entra.Account(TENANT, "client", token=SECRET),
    ):
        assert SECRET not in repr(account) + str(account) + f"{account}"


def _account(kind: str) -> object:
    if kind == "okta":
        return okta.account(configuration())
    return (
        keycloak.account(ISSUER, configuration())
        if kind == "keycloak"
        else entra.account(TENANT, configuration())
    )


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("okta", "OKTA_ORG_NAME"),
        ("keycloak", "KEYCLOAK_CLIENT_ID"),
        ("entra", "ARM_CLIENT_ID"),
    ],
)
def test_an_account_is_named_in_full(
    kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("", "of the environment"):
        monkeypatch.setenv(name, value)
        with pytest.raises(InspectionError, match=f"{name} and "):
            _account(kind)


def test_an_account_is_of_the_stack_or_else_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("OKTA_ORG_NAME", "KEYCLOAK_CLIENT_ID", "ARM_CLIENT_ID"):
        monkeypatch.setenv(name, "of the environment")
    for name in (
        "OKTA_API_TOKEN",
        "KEYCLOAK_CLIENT_SECRET",
        "ARM_CLIENT_SECRET",
    ):
        monkeypatch.setenv(name, SECRET)
    source = "of the environment"
    assert okta.account(configuration()) == okta.Account(
        source, "okta.com", SECRET, None
    )
    assert keycloak.account(ISSUER, configuration()) == keycloak.Account(
        "https://kc.example.com", "acme", "acme", source, SECRET
    )
    assert entra.account(TENANT, configuration()) == entra.Account(
        TENANT, source, SECRET
    )
    set_all_config(
        {
            "okta:orgName": "s",
            "okta:apiToken": "t",
            "okta:baseUrl": "oktapreview.com",
            "okta:httpProxy": "p",
        }
    )
    assert okta.account(configuration()) == okta.Account(
        "s", "oktapreview.com", "t", "p"
    )
    set_all_config(
        {
            "keycloak:clientId": "s",
            "keycloak:clientSecret": "t",
            "keycloak:realm": "master",
            "keycloak:url": "u/",
        }
    )
    assert keycloak.account(ISSUER, configuration()) == keycloak.Account(
        "u", "acme", "master", "s", "t"
    )
    set_all_config({"azuread:clientId": "s", "azuread:clientSecret": "t"})
    assert entra.account(TENANT, configuration()) == entra.Account(
        TENANT, "s", "t"
    )


def test_a_token_proves_an_account_of_a_tenant_without_a_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As it is, or from a file; it goes to the token endpoint as an assertion, and a secret counts before it."""
    requests: list[dict[str, list[str]]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(parse_qs(request.content.decode()))
        return httpx.Response(200, json={"access_token": "t"})

    file = tmp_path / "token"
    file.write_text("from a file\n", "utf-8")
    monkeypatch.setenv("ARM_CLIENT_ID", "client")
    monkeypatch.setenv("ARM_OIDC_TOKEN_FILE_PATH", str(file))
    assert entra.account(TENANT, configuration()) == entra.Account(
        TENANT, "client", token="from a file"
    )
    monkeypatch.setenv("ARM_OIDC_TOKEN", "as it is")
    account = entra.account(TENANT, configuration())
    assert account == entra.Account(TENANT, "client", token="as it is")
    with entra.Graph(account, httpx.MockTransport(answer)):
        pass
    (form,) = requests
    assert form["client_assertion"] == ["as it is"]
    assert form["client_assertion_type"] == [
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    ]
    assert "client_secret" not in form
    monkeypatch.setenv("ARM_CLIENT_SECRET", SECRET)
    assert entra.account(TENANT, configuration()) == entra.Account(
        TENANT, "client", SECRET
    )


def test_groups_are_looked_for_at_the_provider_that_guards() -> None:
    """Another provider's groups are not requested here."""
    access = "{owner: t, identityProvider: WHERE, scopes: {NAME: r}, rules: [{scopes: [NAME]}], roles: {a: {scopes: [NAME], groups: [NAME]}}}"
    stack = Stack(
        "tests",
        {
            name: Provider(name, "api://tests", SPELLING)
            for name in ("main", "other")
        },
        domain="apps.example.com",
    )
    two_applications = estate(
        *(
            api(
                name,
                domain=f"{name}.example.com",
                access=access.replace("NAME", name).replace("WHERE", where),
            )
            for name, where in (("ours", "main"), ("theirs", "other"))
        ),
        stack=stack,
    )
    settings = ProviderSettings("main", "okta", "api://tests")
    assert group_names(settings, two_applications) == ["ours"]
    assert (
        list(unclear_groups(settings, two_applications, {"ours": ["1"]}, list))
        == []
    )
