"""Okta's management API: which org, one client, waiting that ends, and one message for each way in which it refuses.

Sources: Okta's management API (API tokens, pagination by the Link header, rate limits and their headers).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import httpx

from kong_oam.engine.configuration import Configuration
from kong_oam.http.retry import retried
from kong_oam.http.trust import trusted
from kong_oam.identity.common.errors import RefusedError

Row = Mapping[str, Any]

_TIMEOUT = httpx.Timeout(30.0)

_WHAT_TO_DO = {
    401: "make another API token (Security > API > Tokens) and set the secret okta:apiToken, or OKTA_API_TOKEN",
    403: "the administrator whose token this is has to manage authorization servers and applications and to see groups,"
    " for pages in a browser also to manage trusted origins",
    429: "others use up the org's rate limit; run it again later",
}
NO_ACCOUNT = "no account at Okta: set okta:orgName and the secret okta:apiToken, or OKTA_ORG_NAME and OKTA_API_TOKEN"
_WHERE_TO_LOOK = "see status.okta.com and the org's system log, and run it again"


@dataclass(frozen=True, slots=True)
class Account:
    """An org, and an administrator's API token. `proxy` as the provider's httpProxy: it gets requests in clear."""

    org: str
    base: str
    token: str = field(repr=False)
    proxy: str | None


def account(configuration: Configuration) -> Account | None:
    """The account of the stack's `okta:` settings or of the environment; None where neither names one."""
    setting = configuration.setting
    org, token = setting("okta:orgName", "OKTA_ORG_NAME"), setting("okta:apiToken", "OKTA_API_TOKEN")
    if not org or not token:
        return None
    base = setting("okta:baseUrl", "OKTA_BASE_URL") or "okta.com"
    return Account(org, base, token, setting("okta:httpProxy", "OKTA_HTTP_PROXY"))


def client(account: Account) -> httpx.Client:
    """The org's management API. Through a proxy it is asked in absolute form, as the provider does."""
    scheme = "http" if account.proxy else "https"
    return httpx.Client(
        verify=trusted(),
        base_url=f"{scheme}://{account.org}.{account.base}/api/v1",
        headers={"Authorization": f"SSWS {account.token}", "Accept": "application/json"},
        proxy=account.proxy,
        timeout=_TIMEOUT,
    )


def rows(org: httpx.Client, path: str, **query: str) -> Iterator[Row]:
    """All objects of a collection, page by page. Raises RefusedError.

    Of the address of the next page only path and query count: Okta may name its own host, where a proxy was asked.
    """
    following: httpx.URL | str = str(httpx.URL(path, params={"limit": "200", **query})).removeprefix("/")
    while following:
        answer = accepted(retried(partial(_sent, org, following), _pause))
        yield from _listed(answer)
        url = answer.links.get("next", {}).get("url")
        following = org.base_url.copy_with(raw_path=httpx.URL(url).raw_path) if url else ""


def accepted(answer: httpx.Response) -> httpx.Response:
    """The answer, where it is none of refusal. Raises RefusedError."""
    if answer.status_code < 300:
        return answer
    what = f"{answer.request.method} {answer.url.path} answers {answer.status_code} {_summary(answer)}"
    advice = _WHAT_TO_DO.get(answer.status_code, _WHERE_TO_LOOK if answer.status_code >= 500 else "")
    raise RefusedError(f"{answer.url.host}: {what}{f'; {advice}' if advice else ''}")


def _sent(org: httpx.Client, url: httpx.URL | str) -> httpx.Response:
    try:
        return org.get(url)
    except httpx.HTTPError as error:
        raise RefusedError(
            f"{org.base_url.host} does not answer ({type(error).__name__}); check okta:orgName, okta:baseUrl and "
            "okta:httpProxy (or OKTA_ORG_NAME, OKTA_BASE_URL, OKTA_HTTP_PROXY), and the network"
        ) from None


def _pause(answer: httpx.Response) -> float | None:
    """Seconds until the limit's window is over, by the server's own clock; None where there is no limit, or no time."""
    if answer.status_code != 429:
        return None
    headers = answer.headers
    try:
        if "retry-after" in headers:
            return float(max(int(headers["retry-after"]), 1))
        until, now = int(headers["x-rate-limit-reset"]), parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None
    return max(until - now, 0.0) + 1.0


def _listed(answer: httpx.Response) -> list[Row]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):
        raise RefusedError(f"{answer.url.host}: {answer.url.path} answers no JSON list; is this Okta's management API?")
    return body


def _summary(answer: httpx.Response) -> str:
    """Okta's own words, or the beginning of whatever else answered."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or "errorSummary" not in body:
        return " ".join(answer.text.split())[:200]
    causes = [str(cause.get("errorSummary")) for cause in body.get("errorCauses") or ()]
    return "; ".join([str(body["errorSummary"]), *causes])
