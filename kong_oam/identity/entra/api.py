"""Accesses Microsoft Graph: the account of a tenant, a client of it, and its lists page by page.

Sources: Microsoft Graph (errors, paging by @odata.nextLink, throttling by Retry-After), the
identity platform's client credentials flow, and the settings of the official provider. This module
reads the same settings.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from kong_oam.access.data import NameLists
from kong_oam.engine.configuration import Configuration
from kong_oam.errors import ManagementApiError
from kong_oam.http.addresses import LOOPBACK, without_secrets
from kong_oam.http.management import ManagementApi, Page, Row, are_rows, pages
from kong_oam.http.trust import tls_context
from kong_oam.identity.common.errors import InspectionError
from kong_oam.identity.entra.names import Tenant
from kong_oam.oam.position import Texts

# The objects of each requested name.
_RowsByName = dict[str, list[Row]]


# By sign-in host: the provider's name of the cloud, its Microsoft Graph, and the suffix of its
# token exchange.
CLOUDS = {
    "login.microsoftonline.com": ("public", "https://graph.microsoft.com", ""),
    "login.microsoftonline.us": (
        "usgovernment",
        "https://graph.microsoft.us",
        "USGov",
    ),
    "login.partner.microsoftonline.cn": (
        "china",
        "https://microsoftgraph.chinacloudapi.cn",
        "China",
    ),
}

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_SECURITY = "securityEnabled eq true"
# The most values of a filter's `in`: Graph takes 15 expressions in a filter (its known issues), and
# needs one for another condition.
_MOST_VALUES = 14
# The most objects of an answer.
_TOP = 999
_TIMEOUT = httpx.Timeout(30.0)

# OwnedBy is not enough for applications: the official plugin removes its own account from the
# owners.
_PERMISSIONS = (
    "Application.ReadWrite.All, AppRoleAssignment.ReadWrite.All, "
    "DelegatedPermissionGrant.ReadWrite.All and Group.Read.All"
)


def _words(body: Any) -> str | None:
    """Read Microsoft's own words from an error of Graph or of the token endpoint."""
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    if isinstance(error, dict):
        return f"{error.get('code')}: {error.get('message')}"
    description = body.get("error_description")
    return description.splitlines()[0] if isinstance(description, str) else None


_API = ManagementApi(
    "Microsoft Graph",
    "the provider's issuer in the stack's file, and the network",
    {
        401: "check azuread:clientId and the secret azuread:clientSecret (or ARM_CLIENT_ID and "
        "ARM_CLIENT_SECRET)",
        403: "give the application these permissions of Microsoft Graph, with an administrator's "
        f"consent: {_PERMISSIONS}",
        429: "the tenant's rate limit is used up; run it again later",
    },
    "see status.cloud.microsoft, and run it again",
    _words,
    usual_pause=5.0,
)


@dataclass(frozen=True, slots=True)
class Account:
    """The application that administers a tenant, and one credential: its secret, or a token of an
    issuer it trusts."""

    tenant: Tenant
    client: str
    secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        return urlsplit(self.tenant.login).netloc

    @property
    def graph(self) -> str:
        """The address of Microsoft Graph. A stand-in on loopback serves everything on one port."""
        return (
            CLOUDS[self.host][1] if self.host in CLOUDS else self.tenant.login
        )


def is_known(tenant: Tenant) -> bool:
    """Return whether the tenant is in a cloud of Microsoft's, or in a stand-in on this machine."""
    parts = urlsplit(tenant.login)
    if parts.scheme == "https":
        return parts.netloc in CLOUDS
    return parts.hostname in LOOPBACK


def federation_audience(tenant: Tenant) -> str:
    """Return the audience of tokens that authenticate clients of the tenant (workload identity
    federation)."""
    cloud = CLOUDS.get(urlsplit(tenant.login).netloc, ("", "", ""))
    return f"api://AzureADTokenExchange{cloud[2]}"


def account(tenant: Tenant, configuration: Configuration) -> Account:
    """Read the account from the stack's `azuread:` settings or the environment. Raises
    InspectionError if neither has all of it."""
    setting = configuration.setting
    client = setting("azuread:clientId", "ARM_CLIENT_ID")
    secret = setting("azuread:clientSecret", "ARM_CLIENT_SECRET")
    token = setting("azuread:oidcToken", "ARM_OIDC_TOKEN")
    file = setting("azuread:oidcTokenFilePath", "ARM_OIDC_TOKEN_FILE_PATH")
    if file:
        token = token or Path(file).read_text("utf-8").strip()
    if not client or not (secret or token):
        raise InspectionError(
            "no account at Entra: set azuread:clientId and the secret azuread:clientSecret, or "
            "ARM_CLIENT_ID and ARM_CLIENT_SECRET (or ARM_OIDC_TOKEN)"
        )
    return Account(tenant, client, secret, None if secret else token)


