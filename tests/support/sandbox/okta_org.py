"""A stand-in org with a small estate, and an administrator that calls its management API over HTTP."""

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sandbox.okta import Okta, User
from tests.support.json_object import JsonObject

TOKEN = "test-token"
CALLBACK = "https://shop.example.com/callback"
USERS = (
    User("user-sales", groups=("sales",)),
    User("user-desk", groups=("order-desk",)),
    User("user-both", groups=("sales", "order-desk")),
    User("user-none"),
)
Observer = Callable[[str, str, int, Any], None]


def new_okta(**options: Any) -> Okta:
    """Return an org with the groups and users of the estate."""
    return Okta(
        api_token=TOKEN,
        **({"groups": ("sales", "order-desk"), "users": USERS} | options),
    )


@dataclass
class Admin:
    """A client of the management API of `url`; `observe` sees method, path, status and body of
    every answer."""

    url: str
    observe: Observer | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def call(
        self,
        method: str,
        target: str,
        body: Any = None,
        token: str | None = TOKEN,
    ) -> tuple[int, Any]:
        """Return status and decoded body; `target` may be in absolute form."""
        headers = (
            {"Authorization": f"SSWS {token}"} if token is not None else {}
        )
        connection = http.client.HTTPConnection(
            urlsplit(self.url).netloc, timeout=10
        )
        try:
            connection.request(
                method,
                target,
                None if body is None else json.dumps(body),
                headers,
            )
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        self.headers = dict(response.headers)
        decoded = json.loads(content) if content else None
        if self.observe:
            self.observe(
                method, urlsplit(target).path, response.status, decoded
            )
        return response.status, decoded

    def make(self, path: str, body: Any) -> Any:
        """Return the object that a POST creates."""
        status, made = self.call("POST", f"/api/v1/{path}", body)
        assert status in (200, 201), made
        return made

    def get(self, path: str) -> Any:
        """Return the body of a GET that is expected to succeed."""
        status, body = self.call("GET", f"/api/v1/{path}")
        assert status == 200, body
        return body


def app(label: str, kind: str, **oauth: Any) -> JsonObject:
    """Return a request for an app, as the official plugin sends it."""
    client = {
        "token_endpoint_auth_method": oauth.pop(
            "method", "client_secret_basic"
        ),
        "autoKeyRotation": True,
    }
    client["pkce_required"] = oauth.pop("pkce", kind != "service")
    settings = {
        "service": {
            "grant_types": ["client_credentials"],
            "response_types": ["token"],
        },
        "web": {
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "redirect_uris": [CALLBACK],
        },
    }[kind]
    return {
        "name": "oidc_client",
        "label": label,
        "signOnMode": "OPENID_CONNECT",
        "credentials": {"oauthClient": client},
        "settings": {
            "oauthClient": {"application_type": kind, **settings, **oauth}
        },
    }


def policy(name: str, *clients: str, **rest: Any) -> JsonObject:
    """Return a request for a policy."""
    return {
        "name": name,
        "description": name,
        "type": "OAUTH_AUTHORIZATION_POLICY",
        "conditions": {"clients": {"include": list(clients)}},
        **rest,
    }


def rule(
    name: str, grant: str, scopes: list[str], groups: list[str], **rest: Any
) -> JsonObject:
    """Return a request for a rule."""
    return {
        "name": name,
        "type": "RESOURCE_ACCESS",
        "conditions": {
            "grantTypes": {"include": [grant]},
            "people": {"groups": {"include": groups}, "users": {}},
            "scopes": {"include": scopes},
        },
        **rest,
    }


@dataclass
class Estate:
    """One authorization server with two scopes, a service that may read and a web app whose users
    may do both."""

    okta: Okta
    admin: Admin
    server: JsonObject
    service: JsonObject
    web: JsonObject
    groups: dict[str, str]

    @property
    def issuer(self) -> str:
        issuer: str = self.server["issuer"]
        return issuer

    @property
    def path(self) -> str:
        return f"authorizationServers/{self.server['id']}"


def build(okta: Okta) -> Estate:
    """Provision the estate through the management API."""
    admin = Admin(okta.url)
    groups = {
        group["profile"]["name"]: group["id"] for group in admin.get("groups")
    }
    server = admin.make(
        "authorizationServers",
        {"name": "estate", "audiences": ["api://estate"]},
    )
    path = f"authorizationServers/{server['id']}"
    for name in ("orders.read", "orders.write"):
        admin.make(f"{path}/scopes", {"name": name, "description": name})
    service, web = (
        admin.make("apps", app("checkout", "service")),
        admin.make("apps", app("web", "web")),
    )
    for name in ("sales", "order-desk"):
        admin.call(
            "PUT",
            f"/api/v1/apps/{web['id']}/groups/{groups[name]}",
            {"profile": {}},
        )
    for_service = admin.make(
        f"{path}/policies", policy("checkout", client_id(service))
    )
    admin.make(
        f"{path}/policies/{for_service['id']}/rules",
        rule("read", "client_credentials", ["orders.read"], []),
    )
    for_web = admin.make(f"{path}/policies", policy("web", client_id(web)))
    both = [
        "openid",
        "profile",
        "offline_access",
        "orders.read",
        "orders.write",
    ]
    people = [groups["sales"], groups["order-desk"]]
    admin.make(
        f"{path}/policies/{for_web['id']}/rules",
        rule("users", "authorization_code", both, people),
    )
    return Estate(okta, admin, server, service, web, groups)


def client_id(made: JsonObject) -> str:
    """Return the OAuth client id of an app."""
    found: str = made["credentials"]["oauthClient"]["client_id"]
    return found


def secret(made: JsonObject) -> str:
    """Return the client secret in the answer that created an app."""
    found: str = made["credentials"]["oauthClient"]["client_secret"]
    return found
