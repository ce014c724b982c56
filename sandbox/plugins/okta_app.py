# ruff: noqa: ARG002 - the methods of Resource share their signatures
"""OIDC applications of Okta, and their assignments to groups.

Not modelled: `groupsClaim`, `network`, `logo`, `profile`, `preconfiguredApp`, custom client secrets
(`clientBasicSecret`), sign-in of classic orgs. An input of that kind is rejected, never dropped
silently.
"""

import json

from sandbox.plugins import sdk
from sandbox.plugins.okta_api import (
    ManagementApi,
    OktaObject,
    described,
    given,
    parsed,
    refreshed,
    written,
)
from sandbox.plugins.provider import (
    Difference,
    Found,
    Naming,
    ProviderError,
    Resource,
)
from sandbox.plugins.values import Properties, Value, has_unknown, is_empty

_APPS = "/api/v1/apps"
_NOT_MODELLED = frozenset(
    {
        "accessibilityErrorRedirectUrl",
        "accessibilityLoginRedirectUrl",
        "adminNote",
        "appLinksJson",
        "backchannelCustomAuthenticatorId",
        "clientBasicSecret",
        "clientBasicSecretWo",
        "clientBasicSecretWoVersion",
        "enduserNote",
        "frontchannelLogoutSessionRequired",
        "frontchannelLogoutUri",
        "groupsClaim",
        "logo",
        "network",
        "participateSlo",
        "preconfiguredApp",
        "profile",
        "userNameTemplatePushStatus",
        "userNameTemplateSuffix",
    }
)
# Settings of every app. All other settings depend on the kind of app, and the plugin keeps them as
# JSON.
_SETTINGS = frozenset(
    {
        "oauthClient",
        "notes",
        "notifications",
        "implicitAssignment",
        "emOptInStatus",
    }
)
# Spelling of the plain strings of settings.oauthClient.
_URIS = {
    "clientUri": "client_uri",
    "logoUri": "logo_uri",
    "policyUri": "policy_uri",
    "tosUri": "tos_uri",
}
_GRANTS = {
    "service": ["client_credentials"],
    "web": ["authorization_code"],
    "native": ["authorization_code"],
}


