"""Checks that the stack names each client of an issuer that exists, with all that the client
needs."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.model import EXTERNAL, Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic, suggestion
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.state import Held
from kong_oam.identity.common.looked_up import LookedUp
from kong_oam.identity.common.parts import clients_at


def inspect(
    settings: ProviderSettings,
    estate: Estate,
    held: Held,  # noqa: ARG001 - no object of its own
    configuration: Configuration,  # noqa: ARG001 - nobody is asked
    looked_up: LookedUp,  # noqa: ARG001 - its groups have no ids here
) -> Iterator[Diagnostic]:
    """Reports clients of the estate that the stack does not name, or not with all that they
    need."""
    clients = clients_at(settings, estate)
    keys = {client.component for client in clients}
    unused = settings.clients.keys() - keys
    where = f"identityProviders[].clients in stacks/Pulumi.{estate.stack.name}.yaml"
    for client in clients:
        registered, name = (
            settings.clients.get(client.component),
            f"'{client.component}' at {settings.name}",
        )
        if registered is None:
            hint = suggestion(client.component, unused)
            yield Diagnostic(
                "ENV402",
                f"nobody says which client {name} is{hint}. Name it under {where}",
                client.place,
            )
        elif client.public and registered.secret:
            yield Diagnostic(
                "ENV402",
                f"{name} runs where its users are and can keep no `secret`: {where}",
                client.place,
            )
        elif (
            not client.public and client.kind != EXTERNAL and registered.secret is None
        ):
            yield Diagnostic(
                "ENV402",
                f"{name} has no `secret`. Say where it lies under {where}",
                client.place,
            )
    for key in sorted(unused):
        yield Diagnostic(
            "ENV402",
            f"{settings.name}: {where} names '{key}', which calls nothing here",
            severity="warning",
        )
