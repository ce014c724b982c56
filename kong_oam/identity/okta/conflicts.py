"""Finds existing objects at Okta with our names that the state does not know: adopted or left,
never duplicated.

An app's label need not be unique at Okta, so a second app would be made in silence. Creating any
other object of the same name, or an app of the same client id, would fail half-way. Sources: Okta's
management API; the ids that the provider's resources are imported by.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import httpx

from kong_oam.access.data import JsonFields, Names
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.engine.state import RecordedNames
from kong_oam.http.management import FEW, Row
from kong_oam.identity.common.conflicts import (
    Conflict,
    Managed,
    conflict_finding,
    stack_at,
)
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
    objects,
    server_name,
)
from kong_oam.identity.okta.origins import adoption_refusal, existing_origins

COMPONENT = "kong-oam:identity:Okta"

_NAME = "oidc_client"  # of every app that the program makes
_IN_SERVER = (SCOPE, CLAIM, POLICY, RULE)


@dataclass(frozen=True, slots=True)
class _Org:
    """Reads the objects of an org with the names of one stack, only as needed. Raises
    ManagementApiError."""

    client: httpx.Client
    # Objects that the state does not know, by type.
    missing: Mapping[str, list[Managed]]

    def conflicts(self, stack: str) -> Iterator[Conflict]:
        yield from self._apps()
        if any(self.missing.get(kind) for kind in (SERVER, *_IN_SERVER)):
            name = server_name(stack)
            for server in self._named("/authorizationServers", [name]):
                for managed in self._missing(SERVER).values():
                    yield Conflict(managed, server["id"])
                yield from self._in_server(server["id"])

    def _apps(self) -> Iterator[Conflict]:
        by_label = self._missing(APP)
        query = {"includeNonDeleted": "true"}
        if len(by_label) > FEW:
            query["filter"] = f'name eq "{_NAME}"'
        for app in self._named("/apps", by_label, "label", **query):
            managed = by_label.get(app["label"])
            if managed and app["name"] == _NAME:
                yield Conflict(managed, app["id"])
                yield from self._assignments(managed, app["id"])

    def _missing(self, kind: str) -> dict[str, Managed]:
        """Return the objects of a type that the state does not know, by their names."""
        return {managed.name: managed for managed in self.missing.get(kind, ())}

    def _named(
        self,
        path: str,
        names: Collection[str],
        field: str = "name",
        **query: str,
    ) -> Iterator[Row]:
        """Yield at least the objects of these names. Many names are looked up in the full list."""
        if len(names) > FEW:
            yield from rows(self.client, path, **query)
            return
        for name in names:
            for row in rows(self.client, path, q=name, **query):
                if row[field] == name:
                    yield row

    def _assignments(self, app: Managed, identifier: str) -> Iterator[Conflict]:
        """Find an app's groups: they are one resource, which removes foreign groups."""
        managed = self._missing(ASSIGNMENTS).get(app.name)
        if managed and list(rows(self.client, f"/apps/{identifier}/groups")):
            yield Conflict(managed, identifier)

    def _in_server(self, server: str) -> Iterator[Conflict]:
        place = f"/authorizationServers/{server}"
        scopes = self._missing(SCOPE)
        # Okta has pages, and search by name, only for scopes.
        for row in self._named(f"{place}/scopes", scopes):
            managed = scopes.get(row["name"])
            if managed:
                yield Conflict(managed, f"{server}/{row['id']}")
        for name, managed in self._missing(CLAIM).items():
            for row in rows(self.client, f"{place}/claims"):
                # A claim of ID tokens may have the name as well.
                is_resource = row.get("claimType", "RESOURCE") == "RESOURCE"
                if row["name"] == name and is_resource:
                    yield Conflict(managed, f"{server}/{row['id']}")
        yield from self._policies(server, f"{place}/policies")

    def _policies(self, server: str, path: str) -> Iterator[Conflict]:
        policies = self._missing(POLICY)
        rules = self._missing(RULE)
        if not policies and not rules:
            return
        for row in rows(self.client, path):
            name = row["name"]
            policy = f"{server}/{row['id']}"
            if name in policies:
                yield Conflict(policies[name], policy)
            # A policy's rule has the policy's name.
            if name in rules:
                for rule in rows(self.client, f"{path}/{row['id']}/rules"):
                    if rule["name"] == name:
                        yield Conflict(rules[name], f"{policy}/{rule['id']}")


