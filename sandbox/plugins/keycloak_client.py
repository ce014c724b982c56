# ruff: noqa: ARG002 - the methods of Resource share their signatures
"""Clients of a realm: openid's Client, ClientDefaultScopes and ClientOptionalScopes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sandbox.edges import Json
from sandbox.plugins.keycloak_api import AdminApi, RealmObject, text
from sandbox.plugins.provider import Found, ProviderError, Resource
from sandbox.plugins.values import Properties, Value

_ACCESS = {
    "CONFIDENTIAL": (False, False),
    "PUBLIC": (True, False),
    "BEARER-ONLY": (False, True),
}

_ATTRIBUTES: Mapping[str, str] = {
    "access.token.lifespan": "accessTokenLifespan",
    "backchannel.logout.revoke.offline.tokens": "backchannelLogoutRevokeOfflineSessions",
    "backchannel.logout.session.required": "backchannelLogoutSessionRequired",
    "backchannel.logout.url": "backchannelLogoutUrl",
    "client.offline.session.idle.timeout": "clientOfflineSessionIdleTimeout",
    "client.offline.session.max.lifespan": "clientOfflineSessionMaxLifespan",
    "client.session.idle.timeout": "clientSessionIdleTimeout",
    "client.session.max.lifespan": "clientSessionMaxLifespan",
    "client_credentials.use_refresh_token": "useRefreshTokensClientCredentials",
    "consent.screen.text": "consentScreenText",
    "display.on.consent.screen": "displayOnConsentScreen",
    "dpop.bound.access.tokens": "requireDpopBoundTokens",
    "exclude.issuer.from.auth.response": "excludeIssuerFromAuthResponse",
    "exclude.session.state.from.auth.response": "excludeSessionStateFromAuthResponse",
    "frontchannel.logout.url": "frontchannelLogoutUrl",
    "login_theme": "loginTheme",
    "oauth2.device.authorization.grant.enabled": "oauth2DeviceAuthorizationGrantEnabled",
    "oauth2.device.code.lifespan": "oauth2DeviceCodeLifespan",
    "oauth2.device.polling.interval": "oauth2DevicePollingInterval",
    "oauth2.jwt.authorization.grant.enabled": "oauth2JwtAuthorizationGrantEnabled",
    "oauth2.jwt.authorization.grant.idp": "oauth2JwtAuthorizationGrantIdp",
    "pkce.code.challenge.method": "pkceCodeChallengeMethod",
    "standard.token.exchange.enableRefreshRequestedTokenType": (
        "allowRefreshTokenInStandardTokenExchange"
    ),
    "standard.token.exchange.enabled": "standardTokenExchangeEnabled",
    "use.refresh.tokens": "useRefreshTokens",
}
"""Attributes of a client, always sent as texts; an unset attribute is ""."""

_FLAGS: Mapping[str, str] = {
    "enabled": "enabled",
    "standardFlowEnabled": "standardFlowEnabled",
    "implicitFlowEnabled": "implicitFlowEnabled",
    "directAccessGrantsEnabled": "directAccessGrantsEnabled",
    "serviceAccountsEnabled": "serviceAccountsEnabled",
    "frontchannelLogout": "frontchannelLogoutEnabled",
    "fullScopeAllowed": "fullScopeAllowed",
    "consentRequired": "consentRequired",
    "alwaysDisplayInConsole": "alwaysDisplayInConsole",
}


class Client(RealmObject):
    """keycloak:openid/client:Client. Not modelled: authorization services, flow overrides, import,
    secret versions."""

    token = "keycloak:openid/client:Client"
    replaces = frozenset({"realmId", "clientId"})
    computed = frozenset({"serviceAccountUserId", "resourceServerId"})
    sticky = frozenset({"clientSecret", "name"})
    unordered = frozenset(
        {"validRedirectUris", "webOrigins", "validPostLogoutRedirectUris"}
    )
    secrets = frozenset({"clientSecret"})
    defaults = {
        "enabled": True,
        "clientAuthenticatorType": "client-secret",
        "fullScopeAllowed": True,
        "backchannelLogoutSessionRequired": True,
        "useRefreshTokens": True,
    }

    def collection(self, inputs: Properties) -> str:
        return f"/{inputs['realmId']}/clients"

    def body(self, inputs: Properties) -> Json:
        public, bearer = _ACCESS[inputs["accessType"]]
        attributes: Json = {
            name: _attribute(name, inputs.get(of))
            for name, of in _ATTRIBUTES.items()
        }
        logout = inputs.get("validPostLogoutRedirectUris")
        attributes["post.logout.redirect.uris"] = (
            "##".join(logout) if logout else None
        )
        attributes |= inputs.get("extraConfig") or {}
        sent = {
            "clientId": inputs["clientId"],
            "name": inputs.get("name") or "",
            "protocol": "openid-connect",
            "clientAuthenticatorType": inputs["clientAuthenticatorType"],
            "description": inputs.get("description") or "",
            "publicClient": public,
            "bearerOnly": bearer,
            **{name: bool(inputs.get(of)) for name, of in _FLAGS.items()},
            "authorizationServicesEnabled": False,
            "redirectUris": inputs.get("validRedirectUris") or [],
            "webOrigins": inputs.get("webOrigins") or [],
            "adminUrl": inputs.get("adminUrl") or "",
            "baseUrl": inputs.get("baseUrl") or "",
            "attributes": dict(sorted(attributes.items())),
            "authenticationFlowBindingOverrides": {
                "browser": "",
                "direct_grant": "",
            },
        }
        optional = {
            "secret": inputs.get("clientSecret"),
            "rootUrl": inputs.get("rootUrl"),
        }
        return {
            **sent,
            **{name: value for name, value in optional.items() if value},
        }

    def state(self, answer: Json, inputs: Properties) -> Properties:
        attributes = answer.get("attributes", {})
        access_type = "CONFIDENTIAL"
        if answer.get("publicClient", False):
            access_type = "PUBLIC"
        elif answer.get("bearerOnly", False):
            access_type = "BEARER-ONLY"
        flags = {of: answer.get(name, False) for name, of in _FLAGS.items()}
        logout = attributes.get("post.logout.redirect.uris")
        return {
            "realmId": inputs["realmId"],
            "clientId": answer["clientId"],
            "name": answer.get("name"),
            "description": answer.get("description"),
            "accessType": access_type,
            "clientAuthenticatorType": answer.get("clientAuthenticatorType"),
            "validRedirectUris": answer.get("redirectUris", []),
            "webOrigins": answer.get("webOrigins", []),
            "validPostLogoutRedirectUris": logout.split("##") if logout else [],
            "rootUrl": answer.get("rootUrl"),
            "baseUrl": answer.get("baseUrl"),
            "adminUrl": answer.get("adminUrl"),
            "extraConfig": {
                name: attributes[name]
                for name in inputs.get("extraConfig") or {}
                if name in attributes
            },
            **flags,
            **{
                of: _flag(attributes.get(name), inputs.get(of))
                for name, of in _ATTRIBUTES.items()
            },
        }

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        self._api.accepted("GET", "/serverinfo", server=True)
        return super().create(inputs)

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        """Send removed attributes of extraConfig as empty texts, because Keycloak keeps attributes
        that are not sent."""
        self._api.accepted("GET", "/serverinfo", server=True)
        extra = news.get("extraConfig") or {}
        gone = (state.get("extraConfig") or {}).keys() - extra.keys()
        return super().update(
            identifier,
            state,
            {**news, "extraConfig": {**extra, **dict.fromkeys(gone, "")}},
        )

    def completed(
        self, identifier: str, answer: Json, inputs: Properties
    ) -> Properties:
        """Return the state with the secret from Keycloak, and the service account's user."""
        path = self.path(identifier, inputs)
        state = self.state(answer, inputs)
        state["clientSecret"] = self._api.accepted(
            "GET", f"{path}/client-secret"
        ).get("value")
        if state["serviceAccountsEnabled"]:
            state["serviceAccountUserId"] = self._api.accepted(
                "GET", f"{path}/service-account-user"
            )["id"]
        return state


