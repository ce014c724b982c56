"""Provisions Okta: a custom authorization server per stack, a scope per declared scope, and per
client an app, a policy and a rule.

Okta grants a client exactly the model's grants: each policy lists one client, its one rule the
client's grant types and scopes. No two policies list the same client, so their order decides
nothing and is left to Okta. Every other property that matters is set: a refresh does not repair a
property left to its default.

Source: Okta's management API, and the official plugin's requests for each resource.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import pulumi_okta as okta
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_okta.app import OAuth, OAuthJwkArgs
from pulumi_okta.auth import (
    Server,
    ServerClaim,
    ServerPolicy,
    ServerPolicyRule,
    ServerScope,
)
from pulumi_okta.trustedorigin import Origin, OriginScopeArgs

from kong_oam.access.model import EXTERNAL, Client
from kong_oam.errors import ProductError
from kong_oam.identity.common.discovery import Published
from kong_oam.identity.common.jwk import RSA, Jwk
from kong_oam.identity.common.parts import (
    all_clients_at,
    clients_at,
    groups_at,
    scopes_at,
)
from kong_oam.identity.okta import api, signing_keys
from kong_oam.identity.okta.conflicts import COMPONENT
from kong_oam.identity.okta.description import SPELLING
from kong_oam.identity.okta.names import (
    ACCOUNT,
    APP,
    ASSIGNMENTS,
    CLAIM,
    KEY,
    ORIGIN,
    POLICY,
    RULE,
    SCOPE,
    SERVER,
    app_label,
    client_id,
    has_policy,
    logical,
    origin_name,
    origins,
    scopes_of,
    server_name,
)

from ..grants import NONE, Grants, grant
from ..graph import Predecessors
from ..records import Record
from ..refusal import refuse
from ..settings import configuration
from .issuer import (
    ClientCredentials,
    Credential,
    Issuer,
    IssuerArgs,
    of_base,
    published,
)
from .keys import Keys, key_pairs

# The kind of clients' keys. Okta also takes elliptic-curve keys, but the official plugin does not
# send the curve.
#
# OAuthJwkArgs of pulumi_okta 7.0.1 has no `crv`, and resource_okta_app_oauth.go of
# terraform-provider-okta 6.12 sends none. Okta then keeps the key with `"crv": null` (that
# provider's recordings of 2026-03-27,
# test/fixtures/vcr/idaas/TestAccResourceOktaAppOauth_serviceWithJWKS). No source shows that Okta
# verifies anything with such a key.
_KEYS = RSA

# Options of a resource in a server, or in a policy: in another server it is another resource.
_IN_SERVER = ["authServerId"]
_IN_POLICY = ["authServerId", "policyId"]
# Seconds in which a client may retry a renewal after a lost answer.
_REFRESH_LEEWAY = 30
# A priority that no policy has: a policy made with it moves no other policy.
_LAST = 99_999


def provision(args: IssuerArgs) -> Issuer:
    return Okta(args.settings.name, args).issuer


@dataclass(frozen=True, slots=True)
class _Server:
    """The authorization server. A partition uses the base's, with its scopes and claims.

    `groups` are ids, by logical group.
    """

    id: Input[str]
    groups: Mapping[str, Input[str]]
    scopes: Mapping[str, Resource] = field(default_factory=dict)
    claims: Predecessors = ()


class Okta(ComponentResource):
    """The authorization server of one stack with its scopes. Clients and policies lie under their
    components."""

    def __init__(
        self,
        name: str,
        args: IssuerArgs,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(COMPONENT, name, None, opts)
        self._args = args
        self._settings = args.settings
        self._stack = args.estate.stack.name
        self._model = args.estate.stack.providers[name]
        self._logical = partial(logical, name)
        self._account = _account(name, self)
        if args.base is None:
            own = self._authorization_server()
            self._server = self._of_stack(own)
            issuer = self._issuer(own, self._clients())
        else:
            self._server = self._of_base(args.base)
            issuer = of_base(args.base, self._clients())
        self.issuer: Final = issuer
        self.register_outputs({"issuer": self.issuer.issuer})

    def _of_stack(self, own: Server) -> _Server:
        """Make the server's objects that all clients share."""
        named = groups_at(self._settings, self._args.estate)
        ids = self._args.groups
        groups = {group: ids[self._model.group(group)] for group in named}
        claims = [self._groups_claim(own, named)] if named else []
        return _Server(own.id, groups, self._scopes(own), claims)

    def _of_base(self, base: Record) -> _Server:
        groups = {}
        for client in clients_at(self._settings, self._args.estate):
            for group in client.groups:
                groups[group] = base.value("groups", group)
        return _Server(base.value("server"), groups)

    def _clients(self) -> ClientCredentials:
        clients = clients_at(self._settings, self._args.estate)
        return {client.component: self._client(client) for client in clients}

    def _client(self, client: Client) -> Credential:
        """Make the resources under a component: keys, app, policy and rule."""
        args = self._args
        key = client.component
        shares = client.keyed and self._settings.client_secrets
        keys = secret = record = None
        if client.keyed and not shares:
            turn = args.rotation.turn(client)
            name = self._logical(KEY, key)
            keys = key_pairs(name, turn.generation, _KEYS, args.homes[key])
            record = turn.record(*keys.watched)
        app = self._app(client, keys)
        if shares:
            outputs = Output.all(app.client_secret, app.urn)
            secret = outputs.apply(lambda both: _require_secret(*both))
            name = self._logical(APP, key)
            record = args.rotation.shared_secret(client, app.id, name)
        grants = self._policy(client, app) if has_policy(client) else NONE
        return Credential(
            app.client_id, keys, secret, record=record, grants=grants
        )

    def _issuer(self, own: Server, clients: ClientCredentials) -> Issuer:
        self._trusted_origins()
        server_keys = self._signing_keys(own)
        return Issuer(
            issuer=own.issuer,
            token_endpoint=Output.concat(own.issuer, "/v1/token"),
            authorization_endpoint=Output.concat(own.issuer, "/v1/authorize"),
            keys=server_keys.keys,
            previous_keys=server_keys.previous_keys,
            clients=clients,
            shared={"server": own.id, "groups": dict(self._server.groups)},
        )

    def _authorization_server(self) -> Server:
        return Server(
            self._logical(SERVER),
            name=server_name(self._stack),
            description=f"Kong-OAM, stack {self._stack}",
            audiences=[self._settings.audience],
            credentials_rotation_mode="AUTO",
            issuer_mode="ORG_URL",
            status="ACTIVE",
            opts=self._of(),
        )

    def _of(
        self, client: Client | None = None, **options: Any
    ) -> ResourceOptions:
        """Return the options of a resource: a client's, or the stack's."""
        parent = self._args.homes[client.component] if client else self
        return ResourceOptions(parent=parent, provider=self._account, **options)

    def _scopes(self, server: Server) -> Mapping[str, ServerScope]:
        return {
            scope: ServerScope(
                self._logical(SCOPE, scope),
                auth_server_id=server.id,
                name=scope,
                display_name=scope,
                description=description,
                consent="IMPLICIT",
                default=False,
                optional=False,
                # The server's public metadata does not list it.
                metadata_publish="NO_CLIENTS",
                opts=self._of(replace_on_changes=_IN_SERVER),
            )
            for scope, description in scopes_at(
                self._settings, self._args.estate
            ).items()
        }

    def _groups_claim(
        self, server: Server, groups: Sequence[str]
    ) -> ServerClaim:
        """List in tokens only groups that roles name: Okta fails a token request that matches more
        than 100."""
        names = "|".join(
            re.escape(self._model.group(group)) for group in groups
        )
        return ServerClaim(
            self._logical(CLAIM),
            auth_server_id=server.id,
            name=SPELLING.groups,
            claim_type="RESOURCE",
            value_type="GROUPS",
            group_filter_type="REGEX",
            value=f"^({names})$",
            always_include_in_token=True,
            scopes=[],
            status="ACTIVE",
            opts=self._of(replace_on_changes=_IN_SERVER),
        )

    def _app(self, client: Client, keys: Keys | None) -> OAuth:
        """Make an app. It keeps its first client id, also an id that Okta made up.

        A client id never changes at Okta (API description: immutable): with another id the plugin
        replaces the app (resource_okta_app_oauth.go: ForceNew). Two apps cannot share an id, so a
        replaced app is deleted first. Okta gave out an id again 9 seconds after its app was deleted
        (the provider's recordings of 2023-08-15,
        test/fixtures/vcr/TestAccResourceOktaAppOauth_*/classic-00.yaml). We assume that it also
        does so at once.
        """
        rotates = client.public and client.refresh
        app = OAuth(
            self._logical(APP, client.component),
            client_id=client_id(self._stack, client.component),
            label=app_label(self._stack, client.component),
            type="service" if client.kind == EXTERNAL else client.kind,
            grant_types=_grant_types(client),
            response_types=["code"] if client.user_facing else ["token"],
            redirect_uris=list(client.redirect_uris),
            token_endpoint_auth_method=_method(client, keys),
            jwks=keys.active.apply(_jwks) if keys else None,
            jwks_uri=client.jwks_uri,
            pkce_required=client.user_facing,
            # A public client has no credential: a refresh token that is used twice was stolen.
            refresh_token_rotation="ROTATE" if rotates else "STATIC",
            refresh_token_leeway=_REFRESH_LEEWAY if rotates else 0,
            # Users see no consent page: the model grants the scopes.
            consent_method="TRUSTED",
            issuer_mode="ORG_URL",
            wildcard_redirect="DISABLED",
            hide_ios=True,
            hide_web=True,
            status="ACTIVE",
            opts=self._of(
                client,
                additional_secret_outputs=["clientSecret", "clientBasicSecret"],
                ignore_changes=["clientId"],
                delete_before_replace=True,
            ),
        )
        if client.groups:
            self._assign(client, app)
        return app

    def _assign(self, client: Client, app: OAuth) -> None:
        """Assign an app to the groups whose members may sign in through it."""
        okta.AppGroupAssignments(
            self._logical(ASSIGNMENTS, client.component),
            app_id=app.id,
            groups=[
                okta.AppGroupAssignmentsGroupArgs(
                    id=self._server.groups[group],
                    profile="{}",
                    priority=position,
                )
                for position, group in enumerate(client.groups)
            ],
            opts=self._of(client),
        )

    def _policy(self, client: Client, app: OAuth) -> Grants:
        """Make the policy of a client, and its rule: without these it gets no token.

        All policies are made at once, each behind all others, and keep their place.

        Facts: a policy put at a taken priority moves the policies below it (Okta's guide "Policy
        and rule prioritization"). Ten policies made at once with priority 1 ended in 500s, as did
        their removal. With 99999 both worked (okta/terraform-provider-okta#1198: a user's report;
        its maintainers suggest a serial run). A creation sends this number, an update the number
        that was read last (pulumi-terraform-bridge, Provider.Update). An update may move others at
        Okta, and takes no token from anybody. Unknown: which number Okta keeps, and whether it
        closes the gap after a removal. The program reads neither.
        """
        policy = ServerPolicy(
            self._logical(POLICY, client.component),
            auth_server_id=self._server.id,
            name=client.component,
            description=_about(client, app),
            client_whitelists=[app.client_id],
            priority=_LAST,
            status="ACTIVE",
            opts=self._of(
                client,
                replace_on_changes=_IN_SERVER,
                ignore_changes=["priority"],
            ),
        )
        make = partial(self._rule, client, policy)
        return grant(client, scopes_of(client), self._args.granted_before, make)

    def _rule(
        self,
        client: Client,
        policy: ServerPolicy,
        pods: Sequence[Input[Resource]],
    ) -> Resource:
        """Make a policy's rule, after its scopes and the claim of groups."""
        server = self._server
        scopes = [
            server.scopes[name]
            for name in client.scopes
            if name in server.scopes
        ]
        return ServerPolicyRule(
            self._logical(RULE, client.component),
            auth_server_id=server.id,
            policy_id=policy.id,
            name=client.component,
            priority=1,
            type="RESOURCE_ACCESS",
            # Okta's rules have no refresh_token grant: the scope offline_access gives a refresh
            # token.
            grant_type_whitelists=[
                "authorization_code"
                if client.user_facing
                else "client_credentials"
            ],
            scope_whitelists=scopes_of(client),
            group_whitelists=[server.groups[group] for group in client.groups],
            access_token_lifetime_minutes=self._settings.access_token_minutes,
            status="ACTIVE",
            opts=self._of(
                client,
                replace_on_changes=_IN_POLICY,
                depends_on=[*scopes, *server.claims, *pods],
            ),
        )

    def _trusted_origins(self) -> None:
        """Trust the origins of pages that get tokens themselves: Okta answers browsers of other
        origins without CORS headers.

        A shared origin keeps its other purposes, and stays when this stack no longer needs it.
        """
        for origin in origins(
            all_clients_at(self._settings, self._args.estate)
        ):
            shared = origin in self._settings.shared_origins
            Origin(
                self._logical(ORIGIN, origin),
                name=origin_name(self._stack, origin, shared=shared),
                origin=origin,
                scopes=[OriginScopeArgs(type="CORS")],
                status="ACTIVE",
                opts=self._of(
                    retain_on_delete=shared,
                    ignore_changes=["scopes"] if shared else [],
                ),
            )

    def _signing_keys(self, server: Server) -> Output[signing_keys.ServerKeys]:
        """Read the server's keys, once it exists and names itself as this issuer."""
        metadata = published(
            self._settings.name,
            server.issuer,
            configuration().setting("okta:httpProxy", "OKTA_HTTP_PROXY"),
        )
        return Output.all(server.id, metadata).apply(
            lambda pair: self._server_keys(*pair)
        )

    def _server_keys(
        self, server: str, metadata: Published
    ) -> signing_keys.ServerKeys:
        account = api.account(configuration())
        try:
            return signing_keys.server_keys(account, server, metadata.issuer)
        except ProductError as error:
            refuse(f"identity provider '{self._settings.name}': {error}")


