"""All that a client needs to call: where tokens are, who it is, what it may ask for, where the APIs are."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from kong_oam.access.model import Client, Component, Estate
from kong_oam.access.paths import written

from ..identity.issuer import Credential, Issuer, SecretReference

Data = Mapping[str, pulumi.Input[str]]


def settings_of(component: Component, estate: Estate, identities: Mapping[str, Issuer]) -> Data:
    """Of every client of the component; empty where it is none. They are environment variables of its workload."""
    data: dict[str, pulumi.Input[str]] = {}
    for client in component.clients:
        identity = identities[client.provider]
        data |= _settings(_prefix(client, estate), client, identity, identity.clients[component.key])
        for call in client.calls:
            data[_environment("API_URL", call.component)] = _base_url(estate, call.component)
            data[_environment("API_SCOPES", call.component)] = _asked(client, call.component, identity)
    return data


def federated_of(component: Component, estate: Estate, identities: Mapping[str, Issuer]) -> dict[str, str]:
    """By environment variable that is to name the file, the audiences of the tokens that its ServiceAccount needs."""
    known = ((client, identities[client.provider].clients[component.key]) for client in component.clients)
    return {f"{_prefix(client, estate)}_ASSERTION_FILE": one.federated for client, one in known if one.federated}


def _asked(client: Client, api: str, identity: Issuer) -> pulumi.Input[str]:
    """What the client asks for to call an API, however many entries of `calls` that is: the scopes, unless the provider
    has a word for all of them."""
    granted = dict.fromkeys(scope for call in client.calls if call.component == api for scope in call.scopes)
    return identity.requests.get(api, " ".join(granted))


def kept_of(component: Component, estate: Estate, identities: Mapping[str, Issuer]) -> dict[str, SecretReference]:
    """By environment variable, what of it somebody else keeps."""
    known = ((client, identities[client.provider].clients[component.key]) for client in component.clients)
    return {f"{_prefix(client, estate)}_CLIENT_SECRET": one.kept for client, one in known if one.kept}


def elsewhere(estate: Estate, identities: Mapping[str, Issuer]) -> dict[str, Data]:
    """The settings of components that run elsewhere, for those who run them. None of it is secret."""
    return {key: settings_of(one, estate, identities) for key, one in estate.components.items() if one.outside}


def _prefix(client: Client, estate: Estate) -> str:
    """Of the variables of one provider: those of the stack's default have no name in them."""
    default = client.provider == estate.stack.default_provider.name
    return "OAUTH" if default else _environment("OAUTH", client.provider)


def _settings(prefix: str, client: Client, identity: Issuer, credential: Credential) -> dict[str, pulumi.Input[str]]:
    settings: dict[str, pulumi.Input[str]] = {
        f"{prefix}_ISSUER": identity.issuer,
        f"{prefix}_TOKEN_ENDPOINT": identity.token_endpoint,
        f"{prefix}_CLIENT_ID": credential.client_id,
        f"{prefix}_SCOPES": _scopes(client, identity),
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
        settings[f"{prefix}_AUTHORIZATION_ENDPOINT"] = identity.authorization_endpoint
        settings[f"{prefix}_REDIRECT_URIS"] = " ".join(client.redirect_uris)
    return settings


def _scopes(client: Client, identity: Issuer) -> pulumi.Input[str]:
    """All that it may ask for. A provider whose tokens are for one API takes that of one API at a time."""
    if not identity.requests:
        return " ".join(client.scopes)
    asked = [_asked(client, call.component, identity) for call in client.calls]
    return pulumi.Output.all(*asked).apply(lambda known: " ".join(dict.fromkeys(known)))


def _environment(prefix: str, name: str) -> str:
    """An environment variable for a name: `orders/api` -> `API_URL_ORDERS__API`.

    No name has a double dash, so no two share one.
    """
    return f"{prefix}_{name.upper().replace('-', '_').replace('/', '__')}"


def _base_url(estate: Estate, component: str) -> str:
    endpoint = estate.components[component].endpoints[0]
    return f"{estate.stack.scheme}://{endpoint.host}{written(endpoint.path)}"
