"""Access policies of an authorization server and their rules in the management API of the Okta
stand-in.

Priorities of a server's policies, and of a policy's rules, are always 1..n without gaps. An object
with priority p takes the p-th place, and the others move. Without a priority, or with too high a
priority, it takes the last place.

Okta documents this for MFA_ENROLL, SIGN_ON, IDP_DISCOVERY and PASSWORD ("Policy and rule
prioritization"). Other kinds keep the gaps of deletions. The page does not mention the policies of
an authorization server. The stand-in assumes the harder case, in which numbers change that nobody
sent. Not modelled: the 500s for concurrent requests that move the same policies
(okta/terraform-provider-okta#1198).

Source: management-api.json, which bounds no priority; grant types of a rule: documentation of the
official plugin's `ServerPolicyRule`; limits of lifetimes: the texts of
`TokenAuthorizationServerPolicyRuleAction`.
"""

from sandbox.edges import Json
from sandbox.okta.answers import Answer, Request, invalid, require
from sandbox.okta.checks import listing, one_of, record, text, whole
from sandbox.okta.objects import found, parent_of, refuse_taken
from sandbox.okta.org import Org, client_of, link, new_id

USER_GRANTS = ("authorization_code", "implicit", "password", "interaction_code")
GRANTS = (
    *USER_GRANTS,
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:saml2-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:device_code",
)
DAY, FIVE_YEARS = 1440, 2_628_000  # minutes

_NAMES = listing(text(1))
POLICY = record(
    {
        "name": text(1, 100),
        "description": text(1, 255),
        "priority": whole(1, 2**31 - 1),
        "status": one_of("ACTIVE", "INACTIVE"),
        "type": one_of("OAUTH_AUTHORIZATION_POLICY"),
        "conditions": record(
            {
                "clients": record(
                    {"include": listing(text(1), least=1)},
                    required=("include",),
                )
            }
        ),
    },
    required=("name", "description", "type", "conditions"),
)
RULE = record(
    {
        "name": text(1, 255),
        "priority": whole(1, 2**31 - 1),
        "status": one_of("ACTIVE", "INACTIVE"),
        "type": one_of("RESOURCE_ACCESS"),
        "conditions": record(
            {
                "people": record(
                    {
                        "users": record({"include": _NAMES, "exclude": _NAMES}),
                        "groups": record(
                            {"include": _NAMES, "exclude": _NAMES}
                        ),
                    }
                ),
                "grantTypes": record(
                    {"include": listing(one_of(*GRANTS), least=1)},
                    required=("include",),
                ),
                "scopes": record({"include": _NAMES}),
            },
            required=("grantTypes",),
        ),
        "actions": record(
            {
                "token": record(
                    {
                        "accessTokenLifetimeMinutes": whole(5, DAY),
                        "refreshTokenLifetimeMinutes": whole(
                            0, FIVE_YEARS
                        ),  # 0: unlimited
                        "refreshTokenWindowMinutes": whole(10, FIVE_YEARS),
                    }
                )
            }
        ),
    },
    required=("name", "type", "conditions"),
)


def create_policy(org: Org, request: Request) -> Answer:
    """POST: the name is unique in its server."""
    parent = parent_of(org, "policies", request)
    fixed = {
        "id": new_id("00p"),
        "status": request.body.get("status", "ACTIVE"),
        "created": org.timestamp(),
    }
    policy = org.put(
        "policies", _policy(org, parent, request.body, fixed), parent
    )
    renumber(org, "policies", parent, policy, request.body.get("priority"))
    return Answer(201, policy)


def replace_policy(org: Org, request: Request) -> Answer:
    """PUT: the status stays, which only the lifecycle operations change."""
    parent = parent_of(org, "policies", request)
    before = found(org, "policies", request)
    fixed = {
        name: before[name] for name in ("id", "status", "created", "priority")
    }
    policy = org.put(
        "policies", _policy(org, parent, request.body, fixed), parent
    )
    renumber(
        org,
        "policies",
        parent,
        policy,
        request.body.get("priority", before["priority"]),
    )
    return Answer(200, policy)


def delete_policy(org: Org, request: Request) -> Answer:
    """DELETE: with its rules; the policies below it move up."""
    parent = parent_of(org, "policies", request)
    policy = found(org, "policies", request)
    org.drop_children("rules", policy["id"])
    org.drop("policies", policy["id"], parent)
    renumber(org, "policies", parent)
    return Answer(204)


def _policy(org: Org, parent: str, body: Json, fixed: Json) -> Json:
    require(POLICY, body)
    refuse_taken(
        org,
        "policies",
        parent,
        body,
        "name",
        fixed["id"],
        f"'{body['name']}' already exists",
    )
    clients = (body["conditions"].get("clients") or {}).get("include")
    if not clients:
        raise invalid(
            "conditions.clients.include: The field cannot be left blank"
        )
    for client in clients:
        if client != "ALL_CLIENTS" and org.client(client) is None:
            raise invalid(
                f"conditions.clients.include: Invalid client id '{client}'"
            )
    url = f"{org.origin}/api/v1/authorizationServers/{parent}/policies/{fixed['id']}"
    return {
        "priority": 0,
        **fixed,
        "name": body["name"],
        "description": body["description"],
        "system": False,
        "conditions": {"clients": {"include": list(clients)}},
        "lastUpdated": org.timestamp(),
        "type": "OAUTH_AUTHORIZATION_POLICY",
        "_links": {
            "self": link(url, "GET", "PUT", "DELETE"),
            "rules": link(f"{url}/rules", "GET", "POST"),
        },
    }


