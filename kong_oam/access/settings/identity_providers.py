"""Read the identity providers in a stack's settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NotRequired, TypedDict

from kong_oam.access.data import NameLists, TextList, Texts
from kong_oam.access.settings.fields import fields_of, tuples
from kong_oam.access.settings.project import NAMESPACE
from kong_oam.access.settings.tokens import TokensYaml, spelling
from kong_oam.access.settings.values import KnownClient, ProviderSettings


class KnownClientYaml(TypedDict):
    """An existing client of a provider. `secret`: name and key of a Kubernetes Secret."""

    id: str
    secret: NotRequired[Texts]


class IdentityProviderYaml(TypedDict, total=False):
    """One of the setting `identityProviders`."""

    name: str
    type: str
    audience: str
    accessTokenMinutes: int
    clientSecrets: bool
    clusterIssuer: str
    sharedOrigins: TextList
    settleSeconds: float
    certificates: NameLists
    groups: Texts
    issuer: str
    movedFrom: str
    tokens: TokensYaml
    clients: dict[str, KnownClientYaml]


# Settings that only some kinds of providers take: the names in IdentityProviderYaml, by the names
# in ProviderSettings. `kong_oam.identity.common.settings` checks them.
OF_SOME_KINDS = {
    "issuer": "issuer",
    "moved_from": "movedFrom",
    "spelling": "tokens",
    "clients": "clients",
    "client_secrets": "clientSecrets",
    "cluster_issuer": "clusterIssuer",
    "shared_origins": "sharedOrigins",
    "settle_seconds": "settleSeconds",
    "certificates": "certificates",
}


def provider_settings(
    stack: str, item: IdentityProviderYaml
) -> ProviderSettings:
    """Read the checked settings of one identity provider."""
    converted = {
        "spelling": spelling(item["tokens"]) if "tokens" in item else None,
        "clients": {
            key: _known_client(client)
            for key, client in item.get("clients", {}).items()
        },
        "certificates": tuples(item.get("certificates", {})),
    }
    defaults = {"audience": f"api://{NAMESPACE}/{stack}"}
    fields = fields_of(ProviderSettings, item)
    return ProviderSettings(**{**defaults, **fields, **converted})


def _known_client(client: KnownClientYaml) -> KnownClient:
    secret = client.get("secret")
    return KnownClient(
        client["id"], (secret["name"], secret["key"]) if secret else None
    )


def known_secrets(
    providers: Iterable[ProviderSettings],
) -> Iterator[tuple[str, str]]:
    """Yield each component with an existing client secret, and the name of its Secret."""
    for provider in providers:
        for key, client in provider.clients.items():
            if client.secret:
                yield key, client.secret[0]


def client_problems(providers: Iterable[IdentityProviderYaml]) -> Iterator[str]:
    """Find client ids that two components share.

    A token names its client only by the id, so both components would have the grants of both.
    """
    for number, provider in enumerate(providers):
        owners: dict[str, str] = {}
        for key, client in provider.get("clients", {}).items():
            if (owner := owners.setdefault(client["id"], key)) != key:
                yield f"identityProviders.{number}.clients.{key}.id: {owner} has this id, too"