class OAuth(OktaObject):
    """okta:app/oAuth:OAuth."""

    token = "okta:app/oAuth:OAuth"
    replaces = frozenset({"type", "clientId"})
    secrets = frozenset({"clientSecret"})
    defaults = {
        "accessibilitySelfService": False,
        "autoKeyRotation": True,
        "autoSubmitToolbar": False,
        "consentMethod": "TRUSTED",
        "hideIos": True,
        "hideWeb": True,
        "implicitAssignment": False,
        "issuerMode": "ORG_URL",
        "loginMode": "DISABLED",
        "omitSecret": False,
        "refreshTokenLeeway": 0,
        "refreshTokenRotation": "STATIC",
        "status": "ACTIVE",
        "tokenEndpointAuthMethod": "client_secret_basic",
        "userNameTemplate": "${source.login}",
        "userNameTemplateType": "BUILT_IN",
        "wildcardRedirect": "DISABLED",
    }
    computed = frozenset(
        {
            "clientId",
            "clientSecret",
            "name",
            "signOnMode",
            "logoUrl",
            "authenticationPolicy",
        }
    )
    sticky = frozenset(
        {"clientId", "authenticationPolicy", "pkceRequired", "appSettingsJson"}
    )
    unordered = frozenset(
        {"grantTypes", "responseTypes", "postLogoutRedirectUris", "loginScopes"}
    )

    def check(
        self, news: Properties, olds: Properties, naming: Naming
    ) -> Properties:
        """Fill in missing grant and response types from the app's type."""
        inputs = super().check(news, olds, naming)
        kind = inputs.get("type")
        if isinstance(kind, str):
            inputs.setdefault(
                "grantTypes", _GRANTS.get(kind, ["authorization_code"])
            )
            inputs.setdefault(
                "responseTypes", ["token"] if kind == "service" else ["code"]
            )
        return inputs

    def problems(self, inputs: Properties) -> list[sdk.Problem]:
        unmodelled = sorted(
            key
            for key in _NOT_MODELLED & inputs.keys()
            if not is_empty(inputs[key])
        )
        return [
            *sdk.problems(self.token, inputs),
            *(
                sdk.Problem(
                    key, f"the stand-in for okta does not model {key!r}"
                )
                for key in unmodelled
            ),
        ]

    def differences(
        self, state: Properties, old_inputs: Properties, news: Properties
    ) -> Difference:
        """Giving a secret back to an app that omitted it takes a new app (official-plugin.md,
        Replacement)."""
        differences = super().differences(state, old_inputs, news)
        restored = (
            {"omitSecret"}
            if state.get("omitSecret") is True
            and news.get("omitSecret") is False
            else set()
        )
        return Difference(differences.changed, differences.replaced | restored)

    def same(self, key: str, old: Value, new: Value) -> bool:
        if (
            key == "jwks"
            and isinstance(old, list)
            and isinstance(new, list)
            and not has_unknown(new)
        ):
            # Okta adds ids and dates to every key.
            return len(old) == len(new) and all(
                was.items() >= is_.items()
                for was, is_ in zip(old, new, strict=True)
            )
        if key == "skipAuthenticationPolicy":
            return True
        return super().same(key, old, new)

    def collection(self, inputs: Properties) -> str:
        return _APPS

    def body(self, inputs: Properties) -> dict[str, Value]:
        client: dict[str, Value] = {
            "application_type": inputs["type"],
            "consent_method": inputs["consentMethod"],
            "dpop_bound_access_tokens": False,
            "grant_types": inputs["grantTypes"],
            "idp_initiated_login": {
                "default_scope": inputs.get("loginScopes", []),
                "mode": inputs["loginMode"],
            },
            "issuer_mode": inputs["issuerMode"],
            "response_types": inputs["responseTypes"],
            "wildcard_redirect": inputs["wildcardRedirect"],
            **given(
                redirect_uris=inputs.get("redirectUris"),
                post_logout_redirect_uris=inputs.get("postLogoutRedirectUris"),
                initiate_login_uri=inputs.get("loginUri"),
                jwks_uri=inputs.get("jwksUri"),
                **{there: inputs.get(here) for here, there in _URIS.items()},
            ),
        }
        if inputs.get("jwks"):
            client["jwks"] = {
                "keys": [
                    {**given(**key), "status": "ACTIVE"}
                    for key in inputs["jwks"]
                ]
            }
        if "refresh_token" in inputs["grantTypes"]:
            leeway = inputs["refreshTokenLeeway"]
            rotation = inputs["refreshTokenRotation"]
            client["refresh_token"] = {
                "leeway": leeway,
                "rotation_type": rotation,
            }
        return {
            "accessibility": {"selfService": True}
            if inputs["accessibilitySelfService"]
            else {},
            "credentials": {
                "oauthClient": {
                    "autoKeyRotation": inputs["autoKeyRotation"],
                    "pkce_required": self._pkce(inputs),
                    "token_endpoint_auth_method": inputs[
                        "tokenEndpointAuthMethod"
                    ],
                    **given(client_id=inputs.get("clientId")),
                },
                "userNameTemplate": {
                    "template": inputs["userNameTemplate"],
                    "type": inputs["userNameTemplateType"],
                },
            },
            "label": inputs["label"],
            "name": "oidc_client",
            "settings": {
                **(
                    {"implicitAssignment": True}
                    if inputs["implicitAssignment"]
                    else {}
                ),
                "notes": {},
                "oauthClient": client,
            },
            "signOnMode": "OPENID_CONNECT",
            "visibility": {
                **(
                    {"autoSubmitToolbar": True}
                    if inputs["autoSubmitToolbar"]
                    else {}
                ),
                "hide": {"iOS": inputs["hideIos"], "web": inputs["hideWeb"]},
            },
        }

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        body = self.body(inputs)
        active = "true" if inputs["status"] == "ACTIVE" else "false"
        made = self._api.accepted("POST", f"{_APPS}?activate={active}", body)
        identifier = str(made["id"])
        self._set_issuer(identifier, inputs)
        if inputs["type"] != "service" and not inputs.get(
            "skipAuthenticationPolicy"
        ):
            policy = (
                inputs.get("authenticationPolicy") or self._default_policy()
            )
            self._api.accepted("PUT", f"{_APPS}/{identifier}/policies/{policy}")
        return identifier, self._read_app(
            identifier, inputs, self._secret(made, inputs)
        )

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        """Read the app. A missing app fails the refresh, as in the official plugin
        (official-plugin.md, Drift).

        An import has no client secret, and no rotation of refresh tokens if the app has none
        (Import ids).
        """
        now = self._read_app(
            identifier, state or inputs, state.get("clientSecret")
        )
        if state or inputs:
            return Found(refreshed(self.same, inputs, now), now)
        if "refresh_token" not in now["grantTypes"]:
            now |= {"refreshTokenRotation": None, "refreshTokenLeeway": None}
        return Found(written(self.token, now), now)

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        path = f"{_APPS}/{identifier}"
        if state.get("status") != news.get("status"):
            verb = "activate" if news["status"] == "ACTIVE" else "deactivate"
            self._api.accepted("POST", f"{path}/lifecycle/{verb}")
            if (
                self.differences({**state, "status": news["status"]}, {}, news)
                == Difference()
            ):
                return {**state, "status": news["status"]}
        body = self.body({**news, "clientId": state["clientId"]})
        if news["omitSecret"]:
            body["credentials"]["oauthClient"]["client_secret"] = ""
        elif state.get("clientSecret"):
            body["credentials"]["oauthClient"]["client_secret"] = state[
                "clientSecret"
            ]
        body["settings"].update(
            parsed(news.get("appSettingsJson") or state.get("appSettingsJson"))
        )
        answer = self._api.accepted("PUT", path, body)
        policy = news.get("authenticationPolicy") or state.get(
            "authenticationPolicy"
        )
        if policy and not news.get("skipAuthenticationPolicy"):
            self._api.accepted("PUT", f"{path}/policies/{policy}")
        secret = self._secret(answer, news) or (
            "" if news["omitSecret"] else state.get("clientSecret")
        )
        return self._read_app(identifier, {**state, **news}, secret)

    def delete(self, identifier: str, state: Properties) -> None:
        if state.get("status") == "ACTIVE":
            self._api.accepted(
                "POST", f"{_APPS}/{identifier}/lifecycle/deactivate"
            )
        super().delete(identifier, state)

    def state(self, answer: Value, inputs: Properties) -> Properties:
        oauth = answer["credentials"]["oauthClient"]
        settings = answer["settings"]
        client = settings["oauthClient"]
        links = answer.get("_links") or {}
        policy = (links.get("accessPolicy") or {}).get("href", "")
        hints = sdk.inputs_of(self.token).hints
        kept: Properties = {
            key: inputs[key]
            for key in ("omitSecret", "skipAuthenticationPolicy")
            if key in inputs
        }
        return {
            **kept,
            **_client_state(client),
            **_display_state(answer),
            "label": answer["label"],
            "name": answer["name"],
            "signOnMode": answer["signOnMode"],
            "status": answer["status"],
            "clientId": oauth["client_id"],
            "autoKeyRotation": oauth.get("autoKeyRotation"),
            "pkceRequired": oauth.get("pkce_required", False),
            "tokenEndpointAuthMethod": oauth["token_endpoint_auth_method"],
            **{
                here: client.get(there)
                for here, there in _URIS.items()
                if here in hints
            },
            "implicitAssignment": settings.get("implicitAssignment", False),
            "appSettingsJson": _app_settings(settings),
            "authenticationPolicy": policy.rsplit("/", 1)[-1]
            or inputs.get("authenticationPolicy"),
        }

    def _read_app(
        self, identifier: str, inputs: Properties, secret: Value
    ) -> Properties:
        answer = self._api.send("GET", f"{_APPS}/{identifier}")
        if answer.status != 200:
            raise ProviderError(
                f"failed to get OAuth application: {described(answer)}"
            )
        self._api.pipeline()
        self._api.send(
            "GET", f"/api/v1/internal/apps/{identifier}/settings/oauth/idToken"
        )
        return {**self.state(answer.body, inputs), "clientSecret": secret}

    def _set_issuer(self, identifier: str, inputs: Properties) -> None:
        path = f"/api/v1/internal/apps/{identifier}/settings/oauth/idToken"
        self._api.accepted("POST", path, {"issuerMode": inputs["issuerMode"]})

    def _default_policy(self) -> str:
        policies = self._api.accepted(
            "GET", "/api/v1/policies?type=ACCESS_POLICY"
        )
        system = [policy["id"] for policy in policies if policy.get("system")]
        if len(system) != 1:
            raise ProviderError("failed to find the default app sign on policy")
        return str(system[0])

    def _pkce(self, inputs: Properties) -> bool:
        return bool(
            inputs.get("pkceRequired", inputs["type"] in ("browser", "native"))
        )

    def _secret(self, answer: Value, inputs: Properties) -> Value:
        return (
            None
            if inputs["omitSecret"]
            else answer["credentials"]["oauthClient"].get("client_secret")
        )


