"""Provisions Keycloak: in a realm that exists, a client per client, a client scope per declared
scope, and a role per group.

A client may ask for the scopes that are attached to it, and for no other: these are its grants, all
optional, so that a token lists what was asked for. Two more scopes are in every token and in no
token's `scope`: one brings the audience, and one, for users, their groups. Keycloak signs in every
user of the realm through every client. So the audience of a client that users sign in through
stands in a scope that only those have who are in one of its groups: anybody else gets a token
without it, which counts nowhere.

Groups are those of the realm, by path. A token would list any group by its last name, which others
may use elsewhere, or all of a user's; so each group that an Application names holds a realm role of
its own, and tokens list these. Members of its subgroups hold it as well: that is how Keycloak means
subgroups.

A scope without a role is everybody's. What brings an audience to users is therefore made after the
roles that it asks for, and removed before them.

Sources: Keycloak's Server Administration Guide (client scopes, "Role scope mappings", service
accounts), and what the official plugin sends for each resource. Every property that matters is set.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pulumi
import pulumi_keycloak as keycloak

from kong_oam.access.model import Client
from kong_oam.identity.common.jwk import ECDSA, SIGNS, Jwk
from kong_oam.identity.common.looked_up import LookedUp
from kong_oam.identity.common.parts import clients_at, scopes_at
from kong_oam.identity.keycloak import api
from kong_oam.identity.keycloak.description import SPELLING
from kong_oam.identity.keycloak.names import (
    SERVICE,
    SUBJECT,
    Names,
    account_name,
    granted,
    group_path,
)

from ..settings import configuration
from .issuer import Credential, Issuer, Provisioning, of_base, published
from .keys import Keys, pairs_of

_KEYS = ECDSA
"""The kind of clients' keys."""
_ALGORITHM = "token.endpoint.auth.signing.alg"
_OF_PARTNERS = "RS256"
_KEYS_STAY = 12.0
"""Seconds. A server keeps the keys of a client that it has read, and forgets them once the client has changed. Who
calls in that moment may have it keep those of before; it reads anew for a key that it does not find, but no sooner than
10 seconds after the last time (InfinispanPublicKeyStorageProvider.java, and seen: 4 of 400 changes under calls, for
10.0 to 10.5 seconds)."""


def provision(given: Provisioning) -> Issuer:
    """Provisions everything in the realm that the stack needs."""
    return Keycloak(given).provisioned


