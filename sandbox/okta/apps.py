"""OpenID Connect apps and their group assignments in the management API of the Okta stand-in.

Only apps of `signOnMode` OPENID_CONNECT exist. Labels need not be unique, as in Okta since release
2021.06.3. The official plugin replaces an app by creating a second app with the same label before
it deletes the first.

The required fields of each type of app follow developer.okta.com, "Applications", table of grant
types and application types. Answers follow management-api.json, `OpenIdConnectApplication`.
"""

import re
import secrets
from collections.abc import Iterator

from sandbox.edges import Json
from sandbox.okta.answers import (
    Answer,
    ApiError,
    Request,
    invalid,
    not_found,
    require,
)
from sandbox.okta.checks import (
    Check,
    anything,
    flag,
    listing,
    one_of,
    record,
    text,
    whole,
)
from sandbox.okta.objects import TAKEN, found, parent_of
from sandbox.okta.org import Org, client_of, link, new_id

SECRET_METHODS = (
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
)
APP_GRANTS = {  # application type -> its allowed grant types
    "web": (
        "authorization_code",
        "refresh_token",
        "implicit",
        "client_credentials",
    ),
    "browser": ("authorization_code", "refresh_token", "implicit"),
    "native": ("authorization_code", "refresh_token", "implicit", "password"),
    "service": ("client_credentials",),
}


_CLIENT_ID = re.compile(r"[A-Za-z0-9$\-_.+!*'(),]+\Z")
_RESERVED = "ALL_CLIENTS"


def _client_id(value: object, place: str) -> Iterator[str]:
    yield from text(6, 100)(value, place)
    if isinstance(value, str) and (
        value == _RESERVED or not _CLIENT_ID.match(value)
    ):
        yield f"{place}: Invalid value '{value}'"


def _secret(value: object, place: str) -> Iterator[str]:
    # The official plugin sends "" with omitSecret to keep the existing secret.
    if value != "":
        yield from text(14, 100)(value, place)


_URIS = listing(text(1, 1024))
_LOGIN = record(
    {
        "mode": one_of("DISABLED", "SPEC", "OKTA"),
        "default_scope": listing(text(1)),
    },
    ("mode",),
)
_REFRESH: Check = record(
    {"rotation_type": one_of("ROTATE", "STATIC"), "leeway": whole(0, 60)},
    ("rotation_type",),
)
_KEY = record(
    {
        name: text()
        for name in (
            "kid",
            "kty",
            "use",
            "alg",
            "status",
            "e",
            "n",
            "x",
            "y",
            "crv",
        )
    },
    ("kty",),
)
CLIENT = record(
    {
        "client_id": _client_id,
        "client_secret": _secret,
        "autoKeyRotation": flag,
        "pkce_required": flag,
        "token_endpoint_auth_method": one_of(
            *SECRET_METHODS, "none", "private_key_jwt"
        ),
    }
)
SETTINGS = record(
    {
        "application_type": one_of("browser", "native", "service", "web"),
        "grant_types": listing(text(1), least=1),
        "response_types": listing(one_of("code", "id_token", "token")),
        "redirect_uris": _URIS,
        "post_logout_redirect_uris": _URIS,
        "consent_method": one_of("REQUIRED", "TRUSTED"),
        "issuer_mode": one_of("CUSTOM_URL", "DYNAMIC", "ORG_URL"),
        "wildcard_redirect": one_of("DISABLED", "SUBDOMAIN"),
        "dpop_bound_access_tokens": flag,
        "participate_slo": flag,
        "idp_initiated_login": _LOGIN,
        "refresh_token": _REFRESH,
        "jwks": record({"keys": listing(_KEY, least=1)}, required=("keys",)),
        **{
            uri: text(0, 1024)
            for uri in (
                "client_uri",
                "initiate_login_uri",
                "jwks_uri",
                "logo_uri",
                "policy_uri",
                "tos_uri",
            )
        },
    },
    required=("grant_types", "application_type"),
)
APP = record(
    {
        "name": one_of("oidc_client"),
        "label": text(1, 100),
        "signOnMode": one_of("OPENID_CONNECT"),
        "status": one_of("ACTIVE", "INACTIVE"),
        "accessibility": record(
            {
                "selfService": flag,
                "errorRedirectUrl": text(),
                "loginRedirectUrl": text(),
            }
        ),
        "visibility": record(
            {
                "autoLaunch": flag,
                "autoSubmitToolbar": flag,
                "appLinks": anything,
                "hide": record({"iOS": flag, "web": flag}),
            }
        ),
        "features": listing(text(1)),
        "profile": anything,
        "credentials": record(
            {
                "oauthClient": CLIENT,
                "signing": anything,
                "userNameTemplate": record(
                    {
                        "template": text(),
                        "type": one_of("NONE", "BUILT_IN", "CUSTOM"),
                        "pushStatus": text(),
                        "userSuffix": text(),
                    }
                ),
            }
        ),
        "settings": record(
            {
                "app": anything,
                "notifications": anything,
                "manualProvisioning": flag,
                "implicitAssignment": flag,
                "emOptInStatus": text(),
                "notes": record({"admin": text(), "enduser": text()}),
                "oauthClient": SETTINGS,
            },
            required=("oauthClient",),
        ),
    },
    required=("name", "label", "signOnMode", "settings"),
)
ASSIGNMENT = record({"priority": whole(0, 10_000), "profile": anything})