def _account(name: str, parent: Resource) -> okta.Provider:
    """Make the org's provider, from the `okta:` settings or the environment. Its token is a secret
    from here on."""
    account = api.account(configuration())
    return okta.Provider(
        logical(name, ACCOUNT),
        org_name=account.org,
        base_url=configuration().setting("okta:baseUrl", "OKTA_BASE_URL"),
        http_proxy=account.proxy,
        api_token=Output.secret(account.token),
        opts=ResourceOptions(parent=parent),
    )


def _about(client: Client, app: OAuth) -> Output[str]:
    """Name the app, so that a replaced app's policy is sent again under the same client id.

    Okta does not document whether policies keep the client id of a deleted app. A client id made up
    by Okta is the app's own id (API description), which the policy already lists.
    """
    issued = f"What {client.component} may be issued"
    both = Output.all(app.id, app.client_id)
    return both.apply(
        lambda ids: issued if ids[0] == ids[1] else f"{issued}: app {ids[0]}"
    )


def _grant_types(client: Client) -> list[str]:
    if not client.user_facing:
        return ["client_credentials"]
    return [
        "authorization_code",
        *(["refresh_token"] if client.refresh else []),
    ]


def _method(client: Client, keys: Keys | None) -> str:
    """Return the client's authentication method at the token endpoint."""
    if client.public:
        return "none"
    return (
        "private_key_jwt" if keys or client.jwks_uri else "client_secret_basic"
    )


def _jwks(keys: Sequence[Jwk]) -> list[OAuthJwkArgs]:
    return [OAuthJwkArgs(**key) for key in keys]


def _require_secret(secret: str | None, urn: str) -> str:
    """Return the secret. Okta shows it when an app is made or changed, but not when it is adopted
    unchanged."""
    if not secret:
        refuse(
            f"the client secret of {urn} is unknown, since the app was adopted. Replace it: "
            f"pulumi up --replace '{urn}'"
        )
    return secret
