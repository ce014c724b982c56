"""Connects an existing issuer: reads its published document, creates nothing; the stack names its
clients.

The issuer's administrators grant scopes: the stack's output `grants` lists each client's grants.
Whatever the issuer grants, the gate accepts only the client's grants here, and denies unknown
clients. Declare foreign clients as components of type `external`.

Sources: OpenID Connect Discovery 1.0; RFC 9068 for the form of tokens that settings do not
describe.
"""

from __future__ import annotations

from pulumi import Output

from kong_oam.access.settings.values import KnownClient
from kong_oam.identity.common.parts import clients_at

from .issuer import Credential, Issuer, IssuerArgs, SecretReference, existing


def provision(args: IssuerArgs) -> Issuer:
    """Read the issuer's published document, and the clients that the stack names."""
    settings = args.settings
    clients = {
        client.component: _credential(settings.clients[client.component])
        for client in clients_at(settings, args.estate)
    }
    return existing(args, clients)


def _credential(client: KnownClient) -> Credential:
    reference = SecretReference(*client.secret) if client.secret else None
    return Credential(Output.from_input(client.id), secret_reference=reference)
