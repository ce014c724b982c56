"""Provisions Keycloak in an existing realm: a client per client, a client scope per declared scope,
and a role per group.

A client may request only the scopes that are attached to it: its grants. All are optional, so that
a token lists the requested scopes. Two further scopes are in every token, and never listed in
`scope`. The first adds the audience; the second adds users' groups. Keycloak signs in every user of
the realm through every client. So the audience of a sign-in client is in a scope that only its
groups have. Other users get a token without an audience, which no gate accepts.

Groups are the realm's, by path. A token would list a group by its last name only, which is not
unique, or all groups of the user. So each group that an Application names gets a realm role, and
tokens list these roles. Members of its subgroups have the role, too: Keycloak defines subgroups so.

A scope without a role is everybody's. So the scope with the users' audience is made after its
roles, and removed before them.

Sources: Keycloak's Server Administration Guide (client scopes, "Role scope mappings", service
accounts), and the official plugin's requests for each resource. Every property that matters is set.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi_keycloak as keycloak
from pulumi import (
    ComponentResource,
    Input,
    Output,
    Resource,
    ResourceOptions,
    runtime,
)
from pulumi_keycloak import openid

from kong_oam.access.model import Client
from kong_oam.identity.common.jwk import ECDSA, SIGNS, Jwk
from kong_oam.identity.common.parts import account_name, clients_at, scopes_at
from kong_oam.identity.keycloak import api
from kong_oam.identity.keycloak.description import SPELLING
from kong_oam.identity.keycloak.names import (
    SERVICE,
    SUBJECT,
    Names,
    granted,
    group_path,
    has_audience,
)
from kong_oam.oam.position import JsonObject, Texts

from ..grants import Grants, grant
from ..graph import Predecessors
from ..records import Record
from ..settings import configuration
from .issuer import Credential, Issuer, IssuerArgs, existing
from .keys import Keys, key_pairs

_KEYS = ECDSA
_ALGORITHM = "token.endpoint.auth.signing.alg"
# Seconds. A server caches the keys of a client, and drops them when the client changes. A call in
# that moment may cache the old keys again.
#
# For an unknown key it reads anew, but no sooner than 10 seconds after the last read
# (InfinispanPublicKeyStorageProvider.java). Measured: 4 of 400 changes under calls, for 10.0 to
# 10.5 seconds.
_KEY_CACHE_SECONDS = 12.0


# The ids of roles by group.
_Roles = Mapping[str, Input[str]]


def provision(args: IssuerArgs) -> Issuer:
    return Keycloak(args.settings.name, args).issuer


@dataclass(frozen=True, slots=True)
class _Realm:
    """The parts of the realm that clients need.

    `roles` are ids by the provider's group names, `groups_scope` is the scope that adds groups, and
    `scopes` are the names of declared scopes.
    """

    roles: _Roles
    groups_scope: Input[str] | None
    scopes: Mapping[str, Input[str]]


@dataclass(frozen=True, slots=True)
class _Audience:
    """The name of the scope with the audience of a client's tokens, and the role mappings that
    restrict it to users of the client's groups."""

    scope: Input[str]
    before: Predecessors


