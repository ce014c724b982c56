"""Objects at Okta that have the names of ours and that the state does not know: never a twin, but adopted or left.

An app's label need not be unique at Okta, so that a second one would be made in silence; a client id is one app's
for good, and with it, as with the name of anything else, a creation would fail half-way. Not found is a client id of an
app from Okta's catalogue, which has another `name`. Sources: Okta's management API; the ids that the provider's
resources are imported by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import Held
from kong_oam.identity.common.adoption import Adoption, Conflict, Managed
from kong_oam.identity.common.management import Row
from kong_oam.identity.okta.api import rows
from kong_oam.identity.okta.names import (
    APP,
    ASSIGNMENTS,
    CLAIM,
    ORIGIN,
    POLICY,
    RULE,
    SCOPE,
    SERVER,
    app_label,
    client_id,
    client_id_of,
    objects,
    server_name,
)
from kong_oam.identity.okta.origins import existing, not_to_be_taken

COMPONENT = "kong-oam:identity:Okta"

_OIDC = 'name eq "oidc_client"'  # what the API filters apps by; there is no filter by client id
_IN_SERVER = {SCOPE: "scopes", CLAIM: "claims", POLICY: "policies"}


@dataclass(frozen=True, slots=True)
class _Org:
    """What of an org concerns one stack, asked for as it is needed. Raises RefusedError."""

    client: httpx.Client
    missing: Mapping[str, list[Managed]]
    """Objects that the state does not know, by type."""

    def taken(self, stack: str) -> Iterator[Conflict]:
        yield from self._apps(stack)
        if any(self.missing.get(kind) for kind in (SERVER, RULE, *_IN_SERVER)):
            named = server_name(stack)
            for server in rows(self.client, "/authorizationServers", q=named):
                if server["name"] == named:
                    yield from (Conflict(one, server["id"]) for one in self.missing.get(SERVER, ()))
                    yield from self._inside(server["id"])

    def _apps(self, stack: str) -> Iterator[Conflict]:
        labels = {one.name: one for one in self.missing.get(APP, ())}
        ids = {client_id(stack, label.removeprefix(app_label(stack, ""))): one for label, one in labels.items()}
        for app in rows(self.client, "/apps", filter=_OIDC, includeNonDeleted="true") if labels else ():
            if one := labels.get(app["label"]):
                yield Conflict(one, app["id"])
            elif one := ids.get(client_id_of(app) or ""):
                yield Conflict(one, app["id"], about=f"labelled '{app['label']}', and its client id is ours for good")
            if one:
                yield from self._assignments(one, app["id"])

    def _assignments(self, app: Managed, identifier: str) -> Iterator[Conflict]:
        """Of an app that has groups: they are one resource, which takes those of others away."""
        for one in self.missing.get(ASSIGNMENTS, ()):
            if one.name == app.name and list(rows(self.client, f"/apps/{identifier}/groups")):
                yield Conflict(one, identifier)

    def _inside(self, server: str) -> Iterator[Conflict]:
        place = f"/authorizationServers/{server}"
        for kind, collection in _IN_SERVER.items():
            rules = self.missing.get(RULE, []) if kind == POLICY else []
            wanted = {one.name: one for one in self.missing.get(kind, ())}
            for row in rows(self.client, f"{place}/{collection}") if wanted or rules else ():
                if (one := wanted.get(row["name"])) and row.get("claimType", "RESOURCE") == "RESOURCE":
                    yield Conflict(one, f"{server}/{row['id']}")
                yield from self._rules(server, row, [rule for rule in rules if rule.name == row["name"]])

    def _rules(self, server: str, policy: Row, wanted: list[Managed]) -> Iterator[Conflict]:
        for one in wanted:
            for rule in rows(self.client, f"/authorizationServers/{server}/policies/{policy['id']}/rules"):
                if rule["name"] == one.name:
                    yield Conflict(one, f"{server}/{policy['id']}/{rule['id']}")


def name_conflicts(
    org: httpx.Client, settings: ProviderSettings, estate: Estate, held: Held, project: str
) -> Iterator[Diagnostic]:
    """What is called at Okta as ours will be, and how to adopt it. Raises RefusedError.

    Nothing is asked about what the state holds: that is this stack's.
    """
    missing: dict[str, list[Managed]] = {}
    for one in (*objects(settings, estate), *_assigned(settings, estate)):
        if (one.type, one.logical) not in held:
            missing.setdefault(one.type, []).append(one)
    found = list(_Org(org, missing).taken(estate.stack.name))
    for origin in existing(org, missing.get(ORIGIN, ())):
        if refusal := not_to_be_taken(origin, settings, estate):
            yield refusal
        else:
            found.append(Conflict(origin.object, origin.id, about=str(origin)))
    foreign = _staying(org, found, objects(settings, estate))
    yield from Adoption(COMPONENT, project).diagnostics(settings, estate, held, found, foreign)


def _assigned(settings: ProviderSettings, estate: Estate) -> Iterator[Managed]:
    for client in estate.clients:
        if client.provider == settings.name and client.groups:
            label = app_label(estate.stack.name, client.component)
            yield Managed(ASSIGNMENTS, f"{settings.name}-groups-{client.component}", label)


def _staying(org: httpx.Client, found: list[Conflict], ours: Iterator[Managed]) -> Iterator[str]:
    """Policies of a server that is adopted which are nobody's here: they would go on giving tokens to others."""
    names = {one.name for one in ours if one.type == POLICY}
    for server in (one.id for one in found if one.object.type == SERVER):
        for policy in rows(org, f"/authorizationServers/{server}/policies"):
            if policy["name"] not in names:
                yield (
                    f"policy '{policy['name']}' ({policy['id']}) of authorization server {server} is not this stack's, "
                    "and would go on issuing tokens for its APIs; remove it before the server is adopted"
                )
