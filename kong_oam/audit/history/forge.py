"""Ask the forge who wrote and approved a change (GitHub's REST API: commits, pulls, reviews)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import httpx

from kong_oam.http.management import ManagementApi, Row
from kong_oam.http.trust import tls_context
from kong_oam.oam.position import JsonObject, Texts

NOT_KNOWN: Literal["not known"] = "not known"

_GITHUB = ManagementApi(
    "GitHub",
    check="GITHUB_API_URL",
    remedies={
        401: "GITHUB_TOKEN is not valid",
        403: "the token needs the permission pull-requests: read",
        404: "the token needs the permission pull-requests: read",
    },
    outage="record the run again later",
    words=lambda body: body.get("message") if isinstance(body, dict) else None,
)
_PAGE = 100
# Reviews that decide. A comment changes no decision.
_DECIDING = {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}


def pull_requests(
    commits: Iterable[str], environment: Texts
) -> list[JsonObject] | Literal["not known"]:
    """Return the pull requests of commits, or "not known" without GITHUB_TOKEN and
    GITHUB_REPOSITORY. Raises ManagementApiError."""
    token = environment.get("GITHUB_TOKEN")
    repository = environment.get("GITHUB_REPOSITORY")
    if not token or not repository:
        return NOT_KNOWN
    api = environment.get("GITHUB_API_URL", "https://api.github.com")
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
    }
    found: dict[int, JsonObject] = {}
    with httpx.Client(
        base_url=f"{api.rstrip('/')}/repos/{repository}/",
        headers=headers,
        verify=tls_context(),
    ) as client:
        for commit in dict.fromkeys(commits):
            for row in _rows(client, f"commits/{commit}/pulls"):
                found.setdefault(
                    row["number"], _pull_request(client, row, commit)
                )
    return list(found.values())


def _pull_request(client: httpx.Client, row: Row, commit: str) -> JsonObject:
    number = row["number"]
    path = f"pulls/{number}"
    whole = _GITHUB.row(_GITHUB.send(client, "GET", path))
    authors = {_login(row.get("user")): None}
    for written in _rows(client, f"{path}/commits"):
        authors[_login(written.get("author"))] = None
    named = [login for login in authors if login]
    approvers = _approvers(_rows(client, f"{path}/reviews"))
    entry: JsonObject = {
        "number": number,
        "commit": commit,
        "authors": named,
        "approvers": approvers,
    }
    merger = _login(whole.get("merged_by"))
    if merger:
        entry["mergedBy"] = merger
    if alone := _alone(named, approvers, merger):
        entry["alone"] = alone
    return entry


def _approvers(reviews: Iterable[Row]) -> list[str]:
    """Return the accounts whose last deciding review approves."""
    last: dict[str, str] = {}
    for review in reviews:
        if review.get("state") in _DECIDING:
            last[_login(review.get("user"))] = review["state"]
    return sorted(
        login for login, state in last.items() if login and state == "APPROVED"
    )


def _alone(authors: list[str], approvers: list[str], merger: str) -> str:
    """Return the author who approved or merged the change, if nobody else approved it."""
    if set(approvers) - set(authors):
        return ""
    for login in (*approvers, merger):
        if login in authors:
            return login
    return ""


def _login(account: Mapping[str, object] | None) -> str:
    return str((account or {}).get("login") or "")


def _rows(client: httpx.Client, path: str) -> list[Row]:
    """Return all pages of a list."""
    rows: list[Row] = []
    page = 1
    while True:
        parameters = {"per_page": _PAGE, "page": page}
        more = _GITHUB.rows(
            _GITHUB.send(client, "GET", path, params=parameters)
        )
        rows += more
        if len(more) < _PAGE:
            return rows
        page += 1