def create_app(org: Org, request: Request) -> Answer:
    """POST ?activate=true|false: the only answer beside PUT's that shows the client secret.

    Without a client id in the body, the app's id is the client id. A client id that an existing app
    has is rejected; the wording is a guess. The client id of a deleted app is free again
    (recordings of a real org, see `Okta._app` in components/identity/okta.py).
    """
    require(APP, request.body)
    key = new_id("0oa")
    chosen = _credentials(request.body).get("client_id", key)
    if org.client(chosen):
        raise invalid(f"credentials.oauthClient.client_id: {TAKEN}")
    status = (
        "INACTIVE" if request.query.get("activate") == "false" else "ACTIVE"
    )
    fixed = {"id": key, "status": status, "created": org.timestamp()}
    return _stored(org, request.body, fixed, chosen, org.access_policy)


def replace_app(org: Org, request: Request) -> Answer:
    """PUT: id, name, status and created stay; the client secret stays unless the body has another.

    A client id is immutable by the description. That a changed id is rejected and not ignored is a
    guess.
    """
    before = found(org, "apps", request)
    require(APP, request.body)
    own = client_of(before)["client_id"]
    if _credentials(request.body).get("client_id", own) != own:
        raise invalid(
            "credentials.oauthClient.client_id: The client id cannot be changed"
        )
    fixed = {name: before[name] for name in ("id", "status", "created")}
    policy = before["_links"]["accessPolicy"]["href"].rpartition("/")[2]
    return _stored(org, request.body, fixed, own, policy)


def _credentials(body: Json) -> Json:
    client: Json = body.get("credentials", {}).get("oauthClient", {})
    return client


def _stored(
    org: Org, body: Json, fixed: Json, client_id: str, policy: str
) -> Answer:
    app = _app(org, body, fixed, client_id, policy)
    _check_app(app)
    org.put("apps", app)
    if client_of(app)["token_endpoint_auth_method"] not in SECRET_METHODS:
        org.client_secrets.pop(fixed["id"], None)
        return Answer(200, app)
    old = org.client_secrets.get(fixed["id"])
    org.client_secrets[fixed["id"]] = (
        _credentials(body).get("client_secret")
        or old
        or secrets.token_urlsafe(48)
    )
    shown = {**client_of(app), "client_secret": org.client_secrets[fixed["id"]]}
    return Answer(
        200,
        {**app, "credentials": {**app["credentials"], "oauthClient": shown}},
    )


