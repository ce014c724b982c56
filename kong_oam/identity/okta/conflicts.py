"""Finds objects at Okta that have the names of ours and that the state does not know: adopted or
left, never doubled.

An app's label need not be unique at Okta, so that a second one would be made in silence. With the
name of anything else, or with the client id of another app, a creation would fail half-way.
Sources: Okta's management API; the ids that the provider's resources are imported by.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import Held
from kong_oam.http.management import FEW, Row
from kong_oam.identity.common.conflicts import (
    Conflict,
    Managed,
    conflict_finding,
    stack_at,
)
from kong_oam.identity.common.parts import clients_at
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
    LogicalNames,
    app_label,
    objects,
    server_name,
)
from kong_oam.identity.okta.origins import adoption_refusal, existing_origins

COMPONENT = "kong-oam:identity:Okta"

_NAME = "oidc_client"  # of every app that is made as ours are
_IN_SERVER = {SCOPE: "scopes", CLAIM: "claims", POLICY: "policies"}


@dataclass(frozen=True, slots=True)
class _Org:
    """Looks in an org for the names of one stack. It asks only for what is needed. Raises
    ManagementApiError."""

    client: httpx.Client
    missing: Mapping[str, list[Managed]]
    """Objects that the state does not know, by type."""

    def conflicts(self, stack: str) -> Iterator[Conflict]:
        yield from self._apps()
        if any(self.missing.get(kind) for kind in (SERVER, RULE, *_IN_SERVER)):
            name = server_name(stack)
            for server in rows(self.client, "/authorizationServers", q=name):
                if server["name"] == name:
                    yield from (
                        Conflict(managed, server["id"])
                        for managed in self.missing.get(SERVER, ())
                    )
                    yield from self._in_server(server["id"])

    def _apps(self) -> Iterator[Conflict]:
        by_label = {managed.name: managed for managed in self.missing.get(APP, ())}
        for app in self._apps_like(by_label):
            if managed := by_label.get(app["label"]):
                yield Conflict(managed, app["id"])
                yield from self._assignments(managed, app["id"])

    def _apps_like(self, labels: Collection[str]) -> Iterator[Row]:
        """Yields at least the apps of these labels: a few by their names, many in the list of
        all."""
        if len(labels) > FEW:
            yield from self._apps_where(filter=f'name eq "{_NAME}"')
            return
        for label in labels:
            yield from (
                app
                for app in self._apps_where(q=label)
                if (app["label"], app["name"]) == (label, _NAME)
            )

    def _apps_where(self, **query: str) -> Iterator[Row]:
        return rows(self.client, "/apps", includeNonDeleted="true", **query)

    def _assignments(self, app: Managed, identifier: str) -> Iterator[Conflict]:
        """Finds an app's groups: they are one resource, which takes those of others away."""
        for managed in self.missing.get(ASSIGNMENTS, ()):
            if managed.name == app.name and list(
                rows(self.client, f"/apps/{identifier}/groups")
            ):
                yield Conflict(managed, identifier)

    def _in_server(self, server: str) -> Iterator[Conflict]:
        place = f"/authorizationServers/{server}"
        for kind, collection in _IN_SERVER.items():
            rules = self.missing.get(RULE, []) if kind == POLICY else []
            by_name = {managed.name: managed for managed in self.missing.get(kind, ())}
            for row in (
                self._rows_like(f"{place}/{collection}", kind, by_name)
                if by_name or rules
                else ()
            ):
                if (managed := by_name.get(row["name"])) and row.get(
                    "claimType", "RESOURCE"
                ) == "RESOURCE":
                    yield Conflict(managed, f"{server}/{row['id']}")
                yield from self._rules(
                    server, row, [rule for rule in rules if rule.name == row["name"]]
                )

    def _rows_like(self, path: str, kind: str, names: Collection[str]) -> Iterator[Row]:
        """Yields at least the objects of these names: only of scopes there may be pages, and
        questions by name."""
        if kind == SCOPE and len(names) <= FEW:
            for name in names:
                yield from (
                    row
                    for row in rows(self.client, path, q=name)
                    if row["name"] == name
                )
        else:
            yield from rows(self.client, path)

    def _rules(
        self, server: str, policy: Row, missing_rules: list[Managed]
    ) -> Iterator[Conflict]:
        for managed in missing_rules:
            for rule in rows(
                self.client,
                f"/authorizationServers/{server}/policies/{policy['id']}/rules",
            ):
                if rule["name"] == managed.name:
                    yield Conflict(managed, f"{server}/{policy['id']}/{rule['id']}")