def _client_state(client: Value) -> Properties:
    """Return the part of an app's state that its OAuth client has."""
    login = client.get("idp_initiated_login") or {}
    refresh = client.get("refresh_token") or {}
    keys = (client.get("jwks") or {}).get("keys", [])
    return {
        "type": client["application_type"],
        "consentMethod": client.get("consent_method"),
        "grantTypes": client["grant_types"],
        "responseTypes": client.get("response_types") or [],
        "issuerMode": client.get("issuer_mode"),
        "wildcardRedirect": client.get("wildcard_redirect"),
        "redirectUris": client.get("redirect_uris") or [],
        "postLogoutRedirectUris": client.get("post_logout_redirect_uris") or [],
        "loginUri": client.get("initiate_login_uri"),
        "loginMode": login.get("mode"),
        "loginScopes": login.get("default_scope") or [],
        "refreshTokenRotation": refresh.get("rotation_type", "STATIC"),
        "refreshTokenLeeway": refresh.get("leeway", 0),
        "jwks": [_key_state(key) for key in keys],
        "jwksUri": client.get("jwks_uri"),
    }


def _key_state(key: Value) -> Properties:
    parts = ("e", "kid", "kty", "n", "x", "y")
    return {part: key[part] for part in parts if key.get(part)}


def _display_state(answer: Value) -> Properties:
    """Return the part of an app's state about how users see it."""
    accessibility = answer.get("accessibility") or {}
    visibility = answer.get("visibility") or {}
    hide = visibility.get("hide", {})
    template = answer["credentials"].get("userNameTemplate") or {}
    return {
        "accessibilitySelfService": accessibility.get("selfService", False),
        "autoSubmitToolbar": visibility.get("autoSubmitToolbar", False),
        "hideIos": hide.get("iOS"),
        "hideWeb": hide.get("web"),
        "userNameTemplate": template.get("template"),
        "userNameTemplateType": template.get("type"),
    }


