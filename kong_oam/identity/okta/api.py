"""Accesses Okta's management API: the account of an org, a client of it, and its lists page by
page.

Sources: Okta's management API (API tokens, pagination by the Link header, rate limits and their
headers).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from kong_oam.engine.configuration import Configuration
from kong_oam.http.management import ManagementApi, Page, Row, pages
from kong_oam.http.trust import tls_context
from kong_oam.identity.common.errors import InspectionError

_TIMEOUT = httpx.Timeout(30.0)


def _words(body: Any) -> str | None:
    if not isinstance(body, dict) or "errorSummary" not in body:
        return None
    causes = [
        str(cause.get("errorSummary"))
        for cause in body.get("errorCauses") or ()
    ]
    return "; ".join([str(body["errorSummary"]), *causes])


_API = ManagementApi(
    "Okta's management API",
    "okta:orgName, okta:baseUrl and okta:httpProxy (or OKTA_ORG_NAME, OKTA_BASE_URL, "
    "OKTA_HTTP_PROXY), and the network",
    {
        401: (
            "create a new API token (Security > API > Tokens) and set the secret okta:apiToken, "
            "or OKTA_API_TOKEN"
        ),
        403: (
            "let the token's administrator manage authorization servers and applications, and "
            "view groups; for pages in a browser also manage trusted origins"
        ),
        429: "the org's rate limit is used up; run it again later",
    },
    "see status.okta.com and the org's system log, and run it again",
    _words,
)


@dataclass(frozen=True, slots=True)
class Account:
    """An org, and an administrator's API token. `proxy` is the provider's httpProxy: it gets
    requests unencrypted."""

    org: str
    base: str
    token: str = field(repr=False)
    proxy: str | None


def account(configuration: Configuration) -> Account:
    """Read the account of the stack's `okta:` settings or of the environment. Raises
    InspectionError if neither names an account."""
    setting = configuration.setting
    org = setting("okta:orgName", "OKTA_ORG_NAME")
    token = setting("okta:apiToken", "OKTA_API_TOKEN")
    if not org or not token:
        raise InspectionError(
            "no account at Okta: set okta:orgName and the secret okta:apiToken, or OKTA_ORG_NAME "
            "and OKTA_API_TOKEN"
        )
    base = setting("okta:baseUrl", "OKTA_BASE_URL") or "okta.com"
    return Account(
        org, base, token, setting("okta:httpProxy", "OKTA_HTTP_PROXY")
    )


def client(account: Account) -> httpx.Client:
    """Make a client of the org's management API. It requests a proxy in absolute form, as the
    provider does."""
    scheme = "http" if account.proxy else "https"
    return httpx.Client(
        verify=tls_context(),
        base_url=f"{scheme}://{account.org}.{account.base}/api/v1",
        headers={
            "Authorization": f"SSWS {account.token}",
            "Accept": "application/json",
        },
        proxy=account.proxy,
        timeout=_TIMEOUT,
    )


def rows(org: httpx.Client, path: str, **query: str) -> Iterator[Row]:
    """Yield all objects of a collection, page by page. Raises ManagementApiError.

    It uses only path and query of the next page's address. Okta may name its own host behind a
    proxy, and the token must go nowhere else.
    """

    def ask(url: str) -> Page:
        answer = _API.send(org, "GET", url)
        following = answer.links.get("next", {}).get("url")
        raw = httpx.URL(following).raw_path if following else b""
        return _API.rows(answer), str(
            org.base_url.copy_with(raw_path=raw)
        ) if raw else ""

    return pages(
        f"{org.base_url.host}{path}",
        str(httpx.URL(path, params={"limit": "200", **query})).removeprefix(
            "/"
        ),
        ask,
    )


def send(org: httpx.Client, method: str, path: str) -> httpx.Response:
    """Send a request, and return a successful answer. Raises ManagementApiError."""
    return _API.accepted(_API.send(org, method, path))
