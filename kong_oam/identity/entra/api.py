"""Microsoft Graph: which tenant, one client, waiting that ends, and one message for each way in which it refuses.

Sources: Microsoft Graph (errors, paging by @odata.nextLink, throttling by Retry-After), the identity platform's client
credentials flow, and the settings of the official provider, which this reads as it does.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from kong_oam.engine.configuration import Configuration
from kong_oam.http.retry import retried
from kong_oam.http.trust import trusted
from kong_oam.identity.common.discovery import LOOPBACK
from kong_oam.identity.common.errors import RefusedError
from kong_oam.identity.entra.names import Tenant

Row = Mapping[str, Any]

CLOUDS = {
    "login.microsoftonline.com": ("public", "https://graph.microsoft.com", ""),
    "login.microsoftonline.us": ("usgovernment", "https://graph.microsoft.us", "USGov"),
    "login.partner.microsoftonline.cn": ("china", "https://microsoftgraph.chinacloudapi.cn", "China"),
}
"""By where one signs in: what the provider calls the cloud, Microsoft Graph there, and how its token exchange ends."""

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_TIMEOUT = httpx.Timeout(30.0)
_USUAL_PAUSE = 5.0  # seconds, where a refusal does not say how long

_PERMISSIONS = (
    "Application.ReadWrite.All, AppRoleAssignment.ReadWrite.All, DelegatedPermissionGrant.ReadWrite.All and "
    "Group.Read.All"
)
"""OwnedBy is not enough for applications: the official plugin takes its own account out of the owners of each."""
_WHAT_TO_DO = {
    401: "check azuread:clientId and the secret azuread:clientSecret (or ARM_CLIENT_ID and ARM_CLIENT_SECRET)",
    403: f"give the application these permissions of Microsoft Graph, with an administrator's consent: {_PERMISSIONS}",
    429: "others use up the tenant's limits; run it again later",
}
_WHERE_TO_LOOK = "see status.cloud.microsoft, and run it again"


NO_ACCOUNT = (
    "no account at Entra: set azuread:clientId and the secret azuread:clientSecret, or ARM_CLIENT_ID and "
    "ARM_CLIENT_SECRET (or ARM_OIDC_TOKEN)"
)


@dataclass(frozen=True, slots=True)
class Account:
    """Who administers a tenant: an application of it, and one proof: its secret, or a token of an issuer it trusts."""

    tenant: Tenant
    client: str
    secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        return urlsplit(self.tenant.login).netloc

    @property
    def graph(self) -> str:
        """Where Microsoft Graph is. A stand-in on loopback has all on one port."""
        return CLOUDS[self.host][1] if self.host in CLOUDS else self.tenant.login


def known(tenant: Tenant) -> bool:
    """Whether the tenant is of a cloud of Microsoft's, or of a stand-in on this machine."""
    parts = urlsplit(tenant.login)
    return parts.netloc in CLOUDS if parts.scheme == "https" else parts.hostname in LOOPBACK


def exchange(tenant: Tenant) -> str:
    """The audience of tokens that clients of the tenant are proved by (workload identity federation)."""
    return f"api://AzureADTokenExchange{CLOUDS.get(urlsplit(tenant.login).netloc, ('', '', ''))[2]}"


def account(tenant: Tenant, configuration: Configuration) -> Account | None:
    """The account of the stack's `azuread:` settings or of the environment; None where neither names one in full."""
    setting = configuration.setting
    client = setting("azuread:clientId", "ARM_CLIENT_ID")
    secret = setting("azuread:clientSecret", "ARM_CLIENT_SECRET")
    token = setting("azuread:oidcToken", "ARM_OIDC_TOKEN")
    if file := setting("azuread:oidcTokenFilePath", "ARM_OIDC_TOKEN_FILE_PATH"):
        token = token or Path(file).read_text("utf-8").strip()
    if not client or not (secret or token):
        return None
    return Account(tenant, client, secret, None if secret else token)