class Keycloak(ComponentResource):
    """The roles and client scopes of one stack in a realm. Clients lie under their components, with
    their attachments."""

    def __init__(
        self,
        name: str,
        args: IssuerArgs,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("kong-oam:identity:Keycloak", name, None, opts)
        account = api.account(args.settings.issuer or "", configuration())
        self._args = args
        self._prefix = name
        self._stack = args.estate.stack.name
        self._model = args.estate.stack.providers[name]
        self._names = Names(args.settings, args.estate)
        self._realm = account.realm
        self._server = _account(name, account, self)
        base = args.base
        self._in_realm = (
            self._of_stack() if base is None else self._of_base(base)
        )
        shared: JsonObject = {"roles": dict(self._in_realm.roles)}
        # Without groups in roles, the scope of groups is not needed.
        if self._in_realm.groups_scope is not None:
            shared["groupsScope"] = self._in_realm.groups_scope
        clients = {
            client.component: self._credential(client)
            for client in clients_at(args.settings, args.estate)
        }
        self.issuer: Final = existing(args, clients, shared=shared)
        self.register_outputs({"issuer": args.settings.issuer})

    def _of_stack(self) -> _Realm:
        """Make the realm's objects that all clients share."""
        roles = {group: self._role(group) for group in self._names.groups}
        groups_scope = self._scope_of_groups(roles).name if roles else None
        scopes = {}
        declared = scopes_at(self._args.settings, self._args.estate)
        for scope, description in declared.items():
            resource = self._scope(
                f"api-{scope}", scope, description, listed=True
            )
            scopes[scope] = resource.name
        return _Realm(roles, groups_scope, scopes)

    def _of_base(self, base: Record) -> _Realm:
        """Read the objects that the base of the estate made."""
        roles = {}
        for client in clients_at(self._args.settings, self._args.estate):
            for group in map(self._model.group, client.groups):
                roles[group] = base.value("roles", group)
        return _Realm(roles, base.get("groupsScope"), {})

    def _credential(self, client: Client) -> Credential:
        """Make the resources under a component: keys, client, and the client's scopes."""
        args = self._args
        key = client.component
        shares = client.keyed and args.settings.client_secrets
        keys = secret = record = None
        is_new = False
        if client.keyed and not shares:
            turn = args.rotation.turn(client)
            logical = f"{self._prefix}-key-{key}"
            keys = key_pairs(logical, turn.generation, _KEYS, args.homes[key])
            record = turn.record(*keys.watched)
            is_new = turn.is_new
        audience = self._audience(client) if has_audience(client) else None
        registered = self._client(client, keys, audience)
        grants = self._attach(client, registered, audience)
        if shares:
            secret = registered.client_secret
            logical = self._names.client(key)
            record = args.rotation.shared_secret(client, registered.id, logical)
        client_id = registered.client_id
        return Credential(
            client_id.apply(_after_cache) if is_new else client_id,
            keys,
            secret,
            record=record,
            grants=grants,
        )

    def _role(self, group: str) -> Input[str]:
        """Make the role of a group (the provider's name), which tokens call by that name. Return
        its id."""
        role = keycloak.Role(
            self._names.role(group),
            realm_id=self._realm,
            name=group,
            description=f"Kong-OAM, stack {self._stack}: member of {group_path(group)}",
            opts=self._of(None),
        )
        keycloak.GroupRoles(
            f"{self._prefix}-members-{group}",
            realm_id=self._realm,
            group_id=self._args.groups[group],
            role_ids=[role.id],
            # Other roles of the group belong to others.
            exhaustive=False,
            opts=self._of(None),
        )
        return role.id

    def _of(self, key: str | None, **options: Any) -> ResourceOptions:
        """Return the options of a resource: a client's, by its component, or the realm's."""
        parent = self._args.homes[key] if key else self
        return ResourceOptions(parent=parent, provider=self._server, **options)

    def _scope(
        self,
        logical: str,
        name: str,
        description: str,
        client: str | None = None,
        *,
        listed: bool = False,
    ) -> openid.ClientScope:
        return openid.ClientScope(
            self._names.scope(logical),
            realm_id=self._realm,
            name=name,
            description=description,
            include_in_token_scope=listed,
            include_in_openid_provider_metadata=False,
            opts=self._of(client),
        )

    def _restrict(
        self,
        logical: str,
        scope: openid.ClientScope,
        roles: _Roles,
        client: str | None = None,
    ) -> list[Resource]:
        """Restrict a scope to users with one of the roles, which are by group."""
        return [
            keycloak.GenericRoleMapper(
                f"{self._prefix}-of-{logical}-{group}",
                realm_id=self._realm,
                client_scope_id=scope.id,
                role_id=role,
                opts=self._of(client),
            )
            for group, role in roles.items()
        ]

    def _scope_of_groups(self, roles: _Roles) -> openid.ClientScope:
        """Make the scope that adds a user's groups to a token, restricted to the groups of roles
        here."""
        scope = self._scope(
            "groups",
            self._names.in_realm("groups"),
            "The groups that Applications name",
        )
        restrictions = self._restrict("groups", scope, roles)
        openid.UserRealmRoleProtocolMapper(
            f"{self._prefix}-groups",
            realm_id=self._realm,
            client_scope_id=scope.id,
            name=SPELLING.groups,
            claim_name=SPELLING.groups,
            claim_value_type="String",
            multivalued=True,
            add_to_access_token=True,
            add_to_id_token=False,
            add_to_userinfo=False,
            add_to_token_introspection=True,
            opts=self._of(None, depends_on=restrictions),
        )
        return scope

    def _client(
        self, client: Client, keys: Keys | None, audience: _Audience | None
    ) -> openid.Client:
        """Make a client. It signs users in only after its audience is restricted to its groups.

        Before this run it may have been a service, whose tokens always have the audience.
        """
        return openid.Client(
            self._names.client(client.component),
            realm_id=self._realm,
            client_id=self._names.in_realm(client.component),
            name=client.component,
            description=f"Kong-OAM, stack {self._stack}",
            enabled=True,
            access_type="PUBLIC" if client.public else "CONFIDENTIAL",
            client_authenticator_type="client-jwt"
            if keys or client.jwks_uri
            else "client-secret",
            extra_config=_proofs(client, keys),
            standard_flow_enabled=client.user_facing,
            service_accounts_enabled=not client.user_facing,
            implicit_flow_enabled=False,
            direct_access_grants_enabled=False,
            oauth2_device_authorization_grant_enabled=False,
            standard_token_exchange_enabled=False,
            # Otherwise a token would list every role of its user in the realm.
            full_scope_allowed=False,
            consent_required=False,
            valid_redirect_uris=list(client.redirect_uris),
            web_origins=list(client.origins),
            pkce_code_challenge_method="S256" if client.user_facing else "",
            access_token_lifespan=str(
                self._args.settings.access_token_minutes * 60
            ),
            use_refresh_tokens=client.refresh,
            # A service requests a new token with its credential.
            use_refresh_tokens_client_credentials=False,
            opts=self._of(
                client.component,
                depends_on=audience.before if audience else None,
                additional_secret_outputs=["clientSecret"],
                # A replacement only happens for a new secret. It deletes first: the name is unique
                # in the realm.
                delete_before_replace=client.keyed
                and self._args.settings.client_secrets,
            ),
        )

    def _attach(
        self,
        client: Client,
        registered: openid.Client,
        audience: _Audience | None,
    ) -> Grants:
        """Attach the scopes of every token of the client, and the optional scopes.

        Each list replaces the existing list.
        """
        fixed: list[Input[str]] = [SUBJECT]
        if not client.user_facing:
            fixed.append(SERVICE)
        elif self._in_realm.groups_scope is not None:
            fixed.append(self._in_realm.groups_scope)
        if audience:
            fixed.append(audience.scope)
        always = openid.ClientDefaultScopes(
            f"{self._prefix}-always-{client.component}",
            realm_id=self._realm,
            client_id=registered.id,
            default_scopes=fixed,
            opts=self._of(client.component),
        )

        made_here = self._in_realm.scopes
        optional = [made_here.get(scope, scope) for scope in client.scopes]

        def make(
            pods: Sequence[Input[Resource]],
        ) -> Resource:
            return openid.ClientOptionalScopes(
                granted(self._prefix, client.component),
                realm_id=self._realm,
                client_id=registered.id,
                optional_scopes=optional,
                opts=self._of(client.component, depends_on=[always, *pods]),
            )

        return grant(client, client.scopes, self._args.granted_before, make)

    def _audience(self, client: Client) -> _Audience:
        """Make the scope with the audience of the client's tokens, for users only in its groups."""
        key = client.component
        scope = self._scope(
            f"for-{key}",
            self._names.in_realm(key),
            f"Makes tokens of {key} count",
            key,
        )
        groups = sorted({self._model.group(group) for group in client.groups})
        roles = {group: self._in_realm.roles[group] for group in groups}
        restrictions = self._restrict(key, scope, roles, key)
        mapper = openid.AudienceProtocolMapper(
            f"{self._prefix}-audience-{key}",
            realm_id=self._realm,
            client_scope_id=scope.id,
            name="audience",
            included_custom_audience=self._args.settings.audience,
            add_to_access_token=True,
            add_to_id_token=False,
            add_to_token_introspection=True,
            opts=self._of(key, depends_on=restrictions),
        )
        return _Audience(scope.name, [*restrictions, mapper])


def _account(
    name: str, account: api.Account, parent: Resource
) -> keycloak.Provider:
    """Make the provider of the server and the realm's administrator, whose secret is a Pulumi
    secret from here on."""
    return keycloak.Provider(
        account_name(name),
        url=account.url,
        realm=account.login,
        client_id=account.client,
        client_secret=Output.secret(account.secret),
        opts=ResourceOptions(
            parent=parent, additional_secret_outputs=["clientSecret"]
        ),
    )


def _proofs(client: Client, keys: Keys | None) -> Input[Texts]:
    """Return the attributes of a client that authenticates with a key. A partner publishes its keys
    at a URL."""
    if client.jwks_uri:
        return {
            "use.jwks.url": "true",
            "jwks.url": client.jwks_uri,
            _ALGORITHM: "RS256",
        }
    return keys.active.apply(_key_attributes) if keys else {}


def _key_attributes(keys: Sequence[Jwk]) -> Texts:
    """Return the attributes of a client that authenticates with one of these keys."""
    listed = [{**key, "use": "sig", "alg": SIGNS[_KEYS]} for key in keys]
    return {
        "use.jwks.string": "true",
        "jwks.string": json.dumps({"keys": listed}, sort_keys=True),
        _ALGORITHM: SIGNS[_KEYS],
    }


async def _after_cache(client_id: str) -> str:
    """Return the id once Keycloak verifies by the new key, so that no pod uses the key before."""
    if not runtime.is_dry_run():
        await asyncio.sleep(_KEY_CACHE_SECONDS)
    return client_id
