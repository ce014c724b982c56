# ruff: noqa: ARG002 - the methods of Resource share their signatures
"""Applications of Entra, and their credentials: Application, ApplicationPassword,
ApplicationCertificate, ApplicationFederatedIdentityCredential."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.edges import Json
from sandbox.plugins.azuread_api import GraphObject, last, temporary
from sandbox.plugins.provider import Found, ProviderError
from sandbox.plugins.values import Properties, Value, has_unknown

_TYPE = "#microsoft.graph.application"


def _renamed(
    names: Mapping[str, str],
) -> tuple[Callable[[Json], Json], Callable[[Json], Json]]:
    """To Graph and back, for objects of which the plugin calls some members otherwise."""
    back = {theirs: ours for ours, theirs in names.items()}

    def there(value: Json) -> Json:
        return {theirs: value.get(ours) for ours, theirs in names.items()}

    def here(value: Json) -> Json:
        return {
            back[name]: item
            for name, item in value.items()
            if name in back and item is not None
        }

    return there, here


_SAME_SCOPE = (
    "adminConsentDescription",
    "adminConsentDisplayName",
    "id",
    "type",
    "userConsentDescription",
)
_SCOPE, _scope_back = _renamed(
    {
        **{n: n for n in (*_SAME_SCOPE, "userConsentDisplayName", "value")},
        "enabled": "isEnabled",
    }
)
_ROLE, _role_back = _renamed(
    {
        **{
            n: n
            for n in (
                "allowedMemberTypes",
                "description",
                "displayName",
                "id",
                "value",
            )
        },
        "enabled": "isEnabled",
    }
)
_IMPLICIT = {
    "accessTokenIssuanceEnabled": "enableAccessTokenIssuance",
    "idTokenIssuanceEnabled": "enableIdTokenIssuance",
}
_CLAIMS = {
    "accessTokens": "accessToken",
    "idTokens": "idToken",
    "saml2Tokens": "saml2Token",
}
_TEXTS = {
    "description": "description",
    "displayName": "displayName",
    "notes": "notes",
    "signInAudience": "signInAudience",
}
_FLAGS = {
    "deviceOnlyAuthEnabled": "isDeviceOnlyAuthSupported",
    "fallbackPublicClientEnabled": "isFallbackPublicClient",
}
_INFO = {
    "marketingUrl": "marketingUrl",
    "privacyStatementUrl": "privacyStatementUrl",
    "supportUrl": "supportUrl",
    "termsOfServiceUrl": "termsOfServiceUrl",
}


def scopes(inputs: Properties) -> list[Json]:
    return [
        _SCOPE(scope)
        for scope in (inputs.get("api") or {}).get("oauth2PermissionScopes")
        or ()
    ]


def roles(inputs: Properties) -> list[Json]:
    return [_ROLE(role) for role in inputs.get("appRoles") or ()]


def optional_claims(inputs: Properties) -> Json:
    listed = inputs.get("optionalClaims") or {}
    return {
        theirs: [*map(_claim, listed[ours])]
        for ours, theirs in _CLAIMS.items()
        if listed.get(ours)
    }


def _claim(claim: Properties) -> Json:
    return {
        "additionalProperties": claim.get("additionalProperties") or [],
        "essential": bool(claim.get("essential")),
        "name": claim["name"],
        "source": claim.get("source"),
    }


def accesses(inputs: Properties) -> list[Json]:
    return [
        _access(api) for api in inputs.get("requiredResourceAccesses") or ()
    ]


def _access(api: Properties) -> Json:
    permissions = [
        {"id": permission["id"], "type": permission["type"]}
        for permission in api["resourceAccesses"]
    ]
    return {
        "resourceAccess": permissions,
        "resourceAppId": api["resourceAppId"],
    }


_SETS: Mapping[str, Callable[[Properties], Any]] = {
    "appRoles": roles,
    "identifierUris": lambda inputs: list(inputs.get("identifierUris") or ()),
    "optionalClaims": optional_claims,
    "requiredResourceAccess": accesses,
}
"""Members of an application that an update leaves out if they are unchanged."""


def body(inputs: Properties) -> Json:
    """Return an application without the parts in `_SETS` and the scopes."""
    api = inputs.get("api") or {}
    web = inputs.get("web") or {}
    spa = inputs.get("singlePageApplication") or {}
    public = inputs.get("publicClient") or {}
    implicit = web.get("implicitGrant") or {}
    groups = inputs.get("groupMembershipClaims") or ()
    return {
        "@odata.type": _TYPE,
        "api": {
            "acceptMappedClaims": bool(api.get("mappedClaimsEnabled")),
            "knownClientApplications": api.get("knownClientApplications") or [],
            "requestedAccessTokenVersion": api.get(
                "requestedAccessTokenVersion", 1
            ),
        },
        **{theirs: inputs.get(ours) or None for ours, theirs in _TEXTS.items()},
        **{theirs: bool(inputs.get(ours)) for ours, theirs in _FLAGS.items()},
        "groupMembershipClaims": ",".join(groups) or None,
        "info": {theirs: inputs.get(ours) for ours, theirs in _INFO.items()},
        "publicClient": _redirects(public),
        "serviceManagementReference": inputs.get("serviceManagementReference"),
        "spa": _redirects(spa),
        "tags": inputs.get("tags") or [],
        "web": {
            "homePageUrl": web.get("homepageUrl"),
            "implicitGrantSettings": {
                theirs: bool(implicit.get(ours))
                for ours, theirs in _IMPLICIT.items()
            },
            "logoutUrl": web.get("logoutUrl"),
            **_redirects(web),
        },
    }


def _redirects(platform: Properties) -> Json:
    return {"redirectUris": platform.get("redirectUris") or []}


def from_graph(app: Json) -> Properties:
    """Return the inputs of a program for an existing application."""
    api = app["api"]
    web = app["web"]
    implicit = web["implicitGrantSettings"]
    listed = app.get("optionalClaims") or {}
    return {
        "api": {
            "mappedClaimsEnabled": api["acceptMappedClaims"],
            "knownClientApplications": api["knownClientApplications"],
            "requestedAccessTokenVersion": api["requestedAccessTokenVersion"],
            "oauth2PermissionScopes": [
                _scope_back(entry) for entry in api["oauth2PermissionScopes"]
            ],
        },
        "appRoles": [_role_back(entry) for entry in app["appRoles"]],
        **{ours: app[theirs] for ours, theirs in {**_TEXTS, **_FLAGS}.items()},
        **{ours: app["info"][theirs] for ours, theirs in _INFO.items()},
        "groupMembershipClaims": [
            entry
            for entry in (app["groupMembershipClaims"] or "").split(",")
            if entry
        ],
        "identifierUris": app["identifierUris"],
        "optionalClaims": {
            ours: listed[theirs]
            for ours, theirs in _CLAIMS.items()
            if listed.get(theirs)
        },
        "publicClient": {"redirectUris": app["publicClient"]["redirectUris"]},
        "requiredResourceAccesses": [
            {
                "resourceAppId": entry["resourceAppId"],
                "resourceAccesses": entry["resourceAccess"],
            }
            for entry in app["requiredResourceAccess"]
        ],
        "serviceManagementReference": app["serviceManagementReference"],
        "singlePageApplication": {"redirectUris": app["spa"]["redirectUris"]},
        "tags": app["tags"],
        "web": {
            "homepageUrl": web["homePageUrl"],
            "implicitGrant": {
                ours: implicit[theirs] for ours, theirs in _IMPLICIT.items()
            },
            "logoutUrl": web["logoutUrl"],
            "redirectUris": web["redirectUris"],
        },
    }


def whole(inputs: Properties) -> Json:
    """Return an application with all that it has."""
    made = {**body(inputs), **{name: of(inputs) for name, of in _SETS.items()}}
    made["api"]["oauth2PermissionScopes"] = scopes(inputs)
    return made


def _sorted(value: Value) -> Value:
    """Turn lists into the plugin's types: sets."""
    if isinstance(value, Mapping):
        return {key: _sorted(item) for key, item in value.items()}
    return (
        sorted(map(_sorted, value), key=str)
        if isinstance(value, list)
        else value
    )


