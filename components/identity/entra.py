"""Provisions Microsoft Entra ID: an application per API and one per client in a tenant that exists,
and what each may be issued.

A token is for one API: its audience is the client id of that API's application, which Entra makes
up. A declared scope is there twice: as a delegated permission, which users' tokens list in `scp`,
and as a role for applications, which services' tokens list in `roles` behind a prefix. A group that
roles name is a role for users, assigned to this group; users' tokens list it in `roles`, too. So
nobody's groups are ever too many to be listed: beyond 200 Entra names none. A component without
scopes is no API: any token for one of the others counts there (`Estate.apis_at`).

Entra gives anybody a token for anything, unless told otherwise: every application here asks for an
assignment, so that who has none gets no token. Services are assigned the roles of the scopes that
they were granted; users are assigned to the clients through their groups, and consent is given for
exactly the scopes of the client's grants, and to sign in. Where an assignment is asked for no user
can consent: what is not consented to here is refused.

Sources: Microsoft Graph (application, servicePrincipal, appRoleAssignment, oAuth2PermissionGrant),
the identity platform's access tokens and optional claims, and what the official plugin sends for
each resource. Every property that matters is set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_azuread as azuread
import pulumiverse_time as time

from kong_oam.access.model import Client, Component
from kong_oam.identity.common.looked_up import LookedUp
from kong_oam.identity.common.parts import clients_at
from kong_oam.identity.entra import api
from kong_oam.identity.entra.assignments import (
    Assignment,
    assignments,
    consent,
    distinct,
)
from kong_oam.identity.entra.description import SPELLING
from kong_oam.identity.entra.names import (
    MICROSOFT_GRAPH,
    Tenant,
    account_name,
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

from ..records import Record
from ..settings import configuration
from .entra_credentials import Credentials
from .issuer import Credential, Issuer, Provisioning, of_base, published

_SETTLING = 20.0
"""Seconds until a role of an application that was just added can be assigned, wherever in Entra
that is asked for."""


def provision(given: Provisioning) -> Issuer:
    """Provisions everything in the tenant that the stack needs."""
    return Entra(given).provisioned


class Entra(pulumi.ComponentResource):
    """The APIs of one stack in a tenant, with their service principals. Clients, with what they are
    assigned and consent, lie under their components."""

    def __init__(self, given: Provisioning) -> None:
        settings, estate, base = given.settings, given.estate, given.base
        name = settings.name
        super().__init__("kong-oam:identity:Entra", name)
        self._prefix, self._settings, self._estate = name, settings, estate
        self._stack, tenant = estate.stack.name, tenant_in(settings)
        self._model = estate.stack.providers[settings.name]
        self._homes, self._directory = given.homes, _account(name, tenant, self)
        self._options = pulumi.ResourceOptions(parent=self, provider=self._directory)
        self._credentials = Credentials(
            settings, tenant, estate, given.rotation, given.homes, self._of
        )
        self._assignable: dict[
            str, tuple[pulumi.Input[str], Sequence[pulumi.Resource]]
        ] = {}
        """By application, the object id of its service principal, and what comes before it is
        assigned or consented to."""
        self._groups: Mapping[str, pulumi.Input[str]] = {}
        self._graph: pulumi.Output[str] | None = None
        self._api_ids: Mapping[str, pulumi.Output[str]] = {}
        if base is None:
            self._offer(given.looked_up)
        else:
            self._take(base)
        credentials = {
            client.component: self._client(client)
            for client in clients_at(settings, estate)
        }
        for assignment in assignments(settings, estate):
            self._assign(assignment)
        per_api: dict[str, Any] = {
            "audiences": self._api_ids,
            "requests": {
                key: pulumi.Output.concat(one, "/.default")
                for key, one in self._api_ids.items()
            },
        }
        self.provisioned = (
            of_base(base, credentials, **per_api)
            if base is not None
            else self._issuer(credentials, per_api)
        )
        self.register_outputs({"issuer": settings.issuer})

    def _offer(self, looked_up: LookedUp) -> None:
        """Makes the applications that tokens are for, and looks up who is assigned something."""
        offered = apis(self._settings, self._estate, offered=True)
        names = {
            assignment.group for assignment in assignments(self._settings, self._estate)
        }
        self._groups = {
            name: looked_up.group(self._settings.name, name)
            for name in filter(None, names)
        }
        made = {key: self._api(component) for key, component in offered.items()}
        self._api_ids = {key: app.client_id for key, app in made.items()}
        principals = {
            key: self._principal(f"api-{key}", app, self._options)
            for key, app in made.items()
        }
        for key, component in offered.items():
            settled = self._settle(component, [made[key], principals[key]])
            self._assignable[f"api-{key}"] = principals[key].object_id, [settled]
        of_provider = (
            client
            for client in self._estate.clients
            if client.provider == self._settings.name
        )
        if any(client.user_facing for client in of_provider):
            self._graph = self._microsoft_graph()

    def _take(self, base: Record) -> None:
        """Takes what the base of the estate made and looked up."""
        keys = [*apis(self._settings, self._estate)]
        self._api_ids = {key: base.value("apis", key, "clientId") for key in keys}
        for key in keys:
            self._assignable[f"api-{key}"] = base.value("apis", key, "principal"), ()
        names = (
            assignment.group for assignment in assignments(self._settings, self._estate)
        )
        self._groups = {
            group: base.value("groups", group) for group in {*filter(None, names)}
        }
        self._graph = base.value("graph")

    def _issuer(
        self, credentials: Mapping[str, Credential], per_api: Mapping[str, Any]
    ) -> Issuer:
        metadata = published(self._settings.name, self._settings.issuer or "")
        ids = {
            key: {"clientId": one, "principal": self._assignable[f"api-{key}"][0]}
            for key, one in self._api_ids.items()
        }
        graph = {} if self._graph is None else {"graph": self._graph}
        return Issuer(
            issuer=metadata.issuer,
            token_endpoint=metadata.token_endpoint,
            authorization_endpoint=metadata.authorization_endpoint,
            keys=metadata.keys,
            clients=credentials,
            shared={"apis": ids, "groups": dict(self._groups), **graph},
            **per_api,
        )

    def _microsoft_graph(self) -> pulumi.Output[str]:
        """Looks up the object id of Microsoft Graph's service principal, which every tenant has: it
        is never made."""
        lookup = pulumi.InvokeOutputOptions(parent=self, provider=self._directory)
        return azuread.get_service_principal_output(
            client_id=MICROSOFT_GRAPH, opts=lookup
        ).object_id

    def _api(self, component: Component) -> azuread.Application:
        """Makes the application that tokens for a component are for, with all that may be granted
        there."""
        return azuread.Application(
            api_resource(self._prefix, component.key),
            display_name=api_name(self._stack, component.key),
            description=f"Kong-OAM, stack {self._stack}",
            sign_in_audience="AzureADMyOrg",
            api=azuread.ApplicationApiArgs(
                requested_access_token_version=2,
                oauth2_permission_scopes=[
                    self._permission(component, scope, description)
                    for scope, description in sorted(component.scopes.items())
                ],
            ),
            app_roles=self._app_roles(component),
            optional_claims=azuread.ApplicationOptionalClaimsArgs(
                access_tokens=[
                    azuread.ApplicationOptionalClaimsAccessTokenArgs(name=SPELLING.own)
                ]
            ),
            group_membership_claims=[],
            fallback_public_client_enabled=False,
            opts=self._options,
        )

    def _permission(
        self, component: Component, scope: str, description: str
    ) -> azuread.ApplicationApiOauth2PermissionScopeArgs:
        return azuread.ApplicationApiOauth2PermissionScopeArgs(
            id=scope_id(self._stack, component.key, scope),
            value=scope,
            type="Admin",  # nobody but an administrator, which is this program, gives consent
            admin_consent_display_name=scope,
            admin_consent_description=description,
            enabled=True,
        )

    def _app_roles(self, component: Component) -> list[azuread.ApplicationAppRoleArgs]:
        """Lists the roles: for services one per scope, for users one per group that roles name."""

        def role(
            value: str, name: str, description: str, members: str
        ) -> azuread.ApplicationAppRoleArgs:
            return azuread.ApplicationAppRoleArgs(
                id=role_id(self._stack, component.key, value),
                value=value,
                display_name=name,
                description=description,
                allowed_member_types=[members],
                enabled=True,
            )

        scopes = [
            role(role_of(scope), scope, description, "Application")
            for scope, description in sorted(component.scopes.items())
        ]
        groups = [
            role(
                self._model.listed(group),
                self._model.group(group),
                "Is in the group",
                "User",
            )
            for group in self._groups_of(component)
        ]
        return [*scopes, *groups]

    def _of(self, client: str) -> pulumi.ResourceOptions:
        """Gives the options of what is a client's, by its component."""
        return pulumi.ResourceOptions(
            parent=self._homes[client], provider=self._directory
        )

    def _principal(
        self, logical: str, app: azuread.Application, options: pulumi.ResourceOptions
    ) -> azuread.ServicePrincipal:
        """Makes a service principal. It asks for an assignment: without one nobody gets a token for
        the application."""
        return azuread.ServicePrincipal(
            f"{self._prefix}-principal-{logical}",
            client_id=app.client_id,
            account_enabled=True,
            app_role_assignment_required=True,
            opts=options,
        )

    def _settle(
        self, component: Component, before: Sequence[pulumi.Resource]
    ) -> time.Sleep:
        """Makes the pause between what can be granted at an API and who is granted it, anew with
        each set of their ids.

        Entra does not know a new role everywhere at once, and the official plugin does not try
        again where one is "not found on application". Whatever else changes waits for nothing.
        """
        seconds = self._settings.settle_seconds
        roles = [
            *map(role_of, component.scopes),
            *map(self._model.listed, self._groups_of(component)),
        ]
        ids = {
            f"role {value}": role_id(self._stack, component.key, value)
            for value in roles
        }
        ids |= {
            f"scope {scope}": scope_id(self._stack, component.key, scope)
            for scope in component.scopes
        }
        return time.Sleep(
            f"{self._prefix}-settle-{component.key}",
            create_duration=f"{_SETTLING if seconds is None else seconds:g}s",
            triggers=ids,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(before)),
        )

    def _assign(self, assignment: Assignment) -> None:
        """Assigns a role at an application, once the role is known there."""
        resource, before = self._assignable[assignment.at]
        group, client = assignment.group, assignment.client or ""
        options = (
            self._of(assignment.component) if assignment.component else self._options
        )
        azuread.AppRoleAssignment(
            assignment.logical,
            app_role_id=assignment.role,
            principal_object_id=self._groups[group]
            if group
            else self._assignable[client][0],
            resource_object_id=resource,
            opts=pulumi.ResourceOptions.merge(
                options, pulumi.ResourceOptions(depends_on=list(before))
            ),
        )

    def _groups_of(self, component: Component) -> list[str]:
        """Lists the logical groups that roles of a component name."""
        return distinct(
            self._model, (group for role in component.roles for group in role.groups)
        )

    def _client(self, client: Client) -> Credential:
        app = azuread.Application(
            client_resource(self._prefix, client.component)[1],
            display_name=client_name(self._stack, client.component),
            description=f"Kong-OAM, stack {self._stack}",
            sign_in_audience="AzureADMyOrg",
            api=azuread.ApplicationApiArgs(requested_access_token_version=2),
            required_resource_accesses=[
                self._access(client, api, scopes)
                for api, scopes in _granted(client).items()
            ],
            fallback_public_client_enabled=False,
            opts=self._of(client.component),
            **_redirects(client),
        )
        principal = self._principal(
            f"app-{client.component}", app, self._of(client.component)
        )
        self._assignable[f"app-{client.component}"] = principal.object_id, [app]
        if client.user_facing:
            self._sign_in(client, principal)
            for api, scopes in _granted(client).items():
                self._consent(client, api, scopes, principal)
        return self._credentials.of(client, app)

    def _access(
        self, client: Client, api: str, scopes: list[str]
    ) -> azuread.ApplicationRequiredResourceAccessArgs:
        """Lists what the client asks for, as an administrator sees it. It grants nothing."""
        ids = [
            scope_id(self._stack, api, scope)
            if client.user_facing
            else role_id(self._stack, api, role_of(scope))
            for scope in scopes
        ]
        return azuread.ApplicationRequiredResourceAccessArgs(
            resource_app_id=self._api_ids[api],
            resource_accesses=[
                azuread.ApplicationRequiredResourceAccessResourceAccessArgs(
                    id=identifier, type="Scope" if client.user_facing else "Role"
                )
                for identifier in ids
            ],
        )

    def _sign_in(self, client: Client, principal: azuread.ServicePrincipal) -> None:
        """Consents to what Microsoft's own libraries ask for in every sign-in, who the user is; and
        to a refresh token.

        To that only where the client is to have one. A page in the browser gets it anyway, whatever
        was consented to.
        """
        assert self._graph is not None, "it is looked up where a client signs users in"
        azuread.ServicePrincipalDelegatedPermissionGrant(
            f"{self._prefix}-consent-{client.component}",
            service_principal_object_id=principal.object_id,
            resource_service_principal_object_id=self._graph,
            claim_values=[
                *(
                    ["offline_access"]
                    if client.refresh or client.kind == "browser"
                    else []
                ),
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
        principal: azuread.ServicePrincipal,
    ) -> None:
        """Consents to the scopes of one API for all users; a service is assigned them as roles."""
        azuread.ServicePrincipalDelegatedPermissionGrant(
            consent(self._prefix, client.component, api),
            service_principal_object_id=principal.object_id,
            resource_service_principal_object_id=self._assignable[f"api-{api}"][0],
            claim_values=scopes,
            opts=pulumi.ResourceOptions.merge(
                self._of(client.component),
                pulumi.ResourceOptions(
                    depends_on=list(self._assignable[f"api-{api}"][1])
                ),
            ),
        )


def _granted(client: Client) -> dict[str, list[str]]:
    """Gives the granted scopes by API, sorted."""
    granted: dict[str, set[str]] = {}
    for call in client.calls:
        granted.setdefault(call.component, set()).update(call.scopes)
    return {api: sorted(scopes) for api, scopes in sorted(granted.items())}


def _redirects(client: Client) -> dict[str, Any]:
    """Gives redirects by platform, which says how the client proves who it is: a page in the
    browser does not."""
    uris = list(client.redirect_uris)
    no_implicit = azuread.ApplicationWebImplicitGrantArgs(
        access_token_issuance_enabled=False, id_token_issuance_enabled=False
    )
    return {
        "web": azuread.ApplicationWebArgs(
            redirect_uris=uris if client.kind == "web" else [],
            implicit_grant=no_implicit,
        ),
        "single_page_application": azuread.ApplicationSinglePageApplicationArgs(
            redirect_uris=uris if client.kind == "browser" else []
        ),
        "public_client": azuread.ApplicationPublicClientArgs(
            redirect_uris=uris if client.kind == "native" else []
        ),
    }


def _account(name: str, tenant: Tenant, parent: pulumi.Resource) -> azuread.Provider:
    """Makes the provider of the tenant and its administrator, whose proof is a secret from here
    on."""
    account = api.account(tenant, configuration())
    is_cloud = account.host in api.CLOUDS
    return azuread.Provider(
        account_name(name),
        tenant_id=tenant.id,
        client_id=account.client,
        client_secret=pulumi.Output.secret(account.secret) if account.secret else None,
        oidc_token=pulumi.Output.secret(account.token) if account.token else None,
        use_oidc=bool(account.token),
        use_cli=False,
        use_msi=False,
        environment=api.CLOUDS[account.host][0] if is_cloud else None,
        metadata_host=None if is_cloud else account.host,
        opts=pulumi.ResourceOptions(
            parent=parent, additional_secret_outputs=["clientSecret", "oidcToken"]
        ),
    )
