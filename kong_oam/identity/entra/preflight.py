"""Compares what a tenant has and lacks with what is about to be made: before the first change."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.model import EXTERNAL, Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic, some, suggestion
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.state import Held
from kong_oam.identity.common.groups import group_names, unclear_groups
from kong_oam.identity.common.looked_up import Ids, LookedUp
from kong_oam.identity.common.parts import clients_at
from kong_oam.identity.entra.api import Graph, account
from kong_oam.identity.entra.conflicts import name_conflicts
from kong_oam.identity.entra.names import other_tenants, tenant_in


def inspect(
    settings: ProviderSettings,
    estate: Estate,
    held: Held,
    configuration: Configuration,
    looked_up: LookedUp,
) -> Iterator[Diagnostic]:
    """Reports what stands in the way: groups that the tenant lacks, names that it has, another
    tenant in this stack.

    Raises InspectionError and ManagementApiError.
    """
    yield from shared_keys(settings, estate)
    yield from unproven(settings, estate)
    yield from unclaimed(settings, estate)
    with Graph(account(tenant_in(settings), configuration)) as graph:
        ids = group_ids(graph, settings, estate, looked_up)
        yield from unclear_groups(settings, estate, ids, graph.groups)
        yield from name_conflicts(graph, settings, estate, held)


def group_ids(
    graph: Graph, settings: ProviderSettings, estate: Estate, looked_up: LookedUp
) -> Ids:
    """Looks up the groups of roles: only security groups count, since no other can hold one. Raises
    ManagementApiError."""
    return looked_up.groups(
        settings.name, group_names(settings, estate), graph.group_ids
    )


def shared_keys(settings: ProviderSettings, estate: Estate) -> Iterator[Diagnostic]:
    """Refuses two tenants of one Entra: they sign with the same keys, and Kong finds an issuer by
    the id of the key."""
    others = other_tenants(settings, estate)
    if others:
        names = sorted([settings.name, *others])
        yield Diagnostic(
            "ENV408",
            f"{some(names, ' and ')} are tenants of one Entra, which signs for all with the same "
            "keys, and a Kong workspace has each key once. Give each a stack and a workspace of "
            "its own",
        )


def unproven(settings: ProviderSettings, estate: Estate) -> Iterator[Diagnostic]:
    """Warns of partners without a certificate: Entra reads no keys where owners publish them. The
    rest is made."""
    for client in clients_at(settings, estate):
        if client.kind == EXTERNAL and client.component not in settings.certificates:
            message = (
                f"{settings.name} does not look at the jwksUri of '{client.component}', so that it "
                f"has no key there: name its owner's certificate under {_where(estate)}"
            )
            yield Diagnostic("ENV409", message, client.place, severity="warning")


def unclaimed(settings: ProviderSettings, estate: Estate) -> Iterator[Diagnostic]:
    """Reports certificates that no partner's client here would prove itself with."""
    partners = {
        client.component
        for client in clients_at(settings, estate)
        if client.kind == EXTERNAL
    }
    for key in sorted(settings.certificates.keys() - partners):
        hint = suggestion(key, partners - settings.certificates.keys())
        message = f"{_where(estate)}: '{key}' is no client of kind external at {settings.name}{hint}"
        yield Diagnostic("ENV410", message)


def _where(estate: Estate) -> str:
    return f"identityProviders[].certificates in stacks/Pulumi.{estate.stack.name}.yaml"