def create_rule(org: Org, request: Request) -> Answer:
    """POST: the name is unique in its policy."""
    parent = parent_of(org, "rules", request)
    fixed = {
        "id": new_id("0pr"),
        "status": request.body.get("status", "ACTIVE"),
        "created": org.timestamp(),
    }
    rule = org.put(
        "rules",
        _rule(org, request.place["server"], parent, request.body, fixed),
        parent,
    )
    renumber(org, "rules", parent, rule, request.body.get("priority"))
    return Answer(201, rule)


def replace_rule(org: Org, request: Request) -> Answer:
    """PUT: the status stays, which only the lifecycle operations change."""
    parent = parent_of(org, "rules", request)
    before = found(org, "rules", request)
    fixed = {
        name: before[name] for name in ("id", "status", "created", "priority")
    }
    rule = org.put(
        "rules",
        _rule(org, request.place["server"], parent, request.body, fixed),
        parent,
    )
    renumber(
        org,
        "rules",
        parent,
        rule,
        request.body.get("priority", before["priority"]),
    )
    return Answer(200, rule)


def delete_rule(org: Org, request: Request) -> Answer:
    """DELETE: the rules below it move up."""
    parent = parent_of(org, "rules", request)
    org.drop("rules", request.place["id"], parent)
    renumber(org, "rules", parent)
    return Answer(204)


def _rule(org: Org, server: str, parent: str, body: Json, fixed: Json) -> Json:
    require(RULE, body)
    refuse_taken(
        org,
        "rules",
        parent,
        body,
        "name",
        fixed["id"],
        f"'{body['name']}' already exists",
    )
    conditions = body["conditions"]
    token = (body.get("actions") or {}).get("token") or {}
    _check_conditions(org, server, conditions)
    access = token.get("accessTokenLifetimeMinutes", 60)
    refresh = token.get("refreshTokenLifetimeMinutes", 0)
    if 0 < refresh < access:
        raise invalid(
            "actions.token.refreshTokenLifetimeMinutes: must not be shorter than the access "
            "token's lifetime"
        )
    url = f"{org.origin}/api/v1/authorizationServers/{server}/policies/{parent}/rules/{fixed['id']}"
    return {
        "priority": 0,
        **fixed,
        "name": body["name"],
        "lastUpdated": org.timestamp(),
        "system": False,
        "conditions": {
            "people": {
                "users": _people(conditions, "users"),
                "groups": _people(conditions, "groups"),
            },
            "grantTypes": {
                "include": list(conditions["grantTypes"]["include"])
            },
            "scopes": {"include": _included(conditions, "scopes", "include")},
        },
        "actions": {
            "token": {
                "accessTokenLifetimeMinutes": access,
                "refreshTokenLifetimeMinutes": refresh,
                "refreshTokenWindowMinutes": token.get(
                    "refreshTokenWindowMinutes", 10_080
                ),
            }
        },
        "type": "RESOURCE_ACCESS",
        "_links": {"self": link(url, "GET", "PUT", "DELETE")},
    }


def _people(conditions: Json, kind: str) -> Json:
    return {
        "include": _included(conditions, "people", kind, "include"),
        "exclude": _included(conditions, "people", kind, "exclude"),
    }


def _included(part: Json, *path: str) -> list[str]:
    """Return a list deep in a body; the official plugin leaves out empty parts."""
    inner: object = part
    for name in path:
        inner = inner.get(name) if isinstance(inner, dict) else None
    return list(inner) if isinstance(inner, list) else []


def _check_conditions(org: Org, server: str, conditions: Json) -> None:
    groups = {"EVERYONE", *(group["id"] for group in org.rows("groups"))}
    users = {member.id for member in org.members.values()}
    included = []
    for kind, keys in (("groups", groups), ("users", users)):
        people = _people(conditions, kind)
        included += people["include"]
        for part, listed in people.items():
            for key in listed:
                if key not in keys:
                    raise invalid(
                        f"conditions.people.{kind}.{part}: Invalid id '{key}'"
                    )
    scopes = {"*", *(scope["name"] for scope in org.rows("scopes", server))}
    for name in _included(conditions, "scopes", "include"):
        if name not in scopes:
            raise invalid(
                f"conditions.scopes.include: The scope '{name}' does not exist"
            )
    if "implicit" in conditions["grantTypes"]["include"] and not included:
        raise invalid(
            "conditions.people: The implicit grant needs a group or a user"
        )


def renumber(
    org: Org,
    kind: str,
    parent: str,
    moved: Json | None = None,
    place: int | None = None,
) -> None:
    """Number the objects of a kind under `parent` 1..n by priority, with `moved` at `place` (None:
    last)."""
    rows = [
        body
        for body in org.rows(kind, parent)
        if moved is None or body["id"] != moved["id"]
    ]
    if moved is not None:
        rows.insert(len(rows) if place is None else place - 1, moved)
    for number, body in enumerate(rows, start=1):
        body["priority"] = number


def covers(policy: Json, app: Json) -> bool:
    """Return whether the policy's clients include the app."""
    clients = policy["conditions"]["clients"]["include"]
    return "ALL_CLIENTS" in clients or client_of(app)["client_id"] in clients
