"""What a tenant has under names of ours and the state does not know: how it is adopted, and what has to go first.

Names of applications are not unique in a tenant, and any of its users may be allowed to register one: a second one
would be made in silence, and whoever owns the first, or has a secret of it, would be a client of ours.

What our resources set right (redirects, audiences, roles, permissions, addresses) is no obstacle. All else is: owners,
credentials of any kind, who is assigned or consented to what.

Sources: Microsoft Graph (application, servicePrincipal, appRoleAssignment, oAuth2PermissionGrant,
federatedIdentityCredential), and the ids that the provider's resources are imported by: a password has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import Held
from kong_oam.identity.common.adoption import Adoption, Conflict, Managed
from kong_oam.identity.common.management import Row
from kong_oam.identity.entra import assignments as wanted
from kong_oam.identity.entra.api import Graph
from kong_oam.identity.entra.assignments import ASSIGNMENT, FEDERATED, FEDERATION_NAME, GRANT, PRINCIPAL
from kong_oam.identity.entra.names import APPLICATION, MICROSOFT_GRAPH, clients

COMPONENT = "kong-oam:identity:Entra"


def name_conflicts(
    graph: Graph, settings: ProviderSettings, estate: Estate, held: Held, project: str
) -> Iterator[Diagnostic]:
    """What is called in the tenant as ours will be, or is of an application of ours, and how to adopt it.

    Raises RefusedError.
    """
    look = _Look(graph, settings, estate, held)
    found = [*look.applications(), *look.principals(), *look.credentials(), *look.assignments(), *look.grants()]
    yield from Adoption(COMPONENT, project, graph.environment).diagnostics(
        settings, estate, held, found, look.foreign()
    )


@dataclass(frozen=True)
class _Look:
    """At what one tenant has of one stack's names. Raises RefusedError. What the state holds is not asked about.

    Applications are by the part of their logical name behind the provider's, as in kong_oam.identity.entra.assignments.
    """

    graph: Graph
    settings: ProviderSettings
    estate: Estate
    held: Held

    def applications(self) -> Iterator[Conflict]:
        for key, rows in self._named.items():
            for row in rows if self._new(APPLICATION, key) else ():
                made = f"made {row['createdDateTime']}" if row.get("createdDateTime") else ""
                yield self._taken(APPLICATION, key, row["displayName"], f"/applications/{row['id']}", made)

    def principals(self) -> Iterator[Conflict]:
        for key, row in self._principals.items():
            logical = f"principal-{key}"
            if self._new(PRINCIPAL, logical):
                yield self._taken(PRINCIPAL, logical, self._names[key], f"/servicePrincipals/{row['id']}")

    def credentials(self) -> Iterator[Conflict]:
        """Trust in the cluster, by name: its resource sets issuer, subject and audience right."""
        for key, row in self._federated.items():
            where = f"{self._apps[key]['id']}/federatedIdentityCredential/{row['id']}"
            name = f"{row['name']} of {self._names[key]}"
            yield self._taken(FEDERATED, key.replace("app-", "federation-", 1), name, where)

    def assignments(self) -> Iterator[Conflict]:
        for logical, row in self._assigned.items():
            if (ASSIGNMENT, logical) not in self.held:
                name = f"{row.get('principalDisplayName')} at {row.get('resourceDisplayName')}"
                path = f"/servicePrincipals/{row['resourceId']}/appRoleAssignedTo/{row['id']}"
                yield Conflict(Managed(ASSIGNMENT, logical, name), path)

    def grants(self) -> Iterator[Conflict]:
        for logical, row in self._consented.items():
            if (GRANT, logical) not in self.held:
                yield Conflict(
                    Managed(GRANT, logical, row.get("scope", "").strip()), f"/oauth2PermissionGrants/{row['id']}"
                )

    def foreign(self) -> Iterator[str]:
        """What is foreign in applications that are to be adopted."""
        for key, app in self._apps.items():
            if self._new(APPLICATION, key):
                found = (*self._in_application(key, app), *self._in_principal(key))
                for stray in dict.fromkeys(found):
                    yield (
                        f"application '{self._names[key]}': {stray}; that is not this stack's. Remove it before the "
                        "application is adopted"
                    )

    def _in_application(self, key: str, app: Row) -> Iterator[str]:
        path = f"/applications/{app['id']}"
        yield from self._owners(path)
        yield from credentials_of(app)
        taken = self._federated.get(key, {}).get("id")
        for one in self.graph.rows(f"{path}/federatedIdentityCredentials"):
            if one["id"] != taken:
                yield f"federated credential '{one['name']}' ({one['issuer']}, {one['subject']})"
        for one in (app.get("api") or {}).get("preAuthorizedApplications") or ():
            yield f"application {one['appId']}, which is authorized in advance"

    def _in_principal(self, key: str) -> Iterator[str]:
        if (principal := self._principals.get(key)) is None:
            return
        path = f"/servicePrincipals/{principal['id']}"
        yield from self._owners(path)
        yield from credentials_of(principal)
        ours = {row["id"] for row in self._assigned.values()}
        for one in (*self._roles_at(key), *self.graph.rows(f"{path}/appRoleAssignments")):
            if one["id"] not in ours:
                yield f"'{one.get('principalDisplayName')}' assigned to '{one.get('resourceDisplayName')}'"
        ours = {row["id"] for row in self._consented.values()}
        for one in (*self._grants_of(key), *self.graph.rows("/oauth2PermissionGrants", _is("resourceId", principal))):
            of_user = one["consentType"] != "AllPrincipals" and one["resourceId"] == self._graphs_own
            if one["id"] not in ours and not of_user:
                yield f"consent to '{one.get('scope', '').strip()}' for client {one['clientId']} ({one['consentType']})"

    def _owners(self, path: str) -> Iterator[str]:
        """Whoever owns it may add a secret at any time."""
        for one in self.graph.rows(f"{path}/owners"):
            if one["id"] != self.graph.caller:
                yield f"owner '{one.get('userPrincipalName') or one.get('displayName')}' ({one['id']})"

    def _new(self, kind: str, logical: str) -> bool:
        name = f"{self.settings.name}-{logical}"
        return (kind, name) not in self.held

    def _taken(self, kind: str, logical: str, name: str, identifier: str, about: str = "") -> Conflict:
        return Conflict(Managed(kind, f"{self.settings.name}-{logical}", name), identifier, about=about)

    # What is there, asked for once and only where something of it is not in the state

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return wanted.applications(self.settings, self.estate)

    @cached_property
    def _missing(self) -> frozenset[str]:
        """Applications of which the state does not hold something."""
        found = {key for key in self._names if self._new(APPLICATION, key) or self._new(PRINCIPAL, f"principal-{key}")}
        for one in wanted.assignments(self.settings, self.estate):
            if (ASSIGNMENT, one.logical) not in self.held:
                found |= {one.at, *((one.client,) if one.client else ())}
        for grant in wanted.grants(self.settings, self.estate):
            if (GRANT, grant.logical) not in self.held:
                found |= {grant.client, grant.at} - {MICROSOFT_GRAPH}
        return frozenset(found | {key for key in self._trusting if self._new(FEDERATED, self._trusting[key])})

    @cached_property
    def _trusting(self) -> Mapping[str, str]:
        """Clients that their cluster's tokens prove, with their credential's logical name behind the provider's."""
        if not self.settings.cluster_issuer:
            return {}
        mine = (one for one in clients(self.settings, self.estate) if one.keyed)
        return {f"app-{one.component}": f"federation-{one.component}" for one in mine}

    @cached_property
    def _named(self) -> Mapping[str, list[Row]]:
        return {key: self.graph.applications(name) for key, name in self._names.items() if key in self._missing}

    @cached_property
    def _apps(self) -> Mapping[str, Row]:
        """Where there is one of the name. Of several nobody knows which is meant."""
        return {key: rows[0] for key, rows in self._named.items() if len(rows) == 1}

    @cached_property
    def _principals(self) -> Mapping[str, Row]:
        found = {key: self.graph.principal(app["appId"]) for key, app in self._apps.items()}
        return {key: row for key, row in found.items() if row}

    @cached_property
    def _federated(self) -> Mapping[str, Row]:
        found = {}
        for key, logical in self._trusting.items():
            if key in self._apps and self._new(FEDERATED, logical):
                for one in self.graph.rows(f"/applications/{self._apps[key]['id']}/federatedIdentityCredentials"):
                    if one["name"] == FEDERATION_NAME:
                        found[key] = one
        return found

    @cached_property
    def _assigned(self) -> Mapping[str, Row]:
        """By the logical name of ours that each is."""
        groups: dict[str, list[str]] = {}
        found = {}
        for one in wanted.assignments(self.settings, self.estate):
            if one.at not in self._principals:
                continue
            if one.group and one.group not in groups:
                groups[one.group] = self.graph.group_ids(one.group)
            own = self._principals.get(one.client or "", {}).get("id")
            holders = groups[one.group] if one.group else [own] if own else []
            for row in self._roles_at(one.at):
                if row["appRoleId"] == one.role and row["principalId"] in holders:
                    found[one.logical] = row
        return found

    @cached_property
    def _consented(self) -> Mapping[str, Row]:
        """By the logical name of ours that each is."""
        found = {}
        for one in wanted.grants(self.settings, self.estate):
            if one.client not in self._principals:
                continue
            graph = one.at == MICROSOFT_GRAPH
            at = self._graphs_own if graph else self._principals.get(one.at, {}).get("id")
            for row in self._grants_of(one.client) if at else ():
                if row["resourceId"] == at and row["consentType"] == "AllPrincipals":
                    found[one.logical] = row
        return found

    @cached_property
    def _graphs_own(self) -> str | None:
        """The service principal of Microsoft Graph."""
        found = self.graph.principal(MICROSOFT_GRAPH)
        return str(found["id"]) if found else None

    @cached_property
    def _seen(self) -> dict[str, list[Row]]:
        return {}

    def _roles_at(self, key: str) -> list[Row]:
        return self._once(f"/servicePrincipals/{self._principals[key]['id']}/appRoleAssignedTo")

    def _grants_of(self, key: str) -> list[Row]:
        if key not in self._principals:
            return []
        return self._once("/oauth2PermissionGrants", _is("clientId", self._principals[key]))

    def _once(self, path: str, condition: str | None = None) -> list[Row]:
        place = f"{path}?{condition}"
        if place not in self._seen:
            self._seen[place] = list(self.graph.rows(path, condition))
        return self._seen[place]


def _is(name: str, principal: Row) -> str:
    return f"{name} eq '{principal['id']}'"


def credentials_of(one: Row) -> Iterator[str]:
    """Secrets and certificates of an application, or of its service principal. Whoever made them may have them."""
    for kind, listed in (("secret", "passwordCredentials"), ("certificate", "keyCredentials")):
        yield from (f"{kind} '{key.get('displayName')}' ({key['keyId']})" for key in one.get(listed) or ())
