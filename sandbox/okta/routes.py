"""Which method and path of the management API is answered by which function; only the path routes,
never the host."""

import re
from collections.abc import Iterator
from functools import partial

from sandbox.okta import apps, groups, policies, servers
from sandbox.okta.answers import ApiError
from sandbox.okta.objects import Handler, lists, reads, sets_status

V1 = "/api/v1"
SERVERS = f"{V1}/authorizationServers"
SERVER = f"{SERVERS}/{{server}}"
POLICIES = f"{SERVER}/policies"
RULES = f"{POLICIES}/{{policy}}/rules"
APP = f"{V1}/apps/{{id}}"
KEYS = f"{SERVER}/credentials"

Route = tuple[str, str, Handler]


def _collection(
    path: str, kind: str, create: Handler, replace: Handler, delete: Handler
) -> Iterator[Route]:
    yield "GET", path, lists(kind)
    yield "POST", path, create
    yield "GET", f"{path}/{{id}}", reads(kind)
    yield "PUT", f"{path}/{{id}}", replace
    yield "DELETE", f"{path}/{{id}}", delete


def _lifecycle(
    path: str, activate: Handler, deactivate: Handler
) -> Iterator[Route]:
    yield "POST", f"{path}/{{id}}/lifecycle/activate", activate
    yield "POST", f"{path}/{{id}}/lifecycle/deactivate", deactivate


def _statuses(path: str, kind: str) -> Iterator[Route]:
    return _lifecycle(
        path, sets_status(kind, "ACTIVE"), sets_status(kind, "INACTIVE")
    )


MANAGEMENT: tuple[Route, ...] = (
    *_collection(
        SERVERS,
        "authorizationServers",
        servers.create_server,
        servers.replace_server,
        servers.delete_server,
    ),
    *_statuses(SERVERS, "authorizationServers"),
    *_collection(
        f"{SERVER}/scopes",
        "scopes",
        servers.create_scope,
        servers.replace_scope,
        servers.delete_scope,
    ),
    *_collection(
        f"{SERVER}/claims",
        "claims",
        servers.create_claim,
        servers.replace_claim,
        servers.delete_claim,
    ),
    ("GET", f"{KEYS}/keys", servers.list_keys),
    ("GET", f"{KEYS}/keys/{{id}}", servers.read_key),
    ("POST", f"{KEYS}/lifecycle/keyRotate", servers.rotate_keys),
    *_collection(
        POLICIES,
        "policies",
        policies.create_policy,
        policies.replace_policy,
        policies.delete_policy,
    ),
    *_statuses(POLICIES, "policies"),
    *_collection(
        RULES,
        "rules",
        policies.create_rule,
        policies.replace_rule,
        policies.delete_rule,
    ),
    *_statuses(RULES, "rules"),
    *_collection(
        f"{V1}/apps", "apps", apps.create_app, apps.replace_app, apps.delete_app
    ),
    *_lifecycle(
        f"{V1}/apps",
        partial(apps.set_app_status, "ACTIVE"),
        partial(apps.set_app_status, "INACTIVE"),
    ),
    ("PUT", f"{APP}/policies/{{policy}}", apps.set_access_policy),
    ("GET", f"{V1}/apps/{{app}}/groups", lists("assignments")),
    ("GET", f"{V1}/apps/{{app}}/groups/{{id}}", reads("assignments")),
    ("PUT", f"{V1}/apps/{{app}}/groups/{{id}}", apps.assign_group),
    ("DELETE", f"{V1}/apps/{{app}}/groups/{{id}}", apps.unassign_group),
    (
        "GET",
        f"{V1}/internal/apps/{{id}}/settings/oauth/idToken",
        apps.id_token_settings,
    ),
    (
        "POST",
        f"{V1}/internal/apps/{{id}}/settings/oauth/idToken",
        apps.id_token_settings,
    ),
    ("GET", f"{V1}/groups", groups.list_groups),
    ("POST", f"{V1}/groups", groups.create_group),
    ("GET", f"{V1}/groups/{{id}}", reads("groups")),
    ("PUT", f"{V1}/groups/{{id}}", groups.replace_group),
    ("DELETE", f"{V1}/groups/{{id}}", groups.delete_group),
    *_collection(
        f"{V1}/trustedOrigins",
        "trustedOrigins",
        groups.create_origin,
        groups.replace_origin,
        groups.delete_origin,
    ),
    *_lifecycle(
        f"{V1}/trustedOrigins",
        partial(groups.set_origin_status, "ACTIVE"),
        partial(groups.set_origin_status, "INACTIVE"),
    ),
    ("GET", f"{V1}/users/me", groups.read_me),
    ("GET", f"{V1}/policies", groups.list_access_policies),
    ("GET", "/.well-known/okta-organization", groups.read_organization),
)


def find(
    routes: tuple[Route, ...], method: str, path: str
) -> tuple[Handler, dict[str, str]]:
    """Return the handler of a request and the ids in its path.

    Raises 404 for an unknown path, and 405 for a path that exists only with other methods.
    """
    known = False
    for allowed, template, handler in routes:
        match = re.fullmatch(
            re.sub(
                r"\{(\w+)\}", r"(?P<\1>[^/]+)", template.replace(".", r"\.")
            ),
            path,
        )
        if match is not None:
            if allowed == method:
                return handler, match.groupdict()
            known = True
    if known:
        raise ApiError(
            405,
            "E0000022",
            "The endpoint does not support the provided HTTP method",
        )
    raise ApiError(
        404, "E0000007", f"Not found: Resource not found: {path} (Path)"
    )
