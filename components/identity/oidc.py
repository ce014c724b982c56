"""Provisions an issuer that exists: nothing is made there, what it publishes is read, and the stack
names its clients.

Who may have which scope is for the issuer's administrators to set up: the stack's output `grants`
says what each client is meant to get. Whatever the issuer gives to whom, the gate counts what a
client was granted here, and nothing of one that no component is: clients of others are declared as
components of type `external`.

Sources: OpenID Connect Discovery 1.0; RFC 9068 for what a token is taken to look like where the
settings do not say.
"""

from __future__ import annotations

import pulumi

from kong_oam.access.settings.values import KnownClient
from kong_oam.identity.common.parts import clients_at

from .issuer import Credential, Issuer, IssuerArgs, SecretReference, existing


def provision(args: IssuerArgs) -> Issuer:
    """Read what the issuer publishes, and the clients that the stack says it has."""
    settings = args.settings
    clients = {
        client.component: _credential(settings.clients[client.component])
        for client in clients_at(settings, args.estate)
    }
    return existing(args, clients)


def _credential(client: KnownClient) -> Credential:
    reference = SecretReference(*client.secret) if client.secret else None
    return Credential(
        pulumi.Output.from_input(client.id), secret_reference=reference
    )
