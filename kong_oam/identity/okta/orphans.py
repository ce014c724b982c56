"""Objects at Okta whose creation the state says was cut off: made, but the answer was lost.

Okta's objects have no tags, and an org has many owners. So nothing counts as lost but what the state itself says it was
about to make, and of that only the one object of that name in that place which nothing uses: what uses an object needs
its id, and nobody heard that. An app's client id was chosen, so that this stack's own policy may list it from before.

The official plugin fails to refresh an app that is not there, so that one which an interrupted run deleted stops all
refreshes until the state forgets it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack

import httpx

from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.pending import ExportedState, PendingCreation, RecordedResource
from kong_oam.identity.common.errors import InspectionError
from kong_oam.identity.common.management import Row
from kong_oam.identity.common.orphans import OrphanAtPath, Orphans
from kong_oam.identity.okta.api import NO_ACCOUNT, accepted, account, client, rows
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
    """What an interrupted run made in the org, or took from it. Raises InspectionError and RefusedError."""
    if (why := concern(state)) is None:
        return None
    if (known := account(configuration)) is None:
        raise InspectionError(f"{why}, and there is {NO_ACCOUNT}")
    org = opened.enter_context(client(known))
    return Orphans("Okta", made(org, state), lambda lost: remove(org, lost), gone(org, state))


def concern(state: ExportedState) -> str | None:
    """Why Okta has to be looked at; None where it has not."""
    if any(creation.type in _PLACES for creation in state.interrupted):
        return "creations were interrupted"
    return "the state's apps may be gone" if _apps(state) else None


def made(org: httpx.Client, state: ExportedState) -> list[tuple[OrphanAtPath, str | None]]:
    """What there is of the interrupted creations and not in the state, with the reason not to remove it, or None.

    Raises RefusedError, httpx.HTTPError.
    """
    result = []
    for creation in state.interrupted:
        if creation.type in _PLACES:
            place = _PLACES[creation.type].format_map(creation.inputs)
            found = [row for row in rows(org, place) if row["id"] not in state.ids and _is(row, creation)]
            for row in found:
                doubt = "there are several of this name" if len(found) > 1 else _use(org, creation, place, row, state)
                result.append((OrphanAtPath(creation.type, f"{place}/{row['id']}", _name(row)), doubt))
    return result


def gone(org: httpx.Client, state: ExportedState) -> list[tuple[RecordedResource, str | None]]:
    """The apps that the state has and the org has not. Raises RefusedError, httpx.HTTPError.

    What uses an app is deleted before it: where something does, it was no run that took the app away.
    """
    apps = _apps(state)
    there = {row["id"] for row in rows(org, "/apps")} if apps else set()
    missing = [app for app in apps if app.id not in there]
    if not missing:
        return []
    servers = {row["id"] for row in rows(org, "/authorizationServers")}
    elsewhere = any(one.type == _ISSUER and one.id not in servers for one in state.resources)
    doubt = "nor is the stack's authorization server there: is this its org?" if elsewhere else None
    return [(app, "others in the state depend on it" if app.used else doubt) for app in missing]


def remove(org: httpx.Client, lost: Iterable[OrphanAtPath]) -> None:
    """Removes them. Raises RefusedError, httpx.HTTPError."""
    for one in lost:
        if one.type in _SWITCHED_OFF_FIRST:
            accepted(org.post(f"{one.path}/lifecycle/deactivate"))
        accepted(org.delete(one.path))


def _apps(state: ExportedState) -> list[RecordedResource]:
    return [one for one in state.resources if one.type == _APP]


def _is(row: Row, creation: PendingCreation) -> bool:
    if creation.id:
        return bool(row["id"] == creation.id)
    if creation.type != _APP:
        return _name(row) == creation.inputs.get("name")
    chosen = creation.inputs.get("clientId", client_id_of(row))
    return _name(row) == creation.inputs.get("label") and client_id_of(row) == chosen


def _name(row: Row) -> str:
    return str(row.get("label") or row["name"])


def _use(org: httpx.Client, creation: PendingCreation, place: str, row: Row, state: ExportedState) -> str | None:
    """Who uses it: then it is somebody's."""
    if creation.type in _USED_BY and list(rows(org, f"{place}/{row['id']}/{_USED_BY[creation.type]}")):
        return f"it has {_USED_BY[creation.type]}"
    if creation.type == ORIGIN and not origin_owner(_name(row), str(row["origin"])):
        return "stacks share it"
    if creation.type != _APP:
        return None
    if list(rows(org, f"{place}/{row['id']}/groups")):
        return "groups are assigned to it"
    for server in rows(org, "/authorizationServers"):
        policies = rows(org, f"/authorizationServers/{server['id']}/policies")
        if client_id_of(row) in _clients(one for one in policies if one["id"] not in state.ids):
            return f"a policy of {server['name']} lists it"
    return None


def _clients(policies: Iterable[Row]) -> set[str]:
    return {client for policy in policies for client in policy["conditions"]["clients"]["include"]}