def _check_app(app: Json) -> None:
    settings = app["settings"]["oauthClient"]
    kind = settings["application_type"]
    for grant in settings["grant_types"]:
        if grant not in APP_GRANTS[kind]:
            raise invalid(
                f"settings.oauthClient.grant_types: '{grant}' is not allowed for application type "
                f"'{kind}'"
            )
    codes = "authorization_code" in settings["grant_types"]
    if codes and not settings["redirect_uris"]:
        raise invalid(
            "settings.oauthClient.redirect_uris: The field cannot be left blank"
        )
    if codes and "code" not in settings["response_types"]:
        raise invalid(
            "settings.oauthClient.response_types: 'code' is required by grant type "
            "'authorization_code'"
        )
    _check_method(client_of(app), settings, kind)


def _check_method(client: Json, settings: Json, kind: str) -> None:
    """Raise an ApiError if the app may not use its client authentication method."""
    method = client["token_endpoint_auth_method"]
    if kind == "browser" and method != "none":
        raise invalid(
            "credentials.oauthClient.token_endpoint_auth_method: must be 'none' for application "
            "type 'browser'"
        )
    if kind in ("service", "web") and method == "none":
        raise invalid(
            "credentials.oauthClient.token_endpoint_auth_method: 'none' is not allowed for type "
            f"'{kind}'"
        )
    if method == "none" and not client["pkce_required"]:
        raise invalid(
            "credentials.oauthClient.pkce_required: must be true when the authentication method is "
            "'none'"
        )
    has_keys = settings.get("jwks") or settings.get("jwks_uri")
    if method == "private_key_jwt" and not has_keys:
        raise invalid(
            "settings.oauthClient.jwks: The field cannot be left blank"
        )


def _app(
    org: Org, body: Json, fixed: Json, client_id: str, policy: str
) -> Json:
    credentials = body.get("credentials") or {}
    visibility = body.get("visibility") or {}
    hide = visibility.get("hide") or {}
    url = f"{org.origin}/api/v1/apps/{fixed['id']}"
    return {
        **fixed,
        "orn": f"orn:okta:idp:{org.id}:apps:oidc_client:{fixed['id']}",
        "name": "oidc_client",
        "label": body["label"],
        "lastUpdated": org.timestamp(),
        "accessibility": {"selfService": False}
        | (body.get("accessibility") or {}),
        "visibility": {
            "autoLaunch": visibility.get("autoLaunch", False),
            "autoSubmitToolbar": visibility.get("autoSubmitToolbar", False),
            "hide": {
                "iOS": hide.get("iOS", False),
                "web": hide.get("web", False),
            },
            "appLinks": {"oidc_client_link": True},
        },
        "features": [],
        "signOnMode": "OPENID_CONNECT",
        "credentials": {
            "userNameTemplate": credentials.get("userNameTemplate")
            or {"template": "${source.login}", "type": "BUILT_IN"},
            "signing": {},
            "oauthClient": _client(
                credentials.get("oauthClient") or {},
                client_id,
                body["settings"]["oauthClient"],
            ),
        },
        "settings": _settings(org, body["settings"]),
        "_links": {
            "self": link(url, "GET", "PUT", "DELETE"),
            "groups": link(f"{url}/groups"),
            "accessPolicy": link(f"{org.origin}/api/v1/policies/{policy}"),
        },
    }


def _client(client: Json, client_id: str, settings: Json) -> Json:
    public = settings["application_type"] in ("browser", "native")
    method = client.get("token_endpoint_auth_method") or (
        "none" if public else "client_secret_basic"
    )
    return {
        "autoKeyRotation": client.get("autoKeyRotation", True),
        "client_id": client_id,
        "token_endpoint_auth_method": method,
        # Okta's description: default true; a service app has no authorization request to protect
        "pkce_required": client.get(
            "pkce_required", settings["application_type"] != "service"
        ),
    }


