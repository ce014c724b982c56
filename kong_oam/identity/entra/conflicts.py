"""Finds applications of a tenant that have our names and are missing in the state. None is adopted.

Names of applications are not unique in a tenant, and all its users may be allowed to register
applications. Without this check a second application would be made in silence. The owner of the
first, or of its secret, would be a client of ours. All other objects of a stack are between its own
applications, and Microsoft Graph rejects duplicates of these.
"""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.model import Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Findings
from kong_oam.engine.state import RecordedNames
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
    graph: Graph,
    settings: ProviderSettings,
    estate: Estate,
    held: RecordedNames,
) -> Findings:
    """Report applications with the names of our future applications. Raises ManagementApiError.

    It skips objects in the state: these are this stack's.
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
