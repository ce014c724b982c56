"""Operations that all kinds of objects share: owners, reading, listing, the lifecycle."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from sandbox.edges import Json
from sandbox.okta.answers import Answer, ApiError, Request, invalid
from sandbox.okta.org import Org

Handler = Callable[[Org, Request], Answer]

PAGED = frozenset(
    {"authorizationServers", "scopes", "apps", "assignments", "trustedOrigins"}
)
"""The collections with pages; claims, policies and rules have no pages (API description)."""
LARGEST = 200
TAKEN = "An object with this field already exists in the current organization"


def parent_of(org: Org, kind: str, request: Request) -> str:
    """Return the id of the object that holds `kind` in this request's path; raises 404 when it does
    not exist."""
    place = request.place
    if kind in ("scopes", "claims", "policies"):
        return str(org.get("authorizationServers", place["server"])["id"])
    if kind == "rules":
        return str(
            org.get(
                "policies", place["policy"], parent_of(org, "policies", request)
            )["id"]
        )
    if kind == "assignments":
        return str(org.get("apps", place["app"])["id"])
    return ""


def found(org: Org, kind: str, request: Request) -> Json:
    """Return the object that the path names; raises 404."""
    return org.get(kind, request.place["id"], parent_of(org, kind, request))


def reads(kind: str) -> Handler:
    """GET of one object."""
    return lambda org, request: Answer(200, found(org, kind, request))


def lists(kind: str) -> Handler:
    """GET of all objects of a kind.

    `q` finds scopes, apps and trusted origins by the beginning of a name, label or origin. It finds
    servers by name and audience. `filter` finds apps by their name.
    """

    def handle(org: Org, request: Request) -> Answer:
        rows = org.rows(kind, parent_of(org, kind, request))
        wanted = request.query.get("q", "").lower()
        if term := request.query.get("filter"):
            if kind != "apps" or not (
                equal := re.fullmatch(r'name eq "([^"\\]*)"', term)
            ):
                raise ApiError(
                    400,
                    "E0000031",
                    "Invalid search criteria.",
                    (f"this stand-in does not know: {term}",),
                )
            rows = [row for row in rows if row["name"] == equal[1]]
        rows = [row for row in rows if _matches(kind, row, wanted)]
        return (
            paged(org, request, rows, LARGEST)
            if kind in PAGED
            else Answer(200, rows)
        )

    return handle


def paged(org: Org, request: Request, rows: list[Json], largest: int) -> Answer:
    """Return one page of `rows`, at most `limit` of the query, with a `Link` to the next page.

    Without a limit a page has up to `largest` rows. Smaller defaults of some collections (20 of an
    app's groups) are not modelled.
    """
    query = request.query
    size = min(page_size(query, largest), org.page or largest)
    after = query.get("after")
    start = next(
        (index + 1 for index, row in enumerate(rows) if row["id"] == after), 0
    )
    headers = {}
    if start + size < len(rows):
        kept = {name: value for name, value in query.items() if name != "after"}
        following = urlencode(
            {**kept, "limit": size, "after": rows[start + size - 1]["id"]}
        )
        headers["Link"] = (
            f'<{org.origin}{request.path}?{following}>; rel="next"'
        )
    return Answer(200, rows[start : start + size], headers)


def page_size(query: Mapping[str, str], largest: int) -> int:
    """Return the value of `limit`, if it is allowed."""
    limit = query.get("limit", "")
    return (
        min(int(limit), largest) if limit.isdigit() and int(limit) else largest
    )


def _matches(kind: str, row: Json, wanted: str) -> bool:
    if kind == "apps":
        return any(
            str(row[member]).lower().startswith(wanted)
            for member in ("label", "name")
        )
    if kind == "authorizationServers":
        return any(
            wanted in text.lower() for text in (row["name"], *row["audiences"])
        )
    if kind == "trustedOrigins":
        return any(
            str(row[member]).lower().startswith(wanted)
            for member in ("name", "origin")
        )
    return kind != "scopes" or row["name"].lower().startswith(wanted)


def sets_status(kind: str, status: str) -> Handler:
    """POST .../lifecycle/(de)activate of an object whose answer is empty (204)."""

    def handle(org: Org, request: Request) -> Answer:
        found(org, kind, request).update(
            status=status, lastUpdated=org.timestamp()
        )
        return Answer(204)

    return handle


def refuse_taken(
    org: Org,
    kind: str,
    parent: str,
    body: Json,
    member: str,
    own_id: str,
    complaint: str = TAKEN,
) -> None:
    """Raise 400 when another object than `own_id` already has that value of `member`."""
    for other in org.rows(kind, parent):
        if other["id"] != own_id and other[member] == body[member]:
            raise invalid(f"{member}: {complaint}")