def _settings(org: Org, settings: Json) -> Json:
    oauth = settings["oauthClient"]
    service = oauth["application_type"] == "service"
    client = {
        "redirect_uris": [],
        "response_types": ["token"] if service else ["code"],
        "consent_method": "TRUSTED",
        "issuer_mode": "ORG_URL",
        "idp_initiated_login": {"mode": "DISABLED", "default_scope": []},
        "wildcard_redirect": "DISABLED",
        "dpop_bound_access_tokens": False,
        "participate_slo": False,
        **oauth,
    }
    if "refresh_token" in client["grant_types"]:
        client["refresh_token"] = {
            "leeway": 30,
            "rotation_type": "STATIC",
        } | client.get("refresh_token", {})
    if "jwks" in client:
        times = {"created": org.timestamp(), "lastUpdated": org.timestamp()}
        keys = [
            {
                "status": "ACTIVE",
                "use": "sig",
                **key,
                "id": new_id("pks"),
                **times,
            }
            for key in client["jwks"]["keys"]
        ]
        client["jwks"] = {"keys": keys}
    return {
        "app": settings.get("app") or {},
        "notifications": settings.get("notifications")
        or {"vpn": {"network": {"connection": "DISABLED"}}},
        "manualProvisioning": settings.get("manualProvisioning", False),
        "implicitAssignment": settings.get("implicitAssignment", False),
        "emOptInStatus": "NONE",
        "notes": settings.get("notes") or {},
        "oauthClient": client,
    }


def set_app_status(status: str, org: Org, request: Request) -> Answer:
    """POST .../lifecycle/(de)activate: 200 with an empty object."""
    found(org, "apps", request).update(
        status=status, lastUpdated=org.timestamp()
    )
    return Answer(200, {})


def delete_app(org: Org, request: Request) -> Answer:
    """DELETE of an inactive app, with its assignments. Policies keep its client id, which matches
    no app."""
    app = found(org, "apps", request)
    if app["status"] == "ACTIVE":
        raise ApiError(
            403,
            "E0000056",
            "Delete application forbidden.",
            ("The application must be deactivated first.",),
        )
    org.drop_children("assignments", app["id"])
    org.client_secrets.pop(app["id"], None)
    org.drop("apps", app["id"])
    return Answer(204)


def set_access_policy(org: Org, request: Request) -> Answer:
    """PUT /apps/{id}/policies/{policy}: which authentication policy guards the app's sign-in;
    204."""
    app = found(org, "apps", request)
    if request.place["policy"] != org.access_policy:
        raise not_found(request.place["policy"], "Policy")
    app["_links"]["accessPolicy"] = link(
        f"{org.origin}/api/v1/policies/{org.access_policy}"
    )
    return Answer(204)


def id_token_settings(org: Org, request: Request) -> Answer:
    """GET and POST of /api/v1/internal/apps/{id}/settings/oauth/idToken, which is in no
    documentation."""
    app = found(org, "apps", request)
    if request.method == "POST":
        require(
            record(
                {"issuerMode": one_of("CUSTOM_URL", "DYNAMIC", "ORG_URL")},
                ("issuerMode",),
            ),
            request.body,
        )
        shown = {
            "issuer": None,
            "audience": None,
            "issuerMode": request.body["issuerMode"],
        }
    else:
        shown = {
            "issuer": org.origin,
            "audience": client_of(app)["client_id"],
            "issuerMode": "ORG_URL",
        }
    return Answer(200, {"orgUrl": None, "customUrl": None, **shown})


def assign_group(org: Org, request: Request) -> Answer:
    """PUT /apps/{id}/groups/{group}: without a priority a new assignment gets the next one."""
    parent = parent_of(org, "assignments", request)
    group = org.get("groups", request.place["id"])
    require(ASSIGNMENT, request.body)
    rows = org.rows("assignments", parent)
    priority = next(
        (row["priority"] for row in rows if row["id"] == group["id"]), len(rows)
    )
    url = f"{org.origin}/api/v1/apps/{parent}"
    assignment = {
        "id": group["id"],
        "lastUpdated": org.timestamp(),
        "priority": request.body.get("priority", priority),
        "profile": request.body.get("profile") or {},
        "_links": {
            "app": link(url),
            "self": link(f"{url}/groups/{group['id']}"),
        },
    }
    return Answer(200, org.put("assignments", assignment, parent))


def unassign_group(org: Org, request: Request) -> Answer:
    """DELETE /apps/{id}/groups/{group}."""
    org.drop(
        "assignments",
        request.place["id"],
        parent_of(org, "assignments", request),
    )
    return Answer(204)
