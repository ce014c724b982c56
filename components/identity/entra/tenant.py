"""Provisions Microsoft Entra ID in an existing tenant: an application per API and per client, and
the clients' grants.

A token is for one API: its audience is the client id of that API's application, which Entra makes
up. A declared scope exists twice. As a delegated permission it is in `scp` of users' tokens. As a
role for applications it is in `roles` of services' tokens, behind a prefix. A group that roles name
is a role for users, assigned to this group; users' tokens list it in `roles`, too. This avoids
Entra's limit: beyond 200 groups a token lists none. A component without scopes is no API: it
accepts any token for another API (`Estate.apis_at`).

By default Entra gives anybody a token for anything. So every application here requires an
assignment: callers without an assignment get no token. Services are assigned the roles of their
scopes. Users are assigned to clients through their groups. Consent covers exactly the scopes of the
client's grants, and sign-in. Where an assignment is required, users cannot consent: Entra denies
the rest.

Sources: Microsoft Graph (application, servicePrincipal, appRoleAssignment, oAuth2PermissionGrant),
the identity platform's access tokens and optional claims, and the official plugin's requests for
each resource. Every property that matters is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypedDict

import pulumi_azuread as azuread
import pulumiverse_time as time
from pulumi import (
    ComponentResource,
    Input,
    InvokeOutputOptions,
    Output,
    Resource,
    ResourceOptions,
)
from pulumi_azuread import (
    ApplicationApiArgs,
    ApplicationApiOauth2PermissionScopeArgs,
    ApplicationAppRoleArgs,
    ApplicationOptionalClaimsAccessTokenArgs,
    ApplicationOptionalClaimsArgs,
    ApplicationPublicClientArgs,
    ApplicationRequiredResourceAccessArgs,
    ApplicationRequiredResourceAccessResourceAccessArgs,
    ApplicationSinglePageApplicationArgs,
    ApplicationWebArgs,
    ApplicationWebImplicitGrantArgs,
    AppRoleAssignment,
    ServicePrincipal,
    ServicePrincipalDelegatedPermissionGrant,
    get_service_principal_output,
)

from kong_oam.access.discovery import resource_urls
from kong_oam.access.model import Client, Component
from kong_oam.identity.common.parts import (
    account_name,
    all_clients_at,
    clients_at,
    groups_of,
)
from kong_oam.identity.entra import api
from kong_oam.identity.entra.assignments import (
    Assignment,
    assignments,
    consent,
    distinct,
    granted_scopes,
)
from kong_oam.identity.entra.description import SPELLING
from kong_oam.identity.entra.names import (
    MICROSOFT_GRAPH,
    Tenant,
    api_name,
    api_resource,
    apis,
    client_name,
    client_resource,
    role_id,
    role_of,
    scope_id,
    tenant_in,
)
from kong_oam.oam.position import JsonObject

from ...graph import Predecessors
from ...records import Record
from ...settings import configuration
from ..issuer import ClientCredentials, Issuer, IssuerArgs, existing
from .credentials import Credentials

# Seconds until all of Entra knows a new role of an application, so that it can be assigned.
_ROLE_DELAY = 20.0


def provision(args: IssuerArgs) -> Issuer:
    return Entra(args.settings.name, args).issuer


@dataclass(frozen=True, slots=True)
class _Application:
    """An application: its client id, and the object id of its service principal. `before` comes
    before a role there is assigned or consented to."""

    client_id: Output[str]
    principal: Output[str]
    before: Predecessors = ()


@dataclass(frozen=True, slots=True)
class _Tenant:
    """The parts of the tenant that clients need.

    `apis` are by component, `groups` ids by the provider's names. `graph` is Microsoft Graph's
    service principal, for clients that sign users in.
    """

    apis: Mapping[str, _Application]
    groups: Mapping[str, Input[str]]
    graph: Output[str] | None


class Entra(ComponentResource):
    """The APIs of one stack in a tenant, with their service principals. Clients lie under their
    components, with assignments and consents."""

    def __init__(
        self,
        name: str,
        args: IssuerArgs,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("kong-oam:identity:Entra", name, None, opts)
        self._args = args
        self._prefix = name
        self._stack = args.estate.stack.name
        self._model = args.estate.stack.providers[name]
        self._directory = _account(name, tenant_in(args.settings), self)
        self._credentials = Credentials(args, self._of)
        base = args.base
        self._tenant = self._of_stack() if base is None else self._of_base(base)
        audiences = {}
        requests = {}
        for key, application in self._tenant.apis.items():
            audiences[key] = application.client_id
            requests[key] = Output.concat(application.client_id, "/.default")
        self.issuer: Final = existing(
            args,
            self._clients(),
            shared=self._shared(),
            audiences=audiences,
            requests=requests,
        )
        self.register_outputs({"issuer": args.settings.issuer})

    def _of_stack(self) -> _Tenant:
        """Make the applications of APIs, and look up the groups with assignments."""
        settings = self._args.settings
        estate = self._args.estate
        applications = {}
        for key, component in apis(settings, estate, offered=True).items():
            application = self._api(component)
            principal = self._principal(f"api-{key}", application, self._of())
            settled = self._settle(component, [application, principal])
            applications[key] = _Application(
                application.client_id, principal.object_id, [settled]
            )
        groups = {
            name: self._args.groups[name] for name in self._assigned_groups()
        }
        clients = all_clients_at(settings, estate)
        signs_in = any(client.user_facing for client in clients)
        graph = self._microsoft_graph() if signs_in else None
        return _Tenant(applications, groups, graph)

    def _of_base(self, base: Record) -> _Tenant:
        """Read the objects that the base of the estate made and looked up."""
        applications = {}
        for key in apis(self._args.settings, self._args.estate):
            applications[key] = _Application(
                base.value("apis", key, "clientId"),
                base.value("apis", key, "principal"),
            )
        groups = {
            name: base.value("groups", name) for name in self._assigned_groups()
        }
        return _Tenant(applications, groups, base.value("graph"))

    def _assigned_groups(self) -> set[str]:
        """Return the groups with assignments, by the provider's names."""
        made = assignments(self._args.settings, self._args.estate)
        return {assignment.group for assignment in made if assignment.group}

    def _clients(self) -> ClientCredentials:
        """Make the resources under components, and all assignments. Return the credentials by
        component."""
        settings = self._args.settings
        estate = self._args.estate
        credentials = {}
        applications = {
            f"api-{key}": api for key, api in self._tenant.apis.items()
        }
        for client in clients_at(settings, estate):
            key = client.component
            app = self._client(client)
            principal = self._principal(f"app-{key}", app, self._of(key))
            applications[f"app-{key}"] = _Application(
                app.client_id, principal.object_id, [app]
            )
            if client.user_facing:
                self._sign_in(client, principal)
                for api, scopes in granted_scopes(client).items():
                    self._consent(client, api, scopes, principal)
            credentials[key] = self._credentials.of(client, app)
        for assignment in assignments(settings, estate):
            self._assign(assignment, applications)
        return credentials

    def _shared(self) -> JsonObject:
        """Return the values that partitions of the estate need, for `_of_base`."""
        tenant = self._tenant
        ids = {
            key: {"clientId": api.client_id, "principal": api.principal}
            for key, api in tenant.apis.items()
        }
        graph = {} if tenant.graph is None else {"graph": tenant.graph}
        return {"apis": ids, "groups": dict(tenant.groups), **graph}

    def _microsoft_graph(self) -> Output[str]:
        """Look up the object id of Microsoft Graph's service principal, which every tenant has: it
        is never made."""
        lookup = InvokeOutputOptions(parent=self, provider=self._directory)
        return get_service_principal_output(
            client_id=MICROSOFT_GRAPH, opts=lookup
        ).object_id

    def _api(self, component: Component) -> azuread.Application:
        """Make the application of a component's API, with all scopes and roles that may be granted
        there."""
        # Otherwise Entra rejects a sign-in with the endpoint's URL as `resource` (AADSTS9010010).
        scheme = self._args.estate.stack.scheme
        urls = component.identity.resources or resource_urls(component, scheme)
        return azuread.Application(
            api_resource(self._prefix, component.key),
            display_name=api_name(self._stack, component.key),
            description=f"Kong-OAM, stack {self._stack}",
            sign_in_audience="AzureADMyOrg",
            identifier_uris=list(urls) or None,
            api=ApplicationApiArgs(
                # Tokens of version 1 spell their claims differently.
                requested_access_token_version=2,
                oauth2_permission_scopes=[
                    self._permission(component, scope, description)
                    for scope, description in sorted(
                        component.identity.scopes.items()
                    )
                ],
            ),
            app_roles=self._app_roles(component),
            optional_claims=ApplicationOptionalClaimsArgs(
                access_tokens=[
                    ApplicationOptionalClaimsAccessTokenArgs(name=SPELLING.own)
                ]
            ),
            # Tokens list groups as roles: of the groups themselves Entra lists 200 at most.
            group_membership_claims=[],
            fallback_public_client_enabled=False,
            opts=self._of(),
        )

    def _permission(
        self, component: Component, scope: str, description: str
    ) -> ApplicationApiOauth2PermissionScopeArgs:
        return ApplicationApiOauth2PermissionScopeArgs(
            id=scope_id(self._stack, component.key, scope),
            value=scope,
            type="Admin",  # only an administrator, this program, gives consent
            admin_consent_display_name=scope,
            admin_consent_description=description,
            enabled=True,
        )

    def _app_roles(self, component: Component) -> list[ApplicationAppRoleArgs]:
        """List the roles: for services one per scope, for users one per group that roles name."""
        roles = []
        for scope, description in sorted(component.identity.scopes.items()):
            value = role_of(scope)
            roles.append(
                self._role(component, value, scope, description, "Application")
            )
        about = "Is in the group"
        for group in self._groups_of(component):
            value = self._model.listed(group)
            name = self._model.group(group)
            roles.append(self._role(component, value, name, about, "User"))
        return roles

    def _role(
        self,
        component: Component,
        value: str,
        name: str,
        description: str,
        member: str,
    ) -> ApplicationAppRoleArgs:
        return ApplicationAppRoleArgs(
            id=role_id(self._stack, component.key, value),
            value=value,
            display_name=name,
            description=description,
            allowed_member_types=[member],
            enabled=True,
        )

    def _of(
        self, client: str | None = None, before: Predecessors = ()
    ) -> ResourceOptions:
        """Return the options of a resource: a client's, by its component, or the tenant's."""
        return ResourceOptions(
            parent=self._args.homes[client] if client else self,
            provider=self._directory,
            depends_on=before or None,
        )

    def _principal(
        self,
        logical: str,
        app: azuread.Application,
        options: ResourceOptions,
    ) -> ServicePrincipal:
        """Make a service principal. It requires an assignment: other callers get no token for the
        application."""
        return ServicePrincipal(
            f"{self._prefix}-principal-{logical}",
            client_id=app.client_id,
            account_enabled=True,
            # By default Entra gives anybody a token for an application.
            app_role_assignment_required=True,
            opts=options,
        )

    def _settle(self, component: Component, before: Predecessors) -> time.Sleep:
        """Make the pause between an API's roles and their assignments, anew with each set of their
        ids.

        Not all of Entra knows a new role at once, and the official plugin does not retry "not found
        on application". Other changes do not wait.
        """
        seconds = self._args.settings.settle_seconds
        key = component.key
        roles = {*map(self._model.listed, self._groups_of(component))}
        ids = {}
        for scope in component.identity.scopes:
            ids[f"scope {scope}"] = scope_id(self._stack, key, scope)
            roles.add(role_of(scope))
        for value in roles:
            ids[f"role {value}"] = role_id(self._stack, key, value)
        return time.Sleep(
            f"{self._prefix}-settle-{key}",
            create_duration=f"{_ROLE_DELAY if seconds is None else seconds:g}s",
            triggers=ids,
            opts=ResourceOptions(parent=self, depends_on=list(before)),
        )

    def _assign(
        self, assignment: Assignment, applications: Mapping[str, _Application]
    ) -> None:
        """Assign a role at an application, once the role is known there."""
        at = applications[assignment.at]
        if assignment.group:
            holder = self._tenant.groups[assignment.group]
        else:
            holder = applications[assignment.client or ""].principal
        AppRoleAssignment(
            assignment.logical,
            app_role_id=assignment.role,
            principal_object_id=holder,
            resource_object_id=at.principal,
            opts=self._of(assignment.component, at.before),
        )

    def _groups_of(self, component: Component) -> list[str]:
        """List the logical groups that roles of a component name."""
        return distinct(self._model, groups_of(component))

    def _client(self, client: Client) -> azuread.Application:
        return azuread.Application(
            client_resource(self._prefix, client.component)[1],
            display_name=client_name(self._stack, client.component),
            description=f"Kong-OAM, stack {self._stack}",
            sign_in_audience="AzureADMyOrg",
            api=ApplicationApiArgs(requested_access_token_version=2),
            required_resource_accesses=[
                self._access(client, api, scopes)
                for api, scopes in granted_scopes(client).items()
            ],
            fallback_public_client_enabled=False,
            opts=self._of(client.component),
            **_redirects(client),
        )

    def _access(
        self, client: Client, api: str, scopes: list[str]
    ) -> ApplicationRequiredResourceAccessArgs:
        """List the scopes that the client requests, for administrators. It grants nothing."""
        if client.user_facing:
            kind = "Scope"
            ids = [scope_id(self._stack, api, scope) for scope in scopes]
        else:
            roles = map(role_of, scopes)
            kind = "Role"
            ids = [role_id(self._stack, api, role) for role in roles]
        accesses = [
            ApplicationRequiredResourceAccessResourceAccessArgs(
                id=identifier, type=kind
            )
            for identifier in ids
        ]
        return ApplicationRequiredResourceAccessArgs(
            resource_app_id=self._tenant.apis[api].client_id,
            resource_accesses=accesses,
        )

    def _sign_in(self, client: Client, principal: ServicePrincipal) -> None:
        """Consent to the scopes that Microsoft's libraries request in every sign-in: the user's
        identity, and a refresh token.

        The refresh token needs consent only if the client is to have it. A page in the browser gets
        it without consent.
        """
        graph = self._tenant.graph
        assert graph is not None, (
            "it is looked up where a client signs users in"
        )
        renews = client.refresh or client.kind == "browser"
        ServicePrincipalDelegatedPermissionGrant(
            f"{self._prefix}-consent-{client.component}",
            service_principal_object_id=principal.object_id,
            resource_service_principal_object_id=graph,
            claim_values=[
                *(["offline_access"] if renews else []),
                "openid",
                "profile",
            ],
            opts=self._of(client.component),
        )

    def _consent(
        self,
        client: Client,
        api: str,
        scopes: list[str],
        principal: ServicePrincipal,
    ) -> None:
        """Consent to the scopes of one API for all users; a service is assigned them as roles."""
        at = self._tenant.apis[api]
        ServicePrincipalDelegatedPermissionGrant(
            consent(self._prefix, client.component, api),
            service_principal_object_id=principal.object_id,
            resource_service_principal_object_id=at.principal,
            claim_values=scopes,
            opts=self._of(client.component, at.before),
        )


