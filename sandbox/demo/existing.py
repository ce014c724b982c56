"""The setup that the administrators of an existing issuer would make for an estate, and the stack
settings that name it."""

from __future__ import annotations

import base64
import secrets

from kong_oam.access.model import SIGN_IN_SCOPES, Client, Estate
from sandbox import issuer as existing
from sandbox.cluster import Cluster
from sandbox.edges import Json
from sandbox.issuer import Issuer

PROVIDER = "oidc"
_KEY = "secret"

TOKENS: Json = {
    "user": "sid",
    "accessToken": {"claim": "token_use", "value": "access"},
}
"""The claims of sandbox.issuer's tokens that differ from RFC 9068."""


def set_up(issuer: Issuer, estate: Estate) -> None:
    """A client for each of the estate, with the scopes that its roles grant and the groups that may
    sign in."""
    for client in estate.clients:
        provider = estate.stack.providers[client.provider]
        identifier = f"id-{client.component.replace('/', '-')}"
        issuer.clients[identifier] = existing.Client(
            identifier,
            None if client.public else secrets.token_urlsafe(24),
            (*client.scopes, *(SIGN_IN_SCOPES if client.user_facing else ())),
            client.redirect_uris,
            tuple(map(provider.group, client.groups)),
        )


def provider_entry(issuer: Issuer, estate: Estate) -> Json:
    """Return the provider in a stack's settings."""
    return {
        "name": PROVIDER,
        "type": "oidc",
        "issuer": issuer.url,
        "audience": issuer.audience,
        "tokens": dict(TOKENS),
        "clients": {
            client.component: {
                "id": f"id-{client.component.replace('/', '-')}",
                **({} if client.public else {"secret": _named(client)}),
            }
            for client in estate.clients
        },
    }


def _named(client: Client) -> dict[str, str]:
    return {
        "name": f"{client.component.replace('/', '-')}-{PROVIDER}",
        "key": _KEY,
    }


def hand_out(issuer: Issuer, estate: Estate, cluster: Cluster) -> None:
    """Write the clients' secrets into Kubernetes Secrets beside their workloads, under the names in
    the stack's settings."""
    for client in estate.clients:
        named = client.component.replace("/", "-")
        secret = issuer.clients[f"id-{named}"].secret
        if secret is None:
            continue
        value = base64.b64encode(secret.encode()).decode()
        cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": f"{named}-{PROVIDER}",
                    "namespace": estate.components[
                        client.component
                    ].workload.namespace,
                },
                "data": {_KEY: value},
            }
        )
