"""Gives a client all that it needs to call: where tokens are, who it is, what it may ask for, where
the APIs are."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from kong_oam.access.model import Client, Component, Estate
from kong_oam.access.paths import written

from ..identity.issuer import Credential, Issuer, SecretReference

Data = Mapping[str, pulumi.Input[str]]


def settings_of(
    component: Component, estate: Estate, issuers: Mapping[str, Issuer]
) -> Data:
    """Gives the settings of a component's clients, as environment variables of its workload; empty
    where it is none."""
    data: dict[str, pulumi.Input[str]] = {}
    for client in component.clients:
        issuer = issuers[client.provider]
        data |= _settings(
            _prefix(client, estate), client, issuer, issuer.clients[component.key]
        )
        for call in client.calls:
            data[_environment("API_URL", call.component)] = _base_url(
                estate, call.component
            )
            data[_environment("API_SCOPES", call.component)] = _request_scope(
                client, call.component, issuer
            )
    return data


def federation_audiences(
    component: Component, estate: Estate, issuers: Mapping[str, Issuer]
) -> dict[str, str]:
    """Gives the audiences of the tokens that its ServiceAccount needs, by the variable that is to
    name the file."""
    audiences = {
        f"{_prefix(client, estate)}_ASSERTION_FILE": issuers[client.provider]
        .clients[component.key]
        .federation_audience
        for client in component.clients
    }
    return {variable: audience for variable, audience in audiences.items() if audience}


def granted_to(
    component: Component, issuers: Mapping[str, Issuer]
) -> list[pulumi.Resource]:
    """Gives what its pods come after: what its clients are granted."""
    clients = ((issuers[client.provider], client) for client in component.clients)
    return [
        one
        for issuer, client in clients
        for one in issuer.clients[client.component].granted
    ]


def _request_scope(client: Client, api: str, issuer: Issuer) -> pulumi.Input[str]:
    """Gives what the client asks for to call an API, however many entries of `calls` that is: the
    scopes, unless the provider has a word for all of them."""
    granted = dict.fromkeys(
        scope for call in client.calls if call.component == api for scope in call.scopes
    )
    return issuer.requests.get(api, " ".join(granted))


def secret_references(
    component: Component, estate: Estate, issuers: Mapping[str, Issuer]
) -> dict[str, SecretReference]:
    """Gives the secrets of a component's clients that somebody else keeps, by environment
    variable."""
    references = {
        f"{_prefix(client, estate)}_CLIENT_SECRET": issuers[client.provider]
        .clients[component.key]
        .secret_reference
        for client in component.clients
    }
    return {
        variable: reference for variable, reference in references.items() if reference
    }


def elsewhere(estate: Estate, issuers: Mapping[str, Issuer]) -> dict[str, Data]:
    """Gives the settings of components that run elsewhere, for those who run them. None of it is
    secret."""
    outside = {
        key: component for key, component in estate.own.items() if component.outside
    }
    return {
        key: settings_of(component, estate, issuers)
        for key, component in outside.items()
    }


def _prefix(client: Client, estate: Estate) -> str:
    """Gives the prefix of one provider's variables: those of the stack's default have no name in
    them."""
    default = client.provider == estate.stack.default_provider.name
    return "OAUTH" if default else _environment("OAUTH", client.provider)


def _settings(
    prefix: str, client: Client, issuer: Issuer, credential: Credential
) -> dict[str, pulumi.Input[str]]:
    settings: dict[str, pulumi.Input[str]] = {
        f"{prefix}_ISSUER": issuer.issuer,
        f"{prefix}_TOKEN_ENDPOINT": issuer.token_endpoint,
        f"{prefix}_CLIENT_ID": credential.client_id,
        f"{prefix}_SCOPES": _scopes(client, issuer),
    }
    if credential.keys is not None:
        settings[f"{prefix}_PRIVATE_KEY"] = credential.keys.private_key
        settings[f"{prefix}_KEY_ID"] = credential.keys.kid
        settings[f"{prefix}_KEY_ALGORITHM"] = credential.keys.algorithm
        if credential.keys.certificate is not None:
            settings[f"{prefix}_CERTIFICATE"] = credential.keys.certificate
    if credential.client_secret is not None:
        settings[f"{prefix}_CLIENT_SECRET"] = credential.client_secret
    if client.user_facing:
        settings[f"{prefix}_AUTHORIZATION_ENDPOINT"] = issuer.authorization_endpoint
        settings[f"{prefix}_REDIRECT_URIS"] = " ".join(client.redirect_uris)
    return settings


def _scopes(client: Client, issuer: Issuer) -> pulumi.Input[str]:
    """Gives all that a client may ask for. A provider whose tokens are for one API takes that of
    one API at a time."""
    if not issuer.requests:
        return " ".join(client.scopes)
    requests = [_request_scope(client, call.component, issuer) for call in client.calls]
    return pulumi.Output.all(*requests).apply(
        lambda scopes: " ".join(dict.fromkeys(scopes))
    )


def _environment(prefix: str, name: str) -> str:
    """Writes a name as an environment variable: `orders/api` -> `API_URL_ORDERS__API`.

    No name has a double dash, so no two share one.
    """
    return f"{prefix}_{name.upper().replace('-', '_').replace('/', '__')}"


def _base_url(estate: Estate, component: str) -> str:
    endpoint = estate.components[component].endpoints[0]
    return f"{estate.stack.scheme}://{endpoint.host}{written(endpoint.path)}"