class Graph:
    """Microsoft Graph as the account sees it. A context manager. Every method raises RefusedError.

    `caller` is the object id of the account's own service principal, None where its token does not say it.
    """

    def __init__(self, account: Account, transport: httpx.BaseTransport | None = None) -> None:
        self._account = account
        self._http = httpx.Client(timeout=_TIMEOUT, transport=transport, verify=trusted())
        self.caller: str | None = None

    def __enter__(self) -> Graph:
        form = {
            "client_id": self._account.client,
            "grant_type": "client_credentials",
            "scope": f"{self._account.graph}/.default",
        }
        if self._account.secret:
            form["client_secret"] = self._account.secret
        else:
            form |= {"client_assertion_type": ASSERTION, "client_assertion": self._account.token or ""}
        try:
            given = self._asked("POST", self._account.tenant.token_endpoint, data=form)
        except RefusedError:
            self._http.close()
            raise
        self._http.headers["Authorization"] = f"Bearer {given.get('access_token')}"
        self.caller = _object_id(str(given.get("access_token")))
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def groups(self, name: str | None = None) -> Iterator[str]:
        """Names of the tenant's security groups: of all, or of those that are called `name`."""
        of_name = f"displayName eq {_quoted(name)} and " if name is not None else ""
        listed = {"$filter": f"{of_name}securityEnabled eq true", "$select": "id,displayName", "$top": "999"}
        return (str(row["displayName"]) for row in self._rows("/v1.0/groups", listed))

    @property
    def environment(self) -> dict[str, str]:
        """What tells the provider's plugin where this is, but for who asks."""
        host = self._account.host
        where = {"ARM_TENANT_ID": self._account.tenant.id, "ARM_USE_CLI": "false"}
        where |= {"ARM_ENVIRONMENT": CLOUDS[host][0]} if host in CLOUDS else {"ARM_METADATA_HOSTNAME": host}
        return where | ({"ARM_USE_OIDC": "true"} if self._account.token else {})

    def applications(self, name: str) -> list[Row]:
        """The tenant's applications of this display name, which any number may have."""
        return list(self.rows("/applications", f"displayName eq {_quoted(name)}"))

    def group_ids(self, name: str) -> list[str]:
        """Object ids of the tenant's security groups of this name."""
        condition = f"displayName eq {_quoted(name)} and securityEnabled eq true"
        return [str(row["id"]) for row in self.rows("/groups", condition)]

    def principal(self, app_id: str) -> Row | None:
        """The service principal of an application (client id) in the tenant."""
        return next(self.rows("/servicePrincipals", f"appId eq {_quoted(app_id)}"), None)

    def rows(self, path: str, condition: str | None = None) -> Iterator[Row]:
        """A list, page by page; `condition` is its $filter."""
        return self._rows(f"/v1.0{path}", {"$filter": condition} if condition else {})

    def row(self, path: str) -> Row:
        """One object."""
        return self._asked("GET", f"{self._account.graph}/v1.0{path}")

    def remove_password(self, application: str, key: str) -> None:
        """Removes a secret of an application (object id)."""
        url = f"{self._account.graph}/v1.0/applications/{application}/removePassword"
        answer = retried(partial(self._http.post, url, json={"keyId": key}), _pause)
        if answer.status_code != 204:
            _accepted(answer)

    def remove(self, path: str) -> None:
        """Removes an object; one that is gone already is gone."""
        answer = retried(partial(self._sent, "DELETE", f"{self._account.graph}/v1.0{path}", None), _pause)
        if answer.status_code not in (204, 404):
            _accepted(answer)

    def _rows(self, path: str, query: Mapping[str, str]) -> Iterator[Row]:
        following = str(httpx.URL(f"{self._account.graph}{path}", params=query))
        while following:
            if not following.startswith(f"{self._account.graph}/"):
                raise RefusedError(f"{self._account.host}: a further page is said to be at another server, {following}")
            page = self._asked("GET", following)
            yield from page.get("value", ())
            following = page.get("@odata.nextLink", "")

    def _asked(self, method: str, url: str, data: Mapping[str, str] | None = None) -> Row:
        """The answer, after a pause where one is asked for that is soon over."""
        return _accepted(retried(partial(self._sent, method, url, data), _pause))

    def _sent(self, method: str, url: str, data: Mapping[str, str] | None) -> httpx.Response:
        try:
            return self._http.request(method, url, data=data)
        except httpx.HTTPError as error:
            host = urlsplit(url).netloc
            raise RefusedError(
                f"{host} does not answer ({type(error).__name__}); check the provider's issuer in the stack's file, "
                "and the network"
            ) from None


def _object_id(token: str) -> str | None:
    """Whose an access token of Microsoft Graph is. Nobody but Graph verifies it: it only says who we are."""
    try:
        payload = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("oid")
    except (IndexError, ValueError, AttributeError):
        return None
    return str(found) if found else None


def _quoted(text: str | None) -> str:
    return "'" + (text or "").replace("'", "''") + "'"


def _pause(answer: httpx.Response) -> float | None:
    """Seconds to wait before the request is made again; None where it need not be."""
    if answer.status_code != 429:
        return None
    told = answer.headers.get("retry-after", "")
    return max(float(told), 1.0) if told.isdecimal() else _USUAL_PAUSE


def _accepted(answer: httpx.Response) -> Row:
    try:
        body = answer.json()
    except ValueError:
        body = None
    where = answer.url.host
    if answer.status_code < 300 and isinstance(body, dict):
        return body
    if answer.status_code < 300:
        raise RefusedError(f"{where}: {answer.url.path} answers no JSON object; is this Microsoft Graph?")
    status = 401 if isinstance(body, dict) and body.get("error") == "invalid_client" else answer.status_code
    advice = _WHAT_TO_DO.get(status, _WHERE_TO_LOOK if status >= 500 else "")
    what = f"{answer.request.method} {answer.url.path} answers {answer.status_code} {_told(body, answer.text)}"
    raise RefusedError(f"{where}: {what}{f'; {advice}' if advice else ''}")


def _told(body: Any, text: str) -> str:
    """Microsoft's own words (of Graph, or of the token endpoint), or the beginning of whatever else answered."""
    if isinstance(body, dict):
        error = body.get("error")
        if isinstance(error, dict):
            return f"{error.get('code')}: {error.get('message')}"
        if isinstance(body.get("error_description"), str):
            return str(body["error_description"]).splitlines()[0]
    return " ".join(text.split())[:200]
