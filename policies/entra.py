"""The rules about identity providers, for applications in a tenant of Entra."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kong_oam.access.data import JsonObject

from .deployed import Deployment, Resource
from .rule import Findings, PolicyFinding

APPLICATION = "azuread:index/application:Application"
PRINCIPAL = "azuread:index/servicePrincipal:ServicePrincipal"
SHARED = "azuread:index/applicationPassword:ApplicationPassword"
CERTIFICATE = "azuread:index/applicationCertificate:ApplicationCertificate"

_ON_DEVICES = "publicClient"

Redirect = tuple[Resource, str, str, bool]
"""An application, the property that lists the redirect URI, the URI, and whether users have the
application itself on their device."""


def redirects(deployment: Deployment) -> Iterator[Redirect]:
    """Yield the redirect URIs of applications."""
    for app in deployment.of(APPLICATION):
        for place in ("web", "singlePageApplication", _ON_DEVICES):
            for uri in _texts(_part(app, place).get("redirectUris")):
                yield app, place, uri, place == _ON_DEVICES


def grants(deployment: Deployment) -> Findings:
    """Find grants of tokens in a redirect, and sign-ins that need no redirect: passwords and
    device codes."""
    for app in deployment.of(APPLICATION):
        implicit = _part(app, "web").get("implicitGrant")
        granted = implicit if isinstance(implicit, Mapping) else {}
        for name in ("accessTokenIssuanceEnabled", "idTokenIssuanceEnabled"):
            if granted.get(name) is True:
                yield PolicyFinding(
                    f"{app.name} may be answered with a token in a redirect ({name})",
                    app,
                )
        if app.properties.get("fallbackPublicClientEnabled") is True:
            yield PolicyFinding(
                f"{app.name} lets users sign in by password or device code "
                "(fallbackPublicClientEnabled)",
                app,
            )


def open_to_all(deployment: Deployment) -> Findings:
    """Find applications that anybody of the tenant gets tokens for, or that are there for other
    tenants, too."""
    for principal in deployment.of(PRINCIPAL):
        if principal.properties.get("appRoleAssignmentRequired") in (
            False,
            None,
        ):
            yield PolicyFinding(
                f"{principal.name} asks for no assignment: everybody gets a token for it",
                principal,
            )
    for app in deployment.of(APPLICATION):
        if app.text("signInAudience") not in ("", "AzureADMyOrg"):
            yield PolicyFinding(
                f"{app.name} is open to other tenants: {app.text('signInAudience')}",
                app,
            )


def kept_secrets(deployment: Deployment) -> Findings:
    """Find secrets that nothing replaces."""
    for password in deployment.of(SHARED):
        if not password.properties.get("rotateWhenChanged"):
            yield PolicyFinding(
                f"{password.name} is a secret that is shared with the provider, which nobody "
                "changes",
                password,
            )


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of a list, as far as they, and the list, are known."""
    for item in value if isinstance(value, list | tuple) else ():
        if isinstance(item, str):
            yield item


def _part(app: Resource, name: str) -> JsonObject:
    value = app.properties.get(name)
    return value if isinstance(value, Mapping) else {}
