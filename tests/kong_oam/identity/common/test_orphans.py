"""The providers that the command searches after an interrupted run, and its requirements."""

from __future__ import annotations

from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from components.settings import configuration
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.engine.export import parse
from kong_oam.engine.pending import ExportedState, PendingCreation
from kong_oam.http.addresses import without_secrets
from kong_oam.identity import kinds
from kong_oam.identity.common.errors import InspectionError
from kong_oam.identity.common.orphans import Orphans
from kong_oam.identity.entra.names import APPLICATION
from kong_oam.identity.keycloak.names import CLIENT
from kong_oam.identity.kinds import find_orphans
from sandbox.entra import Entra

APP = "okta:app/oAuth:OAuth"


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No account of any provider."""
    for name in (
        "OKTA_API_TOKEN",
        "KEYCLOAK_CLIENT_SECRET",
        "ARM_CLIENT_SECRET",
        "ARM_OIDC_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)


def _interrupted(kind: str, provider: str) -> ExportedState:
    return ExportedState(
        frozenset(),
        (PendingCreation(kind, {"displayName": "x"}, None, provider),),
        None,
    )


def _settings(
    kind: str, issuer: str = "https://id.example.com/realms/acme"
) -> list[ProviderSettings]:
    return [ProviderSettings("main", kind, "api://x", issuer=issuer)]


def test_where_nothing_was_interrupted_nobody_is_asked() -> None:
    """Then the command needs no account, for any provider; nor for operations at a removed
    provider."""
    with ExitStack() as opened:
        for kind in ("okta", "keycloak", "entra", "oidc"):
            assert (
                find_orphans(
                    _settings(kind),
                    ExportedState(frozenset(), (), None),
                    opened,
                    configuration(),
                )
                == ()
            )
        assert (
            find_orphans(
                _settings("keycloak"),
                _interrupted(CLIENT, "former-account"),
                opened,
                configuration(),
            )
            == ()
        )


@pytest.mark.parametrize(
    ("kind", "resource", "variables"),
    [
        ("okta", APP, "OKTA_ORG_NAME and OKTA_API_TOKEN"),
        ("keycloak", CLIENT, "KEYCLOAK_CLIENT_ID and KEYCLOAK_CLIENT_SECRET"),
        ("entra", APPLICATION, "ARM_CLIENT_ID and ARM_CLIENT_SECRET"),
    ],
)
def test_what_was_interrupted_takes_an_account(
    kind: str, resource: str, variables: str
) -> None:
    login = "https://login.microsoftonline.com/11111111-1111-4111-8111-111111111111/v2.0"
    settings = _settings(kind, login) if kind == "entra" else _settings(kind)
    with (
        ExitStack() as opened,
        pytest.raises(InspectionError, match=f"no account .*{variables}"),
    ):
        find_orphans(
            settings,
            _interrupted(resource, "main-account"),
            opened,
            configuration(),
        )


def test_a_tenant_is_looked_at_with_the_programs_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Entra() as tenant, ExitStack() as opened:
        for name, value in tenant.environment.items():
            monkeypatch.setenv(name, value)
        tenant.directory.create_application({"displayName": "x"})
        (position,) = find_orphans(
            _settings("entra", tenant.issuer),
            _interrupted(APPLICATION, "main-account"),
            opened,
            configuration(),
        )
        ((found, doubt),) = position.objects
        assert (position.where, doubt) == (f"Entra, {tenant.issuer}", None)
        position.remove([found])
        assert tenant.directory.applications == {}


def test_places_are_told_apart_by_more_than_is_shown_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two realms with an @ in their names are shown alike, and both are searched; one place is searched once."""

    def stand_in(settings: ProviderSettings) -> SimpleNamespace:
        return SimpleNamespace(
            orphans=lambda *_: Orphans(
                without_secrets(settings.issuer or ""), [], lambda _: None
            )
        )

    monkeypatch.setattr(kinds, "kind_of", stand_in)
    issuers = [
        f"https://id.example.com/realms/{name}"
        for name in ("a@acme", "b@acme", "b@acme")
    ]
    settings = [
        setting
        for issuer in issuers
        for setting in _settings("keycloak", issuer)
    ]
    with ExitStack() as opened:
        found = find_orphans(
            settings,
            ExportedState(frozenset(), (), None),
            opened,
            configuration(),
        )
    assert len(found) == 2 and len({position.where for position in found}) == 1


def test_who_was_asked_is_in_the_states_own_words() -> None:
    """The last name in the provider's URN, before its id; nobody where a component was begun."""
    urn = "urn:pulumi:local::kong-oam::kong-oam:identity:Keycloak$pulumi:providers:keycloak::keycloak-account::1234"
    pending = [
        {"type": "creating", "resource": {"type": CLIENT, "provider": urn}},
        {
            "type": "creating",
            "resource": {"type": "kong-oam:identity:Keycloak"},
        },
    ]
    found = parse({"pending_operations": pending}).pending
    assert [orphan.provider for orphan in found] == ["keycloak-account", ""]
