"""Read the identity providers in a stack's settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kong_oam.access.data import YamlObject
from kong_oam.access.settings.fields import fields_of, tuples
from kong_oam.access.settings.project import NAMESPACE
from kong_oam.access.settings.tokens import spelling
from kong_oam.access.settings.values import KnownClient, ProviderSettings


def provider_settings(stack: str, item: YamlObject) -> ProviderSettings:
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


def _known_client(client: YamlObject) -> KnownClient:
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