class _Redirects(TypedDict):
    web: ApplicationWebArgs
    single_page_application: ApplicationSinglePageApplicationArgs
    public_client: ApplicationPublicClientArgs


def _redirects(client: Client) -> _Redirects:
    """Return redirects by platform. The platform decides how the client authenticates: a page in
    the browser does not."""
    uris: dict[str, list[str]] = {"web": [], "browser": [], "native": []}
    if client.kind in uris:
        uris[client.kind] += client.redirect_uris
    no_implicit = ApplicationWebImplicitGrantArgs(
        access_token_issuance_enabled=False, id_token_issuance_enabled=False
    )
    return {
        "web": ApplicationWebArgs(
            redirect_uris=uris["web"], implicit_grant=no_implicit
        ),
        "single_page_application": ApplicationSinglePageApplicationArgs(
            redirect_uris=uris["browser"]
        ),
        "public_client": ApplicationPublicClientArgs(
            redirect_uris=uris["native"]
        ),
    }


def _account(name: str, tenant: Tenant, parent: Resource) -> azuread.Provider:
    """Make the provider of the tenant and its administrator, whose credential is a Pulumi secret
    from here on."""
    account = api.account(tenant, configuration())
    is_cloud = account.host in api.CLOUDS
    return azuread.Provider(
        account_name(name),
        tenant_id=tenant.id,
        client_id=account.client,
        client_secret=Output.secret(account.secret) if account.secret else None,
        oidc_token=Output.secret(account.token) if account.token else None,
        use_oidc=bool(account.token),
        use_cli=False,
        use_msi=False,
        environment=api.CLOUDS[account.host][0] if is_cloud else None,
        metadata_host=None if is_cloud else account.host,
        opts=ResourceOptions(
            parent=parent,
            additional_secret_outputs=["clientSecret", "oidcToken"],
        ),
    )
