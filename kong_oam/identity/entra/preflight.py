"""Compares a tenant with the intended objects before the first change."""

from __future__ import annotations

from kong_oam.access.model import EXTERNAL, Client, Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Diagnostic, Findings, some, suggestion_of_typo
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.state import RecordedNames
from kong_oam.identity.common.groups import look_up, unclear_groups, unique
from kong_oam.identity.common.kind import Inspection
from kong_oam.identity.common.parts import clients_at, group_names
from kong_oam.identity.entra.api import Graph, account
from kong_oam.identity.entra.conflicts import name_conflicts
from kong_oam.identity.entra.names import other_tenants, tenant_in


def inspect(
    settings: ProviderSettings,
    estate: Estate,
    recorded_names: RecordedNames,
    configuration: Configuration,
) -> Inspection:
    """Report conflicts: missing groups, existing names, and a second tenant in this stack.

    Raises InspectionError and ManagementApiError.
    """
    with Graph(account(tenant_in(settings), configuration)) as graph:
        # Only security groups can have a role.
        ids = look_up(group_names(settings, estate), graph.group_ids)
        findings = (
            *shared_keys(settings, estate),
            *partners_without_certificate(settings, estate),
            *unused_certificates(settings, estate),
            *unclear_groups(settings, estate, ids, graph.groups),
            *name_conflicts(graph, settings, estate, recorded_names),
        )
    return Inspection(findings, unique(ids))


def shared_keys(settings: ProviderSettings, estate: Estate) -> Findings:
    """Reject two tenants of one Entra: they sign with the same keys, and Kong finds an issuer by
    the id of the key."""
    others = other_tenants(settings, estate)
    if others:
        names = sorted([settings.name, *others])
        yield Diagnostic(
            "ENV408",
            f"{some(names, ' and ')} are tenants of one Entra, which signs for all of them with "
            "the same keys. A Kong workspace has each key once. Give each tenant its own stack "
            "and workspace",
        )


def partners_without_certificate(
    settings: ProviderSettings, estate: Estate
) -> Findings:
    """Warn of partners without a certificate: Entra reads no published keys. Everything else is
    made."""
    for client in _partners(settings, estate):
        if client.component not in settings.certificates:
            message = (
                f"{settings.name} does not read the jwksUri of '{client.component}', so the "
                f"client has no key. Set its owner's certificate under {_where(estate)}"
            )
            yield Diagnostic(
                "ENV409", message, client.position, severity="warning"
            )


def unused_certificates(settings: ProviderSettings, estate: Estate) -> Findings:
    """Report certificates that no partner's client uses."""
    partners = {client.component for client in _partners(settings, estate)}
    for key in sorted(settings.certificates.keys() - partners):
        hint = suggestion_of_typo(key, partners - settings.certificates.keys())
        message = (
            f"{_where(estate)}: '{key}' is no client of kind external "
            f"at {settings.name}{hint}"
        )
        yield Diagnostic("ENV410", message)


def _partners(settings: ProviderSettings, estate: Estate) -> list[Client]:
    clients = clients_at(settings, estate)
    return [client for client in clients if client.kind == EXTERNAL]


def _where(estate: Estate) -> str:
    return f"identityProviders[].certificates in stacks/Pulumi.{estate.stack.name}.yaml"