def _app_settings(settings: Value) -> str | None:
    others = {
        key: value for key, value in settings.items() if key not in _SETTINGS
    }
    if not others:
        return None
    return json.dumps(others, sort_keys=True, separators=(",", ":"))


class AppGroupAssignments(Resource):
    """okta:index/appGroupAssignments:AppGroupAssignments: all groups of one app, including groups
    that others assigned."""

    token = "okta:index/appGroupAssignments:AppGroupAssignments"
    replaces = frozenset({"appId"})

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    def same(self, key: str, old: Value, new: Value) -> bool:
        """Compare groups as a set; a priority counts only if the program sets it."""
        if key != "groups" or has_unknown(new):
            return super().same(key, old, new)
        before = {group["id"]: group for group in old or []}
        after = {group["id"]: group for group in new or []}
        return before.keys() == after.keys() and all(
            parsed(before[name].get("profile")) == parsed(group.get("profile"))
            and group.get("priority") in (None, before[name].get("priority", 0))
            for name, group in after.items()
        )

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        for group in inputs.get("groups", []):
            self._assign(inputs["appId"], group, {})
        return str(inputs["appId"]), self._state(
            inputs["appId"], self._assigned(inputs["appId"]) or []
        )

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        assigned = self._assigned(identifier)
        if assigned is None:
            return None
        now = self._state(identifier, assigned)
        return Found(
            refreshed(self.same, inputs, now)
            if state or inputs
            else written(self.token, now),
            now,
        )

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        wanted = {group["id"] for group in news.get("groups", [])}
        for group in state.get("groups", []):
            if group["id"] not in wanted:
                self._remove(identifier, group["id"])
        for group in news.get("groups", []):
            self._assign(identifier, group, {"priority": 0})
        return self._state(identifier, self._assigned(identifier) or [])

    def delete(self, identifier: str, state: Properties) -> None:
        for group in state.get("groups", []):
            self._remove(identifier, group["id"])

    def _assign(
        self, app: str, group: Value, defaults: dict[str, Value]
    ) -> None:
        body = {
            **defaults,
            "id": group["id"],
            "profile": parsed(group.get("profile")),
        }
        if group.get("priority") is not None:
            body["priority"] = group["priority"]
        self._api.accepted("PUT", f"{_APPS}/{app}/groups/{group['id']}", body)

    def _remove(self, app: str, group: str) -> None:
        answer = self._api.send("DELETE", f"{_APPS}/{app}/groups/{group}")
        if answer.status >= 300 and answer.status != 404:
            raise ProviderError(
                f"failed to remove group {group} from app {app}: {described(answer)}"
            )

    def _assigned(self, app: str) -> list[Value] | None:
        answer = self._api.send("GET", f"{_APPS}/{app}/groups?limit=200")
        if answer.status == 404:
            return None
        if answer.status != 200 or not isinstance(answer.body, list):
            raise ProviderError(
                f"failed to fetch group assignments: {described(answer)}"
            )
        return answer.body

    def _state(self, app: str, assigned: list[Value]) -> Properties:
        groups = [
            {
                "id": group["id"],
                "priority": group.get("priority", 0),
                "profile": json.dumps(
                    group.get("profile") or {},
                    sort_keys=True,
                    separators=(",", ":"),
                ),
            }
            for group in sorted(assigned, key=lambda group: str(group["id"]))
        ]
        return {"appId": app, "groups": groups}
