"""Accesses Keycloak's Admin API to inspect a realm, before the first change or after an interrupted
change.

Sources: Keycloak's Admin REST API (group-by-path, groups with `briefRepresentation`), 26.7.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any
from urllib.parse import quote

import httpx

from kong_oam.access.data import NameLists
from kong_oam.engine.configuration import Configuration
from kong_oam.http.management import FEW, ManagementApi, Page, Row, pages
from kong_oam.http.trust import tls_context
from kong_oam.identity.common.errors import InspectionError

_TIMEOUT = httpx.Timeout(30.0)
# Rows of one answer. By default Keycloak gives all.
_PAGE = 500


def _words(body: Any) -> str | None:
    if not isinstance(body, dict):
        return None
    words = []
    for name in ("error", "errorMessage", "error_description"):
        if name in body:
            words.append(str(body[name]))
    return ": ".join(words) or None


_API = ManagementApi(
    "Keycloak's Admin API",
    "the issuer, keycloak:url (or KEYCLOAK_URL) and the network",
    {
        401: "check keycloak:clientId and the secret keycloak:clientSecret, or KEYCLOAK_CLIENT_ID "
        "and _CLIENT_SECRET",
        403: "give the service account of keycloak:clientId the roles manage-clients, "
        "manage-realm, manage-users and query-groups of realm-management",
        404: "check that the realm exists: the issuer ends in /realms/<realm>",
        429: "the server's rate limit is used up; run it again later",
    },
    "see the server's log, and run it again",
    _words,
)


@dataclass(frozen=True, slots=True)
class Account:
    """A client whose service account may administer the realm: it logs in at the realm `login`."""

    url: str
    realm: str
    login: str
    client: str
    secret: str = field(repr=False)


def account(issuer: str, configuration: Configuration) -> Account:
    """Read the account for the realm of `issuer`, which ends in /realms/<realm>.

    It is in the stack's `keycloak:` settings or in the environment. The Admin API may have another
    address than the issuer. Raises InspectionError if neither names an account.
    """
    setting = configuration.setting
    client = setting("keycloak:clientId", "KEYCLOAK_CLIENT_ID")
    secret = setting("keycloak:clientSecret", "KEYCLOAK_CLIENT_SECRET")
    if not client or not secret:
        raise InspectionError(
            "no account at Keycloak: set keycloak:clientId and the secret keycloak:clientSecret, "
            "or KEYCLOAK_CLIENT_ID and KEYCLOAK_CLIENT_SECRET"
        )
    base, _, realm = issuer.partition("/realms/")
    url = setting("keycloak:url", "KEYCLOAK_URL") or base
    return Account(
        url.rstrip("/"),
        realm,
        setting("keycloak:realm", "KEYCLOAK_REALM") or realm,
        client,
        secret,
    )


class Realm:
    """A client of a realm's Admin API. A context manager."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._client = httpx.Client(
            base_url=account.url, timeout=_TIMEOUT, verify=tls_context()
        )

    def __enter__(self) -> Realm:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._account.client,
            "client_secret": self._account.secret,
        }
        path = f"/realms/{quote(self._account.login, safe='')}/protocol/openid-connect/token"
        token = _API.accepted(self._send("POST", path, data=form)).json()[
            "access_token"
        ]
        self._client.headers["Authorization"] = f"Bearer {token}"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def group_ids(self, paths: Collection[str]) -> NameLists:
        """Return the ids of the groups of these paths (`/sales/emea`), and of others that were read
        on the way.

        It reads groups page by page, and the subgroups on a path. If there are more top groups than
        a page, it requests a few paths one by one. Raises ManagementApiError.
        """
        top = self.pages("/groups")
        first = list(islice(top, _PAGE + 1))
        ids = {}
        if len(first) > _PAGE and len(paths) <= FEW:
            for path in paths:
                quoted = quote(path.removeprefix("/"))
                group = self._row(f"/group-by-path/{quoted}")
                if group:
                    ids[path] = [str(group["id"])]
            return ids
        parents = _parents(paths)
        lists: list[Iterable[Row]] = [chain(first, top)]
        while lists:
            for group in lists.pop():
                ids[group["path"]] = [str(group["id"])]
                if group["path"] in parents and group.get("subGroupCount"):
                    lists.append(self.pages(f"/groups/{group['id']}/children"))
        return ids

    def _row(self, path: str) -> Row | None:
        answer = self._get(path)
        return None if answer.status_code == 404 else _API.row(answer)

    @property
    def name(self) -> str:
        return self._account.realm

    def role(self, name: str) -> Row | None:
        """Read the realm's role of this name. Raises ManagementApiError."""
        return self._row(f"/roles/{quote(name, safe='')}")

    def client(self, name: str) -> Row | None:
        """Read the realm's client of this clientId. Raises ManagementApiError."""
        for row in self.rows("/clients", clientId=name):
            if row["clientId"] == name:
                return row
        return None

    def row(self, path: str) -> Row:
        """Read one object, by a path below the realm's. Raises ManagementApiError."""
        return _API.row(self._get(path))

    def rows(self, path: str, **query: str) -> list[Row]:
        """Read a whole list that the server gives at once. Raises ManagementApiError."""
        answer = _API.accepted(self._get(path, **query))
        return list(answer.json() or ())  # null for an empty list

    def pages(self, path: str, **query: str) -> Iterator[Row]:
        """Yield a list that may be long, page by page. Raises ManagementApiError."""

        def ask(first: str) -> Page:
            page = self.rows(path, first=first, max=str(_PAGE), **query)
            return page, str(int(first) + _PAGE) if len(page) == _PAGE else ""

        return pages(
            f"{httpx.URL(self._account.url).host}{self._base}{path}", "0", ask
        )

    def remove(self, path: str) -> None:
        """Remove an object. A missing object is no error. Raises ManagementApiError."""
        answer = self._send("DELETE", f"{self._base}{path}")
        if answer.status_code != 404:
            _API.accepted(answer)

    @property
    def _base(self) -> str:
        return f"/admin/realms/{quote(self._account.realm, safe='')}"

    def _get(self, path: str, **query: str) -> httpx.Response:
        return self._send("GET", f"{self._base}{path}", params=query)

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        return _API.send(self._client, method, path, **more)


def _parents(paths: Iterable[str]) -> set[str]:
    """Return the paths above: of `/sales/emea`, `/sales` and the empty one."""
    parents = set()
    for path in paths:
        while path:
            path = path.rpartition("/")[0]
            parents.add(path)
    return parents
