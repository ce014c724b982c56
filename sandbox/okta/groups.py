"""Groups and trusted origins, and the few org-wide reads that the official plugin starts with.

Source: management-api.json (groups, trusted origins); official-plugin.md for `users/me`,
`okta-organization` and `policies?type=ACCESS_POLICY`, which are not in the description.
"""

import re
from collections.abc import Callable

from sandbox.edges import Json
from sandbox.okta.answers import Answer, ApiError, Request, require
from sandbox.okta.checks import listing, one_of, record, text
from sandbox.okta.objects import found, page_size, paged, refuse_taken
from sandbox.okta.org import Org, new_group, new_id

_PROFILE = record(
    {"name": text(1, 255), "description": text(0, 1024)}, required=("name",)
)
GROUP = record(
    {
        "profile": _PROFILE,
        "type": one_of("OKTA_GROUP"),
        "objectClass": listing(text()),
    },
    ("profile",),
)
ORIGIN = record(
    {
        "name": text(1, 255),
        "origin": text(1, 255),
        "status": one_of("ACTIVE", "INACTIVE"),
        "scopes": listing(
            record(
                {
                    "type": one_of("CORS", "IFRAME_EMBED", "REDIRECT"),
                    "allowedOktaApps": listing(text()),
                },
                ("type",),
            ),
            most=3,
        ),
    },
    required=("name", "origin", "scopes"),
)
PAGE = 10_000  # Okta's default and largest number of groups in one answer
FOUND = 300  # and of those that a search by name finds
_TERM = re.compile(r'(profile\.name|type|id) (eq|sw|co) "([^"\\]*)"')


def list_groups(org: Org, request: Request) -> Answer:
    """GET ?q= (name begins with, ignoring case) &search= &filter= &limit= &after=, with a `Link` to
    the next page."""
    query = request.query
    prefix = query.get("q", "").lower()
    groups = [
        group
        for group in org.rows("groups")
        if group["profile"]["name"].lower().startswith(prefix)
    ]
    for expression in (query.get("search"), query.get("filter")):
        for term in expression.split(" and ") if expression else ():
            groups = [*filter(_term(term), groups)]
    if (
        "q" in query
    ):  # a search has no further page (API description, listGroups)
        return Answer(200, groups[: page_size(query, FOUND)])
    return paged(org, request, groups, PAGE)


def _term(term: str) -> Callable[[Json], bool]:
    parsed = _TERM.fullmatch(term.strip())
    if parsed is None:
        raise ApiError(
            400,
            "E0000031",
            "Invalid search criteria.",
            (f"this stand-in does not know: {term}",),
        )
    name, operator, wanted = parsed.groups()

    def match(group: Json) -> bool:
        value = (
            group["profile"]["name"] if name == "profile.name" else group[name]
        )
        if operator == "eq":
            return bool(value == wanted)
        return bool(
            value.startswith(wanted) if operator == "sw" else wanted in value
        )

    return match


def create_group(org: Org, request: Request) -> Answer:
    """POST: the name is unique in the org."""
    _check_name(org, request.body, "")
    return Answer(200, new_group(org, dict(request.body["profile"])))


def replace_group(org: Org, request: Request) -> Answer:
    """PUT: the profile is replaced; Everyone cannot be."""
    group = _own_group(org, request)
    _check_name(org, request.body, group["id"])
    group.update(
        profile=dict(request.body["profile"]), lastUpdated=org.timestamp()
    )
    return Answer(200, group)


def delete_group(org: Org, request: Request) -> Answer:
    """DELETE, also from users and apps. Rules keep its id, which matches no group."""
    key = _own_group(org, request)["id"]
    for app in org.rows("apps"):
        if any(row["id"] == key for row in org.rows("assignments", app["id"])):
            org.drop("assignments", key, app["id"])
    for member in org.members.values():
        member.groups.discard(key)
    org.drop("groups", key)
    return Answer(204)


def _own_group(org: Org, request: Request) -> Json:
    group = found(org, "groups", request)
    if group["type"] == "BUILT_IN":
        raise ApiError(
            403,
            "E0000006",
            "You do not have permission to perform the requested action",
        )
    return group


def _check_name(org: Org, body: Json, own_id: str) -> None:
    require(GROUP, body)
    holder = org.group_named(body["profile"]["name"])
    if holder is not None and holder["id"] != own_id:
        raise ApiError(
            400,
            "E0000001",
            "Api validation failed: name",
            (
                "name: An object with this field already exists in the current organization",
            ),
        )


def create_origin(org: Org, request: Request) -> Answer:
    """POST: name and origin are unique."""
    fixed = {
        "id": new_id("tos"),
        "created": org.timestamp(),
        "createdBy": org.admin,
    }
    return Answer(
        200, org.put("trustedOrigins", _origin(org, request.body, fixed))
    )


def replace_origin(org: Org, request: Request) -> Answer:
    """PUT: also sets the status, if the body has one."""
    before = found(org, "trustedOrigins", request)
    fixed = {
        name: before[name] for name in ("id", "created", "createdBy", "status")
    }
    return Answer(
        200, org.put("trustedOrigins", _origin(org, request.body, fixed))
    )


def _origin(org: Org, body: Json, fixed: Json) -> Json:
    require(ORIGIN, body)
    for member in ("name", "origin"):
        refuse_taken(org, "trustedOrigins", "", body, member, fixed["id"])
    return {
        "status": "ACTIVE",
        **fixed,
        **{
            name: body[name]
            for name in ("name", "origin", "scopes", "status")
            if name in body
        },
        "lastUpdated": org.timestamp(),
        "lastUpdatedBy": org.admin,
    }


def delete_origin(org: Org, request: Request) -> Answer:
    """DELETE."""
    org.drop("trustedOrigins", request.place["id"])
    return Answer(204)


def set_origin_status(status: str, org: Org, request: Request) -> Answer:
    """POST .../lifecycle/(de)activate: answers the object."""
    origin = found(org, "trustedOrigins", request)
    origin.update(status=status, lastUpdated=org.timestamp())
    return Answer(200, origin)


def read_me(org: Org, _request: Request) -> Answer:
    """GET /api/v1/users/me: the administrator whose API token it is."""
    profile = {
        "firstName": "Stand-in",
        "lastName": "Administrator",
        "login": "admin@example.com",
    }
    return Answer(
        200,
        {
            "id": org.admin,
            "status": "ACTIVE",
            "profile": profile | {"email": "admin@example.com"},
        },
    )


def read_organization(org: Org, _request: Request) -> Answer:
    """GET /.well-known/okta-organization: an Identity Engine org (pipeline idx)."""
    links = {"organization": {"href": org.origin}}
    return Answer(
        200,
        {"id": org.id, "cell": "stand-in", "pipeline": "idx", "_links": links},
    )


def list_access_policies(org: Org, request: Request) -> Answer:
    """GET /api/v1/policies?type=ACCESS_POLICY: the one authentication policy that every org has."""
    if request.query.get("type") != "ACCESS_POLICY":
        raise ApiError(
            400,
            "E0000001",
            "Api validation failed: type",
            ("type: this stand-in has ACCESS_POLICY only",),
        )
    policy = {
        "id": org.access_policy,
        "status": "ACTIVE",
        "name": "Any two factors",
        "priority": 1,
        "system": True,
    }
    return Answer(200, [policy | {"type": "ACCESS_POLICY"}])
