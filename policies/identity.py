"""Rules about the identity provider: each client gets only the grants of roles, by safe grant
types."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from . import entra
from .deployed import UNKNOWN, Deployment, Resource
from .rule import Findings, PolicyFinding, Settings, about

APP = "okta:app/oAuth:OAuth"
SERVER = "okta:auth/server:Server"
POLICY = "okta:auth/serverPolicy:ServerPolicy"
POLICY_RULE = "okta:auth/serverPolicyRule:ServerPolicyRule"

REALM_CLIENT = "keycloak:openid/client:Client"

# The logical names of clients' keys and secrets, by provider and component.
_CLIENT_RESOURCES = ("{}-app-{}", "{}-client-{}")
_ENTRA_CREDENTIALS = ("{}-secret-{}-a", "{}-certificate-{}-a")

_REDIRECTS = (
    "redirectUris",
    "postLogoutRedirectUris",
    "validRedirectUris",
    "validPostLogoutRedirectUris",
)
_UNSAFE = {"implicit", "password"}
_IN_REDIRECTS = {"token", "id_token"}
_REALM_GRANTS = {
    "implicitFlowEnabled": "implicit",
    "directAccessGrantsEnabled": "password",
}


def exact_redirects(deployment: Deployment, settings: Settings) -> Findings:
    """Check that every redirect URI is one https address; a native application's may also stay on
    its device."""
    schemes = {"https"}
    if deployment.model.cloud in settings["exceptClouds"]:
        schemes.add("http")
    for app, place, uri, on_device in _redirects(deployment):
        stays = on_device and _stays_on_device(uri)
        if "*" in uri or uri == "+":
            yield PolicyFinding(
                f"{app.name}: {uri} in {place} matches more than one address",
                app,
            )
        elif urlsplit(uri).scheme not in schemes and not stays:
            yield PolicyFinding(
                f"{app.name}: {uri} in {place} is not https", app
            )
    for app in deployment.of(APP):
        if app.text("wildcardRedirect") not in ("", "DISABLED"):
            yield PolicyFinding(
                f"{app.name}: wildcardRedirect is {app.text('wildcardRedirect')}",
                app,
            )


def _redirects(deployment: Deployment) -> Iterator[entra.Redirect]:
    for app in deployment.of(APP, REALM_CLIENT):
        kind = app.text("accessType") or app.text("type")
        for name in _REDIRECTS:
            for uri in app.texts(name):
                yield app, name, uri, kind in ("native", "PUBLIC")
    yield from entra.redirects(deployment)


def _stays_on_device(uri: str) -> bool:
    """Tell whether a redirect stays on the device: loopback, or a scheme that is a reversed domain
    (RFC 8252, 7)."""
    parts = urlsplit(uri)
    return "." in parts.scheme or (
        parts.scheme == "http"
        and parts.hostname in ("127.0.0.1", "::1", "localhost")
    )


def safe_grants(deployment: Deployment, _: Settings) -> Findings:
    """Check that no client and no rule of the authorization server has the implicit or the password
    grant (RFC 9700, 2.1.2, 2.4).

    A service has the response type `token` at Okta, without effect: it has no user and no redirect.
    """
    for app in deployment.of(APP):
        for grant in sorted(_UNSAFE.intersection(app.texts("grantTypes"))):
            yield about(app, f"may use the {grant} grant")
        if app.text("type") == "service":
            continue
        for response in sorted(
            _IN_REDIRECTS.intersection(app.texts("responseTypes"))
        ):
            yield about(app, f"may receive a {response} in a redirect")
    for client in deployment.of(REALM_CLIENT):
        for name, grant in _REALM_GRANTS.items():
            if client.properties.get(name) is True:
                yield about(client, f"may use the {grant} grant")
    for rule in deployment.of(POLICY_RULE):
        for grant in sorted(
            _UNSAFE.intersection(rule.texts("grantTypeWhitelists"))
        ):
            yield about(rule, f"issues tokens by the {grant} grant")
    yield from entra.grants(deployment)


def named_grants(deployment: Deployment, _: Settings) -> Findings:
    """Check that policies list clients by name, and rules list scopes by name."""
    for policy in deployment.of(POLICY):
        if "ALL_CLIENTS" in policy.texts("clientWhitelists"):
            yield about(policy, "is for ALL_CLIENTS")
    for rule in deployment.of(POLICY_RULE):
        if "*" in rule.texts("scopeWhitelists"):
            yield about(rule, "issues every scope (*)")
    yield from entra.open_to_all(deployment)


def rotated_keys(deployment: Deployment, settings: Settings) -> Findings:
    """Check that keys are rotated: the authorization server's (by Okta four times a year) and
    clients'.

    A secret that a client shares with its provider never rotates, except at Entra.
    """
    for server in deployment.of(SERVER):
        if server.text("credentialsRotationMode") == "MANUAL":
            yield about(server, "does not rotate its signing keys")
    for app in deployment.of(APP, REALM_CLIENT):
        if _shares_a_secret(app):
            yield about(app, "has a shared secret that does not rotate")
    yield from entra.static_secrets(deployment)
    yield from _old_keys(deployment, settings["longestDays"])


def _old_keys(deployment: Deployment, longest: int) -> Findings:
    """Find clients whose key, or secret at Entra, lasts for more than `longest` days."""
    estate = deployment.model.estate
    if estate is None:
        return
    types = APP, REALM_CLIENT, entra.SHARED, entra.CERTIFICATE
    holders = {resource.name: resource for resource in deployment.of(*types)}
    for client in estate.own_clients:
        every = estate.schedule_of(client).every
        if every <= longest:
            continue
        for form in (
            (*_CLIENT_RESOURCES, *_ENTRA_CREDENTIALS)
            if client.keyed
            else _ENTRA_CREDENTIALS
        ):
            holder = holders.get(form.format(client.provider, client.component))
            if holder is not None:
                yield PolicyFinding(
                    f"{client.component} ({client.position}) keeps its key for {every} days",
                    holder,
                )


def _shares_a_secret(app: Resource) -> bool:
    if app.type == APP:
        return app.text("tokenEndpointAuthMethod").startswith("client_secret")
    proof = app.properties.get("clientAuthenticatorType")
    is_confidential = app.text("accessType") == "CONFIDENTIAL"
    return is_confidential and proof not in ("client-jwt", UNKNOWN)
