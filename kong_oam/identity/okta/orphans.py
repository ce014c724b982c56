"""Finds objects at Okta whose creation, by the state, was cut off: they were made, but the answer
was lost.

Okta's objects have no tags, and an org has many owners. So nothing counts as lost but what the
state itself says it was about to make, and of that only the one object of that name in that place
which nothing uses: what uses an object needs its id, and nobody heard that. An app's client id was
chosen, so that this stack's own policy may list it from before.

The official plugin fails to refresh an app that is not there, so that one which an interrupted run
deleted stops all refreshes until the state forgets it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack

import httpx

from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.pending import ExportedState, PendingCreation, RecordedResource
from kong_oam.http.management import Row
from kong_oam.identity.common.orphans import Orphan, Orphans
from kong_oam.identity.okta.api import account, client, rows, send
from kong_oam.identity.okta.names import ORIGIN, client_id_of, origin_owner

_SERVER = "/authorizationServers/{authServerId}"
_PLACES = {
    "okta:auth/server:Server": "/authorizationServers",
    "okta:auth/serverScope:ServerScope": f"{_SERVER}/scopes",
    "okta:auth/serverClaim:ServerClaim": f"{_SERVER}/claims",
    "okta:auth/serverPolicy:ServerPolicy": f"{_SERVER}/policies",
    "okta:auth/serverPolicyRule:ServerPolicyRule": f"{_SERVER}/policies/{{policyId}}/rules",
    "okta:app/oAuth:OAuth": "/apps",
    ORIGIN: "/trustedOrigins",
}
_ISSUER = "okta:auth/server:Server"
_USED_BY = {_ISSUER: "policies", "okta:auth/serverPolicy:ServerPolicy": "rules"}
_APP = "okta:app/oAuth:OAuth"
_SWITCHED_OFF_FIRST = (_ISSUER, _APP)


def find(
    settings: ProviderSettings,  # noqa: ARG001 - one org for all
    state: ExportedState,
    opened: ExitStack,
    configuration: Configuration,
) -> Orphans | None:
    """Finds what an interrupted run made in the org, or deleted there. Raises InspectionError and
    ManagementApiError."""
    if not _apps(state) and not any(
        creation.type in _PLACES for creation in state.pending
    ):
        return None
    org = opened.enter_context(client(account(configuration)))
    return Orphans(
        "Okta",
        orphans(org, state),
        lambda lost: remove(org, lost),
        missing_apps(org, state),
    )


def orphans(org: httpx.Client, state: ExportedState) -> list[tuple[Orphan, str | None]]:
    """Finds objects of interrupted creations that are not in the state, each with the reason not to
    remove it or None.

    Raises ManagementApiError.
    """
    result = []
    for creation in state.pending:
        if creation.type in _PLACES:
            place = _PLACES[creation.type].format_map(creation.inputs)
            unrecorded = (row for row in rows(org, place) if row["id"] not in state.ids)
            matching = [row for row in unrecorded if _matches(row, creation)]
            for row in matching:
                several = len(matching) > 1
                doubt = (
                    "there are several of this name"
                    if several
                    else _use(org, creation, place, row, state)
                )
                result.append(
                    (
                        Orphan(
                            creation.type, row["id"], _name(row), f"{place}/{row['id']}"
                        ),
                        doubt,
                    )
                )
    return result


def missing_apps(
    org: httpx.Client, state: ExportedState
) -> list[tuple[RecordedResource, str | None]]:
    """Finds apps that the state has and the org has not, each with the reason to keep it in the
    state or None.

    What uses an app is deleted before it: where something does, it was no run that took the app
    away. Raises ManagementApiError.
    """
    apps = _apps(state)
    existing = {row["id"] for row in rows(org, "/apps")} if apps else set()
    missing = [app for app in apps if app.id not in existing]
    if not missing:
        return []
    servers = {row["id"] for row in rows(org, "/authorizationServers")}
    elsewhere = any(
        resource.type == _ISSUER and resource.id not in servers
        for resource in state.resources
    )
    doubt = (
        "nor is the stack's authorization server there: is this its org?"
        if elsewhere
        else None
    )
    return [
        (app, "others in the state depend on it" if app.used else doubt)
        for app in missing
    ]


def remove(org: httpx.Client, lost: Iterable[Orphan]) -> None:
    """Removes the objects. Raises ManagementApiError."""
    for orphan in lost:
        if orphan.type in _SWITCHED_OFF_FIRST:
            send(org, "POST", f"{orphan.path}/lifecycle/deactivate")
        send(org, "DELETE", orphan.path)


def _apps(state: ExportedState) -> list[RecordedResource]:
    return [resource for resource in state.resources if resource.type == _APP]


def _matches(row: Row, creation: PendingCreation) -> bool:
    if creation.id:
        return bool(row["id"] == creation.id)
    if creation.type != _APP:
        return _name(row) == creation.inputs.get("name")
    chosen = creation.inputs.get("clientId", client_id_of(row))
    return _name(row) == creation.inputs.get("label") and client_id_of(row) == chosen


def _name(row: Row) -> str:
    return str(row.get("label") or row["name"])


def _use(
    org: httpx.Client,
    creation: PendingCreation,
    place: str,
    row: Row,
    state: ExportedState,
) -> str | None:
    """Says who uses an object, which is somebody's then; None where nobody does."""
    if creation.type in _USED_BY and list(
        rows(org, f"{place}/{row['id']}/{_USED_BY[creation.type]}")
    ):
        return f"it has {_USED_BY[creation.type]}"
    if creation.type == ORIGIN and not origin_owner(_name(row), str(row["origin"])):
        return "stacks share it"
    if creation.type != _APP:
        return None
    if list(rows(org, f"{place}/{row['id']}/groups")):
        return "groups are assigned to it"
    for server in rows(org, "/authorizationServers"):
        policies = rows(org, f"/authorizationServers/{server['id']}/policies")
        if client_id_of(row) in _clients(
            policy for policy in policies if policy["id"] not in state.ids
        ):
            return f"a policy of {server['name']} lists it"
    return None


def _clients(policies: Iterable[Row]) -> set[str]:
    return {
        client
        for policy in policies
        for client in policy["conditions"]["clients"]["include"]
    }