class Application(GraphObject):
    """azuread:index/application:Application. Not modelled: logos, passwords and owners in it,
    templates."""

    token = "azuread:index/application:Application"
    computed = frozenset(
        {
            "clientId",
            "objectId",
            "appRoleIds",
            "oauth2PermissionScopeIds",
            "publisherDomain",
        }
    )

    def same(self, key: str, old: Value, new: Value) -> bool:
        if has_unknown(new) or has_unknown(old):
            return False
        before, after = (
            _sorted(whole({"displayName": "x", key: value}))
            for value in (old, new)
        )
        return bool(before == after)

    def differences(
        self, state: Properties, old_inputs: Properties, news: Properties
    ) -> Any:
        self._checked(news)
        return super().differences(state, old_inputs, news)

    def _checked(self, inputs: Properties) -> None:
        """The official plugin's own check, which comes before any request. Raises ProviderError."""
        known: dict[str, Json] = {}
        entries = [
            *(
                {
                    "value": r["value"],
                    "id": r["id"],
                    "texts": (r["displayName"], r["description"]),
                }
                for r in roles(inputs)
            ),
            *(
                {
                    "value": s["value"],
                    "id": s["id"],
                    "texts": (
                        s["adminConsentDisplayName"],
                        s["adminConsentDescription"],
                    ),
                }
                for s in scopes(inputs)
            ),
        ]
        for entry in entries:
            other = known.setdefault(entry["value"], entry)
            if entry["id"] != other["id"]:
                raise ProviderError(
                    f'validation failed: duplicate value found: "{entry["value"]}"'
                )
            if entry["texts"] != other["texts"]:
                raise ProviderError(
                    f"validation failed: the texts of '{entry['id']}' must match"
                )

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        self._checked(inputs)
        made = self._graph.accepted(
            "POST", "/v1.0/applications", {**whole(inputs), **self._graph.owner}
        )
        path = f"/v1.0/applications/{made['id']}"
        for name in (temporary(), inputs["displayName"]):
            self._graph.accepted(
                "PATCH",
                path,
                {"@odata.type": _TYPE, "displayName": name},
                fresh=True,
            )
        self._graph.accepted(
            "DELETE", f"{path}/owners/{self._graph.caller}/$ref"
        )
        return f"/applications/{made['id']}", self._state(
            made["id"], self._whole(made["id"]), inputs
        )

    def _whole(self, object_id: str) -> Json:
        app: Json = self._graph.accepted(
            "GET", f"/v1.0/applications/{object_id}"
        )
        self._graph.accepted(
            "GET",
            f"/beta/applications/{object_id}?$select=oauth2RequirePostResponse",
        )
        self._graph.accepted("GET", f"/v1.0/applications/{object_id}/owners")
        return app

    def _state(
        self, object_id: str, app: Json, known: Properties
    ) -> Properties:
        """Return the program's spelling of an equal value, otherwise the current value."""
        now = from_graph(app)
        state = {
            key: known[key]
            if key in known and self.same(key, value, known[key])
            else value
            for key, value in now.items()
        }
        return {
            **state,
            "clientId": app["appId"],
            "objectId": object_id,
            "appRoleIds": {
                entry["value"]: entry["id"]
                for entry in app["appRoles"]
                if entry.get("value")
            },
            "oauth2PermissionScopeIds": {
                entry["value"]: entry["id"]
                for entry in app["api"]["oauth2PermissionScopes"]
            },
            "publisherDomain": app["publisherDomain"],
        }

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        object_id = last(identifier)
        if self._graph.found(f"/v1.0/applications/{object_id}") is None:
            return None
        now = self._state(object_id, self._whole(object_id), state or inputs)
        return self.found(identifier, inputs, state, now)

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        """Disable removed or changed roles, then scopes, each in a separate request."""
        object_id = last(identifier)
        path = f"/v1.0/applications/{object_id}"
        with self._graph.locks[object_id]:
            change = body(news)
            if not self.same(
                "appRoles", state.get("appRoles"), news.get("appRoles")
            ):
                self._disable(
                    path,
                    roles(news),
                    lambda app: app["appRoles"],
                    lambda listed: {"appRoles": listed},
                )
            old_scopes = _sorted(scopes(state))
            if old_scopes != _sorted(scopes(news)):
                self._disable(
                    path,
                    scopes(news),
                    lambda app: app["api"]["oauth2PermissionScopes"],
                    lambda listed: {"api": {"oauth2PermissionScopes": listed}},
                )
                change["api"]["oauth2PermissionScopes"] = scopes(news)
            for name, of in _SETS.items():
                if _sorted(of(state)) != _sorted(of(news)):
                    change[name] = of(news)
            self._graph.accepted("PATCH", path, change)
            return self._state(object_id, self._whole(object_id), news)

    def _disable(
        self,
        path: str,
        wanted: list[Json],
        listed: Callable[[Json], list[Json]],
        change: Callable[[list[Json]], Json],
    ) -> None:
        """Disable removed and changed entitlements: Graph rejects both changes while they are
        enabled."""
        by_id = {entitlement["id"]: entitlement for entitlement in wanted}
        existing = listed(self._graph.accepted("GET", path))
        disabled = False
        for entitlement in existing:
            entitlement.pop("origin", None)
            if entitlement["isEnabled"] and _reworded(
                entitlement, by_id.get(entitlement["id"])
            ):
                entitlement["isEnabled"] = False
                disabled = True
        if not disabled:
            return
        self._graph.accepted(
            "PATCH", path, {"@odata.type": _TYPE, **change(existing)}
        )
        self._graph.accepted("GET", path)

    def delete(self, identifier: str, state: Properties) -> None:
        with self._graph.locks[last(identifier)]:
            self._graph.removed(f"/v1.0/applications/{last(identifier)}")


