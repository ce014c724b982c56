"""Finds applications of a tenant that have names of ours and that the state does not know. None of
them is adopted.

Names of applications are not unique in a tenant, and any of its users may be allowed to register
one: a second one would be made in silence, and whoever owns the first, or has a secret of it, would
be a client of ours. What else a stack makes is between applications of its own, and Microsoft Graph
refuses it a second time.
"""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.model import Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Findings
from kong_oam.engine.state import Held
from kong_oam.identity.common.conflicts import (
    MADE_ANEW,
    Conflict,
    Managed,
    conflict_finding,
)
from kong_oam.identity.common.parts import clients_at
from kong_oam.identity.entra.api import Graph
from kong_oam.identity.entra.names import (
    APPLICATION,
    api_name,
    api_resource,
    apis,
    client_name,
    client_resource,
)


def name_conflicts(
    graph: Graph, settings: ProviderSettings, estate: Estate, held: Held
) -> Findings:
    """Report applications that are called as ours will be. Raises ManagementApiError.

    Nothing is asked about what the state holds: that is this stack's.
    """
    missing = {}
    for managed in applications(settings, estate):
        if (managed.type, managed.logical) not in held:
            missing[managed.name] = managed
    existing = graph.applications(missing, client_name(estate.stack.name, ""))
    conflicts = []
    for name, rows in existing.items():
        for row in rows:
            created = row.get("createdDateTime")
            about = f"made {created}" if created else ""
            conflicts.append(Conflict(missing[name], row["id"], about))
    if conflicts:
        yield conflict_finding(settings, estate, conflicts, MADE_ANEW)


def applications(
    settings: ProviderSettings, estate: Estate
) -> Iterator[Managed]:
    """Yield the applications of APIs and of clients."""
    stack = estate.stack.name
    for key in apis(settings, estate):
        yield Managed(
            APPLICATION, api_resource(settings.name, key), api_name(stack, key)
        )
    for client in clients_at(settings, estate):
        _, logical = client_resource(settings.name, client.component)
        yield Managed(
            APPLICATION, logical, client_name(stack, client.component)
        )