class Graph:
    """A client of Microsoft Graph. A context manager. Every method raises ManagementApiError.

    `caller` is the object id of the account's own service principal; None if its token lacks it.
    """

    def __init__(
        self, account: Account, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._account = account
        self._http = httpx.Client(
            timeout=_TIMEOUT, transport=transport, verify=tls_context()
        )
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
            form |= {
                "client_assertion_type": ASSERTION,
                "client_assertion": self._account.token or "",
            }
        try:
            answer = self._send(
                "POST", self._account.tenant.token_endpoint, data=form
            )
        except ManagementApiError:
            self._http.close()
            raise
        self._http.headers["Authorization"] = (
            f"Bearer {answer.get('access_token')}"
        )
        self.caller = _object_id(str(answer.get("access_token")))
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def groups(self) -> Iterator[str]:
        """Yield names of the tenant's security groups."""
        return (str(row["displayName"]) for row in self._groups())

    def applications(self, names: Collection[str], begin: str) -> _RowsByName:
        """List the tenant's applications by their display names, for each of `names`. Names are not
        unique.

        For many names it reads all applications with the common beginning `begin`.
        """
        if len(names) <= _MOST_VALUES:
            return _by_name(names, self._named("/applications", names))
        begins = f"startswith(displayName,{_quoted(begin)})"
        query = {"$filter": begins, "$top": f"{_TOP}"}
        return _by_name(names, self._rows("/applications", query))

    def group_ids(self, names: Collection[str]) -> NameLists:
        """List object ids of the tenant's security groups, for each of `names`.

        For many names it reads all groups, if that takes no more requests.
        """
        groups: Iterable[Row] = self._named(
            "/groups", names, f" and {_SECURITY}"
        )
        if len(names) > _MOST_VALUES:
            most = -(-len(names) // _MOST_VALUES) * _TOP
            listed = list(islice(self._groups(), most + 1))
            if 0 < len(listed) <= most:
                groups = listed
        ids = {}
        for name, rows in _by_name(names, groups).items():
            ids[name] = [str(row["id"]) for row in rows]
        return ids

    def principal(self, app_id: str) -> Row | None:
        """Find the service principal of an application (client id) in the tenant."""
        principals = self.rows(
            "/servicePrincipals", f"appId eq {_quoted(app_id)}"
        )
        return next(principals, None)

    def rows(self, path: str, condition: str | None = None) -> Iterator[Row]:
        """Yield a list, page by page; `condition` is its $filter."""
        return self._rows(path, {"$filter": condition} if condition else {})

    def row(self, path: str) -> Row:
        return self._send("GET", self._url(path))

    def remove_password(self, application: str, key: str) -> None:
        """Remove a secret of an application (object id)."""
        url = self._url(f"/applications/{application}/removePassword")
        _API.accepted(_API.send(self._http, "POST", url, json={"keyId": key}))

    def remove(self, path: str) -> None:
        """Remove an object. A missing object is no error."""
        answer = _API.send(self._http, "DELETE", self._url(path))
        if answer.status_code != 404:
            _API.accepted(answer)

    def _url(self, path: str) -> str:
        return f"{self._account.graph}/v1.0{path}"

    def _named(
        self, path: str, names: Collection[str], also: str = ""
    ) -> Iterator[Row]:
        """Yield the objects of these display names, in batches."""
        in_order = sorted(names)
        for first in range(0, len(in_order), _MOST_VALUES):
            batch = map(_quoted, in_order[first : first + _MOST_VALUES])
            yield from self.rows(
                path, f"displayName in ({', '.join(batch)}){also}"
            )

    def _groups(self) -> Iterator[Row]:
        query = {
            "$filter": _SECURITY,
            "$select": "id,displayName",
            "$top": f"{_TOP}",
        }
        return self._rows("/groups", query)

    def _rows(self, path: str, query: Texts) -> Iterator[Row]:
        host = self._account.host
        first = httpx.URL(self._url(path), params=query)

        def ask(url: str) -> Page:
            if not url.startswith(f"{self._account.graph}/"):
                raise ManagementApiError(
                    f"{host}: the next page's address is at another server, {without_secrets(url)}"
                )
            page = self._send("GET", url)
            rows = page.get("value")
            following = page.get("@odata.nextLink") or ""
            if not are_rows(rows) or not isinstance(following, str):
                raise ManagementApiError(
                    f"{host}: {first.path} answers without a list. Check that this is Microsoft "
                    "Graph"
                )
            return rows, following

        return pages(f"{first.netloc.decode()}{first.path}", str(first), ask)

    def _send(self, method: str, url: str, data: Texts | None = None) -> Row:
        answer = _API.send(self._http, method, url, data=data)
        # The token endpoint answers 400 or 401 to wrong client credentials.
        if answer.status_code == 400 and b'"invalid_client"' in answer.content:
            answer.status_code = 401
        return _API.row(answer)


def _object_id(token: str) -> str | None:
    """Read the caller from an access token of Microsoft Graph. Only Graph verifies it; here it
    names our own account."""
    try:
        payload = token.split(".")[1]
        padded = payload + "=" * (-len(payload) % 4)
        identifier = json.loads(urlsafe_b64decode(padded)).get("oid")
    except (IndexError, ValueError, AttributeError):
        return None
    return str(identifier) if identifier else None


def _by_name(names: Iterable[str], rows: Iterable[Row]) -> _RowsByName:
    """Return the rows that have each of the display names, without case, as Graph compares."""
    # Two batches may have the same row if names differ in case.
    by_id = {row["id"]: row for row in rows}
    by_lower: _RowsByName = {}
    for row in by_id.values():
        by_lower.setdefault(row["displayName"].lower(), []).append(row)
    return {name: by_lower.get(name.lower(), []) for name in names}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