def name_conflicts(
    org: httpx.Client,
    settings: ProviderSettings,
    estate: Estate,
    held: Held,
    project: str,
) -> Iterator[Diagnostic]:
    """Reports what is called at Okta as ours will be, and how to adopt it. Raises ManagementApiError.

    Nothing is asked about what the state holds: that is this stack's.
    """
    missing: dict[str, list[Managed]] = {}
    for managed in (*objects(settings, estate), *_assignments(settings, estate)):
        if (managed.type, managed.logical) not in held:
            missing.setdefault(managed.type, []).append(managed)
    conflicts = list(_Org(org, missing).conflicts(estate.stack.name))
    for origin in existing_origins(org, missing.get(ORIGIN, ())):
        if refusal := adoption_refusal(origin, settings, estate):
            yield refusal
        else:
            conflicts.append(Conflict(origin.object, origin.id, about=str(origin)))
    if conflicts:
        foreign = [*_foreign_policies(org, conflicts, objects(settings, estate))]
        advice = _advice(settings, estate, held, project, conflicts, foreign)
        yield conflict_finding(settings, estate, conflicts, advice)
        yield from (Diagnostic("ENV404", finding) for finding in foreign)


def _advice(
    settings: ProviderSettings,
    estate: Estate,
    held: Held,
    project: str,
    conflicts: Sequence[Conflict],
    foreign: Sequence[str],
) -> tuple[str, ...]:
    """Says how to adopt them. There is no command while something foreign has to go."""
    objects_found = Counter(conflict.object for conflict in conflicts)
    several = next(
        (found.name for found, count in objects_found.items() if count > 1), None
    )
    if several is not None:
        return (
            f"There are several of '{several}': rename or remove all but the one that is this "
            "stack's.",
        )
    if foreign:
        return (
            "They cannot be adopted with what ENV404 names in them: remove that first, or have "
            "them renamed.",
        )
    return (
        "If they are this stack's for another reason, look at each, adopt them, and run it again:",
        f"  {_command(settings, stack_at(estate), held, project, conflicts)}",
        "If they are somebody else's, have them renamed.",
    )


def _command(
    settings: ProviderSettings,
    stack: str,
    held: Held,
    project: str,
    conflicts: Sequence[Conflict],
) -> str:
    """The one command that adopts them: into the state, as they are; the next `up` gives them their
    shape.

    Source: the file format of `pulumi import`.
    """
    name = settings.name
    file: dict[str, Any] = {"resources": []}
    if (COMPONENT, name) in held:
        file["nameTable"] = {
            name: f"urn:pulumi:{stack}::{project}::{COMPONENT}::{name}"
        }
    else:
        file["resources"].append({"type": COMPONENT, "name": name, "component": True})
    file["resources"] += [
        {
            "type": conflict.object.type,
            "name": conflict.object.logical,
            "id": conflict.id,
            "parent": name,
        }
        for conflict in conflicts
    ]
    flags = (
        f"--stack {stack} --yes --protect=false --generate-code=false --file /dev/stdin"
    )
    return f"echo {shlex.quote(json.dumps(file))} | pulumi import {flags}"


def _assignments(settings: ProviderSettings, estate: Estate) -> Iterator[Managed]:
    for client in clients_at(settings, estate):
        if client.groups:
            label = app_label(estate.stack.name, client.component)
            yield Managed(
                ASSIGNMENTS,
                LogicalNames(settings.name).assignments(client.component),
                label,
            )


def _foreign_policies(
    org: httpx.Client, conflicts: list[Conflict], ours: Iterator[Managed]
) -> Iterator[str]:
    """Reports policies of an adopted server that are not this stack's: they would go on giving
    tokens to others."""
    names = {managed.name for managed in ours if managed.type == POLICY}
    for server in (
        conflict.id for conflict in conflicts if conflict.object.type == SERVER
    ):
        for policy in rows(org, f"/authorizationServers/{server}/policies"):
            if policy["name"] not in names:
                yield (
                    f"policy '{policy['name']}' ({policy['id']}) of authorization server {server} "
                    "is not this stack's, and would go on issuing tokens for its APIs; remove it "
                    "before the server is adopted"
                )
