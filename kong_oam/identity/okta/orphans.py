"""Finds objects at Okta whose creation, by the state, was cut off: they were made, but the answer
was lost.

Okta's objects have no tags, and an org has many owners. So an object is an orphan only if the state
was about to make it, it alone has the name, and nothing uses it. A user of an object needs its id,
which no answer gave out. The stack chooses an app's client id: so the stack's own policy may list
an orphaned app.

The official plugin fails to refresh a missing app. So an app that an interrupted run deleted stops
all refreshes until it is removed from the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack

import httpx

from kong_oam.access.settings.values import ProviderSettings
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.pending import (
    ExportedState,
    PendingCreation,
    RecordedResource,
)
from kong_oam.http.management import Row
from kong_oam.identity.common.orphans import DoubtedOrphan, Orphan, Orphans
from kong_oam.identity.okta.api import account, client, rows, send
from kong_oam.identity.okta.names import (
    APP,
    CLAIM,
    ORIGIN,
    POLICY,
    RULE,
    SCOPE,
    SERVER,
    client_id_of,
)
from kong_oam.identity.okta.origins import origin_owner

_SERVER = "/authorizationServers/{authServerId}"
_PLACES = {
    SERVER: "/authorizationServers",
    SCOPE: f"{_SERVER}/scopes",
    CLAIM: f"{_SERVER}/claims",
    POLICY: f"{_SERVER}/policies",
    RULE: f"{_SERVER}/policies/{{policyId}}/rules",
    APP: "/apps",
    ORIGIN: "/trustedOrigins",
}
_USED_BY = {SERVER: "policies", POLICY: "rules"}


def find(
    settings: ProviderSettings,  # noqa: ARG001 - one org for all
    state: ExportedState,
    opened: ExitStack,
    configuration: Configuration,
) -> Orphans | None:
    """Find objects that an interrupted run made in the org, or deleted there. Raises
    InspectionError and ManagementApiError."""
    is_pending = any(creation.type in _PLACES for creation in state.pending)
    if not is_pending and not _apps(state):
        return None
    org = opened.enter_context(client(account(configuration)))
    return Orphans(
        "Okta",
        orphans(org, state),
        lambda lost: remove(org, lost),
        missing_apps(org, state),
    )


def orphans(org: httpx.Client, state: ExportedState) -> list[DoubtedOrphan]:
    """Find objects of interrupted creations that the state lacks, each with the reason to keep it,
    or None.

    Raises ManagementApiError.
    """
    result = []
    for creation in state.pending:
        if creation.type in _PLACES:
            place = _PLACES[creation.type].format_map(creation.inputs)
            for row, doubt in _candidates(org, creation, place, state):
                path = f"{place}/{row['id']}"
                orphan = Orphan(creation.type, row["id"], _name(row), path)
                result.append((orphan, doubt))
    return result


def _candidates(
    org: httpx.Client,
    creation: PendingCreation,
    place: str,
    state: ExportedState,
) -> Iterator[tuple[Row, str | None]]:
    """Yield objects that the creation may have made, each with the reason to keep it, or None."""
    matching = []
    for row in rows(org, place):
        if row["id"] not in state.ids and _matches(row, creation):
            matching.append(row)
    for row in matching:
        if len(matching) > 1:
            yield row, "several objects have this name"
        else:
            yield (row, _use(org, creation, f"{place}/{row['id']}", row, state))


def missing_apps(
    org: httpx.Client, state: ExportedState
) -> list[tuple[RecordedResource, str | None]]:
    """Find apps in the state that the org lacks, each with the reason to keep it in the state, or
    None.

    A run deletes an app's users before the app. If a policy still uses the app, no run deleted it.
    Raises ManagementApiError.
    """
    apps = _apps(state)
    existing = _ids(org, "/apps") if apps else set()
    missing = [app for app in apps if app.id not in existing]
    if not missing:
        return []
    doubt = None
    servers = _ids(org, "/authorizationServers")
    for resource in state.resources:
        if resource.type == SERVER and resource.id not in servers:
            doubt = "the stack's authorization server is missing, too: check that this is its org"
    return [
        (
            app,
            "other resources in the state depend on it" if app.used else doubt,
        )
        for app in missing
    ]


def _ids(org: httpx.Client, path: str) -> set[str]:
    return {row["id"] for row in rows(org, path)}


def remove(org: httpx.Client, lost: Iterable[Orphan]) -> None:
    """Remove the objects. Raises ManagementApiError."""
    for orphan in lost:
        if orphan.type in (SERVER, APP):
            send(org, "POST", f"{orphan.path}/lifecycle/deactivate")
        send(org, "DELETE", orphan.path)


def _apps(state: ExportedState) -> list[RecordedResource]:
    return [resource for resource in state.resources if resource.type == APP]


def _matches(row: Row, creation: PendingCreation) -> bool:
    if creation.id:
        return bool(row["id"] == creation.id)
    if creation.type != APP:
        return _name(row) == creation.inputs.get("name")
    chosen = creation.inputs.get("clientId", client_id_of(row))
    return (
        _name(row) == creation.inputs.get("label")
        and client_id_of(row) == chosen
    )


def _name(row: Row) -> str:
    return str(row.get("label") or row["name"])


def _use(
    org: httpx.Client,
    creation: PendingCreation,
    path: str,
    row: Row,
    state: ExportedState,
) -> str | None:
    """Return the user of an object, which then has an owner; None if it is unused."""
    inside = _USED_BY.get(creation.type)
    if inside and list(rows(org, f"{path}/{inside}")):
        return f"it has {inside}"
    if creation.type == ORIGIN and not origin_owner(
        _name(row), str(row["origin"])
    ):
        return "stacks share it"
    if creation.type != APP:
        return None
    if list(rows(org, f"{path}/groups")):
        return "groups are assigned to it"
    for server in rows(org, "/authorizationServers"):
        for policy in rows(
            org, f"/authorizationServers/{server['id']}/policies"
        ):
            clients = policy["conditions"]["clients"]["include"]
            if policy["id"] not in state.ids and client_id_of(row) in clients:
                return f"a policy of {server['name']} lists it"
    return None
