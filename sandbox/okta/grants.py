"""Access policies, rules and claims, evaluated as Okta evaluates them. No HTTP here.

* The server's policies that include the client are tried by priority, and the rules of each by
  priority.
* The first active rule that matches grant type, people and every requested scope decides (its
  lifetimes apply).
* A rule that does not list all requested scopes is skipped, and a lower policy's rule may match.
* A user must be assigned to the app, through one of the groups that are assigned to it.
* Configured claims of type RESOURCE go into access tokens, of type IDENTITY into ID tokens.

Source: developer.okta.com, "Configure an access policy" and "Scopes and claims"; support.okta.com,
"Tokens not issued with lifetime configured in access rule for custom authorization server".
"""

import re
from dataclasses import dataclass

from sandbox.edges import Json
from sandbox.okta.expressions import evaluate
from sandbox.okta.org import Member, Org
from sandbox.okta.policies import covers

MOST_GROUPS = 100  # a groups claim that matches more makes the request fail


class OAuthError(Exception):
    """An error of an OAuth endpoint: `error` and `error_description` of RFC 6749, and the HTTP
    status."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds that a rule grants; `refresh` 0 is without end, `window` how long a refresh token may
    lie unused."""

    access: int
    refresh: int
    window: int


def requested_scopes(org: Org, server: Json, scope: str) -> tuple[str, ...]:
    """Return the requested scopes, in the request's order; without any, the server's default
    scopes.

    Raises invalid_scope for a scope that the server does not have, and when there is neither a
    scope nor a default.
    """
    known = org.rows("scopes", server["id"])
    names = tuple(dict.fromkeys(scope.split())) or tuple(
        entry["name"] for entry in known if entry["default"]
    )
    if not names:
        text = (
            "The authorization server resource does not have any configured default scopes, "
            "'scope' must be provided."
        )
        raise OAuthError("invalid_scope", text)
    if not {entry["name"] for entry in known}.issuperset(names):
        raise OAuthError(
            "invalid_scope",
            "One or more scopes are not configured for the authorization server resource.",
        )
    return names


def evaluate_policies(
    org: Org,
    server: Json,
    app: Json,
    grant: str,
    member: Member | None,
    scopes: tuple[str, ...],
) -> Lifetimes:
    """Return the lifetimes of the first matching rule.

    Raises invalid_scope if only the scopes do not match, and access_denied if no rule matches or no
    policy includes the client. (Okta's support site shows access_denied for both; two codes here
    show the cause.)
    """
    but_for_scopes = False
    for policy in org.rows("policies", server["id"]):
        if policy["status"] != "ACTIVE" or not covers(policy, app):
            continue
        for rule in org.rows("rules", policy["id"]):
            if rule["status"] != "ACTIVE" or not _matches(
                rule["conditions"], grant, member
            ):
                continue
            allowed = rule["conditions"]["scopes"]["include"]
            if "*" in allowed or set(scopes) <= set(allowed):
                return _lifetimes(rule["actions"]["token"])
            but_for_scopes = True
    if but_for_scopes:
        raise OAuthError(
            "invalid_scope",
            "One or more scopes are not allowed by the access policy for this request.",
        )
    text = "Policy evaluation failed for this request, please check the policy configurations."
    raise OAuthError("access_denied", text)


def _matches(conditions: Json, grant: str, member: Member | None) -> bool:
    if grant not in conditions["grantTypes"]["include"]:
        return False
    if member is None:
        return True
    users = conditions["people"]["users"]
    groups = conditions["people"]["groups"]
    if member.id in users["exclude"] or member.groups.intersection(
        groups["exclude"]
    ):
        return False
    everyone = "EVERYONE" in groups["include"]
    return (
        everyone
        or member.id in users["include"]
        or bool(member.groups.intersection(groups["include"]))
    )


def _lifetimes(token: Json) -> Lifetimes:
    names = (
        "accessTokenLifetimeMinutes",
        "refreshTokenLifetimeMinutes",
        "refreshTokenWindowMinutes",
    )
    return Lifetimes(*(60 * token[name] for name in names))


def require_assignment(org: Org, app: Json, member: Member) -> None:
    """Raise access_denied unless a group of the user is assigned to the app."""
    assigned = {row["id"] for row in org.rows("assignments", app["id"])}
    if not assigned & member.groups:
        raise OAuthError(
            "access_denied", "User is not assigned to the client application."
        )


def configured_claims(
    org: Org,
    server: Json,
    kind: str,
    client_id: str,
    member: Member | None,
    scopes: tuple[str, ...],
) -> Json:
    """Return the configured claims of a kind (RESOURCE or IDENTITY) that apply to these scopes,
    with their values.

    A claim without a value (no user, no group that matches) is left out, as Okta does. An IDENTITY
    claim that is not always included is left out too: every ID token here comes with an access
    token. Raises invalid_request when a groups claim matches more than 100 groups (Okta fails such
    requests; the wording is this stand-in's).
    """
    values: Json = {}
    for claim in org.rows("claims", server["id"]):
        wanted = claim["conditions"]["scopes"]
        if (
            claim["status"] != "ACTIVE"
            or claim["claimType"] != kind
            or not claim["alwaysIncludeInToken"]
        ):
            continue
        if wanted and not set(wanted) & set(scopes):
            continue
        value = _value(org, claim, client_id, member)
        if value:
            values[claim["name"]] = value
    return values


def _value(
    org: Org, claim: Json, client_id: str, member: Member | None
) -> str | list[str] | None:
    if claim["valueType"] == "EXPRESSION":
        return evaluate(
            claim["value"], client_id, member.login if member else None
        )
    groups = (
        [name for name in org.group_names(member) if _passes(claim, name)]
        if member
        else []
    )
    if len(groups) > MOST_GROUPS:
        text = f"The claim '{claim['name']}' matches more than {MOST_GROUPS} groups."
        raise OAuthError("invalid_request", text)
    return groups


def _passes(claim: Json, name: str) -> bool:
    wanted: str = claim["value"]
    match claim["group_filter_type"]:
        case "STARTS_WITH":
            return name.startswith(wanted)
        case "EQUALS":
            return name == wanted
        case "CONTAINS":
            return wanted in name
        case _:
            return re.fullmatch(wanted, name) is not None