class Keycloak(pulumi.ComponentResource):
    """The roles and client scopes of one stack in a realm. Clients and what is attached to them lie
    under their components."""

    def __init__(self, given: Provisioning) -> None:
        settings, estate, base = given.settings, given.estate, given.base
        name = settings.name
        super().__init__("kong-oam:identity:Keycloak", name)
        self._prefix, self._settings, self._estate = name, settings, estate
        self._model = estate.stack.providers[settings.name]
        self._names = Names(settings, estate)
        account = api.account(settings.issuer or "", configuration())
        self._realm, self._homes, self._grants = (
            account.realm,
            given.homes,
            given.grants,
        )
        self._server = _account(name, account, self)
        self._options = pulumi.ResourceOptions(parent=self, provider=self._server)
        self._clients = clients_at(settings, estate)
        if base is None:
            self._roles = self._group_roles(given.looked_up)
            self._role_ids: Mapping[str, pulumi.Input[str]] = {
                group: role.id for group, role in self._roles.items()
            }
            groups_scope = self._scope_of_groups()
            self._groups_scope: pulumi.Input[str] | None = (
                groups_scope.name if groups_scope else None
            )
            self._scopes: Mapping[str, pulumi.Input[str]] = {
                scope: resource.name
                for scope, resource in self._declared_scopes().items()
            }
        else:
            groups = {
                self._model.group(group)
                for client in self._clients
                for group in client.groups
            }
            self._role_ids = {group: base.value("roles", group) for group in groups}
            self._groups_scope = base.get("groupsScope")
            self._scopes = {
                scope: scope for client in self._clients for scope in client.scopes
            }
        keyed = [
            client
            for client in self._clients
            if client.keyed and not settings.client_secrets
        ]
        keys = pairs_of(
            keyed, _KEYS, given.rotation, lambda key: f"{name}-key-{key}", given.homes
        )
        registered = {
            client.component: self._client(client, keys.get(client.component))
            for client in self._clients
        }
        for client in self._clients if settings.client_secrets else ():
            if client.keyed:
                holder = registered[client.component].id
                given.rotation.record_shared_secret(
                    client, holder, self._names.client(client.component)
                )
        clients = {
            client.component: replace(
                _credential(
                    client, registered, keys, new_key=given.rotation.has_new_key(client)
                ),
                granted=given.grants.of(client),
            )
            for client in self._clients
        }
        self.provisioned = (
            self._issuer(clients) if base is None else of_base(base, clients)
        )
        self.register_outputs({"issuer": settings.issuer})

    def _issuer(self, clients: Mapping[str, Credential]) -> Issuer:
        metadata = published(self._settings.name, self._settings.issuer or "")
        return Issuer(
            issuer=metadata.issuer,
            token_endpoint=metadata.token_endpoint,
            authorization_endpoint=metadata.authorization_endpoint,
            keys=metadata.keys,
            clients=clients,
            shared={
                "roles": dict(self._role_ids),
                **(
                    {"groupsScope": self._groups_scope}
                    if self._groups_scope is not None
                    else {}
                ),
            },
        )

    def _after(self, *before: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions.merge(
            self._options, pulumi.ResourceOptions(depends_on=list(before))
        )

    def _group_roles(self, looked_up: LookedUp) -> Mapping[str, keycloak.Role]:
        """Makes a role per group (the provider's name): its members hold it, and tokens call it by
        that name."""
        roles = {}
        for group in self._names.groups:
            roles[group] = keycloak.Role(
                self._names.role(group),
                realm_id=self._realm,
                name=group,
                description=f"Kong-OAM, stack {self._estate.stack.name}: member of "
                f"{group_path(group)}",
                opts=self._options,
            )
            keycloak.GroupRoles(
                f"{self._prefix}-members-{group}",
                realm_id=self._realm,
                group_id=looked_up.group(self._settings.name, group_path(group)),
                role_ids=[roles[group].id],
                exhaustive=False,
                opts=self._options,
            )
        return roles

    def _of(
        self, key: str, *before: pulumi.Input[pulumi.Resource]
    ) -> pulumi.ResourceOptions:
        """Gives the options of what is the client's, which comes after all of that."""
        return pulumi.ResourceOptions(
            parent=self._homes[key], provider=self._server, depends_on=list(before)
        )

    def _scope(
        self,
        logical: str,
        name: str,
        description: str,
        options: pulumi.ResourceOptions,
        *,
        listed: bool,
    ) -> keycloak.openid.ClientScope:
        return keycloak.openid.ClientScope(
            self._names.scope(logical),
            realm_id=self._realm,
            name=name,
            description=description,
            include_in_token_scope=listed,
            include_in_openid_provider_metadata=False,
            opts=options,
        )

    def _restrict(
        self,
        logical: str,
        scope: keycloak.openid.ClientScope,
        groups: Iterable[str],
        options: pulumi.ResourceOptions,
    ) -> list[pulumi.Resource]:
        """Restricts a scope to those who hold the role of one of the groups (the provider's
        names)."""
        return [
            keycloak.GenericRoleMapper(
                f"{self._prefix}-of-{logical}-{group}",
                realm_id=self._realm,
                client_scope_id=scope.id,
                role_id=self._role_ids[group],
                opts=options,
            )
            for group in groups
        ]

    def _scope_of_groups(self) -> keycloak.openid.ClientScope | None:
        """Makes the scope that brings a user's groups into a token: of the roles held, those asked
        for here."""
        if not self._roles:
            return None
        scope = self._scope(
            "groups",
            self._names.in_realm("groups"),
            "The groups that Applications name",
            self._options,
            listed=False,
        )
        restrictions = self._restrict("groups", scope, self._roles, self._options)
        keycloak.openid.UserRealmRoleProtocolMapper(
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
            opts=self._after(*restrictions),
        )
        return scope

    def _declared_scopes(self) -> Mapping[str, keycloak.openid.ClientScope]:
        return {
            scope: self._scope(
                f"api-{scope}", scope, description, self._options, listed=True
            )
            for scope, description in scopes_at(self._settings, self._estate).items()
        }

    def _client(self, client: Client, keys: Keys | None) -> keycloak.openid.Client:
        """Makes a client. It lets users in only once its tokens count for none but those in its
        groups: until now it may have been one that calls as itself, whose tokens always do."""
        audience, before = (
            self._audience(client)
            if client.groups or not client.user_facing
            else (None, [])
        )
        registered = keycloak.openid.Client(
            self._names.client(client.component),
            realm_id=self._realm,
            client_id=self._names.in_realm(client.component),
            name=client.component,
            description=f"Kong-OAM, stack {self._estate.stack.name}",
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
            full_scope_allowed=False,
            consent_required=False,
            valid_redirect_uris=list(client.redirect_uris),
            web_origins=list(client.origins),
            pkce_code_challenge_method="S256" if client.user_facing else "",
            access_token_lifespan=str(self._settings.access_token_minutes * 60),
            use_refresh_tokens=client.refresh,
            use_refresh_tokens_client_credentials=False,
            opts=pulumi.ResourceOptions.merge(
                self._of(client.component, *before),
                pulumi.ResourceOptions(
                    additional_secret_outputs=["clientSecret"],
                    # Replaced to have another secret, and only then: its name is in the realm once.
                    delete_before_replace=client.keyed
                    and self._settings.client_secrets,
                ),
            ),
        )
        self._attach(client, registered, audience)
        return registered

    def _attach(
        self,
        client: Client,
        registered: keycloak.openid.Client,
        audience: keycloak.openid.ClientScope | None,
    ) -> None:
        """Attaches the scopes of every token of the client, and the optional ones. Each list
        replaces what is there."""
        fixed: list[pulumi.Input[str]] = [SUBJECT]
        if not client.user_facing:
            fixed.append(SERVICE)
        elif self._groups_scope is not None:
            fixed.append(self._groups_scope)
        if audience:
            fixed.append(audience.name)
        always = keycloak.openid.ClientDefaultScopes(
            f"{self._prefix}-always-{client.component}",
            realm_id=self._realm,
            client_id=registered.id,
            default_scopes=fixed,
            opts=self._of(client.component),
        )
        optional = [self._scopes[scope] for scope in client.scopes]

        def grant(pods: Sequence[pulumi.Input[pulumi.Resource]]) -> pulumi.Resource:
            return keycloak.openid.ClientOptionalScopes(
                granted(self._prefix, client.component),
                realm_id=self._realm,
                client_id=registered.id,
                optional_scopes=optional,
                opts=self._of(client.component, always, *pods),
            )

        self._grants.add(client, client.scopes, grant)

    def _audience(
        self, client: Client
    ) -> tuple[keycloak.openid.ClientScope, list[pulumi.Resource]]:
        """Makes the scope that makes the client's tokens count: of users, only where they are in
        one of its groups."""
        key = client.component
        described = f"Makes tokens of {key} count"
        scope = self._scope(
            f"for-{key}",
            self._names.in_realm(key),
            described,
            self._of(key),
            listed=False,
        )
        groups = sorted({self._model.group(group) for group in client.groups})
        restrictions: Sequence[pulumi.Resource] = self._restrict(
            key, scope, groups, self._of(key)
        )
        mapper = keycloak.openid.AudienceProtocolMapper(
            f"{self._prefix}-audience-{key}",
            realm_id=self._realm,
            client_scope_id=scope.id,
            name="audience",
            included_custom_audience=self._settings.audience,
            add_to_access_token=True,
            add_to_id_token=False,
            add_to_token_introspection=True,
            opts=self._of(key, *restrictions),
        )
        return scope, [*restrictions, mapper]


def _account(
    name: str, account: api.Account, parent: pulumi.Resource
) -> keycloak.Provider:
    """Makes the provider of the server and the realm's administrator, whose secret is a Pulumi
    secret from here on."""
    return keycloak.Provider(
        account_name(name),
        url=account.url,
        realm=account.login,
        client_id=account.client,
        client_secret=pulumi.Output.secret(account.secret),
        opts=pulumi.ResourceOptions(
            parent=parent, additional_secret_outputs=["clientSecret"]
        ),
    )


def _proofs(client: Client, keys: Keys | None) -> pulumi.Input[Mapping[str, str]]:
    """Gives attributes of a client that proves with a key who it is: a partner's keys are where it
    publishes them."""
    if client.jwks_uri:
        return {
            "use.jwks.url": "true",
            "jwks.url": client.jwks_uri,
            _ALGORITHM: _OF_PARTNERS,
        }
    return keys.active.apply(_key_attributes) if keys else {}


def _key_attributes(keys: Sequence[Jwk]) -> dict[str, str]:
    """Gives attributes of a client that proves with one of these keys who it is."""
    listed = [{**key, "use": "sig", "alg": SIGNS[_KEYS]} for key in keys]
    return {
        "use.jwks.string": "true",
        "jwks.string": json.dumps({"keys": listed}, sort_keys=True),
        _ALGORITHM: SIGNS[_KEYS],
    }


def _credential(
    client: Client,
    registered: Mapping[str, keycloak.openid.Client],
    keys: Mapping[str, Keys],
    *,
    new_key: bool,
) -> Credential:
    resource, pair = registered[client.component], keys.get(client.component)
    if pair or not client.keyed:
        return Credential(
            resource.client_id.apply(_once_read) if new_key else resource.client_id,
            pair,
        )
    return Credential(resource.client_id, client_secret=resource.client_secret)


async def _once_read(client_id: str) -> str:
    """Gives the id once Keycloak verifies by the new key, so that nobody has the key before."""
    if not pulumi.runtime.is_dry_run():
        await asyncio.sleep(_KEYS_STAY)
    return client_id
