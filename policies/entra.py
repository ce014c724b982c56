"""The rules about identity providers, for applications in a tenant of Entra."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kong_oam.access.data import JsonObject

from .deployed import Deployment, Resource, texts_of
from .rule import Findings, about

APPLICATION = "azuread:index/application:Application"
PRINCIPAL = "azuread:index/servicePrincipal:ServicePrincipal"
SHARED = "azuread:index/applicationPassword:ApplicationPassword"
CERTIFICATE = "azuread:index/applicationCertificate:ApplicationCertificate"

_NATIVE = "publicClient"

# An application, the property that lists the redirect URI, the URI, and whether it is a native
# application.
Redirect = tuple[Resource, str, str, bool]


def redirects(deployment: Deployment) -> Iterator[Redirect]:
    for app in deployment.of(APPLICATION):
        for place in ("web", "singlePageApplication", _NATIVE):
            for uri in texts_of(_part(app, place).get("redirectUris")):
                yield app, place, uri, place == _NATIVE


def grants(deployment: Deployment) -> Findings:
    """Find grants of tokens in a redirect, and sign-ins without a redirect: passwords and device
    codes."""
    for app in deployment.of(APPLICATION):
        implicit = _part(app, "web").get("implicitGrant")
        granted = implicit if isinstance(implicit, Mapping) else {}
        for name in ("accessTokenIssuanceEnabled", "idTokenIssuanceEnabled"):
            if granted.get(name) is True:
                yield about(app, f"may receive a token in a redirect ({name})")
        if app.properties.get("fallbackPublicClientEnabled") is True:
            yield about(
                app,
                "lets users sign in by password or device code "
                "(fallbackPublicClientEnabled)",
            )


def open_to_all(deployment: Deployment) -> Findings:
    """Find applications that give tokens to the whole tenant, or that other tenants can use."""
    for principal in deployment.of(PRINCIPAL):
        if principal.properties.get("appRoleAssignmentRequired") in (
            False,
            None,
        ):
            yield about(
                principal,
                "requires no assignment: everybody gets a token for it",
            )
    for app in deployment.of(APPLICATION):
        if app.text("signInAudience") not in ("", "AzureADMyOrg"):
            yield about(
                app, f"is open to other tenants: {app.text('signInAudience')}"
            )


def static_secrets(deployment: Deployment) -> Findings:
    for password in deployment.of(SHARED):
        if not password.properties.get("rotateWhenChanged"):
            yield about(password, "is a shared secret that does not rotate")


def _part(app: Resource, name: str) -> JsonObject:
    value = app.properties.get(name)
    return value if isinstance(value, Mapping) else {}