def _reworded(existing: Json, wanted: Json | None) -> bool:
    return wanted is None or any(
        (existing.get(key) or None) != (wanted[key] or None) for key in wanted
    )


class ApplicationPassword(GraphObject):
    """azuread:index/applicationPassword:ApplicationPassword."""

    token = "azuread:index/applicationPassword:ApplicationPassword"
    replaces = frozenset(
        {
            "applicationId",
            "displayName",
            "endDate",
            "endDateRelative",
            "rotateWhenChanged",
            "startDate",
        }
    )
    computed = frozenset({"keyId", "value"})
    sticky = frozenset({"displayName", "endDate", "startDate"})
    secrets = frozenset({"value"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        app, _ = self.application(inputs)
        with self._graph.locks[app]:
            wanted = {
                "displayName": inputs.get("displayName"),
                "endDateTime": inputs.get("endDate"),
            }
            made = self._graph.accepted(
                "POST",
                f"/v1.0/applications/{app}/addPassword",
                {"passwordCredential": {k: v for k, v in wanted.items() if v}},
            )
            self._graph.accepted("GET", f"/v1.0/applications/{app}")
        return f"{app}/password/{made['keyId']}", {
            **inputs,
            "keyId": made["keyId"],
            "value": made["secretText"],
        }

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        object_id, _, key_id = identifier.split("/")
        app = self._graph.found(f"/v1.0/applications/{object_id}")
        if app is None or all(
            password["keyId"] != key_id
            for password in app["passwordCredentials"]
        ):
            return None
        return Found(inputs, state)

    def delete(self, identifier: str, state: Properties) -> None:
        object_id, _, key_id = identifier.split("/")
        with self._graph.locks[object_id]:
            self._graph.accepted(
                "POST",
                f"/v1.0/applications/{object_id}/removePassword",
                {"keyId": key_id},
            )
            self._graph.accepted("GET", f"/v1.0/applications/{object_id}")


class ApplicationCertificate(GraphObject):
    """azuread:index/applicationCertificate:ApplicationCertificate: a PATCH of all certificates of
    the application.

    It follows the plugin's source (terraform-provider-azuread, internal/helpers/credentials), not a
    recording. Only the encoding pem is modelled: its text is sent unread.
    """

    token = "azuread:index/applicationCertificate:ApplicationCertificate"
    replaces = frozenset(
        {
            "applicationId",
            "encoding",
            "endDate",
            "endDateRelative",
            "keyId",
            "startDate",
            "type",
            "value",
        }
    )
    computed = frozenset({"keyId"})
    sticky = frozenset({"endDate", "startDate", "keyId"})
    secrets = frozenset({"value"})
    defaults = {"encoding": "pem"}

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        if inputs["encoding"] != "pem":
            raise ProviderError(
                "the stand-in for azuread takes certificates in PEM only"
            )
        key_id = inputs.get("keyId") or str(uuid.uuid4())
        made = {
            "endDateTime": inputs.get("endDate"),
            "key": base64.b64encode(inputs["value"].encode()).decode(),
            "keyId": key_id,
            "startDateTime": inputs.get("startDate"),
            "type": inputs.get("type"),
            "usage": "Verify",
        }
        with self._graph.locks[last(inputs["applicationId"])]:
            object_id, app = self.application(inputs)
            self._put(object_id, [*app["keyCredentials"], made])
        return f"{object_id}/certificate/{key_id}", {**inputs, "keyId": key_id}

    def _put(self, object_id: str, certificates: list[Json]) -> None:
        change = {
            "@odata.type": _TYPE,
            "id": object_id,
            "keyCredentials": certificates,
        }
        self._graph.accepted("PATCH", f"/v1.0/applications/{object_id}", change)

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        object_id, _, key_id = identifier.split("/")
        app = self._graph.found(f"/v1.0/applications/{object_id}")
        if app is None or all(
            certificate["keyId"] != key_id
            for certificate in app["keyCredentials"]
        ):
            return None
        return Found(inputs, state)

    def delete(self, identifier: str, state: Properties) -> None:
        object_id, _, key_id = identifier.split("/")
        with self._graph.locks[object_id]:
            app = self._graph.accepted("GET", f"/v1.0/applications/{object_id}")
            self._put(
                object_id,
                [
                    certificate
                    for certificate in app["keyCredentials"]
                    if certificate["keyId"] != key_id
                ],
            )


class ApplicationFederatedIdentityCredential(GraphObject):
    """azuread:index/applicationFederatedIdentityCredential."""

    token = (
        "azuread:index/applicationFederatedIdentityCredential:"
        "ApplicationFederatedIdentityCredential"
    )
    replaces = frozenset({"applicationId", "displayName"})
    computed = frozenset({"credentialId"})

    def _body(self, inputs: Properties) -> Json:
        named = {
            name: inputs.get(name)
            for name in ("audiences", "description", "issuer", "subject")
        }
        return {
            "@odata.type": "#microsoft.graph.federatedIdentityCredential",
            "name": inputs["displayName"],
            **named,
        }

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        object_id, _ = self.application(inputs)
        path = f"/v1.0/applications/{object_id}/federatedIdentityCredentials"
        with self._graph.locks[object_id]:
            made = self._graph.accepted("POST", path, self._body(inputs))
            self._graph.accepted("GET", f"{path}/{made['id']}", fresh=True)
        return f"{object_id}/federatedIdentityCredential/{made['id']}", {
            **inputs,
            "credentialId": made["id"],
        }

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        object_id, _, credential = identifier.split("/")
        answer = self._graph.found(
            f"/v1.0/applications/{object_id}/federatedIdentityCredentials/{credential}"
        )
        if answer is None:
            return None
        names = ("audiences", "description", "issuer", "subject")
        own = {
            "applicationId": f"/applications/{object_id}",
            "credentialId": credential,
        }
        now = {
            **own,
            **state,
            **{name: answer.get(name) for name in names},
            "displayName": answer["name"],
        }
        return self.found(identifier, inputs, state, now)

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        object_id, _, credential = identifier.split("/")
        path = f"/v1.0/applications/{object_id}/federatedIdentityCredentials/{credential}"
        self._graph.accepted(
            "PATCH", path, {**self._body(news), "id": credential}
        )
        return {**news, "credentialId": credential}

    def delete(self, identifier: str, state: Properties) -> None:
        object_id, _, credential = identifier.split("/")
        with self._graph.locks[object_id]:
            self._graph.removed(
                f"/v1.0/applications/{object_id}/federatedIdentityCredentials/{credential}"
            )
