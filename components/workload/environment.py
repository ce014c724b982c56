"""Gives a client the settings for its calls: token endpoint, client id, scopes, and the addresses
of APIs."""

from __future__ import annotations

from pulumi import Input, Output, Resource

from kong_oam.access.model import Client, Component, Estate
from kong_oam.access.paths import written
from kong_oam.objects.pods import Manifest

from ..identity.issuer import Credential, Issuer, Issuers, SecretReference
from .credential import ClientEnvironment, Data


def client_environment(
    component: Component, estate: Estate, issuers: Issuers
) -> ClientEnvironment:
    """Return the settings and secrets for the pods of a component's clients; empty if it is no
    client."""
    references = []
    audiences = {}
    granted: list[Resource] = []
    for client in component.identity.clients:
        credential = issuers[client.provider].clients[component.key]
        prefix = _prefix(client, estate)
        reference = credential.secret_reference
        if reference:
            references.append(_variable(f"{prefix}_CLIENT_SECRET", reference))
        if credential.federation_audience:
            audiences[f"{prefix}_ASSERTION_FILE"] = (
                credential.federation_audience
            )
        granted += credential.granted
    settings = settings_of(component, estate, issuers)
    return ClientEnvironment(settings, references, audiences, granted)


def settings_of(component: Component, estate: Estate, issuers: Issuers) -> Data:
    """Return the settings of a component's clients as environment variables of its workload; empty
    if it is no client."""
    data: dict[str, Input[str]] = {}
    for client in component.identity.clients:
        issuer = issuers[client.provider]
        credential = issuer.clients[component.key]
        data |= _settings(_prefix(client, estate), client, issuer, credential)
        for call in client.calls:
            api = call.component
            data[_environment("API_URL", api)] = _base_url(estate, api)
            data[_environment("API_SCOPES", api)] = _request_scope(
                client, api, issuer
            )
    return data


def _request_scope(client: Client, api: str, issuer: Issuer) -> Input[str]:
    """Return the scopes that the client requests to call an API, from all entries of `calls`, or
    the provider's word for all scopes."""
    granted: list[str] = []
    for call in client.calls:
        if call.component == api:
            granted += call.scopes
    return issuer.requests.get(api, " ".join(dict.fromkeys(granted)))


def elsewhere(estate: Estate, issuers: Issuers) -> dict[str, Data]:
    """Return the settings of components that run elsewhere, for their operators. None of them is
    secret."""
    return {
        key: settings_of(component, estate, issuers)
        for key, component in estate.own.items()
        if component.outside
    }


def _variable(name: str, reference: SecretReference) -> Manifest:
    return {
        "name": name,
        "valueFrom": {
            "secretKeyRef": {"name": reference.name, "key": reference.key}
        },
    }


def _prefix(client: Client, estate: Estate) -> str:
    """Return the prefix of one provider's variables: the stack's default provider has no name in
    it."""
    default = client.provider == estate.stack.default_provider.name
    return "OAUTH" if default else _environment("OAUTH", client.provider)


def _settings(
    prefix: str, client: Client, issuer: Issuer, credential: Credential
) -> dict[str, Input[str]]:
    settings = {
        f"{prefix}_ISSUER": issuer.issuer,
        f"{prefix}_TOKEN_ENDPOINT": issuer.token_endpoint,
        f"{prefix}_CLIENT_ID": credential.client_id,
        f"{prefix}_SCOPES": _scopes(client, issuer),
    }
    keys = credential.keys
    if keys is not None:
        settings[f"{prefix}_PRIVATE_KEY"] = keys.private_key
        settings[f"{prefix}_KEY_ID"] = keys.kid
        settings[f"{prefix}_KEY_ALGORITHM"] = keys.algorithm
        if keys.certificate is not None:
            settings[f"{prefix}_CERTIFICATE"] = keys.certificate
    if credential.client_secret is not None:
        settings[f"{prefix}_CLIENT_SECRET"] = credential.client_secret
    if client.user_facing:
        settings[f"{prefix}_AUTHORIZATION_ENDPOINT"] = (
            issuer.authorization_endpoint
        )
        settings[f"{prefix}_REDIRECT_URIS"] = " ".join(client.redirect_uris)
    return settings


def _scopes(client: Client, issuer: Issuer) -> Input[str]:
    """Return all scopes that a client may request, of one API if the provider's tokens are for one
    API."""
    if not issuer.requests:
        return " ".join(client.scopes)
    requests = [
        _request_scope(client, call.component, issuer) for call in client.calls
    ]
    return Output.all(*requests).apply(
        lambda scopes: " ".join(dict.fromkeys(scopes))
    )


def _environment(prefix: str, name: str) -> str:
    """Write a name as an environment variable: `orders/api` -> `API_URL_ORDERS__API`.

    No name has a double dash, so two names never give the same variable.
    """
    return f"{prefix}_{name.upper().replace('-', '_').replace('/', '__')}"


def _base_url(estate: Estate, component: str) -> str:
    endpoint = estate.components[component].exposure.endpoints[0]
    return f"{estate.stack.scheme}://{endpoint.host}{written(endpoint.path)}"
