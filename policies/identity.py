"""Rules about the identity provider: each client gets what a role grants, by a grant type that can
be kept safe."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from . import entra
from .deployed import UNKNOWN, Deployment
from .rule import PolicyFinding, Settings

APP, SERVER = "okta:app/oAuth:OAuth", "okta:auth/server:Server"
POLICY, POLICY_RULE = (
    "okta:auth/serverPolicy:ServerPolicy",
    "okta:auth/serverPolicyRule:ServerPolicyRule",
)

REALM_CLIENT = "keycloak:openid/client:Client"

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_UNSAFE = {"implicit", "password"}


def exact_redirects(
    deployment: Deployment, settings: Settings
) -> Iterator[PolicyFinding]:
    """Checks that every redirect URI is one address, by https; a native application's may also stay
    on its device."""
    schemes = (
        {"https", "http"}
        if deployment.model.cloud in settings["exceptClouds"]
        else {"https"}
    )
    for app, place, uri, on_device in _redirects(deployment):
        if "*" in uri or uri == "+":
            yield PolicyFinding(
                f"{app.name}: {uri} in {place} stands for more than one address", app
            )
        elif urlsplit(uri).scheme not in schemes and not (
            on_device and _stays_on_device(uri)
        ):
            yield PolicyFinding(f"{app.name}: {uri} in {place} is not https", app)
    for app in deployment.of(APP):
        if app.text("wildcardRedirect") not in ("", "DISABLED"):
            yield PolicyFinding(
                f"{app.name}: wildcardRedirect is {app.text('wildcardRedirect')}", app
            )


def _redirects(deployment: Deployment) -> Iterator[entra.Redirect]:
    """Yields redirect URIs of clients at any provider."""
    for app in deployment.of(APP):
        for name in ("redirectUris", "postLogoutRedirectUris"):
            for uri in app.texts(name):
                yield app, name, uri, app.text("type") == "native"
    for client in deployment.of(REALM_CLIENT):
        for name in ("validRedirectUris", "validPostLogoutRedirectUris"):
            for uri in client.texts(name):
                yield client, name, uri, client.text("accessType") == "PUBLIC"
    yield from entra.redirects(deployment)


def _stays_on_device(uri: str) -> bool:
    """Whether a redirect stays on the device: loopback, or a scheme that is a domain's, reversed
    (RFC 8252, 7)."""
    parts = urlsplit(uri)
    return "." in parts.scheme or (
        parts.scheme == "http" and parts.hostname in _LOOPBACK
    )


def safe_grants(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Checks that no client and no rule of the authorization server has the implicit or the password grant (RFC 9700,
    2.1.2, 2.4).

    A service has the response type `token` at Okta, which then means nothing: it has no user and no
    redirect.
    """
    for app in deployment.of(APP):
        for grant in sorted(_UNSAFE & set(app.texts("grantTypes"))):
            yield PolicyFinding(f"{app.name} may use the {grant} grant", app)
        if app.text("type") != "service":
            for response in sorted(
                {"token", "id_token"} & set(app.texts("responseTypes"))
            ):
                yield PolicyFinding(
                    f"{app.name} may be answered with a {response} in a redirect", app
                )
    for client in deployment.of(REALM_CLIENT):
        for name, grant in (
            ("implicitFlowEnabled", "implicit"),
            ("directAccessGrantsEnabled", "password"),
        ):
            if client.properties.get(name) is True:
                yield PolicyFinding(f"{client.name} may use the {grant} grant", client)
    for rule in deployment.of(POLICY_RULE):
        for grant in sorted(_UNSAFE & set(rule.texts("grantTypeWhitelists"))):
            yield PolicyFinding(f"{rule.name} issues tokens by the {grant} grant", rule)
    yield from entra.grants(deployment)


def named_grants(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Checks that each policy is of the clients that it names, and that each rule issues the scopes
    that it names."""
    for policy in deployment.of(POLICY):
        if "ALL_CLIENTS" in policy.texts("clientWhitelists"):
            yield PolicyFinding(f"{policy.name} is for ALL_CLIENTS", policy)
    for rule in deployment.of(POLICY_RULE):
        if "*" in rule.texts("scopeWhitelists"):
            yield PolicyFinding(f"{rule.name} issues every scope (*)", rule)
    yield from entra.open_to_all(deployment)


def rotated_keys(deployment: Deployment, settings: Settings) -> Iterator[PolicyFinding]:
    """Checks that keys are rotated: those of the authorization server (by Okta four times a year)
    and those of clients.

    A secret that a client shares with its provider is changed by nobody, but at Entra.
    """
    estate, longest = deployment.model.estate, settings["longestDays"]
    for server in deployment.of(SERVER):
        if server.text("credentialsRotationMode") == "MANUAL":
            yield PolicyFinding(
                f"{server.name} keeps its signing keys until somebody changes them",
                server,
            )
    for app in deployment.of(APP):
        if app.text("tokenEndpointAuthMethod").startswith("client_secret"):
            yield PolicyFinding(
                f"{app.name} shares a secret with its provider, which nobody changes",
                app,
            )
    for realm_client in deployment.of(REALM_CLIENT):
        proof = realm_client.properties.get("clientAuthenticatorType")
        if realm_client.text("accessType") == "CONFIDENTIAL" and proof not in (
            "client-jwt",
            UNKNOWN,
        ):
            yield PolicyFinding(
                f"{realm_client.name} shares a secret with its provider, which nobody changes",
                realm_client,
            )
    keyed = [
        client for client in (estate.own_clients if estate else ()) if client.keyed
    ]
    by_name = {
        f"{client.provider}-{kind}-{client.component}": client
        for client in keyed
        for kind in ("app", "client")
    }
    for app in deployment.of(APP, REALM_CLIENT):
        if (
            estate
            and (client := by_name.get(app.name))
            and (every := estate.schedule_of(client).every) > longest
        ):
            yield PolicyFinding(
                f"{client.component} ({client.place}) keeps its key for {every} days",
                app,
            )
    yield from entra.kept_credentials(deployment, longest)