def _attribute(name: str, value: Value) -> str:
    flags = (
        "backchannel.logout.revoke.offline.tokens", "backchannel.logout.session.required",
        "client_credentials.use_refresh_token", "display.on.consent.screen",
        "dpop.bound.access.tokens",
        "exclude.issuer.from.auth.response", "exclude.session.state.from.auth.response",
        "oauth2.device.authorization.grant.enabled", "oauth2.jwt.authorization.grant.enabled",
        "standard.token.exchange.enabled", "use.refresh.tokens",
    )  # fmt: skip
    return text(bool(value)) if name in flags else text(value)


def _flag(value: str | None, like: Value) -> Value:
    """Return an attribute as the input that it came from: a flag, or a text."""
    if value in ("true", "false") and not isinstance(like, str):
        return value == "true"
    return value or None


class _Scopes(Resource):
    """The full list of a client's scopes: it detaches every scope that it does not list."""

    part: ClassVar[str]
    other: ClassVar[str]
    names: ClassVar[str]
    replaces = frozenset({"realmId", "clientId"})

    def __init__(self, api: AdminApi) -> None:
        self._api = api
        self.unordered = frozenset({self.names})  # type: ignore[misc]

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        self._reconcile(inputs)
        return f"{inputs['realmId']}/{inputs['clientId']}", dict(inputs)

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        known = state or inputs
        answer = self._api.send("GET", f"{_client(known)}/{self.part}")
        if answer.status == 404:
            return None
        now = {
            **known,
            self.names: sorted(scope["name"] for scope in answer.body),
        }
        same = self.same(self.names, now[self.names], inputs.get(self.names))
        return Found(
            inputs if same else {**inputs, self.names: now[self.names]}, now
        )

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        self._reconcile(news)
        return dict(news)

    def delete(self, identifier: str, state: Properties) -> None:
        for scope in self._scopes(state["realmId"]):
            if scope["name"] in state[self.names]:
                self._api.send(
                    "DELETE", f"{_client(state)}/{self.part}/{scope['id']}"
                )

    def _reconcile(self, inputs: Properties) -> None:
        attached = self._api.accepted("GET", f"{_client(inputs)}/{self.part}")
        wanted = list(inputs[self.names])
        known = {
            scope["name"]: scope["id"]
            for scope in self._scopes(inputs["realmId"])
        }
        for scope in attached:
            if scope["name"] not in wanted:
                self._api.accepted(
                    "DELETE", f"{_client(inputs)}/{self.part}/{scope['id']}"
                )
        client = self._api.accepted("GET", _client(inputs))
        self._api.accepted("GET", f"{_client(inputs)}/client-secret")
        if client.get("bearerOnly"):
            raise ProviderError(
                "validation error: a bearer-only client can have no scopes"
            )
        elsewhere = {
            scope["name"]
            for scope in self._api.accepted(
                "GET", f"{_client(inputs)}/{self.other}"
            )
        }
        kind = self.other.split("-")[0]
        for name in wanted:
            if name in elsewhere:
                raise ProviderError(
                    f"validation error: scope {name} is already attached to client as an {kind} "
                    "scope"
                )
        held = {scope["name"] for scope in attached}
        for name in wanted:
            if name in known and name not in held:
                self._api.accepted(
                    "PUT", f"{_client(inputs)}/{self.part}/{known[name]}"
                )
        self._api.accepted("GET", f"{_client(inputs)}/{self.part}")

    def _scopes(self, realm: str) -> list[Json]:
        scopes: list[Json] = self._api.accepted(
            "GET", f"/{realm}/client-scopes"
        )
        return scopes


class ClientDefaultScopes(_Scopes):
    """keycloak:openid/clientDefaultScopes:ClientDefaultScopes: the scopes in every token of the
    client."""

    token = "keycloak:openid/clientDefaultScopes:ClientDefaultScopes"
    part = "default-client-scopes"
    other = "optional-client-scopes"
    names = "defaultScopes"


class ClientOptionalScopes(_Scopes):
    """keycloak:openid/clientOptionalScopes:ClientOptionalScopes: scopes in a token on request."""

    token = "keycloak:openid/clientOptionalScopes:ClientOptionalScopes"
    part = "optional-client-scopes"
    other = "default-client-scopes"
    names = "optionalScopes"


def _client(inputs: Properties) -> str:
    return f"/{inputs['realmId']}/clients/{inputs['clientId']}"
