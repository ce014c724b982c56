"""Checks that the stack names each client of an existing issuer, with the needed settings."""

from __future__ import annotations

from kong_oam.access.model import Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Diagnostic, Findings, suggestion_of_typo
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.state import RecordedNames
from kong_oam.identity.common.kind import Inspection
from kong_oam.identity.common.parts import clients_at


def inspect(
    settings: ProviderSettings,
    estate: Estate,
    recorded_names: RecordedNames,  # noqa: ARG001 - this kind makes no objects
    configuration: Configuration,  # noqa: ARG001 - nobody is asked
) -> Inspection:
    """Report clients of the estate that the stack does not name, or names without required
    settings."""
    return Inspection(tuple(_findings(settings, estate)))


def _findings(settings: ProviderSettings, estate: Estate) -> Findings:
    clients = clients_at(settings, estate)
    unused = settings.clients.keys() - {client.component for client in clients}
    where = (
        f"identityProviders[].clients in stacks/Pulumi.{estate.stack.name}.yaml"
    )
    for client in clients:
        name = f"'{client.component}' at {settings.name}"
        registered = settings.clients.get(client.component)
        if registered is None:
            hint = suggestion_of_typo(client.component, unused)
            message = f"no client id for {name}{hint}. Set it under {where}"
        elif client.public and registered.secret:
            message = (
                f"{name} runs on users' devices and cannot keep a `secret`. Remove it from "
                f"{where}"
            )
        elif client.keyed and not registered.secret:
            message = f"{name} has no `secret`. Set its place under {where}"
        else:
            continue
        yield Diagnostic("ENV402", message, client.position)
    for key in sorted(unused):
        message = (
            f"{settings.name}: {where} names '{key}', which is no client here"
        )
        yield Diagnostic("ENV402", message, severity="warning")