def name_conflicts(
    org: httpx.Client,
    settings: ProviderSettings,
    estate: Estate,
    held: RecordedNames,
    project: str,
) -> Findings:
    """Report objects at Okta with our future names, and how to adopt them. Raises
    ManagementApiError.

    It skips objects in the state: these are this stack's.
    """
    missing = defaultdict(list)
    for managed in objects(settings, estate):
        if (managed.type, managed.logical) not in held:
            missing[managed.type].append(managed)
    conflicts = list(_Org(org, missing).conflicts(estate.stack.name))
    for origin in existing_origins(org, missing.get(ORIGIN, ())):
        refusal = adoption_refusal(origin, settings, estate)
        if refusal:
            yield refusal
        else:
            conflicts.append(
                Conflict(origin.object, origin.id, about=str(origin))
            )
    if conflicts:
        foreign = [
            *_foreign_policies(org, conflicts, objects(settings, estate))
        ]
        advice = _advice(settings, estate, held, project, conflicts, foreign)
        yield conflict_finding(settings, estate, conflicts, advice)
        for finding in foreign:
            yield Diagnostic("ENV404", finding)


def _advice(
    settings: ProviderSettings,
    estate: Estate,
    held: RecordedNames,
    project: str,
    conflicts: Sequence[Conflict],
    foreign: Sequence[str],
) -> Names:
    """Describe how to adopt them. There is no command while a foreign object has to go first."""
    for managed, count in Counter(
        conflict.object for conflict in conflicts
    ).items():
        if count > 1:
            return (
                f"Several objects are named '{managed.name}': rename or remove all except this "
                "stack's.",
            )
    if foreign:
        return (
            "They cannot be adopted with the parts that ENV404 lists: remove these first, or "
            "have the objects renamed.",
        )
    return (
        "If they are this stack's for another reason, look at each, adopt them, and run it again:",
        f"  {_command(settings, stack_at(estate), held, project, conflicts)}",
        "If they belong to others, have them renamed.",
    )


def _command(
    settings: ProviderSettings,
    stack: str,
    held: RecordedNames,
    project: str,
    conflicts: Sequence[Conflict],
) -> str:
    """Return the command that adopts them into the state unchanged; the next `up` changes them to
    the intended form.

    Source: the file format of `pulumi import`.
    """
    name = settings.name
    resources: list[JsonFields] = []
    file: JsonFields = {"resources": resources}
    if (COMPONENT, name) in held:
        urn = f"urn:pulumi:{stack}::{project}::{COMPONENT}::{name}"
        file["nameTable"] = {name: urn}
    else:
        resources.append({"type": COMPONENT, "name": name, "component": True})
    for conflict in conflicts:
        managed = conflict.object
        entry = {
            "type": managed.type,
            "name": managed.logical,
            "id": conflict.id,
        }
        resources.append({**entry, "parent": name})
    flags = f"--stack {stack} --yes --protect=false --generate-code=false --file /dev/stdin"
    return f"echo {shlex.quote(json.dumps(file))} | pulumi import {flags}"


def _foreign_policies(
    org: httpx.Client, conflicts: list[Conflict], ours: Iterator[Managed]
) -> Iterator[str]:
    """Report policies of an adopted server that are not this stack's: they would still give tokens
    to others."""
    names = {managed.name for managed in ours if managed.type == POLICY}
    for conflict in conflicts:
        if conflict.object.type != SERVER:
            continue
        server = conflict.id
        for policy in rows(org, f"/authorizationServers/{server}/policies"):
            if policy["name"] not in names:
                yield (
                    f"policy '{policy['name']}' ({policy['id']}) of authorization server "
                    f"{server} is not this stack's. It would still issue tokens for the stack's "
                    "APIs. Remove it, then adopt the server"
                )
