"""The state of the stand-in Okta org: objects as the JSON that the management API shows, by kind
and id.

Scopes, claims and policies know the id of their authorization server, rules the id of their policy,
and assignments the id of their app. These ids are no part of their JSON. Everything is in memory.
"""

import secrets
import string
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sandbox.edges import Json
from sandbox.okta.answers import not_found
from sandbox.okta.sessions import Code, Refresh
from sandbox.okta.signing import KeyRing

EVERYONE = "Everyone"

# Kind -> prefix of its ids, and the internal name that Okta's 404 shows (seen in the official
# plugin's traffic).
KINDS = {
    "authorizationServers": ("aus", "AuthorizationServer"),
    "scopes": ("scp", "OAuth2Scope"),
    "claims": ("ocl", "OAuth2Claim"),
    "policies": ("00p", "Policy"),
    "rules": ("0pr", "PolicyRule"),
    "apps": ("0oa", "AppInstance"),
    "assignments": ("", "GroupPriorityAssignment"),
    "groups": ("00g", "UserGroup"),
    "trustedOrigins": ("tos", "TrustedOrigin"),
}
_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class User:
    """A person of the org, who signs in by a test login instead of a browser.

    `login` is the user name, `groups` the names of existing groups. Every user is also in Everyone.
    """

    login: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A user with an id, and the ids of the groups that hold it."""

    id: str
    login: str
    groups: set[str]


@dataclass(slots=True)
class Row:
    """One stored object and the id of the object that it belongs to ("" when it belongs to the
    org)."""

    parent: str
    body: Json


def new_id(prefix: str) -> str:
    """Return a random id of 20 letters and digits, as Okta's ids are."""
    return prefix + "".join(
        secrets.choice(_LETTERS) for _ in range(20 - len(prefix))
    )


@dataclass(slots=True)
class Org:
    """All objects of the org. `origin` is the base URL of its links and issuers, `now` returns
    epoch seconds."""

    now: Callable[[], float]
    api_token: str
    origin: str = ""
    tables: dict[str, dict[str, Row]] = field(
        default_factory=lambda: {kind: {} for kind in KINDS}
    )
    keys: dict[str, KeyRing] = field(default_factory=dict)
    client_secrets: dict[str, str] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    refresh_tokens: dict[str, Refresh] = field(default_factory=dict)
    assertions: set[tuple[str, str]] = field(default_factory=set)
    published: dict[str, Json] = field(default_factory=dict)
    page: int | None = None
    """The most objects of a page; None: the collection's own limit."""
    id: str = field(default_factory=lambda: new_id("00o"))
    admin: str = field(default_factory=lambda: new_id("00u"))
    access_policy: str = field(default_factory=lambda: new_id("rst"))

    def timestamp(self) -> str:
        """Now, as Okta writes a time: UTC with milliseconds."""
        return datetime.fromtimestamp(self.now(), UTC).strftime(
            "%Y-%m-%dT%H:%M:%S.000Z"
        )

    def rows(self, kind: str, parent: str = "") -> list[Json]:
        """Return the objects of a kind under `parent`, oldest first; of policies and rules the
        highest priority first."""
        bodies = [
            row.body
            for row in self.tables[kind].values()
            if row.parent == parent
        ]
        return (
            sorted(bodies, key=lambda body: body["priority"])
            if kind in ("policies", "rules")
            else bodies
        )

    def get(self, kind: str, key: str, parent: str = "") -> Json:
        """Return an object; raises Okta's 404 if `parent` has no object with that id."""
        row = self.tables[kind].get(f"{parent}/{key}")
        if row is None:
            raise not_found(key, KINDS[kind][1])
        return row.body

    def put(self, kind: str, body: Json, parent: str = "") -> Json:
        """Store `body` under its `id`, and replace an earlier object."""
        self.tables[kind][f"{parent}/{body['id']}"] = Row(parent, body)
        return body

    def drop(self, kind: str, key: str, parent: str = "") -> None:
        """Remove an object; raises 404 if it does not exist."""
        self.get(kind, key, parent)
        del self.tables[kind][f"{parent}/{key}"]

    def drop_children(self, kind: str, parent: str) -> None:
        """Remove every object of a kind under `parent`."""
        for body in self.rows(kind, parent):
            self.drop(kind, body["id"], parent)

    def group_named(self, name: str) -> Json | None:
        """Return the group of that name, if there is one."""
        return next(
            (
                group
                for group in self.rows("groups")
                if group["profile"]["name"] == name
            ),
            None,
        )

    def client(self, client_id: str) -> Json | None:
        """Return the app whose OAuth client id that is, if there is one."""
        return next(
            (
                app
                for app in self.rows("apps")
                if client_of(app)["client_id"] == client_id
            ),
            None,
        )

    def group_names(self, member: Member) -> Iterator[str]:
        """Names of the groups that hold `member`, in the order in which the groups were made."""
        return (
            group["profile"]["name"]
            for group in self.rows("groups")
            if group["id"] in member.groups
        )


def client_of(app: Json) -> Json:
    """Return the `oauthClient` part of an app's credentials."""
    part: Json = app["credentials"]["oauthClient"]
    return part


def settings_of(app: Json) -> Json:
    """Return the `oauthClient` part of an app's settings."""
    part: Json = app["settings"]["oauthClient"]
    return part


def link(href: str, *methods: str) -> Json:
    """Return a HAL link with the methods that it allows."""
    return (
        {"href": href, "hints": {"allow": list(methods)}}
        if methods
        else {"href": href}
    )


def seed(org: Org, groups: Iterable[str], users: Iterable[User]) -> None:
    """Create the groups (Everyone first) and users of a new org.

    Raises ValueError for a duplicate group or login, and for a user in an unknown group.
    """
    for name in (EVERYONE, *groups):
        if org.group_named(name):
            raise ValueError(f"group {name!r} occurs twice")
        built_in = name == EVERYONE
        new_group(
            org,
            {
                "name": name,
                "description": "All users in your organization"
                if built_in
                else "",
            },
            built_in,
        )
    for user in users:
        if user.login in org.members:
            raise ValueError(f"user {user.login!r} occurs twice")
        held = set()
        for name in (EVERYONE, *user.groups):
            group = org.group_named(name)
            if group is None:
                raise ValueError(
                    f"user {user.login!r} is in group {name!r}, which does not exist"
                )
            held.add(group["id"])
        org.members[user.login] = Member(new_id("00u"), user.login, held)


def new_group(org: Org, profile: Json, built_in: bool = False) -> Json:
    """Store a group; its JSON does not list its members."""
    time = org.timestamp()
    return org.put(
        "groups",
        {
            "id": new_id("00g"),
            "created": time,
            "lastUpdated": time,
            "lastMembershipUpdated": time,
            "objectClass": ["okta:user_group"],
            "type": "BUILT_IN" if built_in else "OKTA_GROUP",
            "profile": profile,
        },
    )
