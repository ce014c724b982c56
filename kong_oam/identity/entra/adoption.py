"""Finds what a tenant has under names of ours and the state does not know: how to adopt it, and what has to go first.

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
from kong_oam.http.management import Row
from kong_oam.identity.common.adoption import Adoption, Conflict, Managed
from kong_oam.identity.common.looked_up import Ids
from kong_oam.identity.entra import assignments as wanted
from kong_oam.identity.entra.api import Graph
from kong_oam.identity.entra.assignments import ASSIGNMENT, FEDERATED, FEDERATION_NAME, GRANT, PRINCIPAL
from kong_oam.identity.entra.names import APPLICATION, MICROSOFT_GRAPH, client_name, clients

COMPONENT = "kong-oam:identity:Entra"


def name_conflicts(
    graph: Graph, settings: ProviderSettings, estate: Estate, held: Held, project: str, groups: Ids
) -> Iterator[Diagnostic]:
    """Reports what is called in the tenant as ours will be, or is of an application of ours, and how to adopt it.

    `groups` are those that roles name. Raises RefusedError.
    """
    search = _Search(graph, settings, estate, held, groups)
    adoption = Adoption(COMPONENT, project, graph.environment)
    yield from adoption.diagnostics(settings, estate, held, [*search.conflicts()], search.foreign_parts())


@dataclass(frozen=True)
class _Search:
    """Looks in a tenant for the names of one stack. It does not ask about what the state holds. Raises RefusedError.

    Applications are by the part of their logical name behind the provider's, as in kong_oam.identity.entra.assignments.
    """

    graph: Graph
    settings: ProviderSettings
    estate: Estate
    held: Held
    groups: Ids

    def conflicts(self) -> Iterator[Conflict]:
        """Finds objects of these names that the state does not know."""
        yield from self._application_conflicts()
        yield from self._principal_conflicts()
        yield from self._credential_conflicts()
        yield from self._assignment_conflicts()
        yield from self._grant_conflicts()

    def foreign_parts(self) -> Iterator[str]:
        """Reports what is foreign in applications that are to be adopted."""
        for key, app in self._apps.items():
            if self._is_new(APPLICATION, key):
                parts = (*self._foreign_in_application(key, app), *self._foreign_in_principal(key))
                for part in dict.fromkeys(parts):
                    yield (
                        f"application '{self._names[key]}': {part}; that is not this stack's. Remove it before the "
                        "application is adopted"
                    )

    def _application_conflicts(self) -> Iterator[Conflict]:
        for key, rows in self._rows_of_name.items():
            for row in rows if self._is_new(APPLICATION, key) else ():
                created = f"made {row['createdDateTime']}" if row.get("createdDateTime") else ""
                yield self._conflict(APPLICATION, key, row["displayName"], f"/applications/{row['id']}", created)

    def _principal_conflicts(self) -> Iterator[Conflict]:
        for key, row in self._principals.items():
            logical = f"principal-{key}"
            if self._is_new(PRINCIPAL, logical):
                yield self._conflict(PRINCIPAL, logical, self._names[key], f"/servicePrincipals/{row['id']}")

    def _credential_conflicts(self) -> Iterator[Conflict]:
        """Finds trust in the cluster, by name: its resource sets issuer, subject and audience right."""
        for key, row in self._federated.items():
            identifier = f"{self._apps[key]['id']}/federatedIdentityCredential/{row['id']}"
            name = f"{row['name']} of {self._names[key]}"
            yield self._conflict(FEDERATED, key.replace("app-", "federation-", 1), name, identifier)

    def _assignment_conflicts(self) -> Iterator[Conflict]:
        for logical, row in self._assigned.items():
            if (ASSIGNMENT, logical) not in self.held:
                name = f"{row.get('principalDisplayName')} at {row.get('resourceDisplayName')}"
                path = f"/servicePrincipals/{row['resourceId']}/appRoleAssignedTo/{row['id']}"
                yield Conflict(Managed(ASSIGNMENT, logical, name), path)

    def _grant_conflicts(self) -> Iterator[Conflict]:
        for logical, row in self._consented.items():
            if (GRANT, logical) not in self.held:
                yield Conflict(
                    Managed(GRANT, logical, row.get("scope", "").strip()), f"/oauth2PermissionGrants/{row['id']}"
                )

    def _foreign_in_application(self, key: str, app: Row) -> Iterator[str]:
        path = f"/applications/{app['id']}"
        yield from self._owners(path)
        yield from credentials_of(app)
        adopted = self._federated.get(key, {}).get("id")
        for credential in self.graph.rows(f"{path}/federatedIdentityCredentials"):
            if credential["id"] != adopted:
                yield f"federated credential '{credential['name']}' ({credential['issuer']}, {credential['subject']})"
        for client in (app.get("api") or {}).get("preAuthorizedApplications") or ():
            yield f"application {client['appId']}, which is authorized in advance"

    def _foreign_in_principal(self, key: str) -> Iterator[str]:
        if (principal := self._principals.get(key)) is None:
            return
        path = f"/servicePrincipals/{principal['id']}"
        yield from self._owners(path)
        yield from credentials_of(principal)
        ours = {row["id"] for row in self._assigned.values()}
        for row in (*self._roles_at(key), *self.graph.rows(f"{path}/appRoleAssignments")):
            if row["id"] not in ours:
                yield f"'{row.get('principalDisplayName')}' assigned to '{row.get('resourceDisplayName')}'"
        ours = {row["id"] for row in self._consented.values()}
        at_principal = self.graph.rows("/oauth2PermissionGrants", _equals("resourceId", principal))
        for row in (*self._grants_of(key), *at_principal):
            of_user = row["consentType"] != "AllPrincipals" and row["resourceId"] == self._graph_principal
            if row["id"] not in ours and not of_user:
                yield f"consent to '{row.get('scope', '').strip()}' for client {row['clientId']} ({row['consentType']})"

    def _owners(self, path: str) -> Iterator[str]:
        """Finds owners: each may add a secret at any time."""
        for owner in self.graph.rows(f"{path}/owners"):
            if owner["id"] != self.graph.caller:
                yield f"owner '{owner.get('userPrincipalName') or owner.get('displayName')}' ({owner['id']})"

    def _is_new(self, kind: str, logical: str) -> bool:
        name = f"{self.settings.name}-{logical}"
        return (kind, name) not in self.held

    def _conflict(self, kind: str, logical: str, name: str, identifier: str, about: str = "") -> Conflict:
        return Conflict(Managed(kind, f"{self.settings.name}-{logical}", name), identifier, about=about)

    # What the tenant has: asked for once, and only where something of it is not in the state

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return wanted.applications(self.settings, self.estate)

    @cached_property
    def _missing(self) -> frozenset[str]:
        """Applications of which the state does not hold something."""
        keys = {
            key for key in self._names if self._is_new(APPLICATION, key) or self._is_new(PRINCIPAL, f"principal-{key}")
        }
        for assignment in wanted.assignments(self.settings, self.estate):
            if (ASSIGNMENT, assignment.logical) not in self.held:
                keys |= {assignment.at, *((assignment.client,) if assignment.client else ())}
        for grant in wanted.grants(self.settings, self.estate):
            if (GRANT, grant.logical) not in self.held:
                keys |= {grant.client, grant.at} - {MICROSOFT_GRAPH}
        return frozenset(keys | {key for key, logical in self._federations.items() if self._is_new(FEDERATED, logical)})

    @cached_property
    def _federations(self) -> Mapping[str, str]:
        """By client that its cluster's tokens prove, the credential's logical name behind the provider's."""
        if not self.settings.cluster_issuer:
            return {}
        keyed = (client for client in clients(self.settings, self.estate) if client.keyed)
        return {f"app-{client.component}": f"federation-{client.component}" for client in keyed}

    @cached_property
    def _rows_of_name(self) -> Mapping[str, list[Row]]:
        names = {key: name for key, name in self._names.items() if key in self._missing}
        found = self.graph.applications([*names.values()], client_name(self.estate.stack.name, ""))
        return {key: found[name] for key, name in names.items()}

    @cached_property
    def _apps(self) -> Mapping[str, Row]:
        """The application of each name that only one has. Of several nobody knows which is meant."""
        return {key: rows[0] for key, rows in self._rows_of_name.items() if len(rows) == 1}

    @cached_property
    def _principals(self) -> Mapping[str, Row]:
        found = self.graph.principals(str(app["appId"]) for app in self._apps.values())
        return {key: found[app["appId"]] for key, app in self._apps.items() if app["appId"] in found}

    @cached_property
    def _federated(self) -> Mapping[str, Row]:
        by_client = {}
        for key, logical in self._federations.items():
            if key in self._apps and self._is_new(FEDERATED, logical):
                for row in self.graph.rows(f"/applications/{self._apps[key]['id']}/federatedIdentityCredentials"):
                    if row["name"] == FEDERATION_NAME:
                        by_client[key] = row
        return by_client

    @cached_property
    def _assigned(self) -> Mapping[str, Row]:
        """The role assignments that are ours, by their logical names. What is not there yet holds none."""
        by_logical = {}
        for assignment in wanted.assignments(self.settings, self.estate):
            client = self._principals.get(assignment.client or "", {}).get("id")
            holders = self.groups[assignment.group] if assignment.group else [client] if client else []
            for row in self._roles_at(assignment.at) if holders and assignment.at in self._principals else ():
                if row["appRoleId"] == assignment.role and row["principalId"] in holders:
                    by_logical[assignment.logical] = row
        return by_logical

    @cached_property
    def _consented(self) -> Mapping[str, Row]:
        """The grants of consent that are ours, by their logical names."""
        by_logical = {}
        for grant in wanted.grants(self.settings, self.estate):
            if grant.client not in self._principals:
                continue
            graph = grant.at == MICROSOFT_GRAPH
            resource = self._graph_principal if graph else self._principals.get(grant.at, {}).get("id")
            for row in self._grants_of(grant.client) if resource else ():
                if row["resourceId"] == resource and row["consentType"] == "AllPrincipals":
                    by_logical[grant.logical] = row
        return by_logical

    @cached_property
    def _graph_principal(self) -> str | None:
        """The id of Microsoft Graph's service principal."""
        row = self.graph.principal(MICROSOFT_GRAPH)
        return str(row["id"]) if row else None

    @cached_property
    def _lists(self) -> dict[str, list[Row]]:
        return {}

    def _roles_at(self, key: str) -> list[Row]:
        return self._rows_once(f"/servicePrincipals/{self._principals[key]['id']}/appRoleAssignedTo")

    def _grants_of(self, key: str) -> list[Row]:
        if key not in self._principals:
            return []
        return self._rows_once("/oauth2PermissionGrants", _equals("clientId", self._principals[key]))

    def _rows_once(self, path: str, condition: str | None = None) -> list[Row]:
        query = f"{path}?{condition}"
        if query not in self._lists:
            self._lists[query] = list(self.graph.rows(path, condition))
        return self._lists[query]


def _equals(name: str, principal: Row) -> str:
    return f"{name} eq '{principal['id']}'"


def credentials_of(row: Row) -> Iterator[str]:
    """Names the secrets and certificates of an application, or of its service principal. Their makers may have them."""
    for kind, field in (("secret", "passwordCredentials"), ("certificate", "keyCredentials")):
        yield from (f"{kind} '{key.get('displayName')}' ({key['keyId']})" for key in row.get(field) or ())
