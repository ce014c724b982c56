"""An issuer that exists: nothing is made there. What it publishes is read, and its clients are named by the stack.

Who may have which scope is for the issuer's administrators to set up: the stack's output `grants` says what each client
is meant to get. Whatever the issuer gives to whom, the gate counts what a client was granted here, and nothing of one
that no component is: clients of others are declared as components of type `external`.

Sources: OpenID Connect Discovery 1.0; RFC 9068 for what a token is taken to look like where the settings do not say.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pulumi

from components.identity import Credential, Identity, Kept, published
from components.rotation import Rotation
from kong_oam.access.model import EXTERNAL, Estate, Provider
from kong_oam.access.settings.stack import KnownClient, ProviderSettings
from kong_oam.diagnostics import Diagnostic, suggestion
from kong_oam.engine.pending import State
from kong_oam.engine.state import Held
from kong_oam.identity.common.settings import check


def describe(settings: ProviderSettings) -> Provider:
    """The provider as a value: all of it stands in the settings. Raises kong_oam.access.settings.stack.StackError."""
    check(settings, needs=("issuer", "spelling"), takes=("clients", "moved_from"))
    assert settings.spelling is not None
    return Provider(settings.name, settings.audience, settings.spelling, issuer=settings.issuer, groups=settings.groups)


def inspect(settings: ProviderSettings, estate: Estate, held: Held) -> Iterator[Diagnostic]:  # noqa: ARG001 - no object of its own
    """Clients of the estate that the stack does not name, or not with all that they need."""
    clients = [client for client in estate.clients if client.provider == settings.name]
    keys = {client.component for client in clients}
    unused = settings.clients.keys() - keys
    where = f"identityProviders[].clients in stacks/Pulumi.{estate.stack.name}.yaml"
    for client in clients:
        known, name = settings.clients.get(client.component), f"'{client.component}' at {settings.name}"
        if known is None:
            hint = suggestion(client.component, unused)
            yield Diagnostic("ENV302", f"nobody says which client {name} is{hint}. Name it under {where}", client.place)
        elif client.public and known.secret:
            yield Diagnostic(
                "ENV302", f"{name} runs where its users are and can keep no `secret`: {where}", client.place
            )
        elif not client.public and client.kind != EXTERNAL and known.secret is None:
            yield Diagnostic("ENV302", f"{name} has no `secret`. Say where it lies under {where}", client.place)
    for key in sorted(unused):
        pulumi.log.warn(f"identity provider '{settings.name}': {where} names '{key}', which calls nothing here")


def provision(settings: ProviderSettings, estate: Estate, rotation: Rotation) -> Identity:  # noqa: ARG001
    """What the issuer says of itself, and the clients that the stack says it has."""
    said = published(settings.name, settings.issuer or "")
    return Identity(
        issuer=said.issuer,
        token_endpoint=said.token_endpoint,
        authorization_endpoint=said.authorization_endpoint,
        keys=said.keys,
        clients={
            client.component: _credential(settings.clients[client.component])
            for client in estate.clients
            if client.provider == settings.name
        },
    )


def _credential(known: KnownClient) -> Credential:
    return Credential(pulumi.Output.from_input(known.id), kept=Kept(*known.secret) if known.secret else None)


def left(settings: ProviderSettings, state: State, opened: ExitStack) -> None:
    """Nothing is made there."""
