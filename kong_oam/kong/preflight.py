"""Before anything is provisioned: do the promises hold on this gateway, and how long does it take to settle?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from kong_oam.access.settings.stack import Edition
from kong_oam.errors import ProductError
from kong_oam.http.trust import trusted
from kong_oam.kong.plugins import Schema, guards

_OLDEST = (3, 4)
_TIMEOUT = httpx.Timeout(10.0)


class PreflightError(ProductError):
    """The gateway cannot be used as it is. The message says what was found and what to change."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """What the Admin API says about itself. `settle` is in seconds."""

    version: str
    settle: float
    schemas: Mapping[str, Schema]


def inspect(
    admin_url: str,
    token: str | None = None,
    workspace: str | None = None,
    api_key: str | None = None,
    edition: Edition = "oss",
) -> Gateway:
    """The gateway behind `admin_url`: `token` as Kong Enterprise's RBAC wants it, `api_key` as a proxy before it does.

    Raises PreflightError.
    """
    with client(admin_url, token, workspace, api_key) as admin:
        root = get(admin, "/", admin_url)
        configuration: Mapping[str, Any] = root.get("configuration") or {}
        check(str(root.get("version", "")), configuration, edition)
        schemas = {name: get(admin, f"/schemas/plugins/{name}", admin_url) for name in guards(edition)}
    return Gateway(str(root["version"]), settle_seconds(configuration), schemas)


def client(
    admin_url: str, token: str | None = None, workspace: str | None = None, api_key: str | None = None
) -> httpx.Client:
    """A client of the Admin API of one workspace, with the credentials that `inspect` describes."""
    base = f"{admin_url.rstrip('/')}/{workspace}" if workspace else admin_url.rstrip("/")
    given = {"Kong-Admin-Token": token, "apikey": api_key}
    headers = {name: value for name, value in given.items() if value}
    return httpx.Client(base_url=base, headers=headers, timeout=_TIMEOUT, follow_redirects=False, verify=trusted())


def get(admin: httpx.Client, path: str, admin_url: str) -> dict[str, Any]:
    """The JSON object at a path of the Admin API. Raises PreflightError."""
    try:
        answer = admin.get(path)
    except httpx.HTTPError as error:
        raise PreflightError(
            f"Kong's Admin API at {admin_url} does not answer ({type(error).__name__}); "
            "check gateway.adminUrl, or KONG_ADMIN_ADDR, and that Kong is up"
        ) from None
    if answer.status_code in (401, 403):
        raise PreflightError(
            f"Kong's Admin API at {admin_url} refuses the credentials ({answer.status_code}); "
            "check the secrets kong:kongAdminToken and kong:kongApiKey, or KONG_ADMIN_TOKEN and KONG_API_KEY"
        )
    if answer.status_code != 200:
        lacking = "check gateway.adminUrl, gateway.workspace where one is set, and Kong's setting `plugins`"
        advice = lacking if answer.status_code == 404 else "see Kong's error log"
        raise PreflightError(f"Kong's Admin API at {admin_url}{path} answers {answer.status_code}; {advice}")
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise PreflightError(f"{admin_url}{path} answers no JSON object; is this Kong's Admin API?")
    return body


def check(version: str, configuration: Mapping[str, Any], edition: Edition) -> None:
    """Raises PreflightError unless the gateway is at least 3.4, of that edition, has a database, and runs Lua.

    Enterprise names itself in its version: 3.10.0.0-enterprise-edition.
    """
    found = re.match(r"(\d+)\.(\d+)", version)
    if not found:
        raise PreflightError("the Admin API names no version; is this Kong?")
    if (int(found[1]), int(found[2])) < _OLDEST:
        raise PreflightError(f"Kong {version} is too old; at least {_OLDEST[0]}.{_OLDEST[1]} is needed")
    actual: Edition = "enterprise" if "enterprise" in version else "oss"
    if actual != edition:
        raise PreflightError(
            f"Kong {version} is of edition {actual}, the stack says {edition}; set gateway.edition: {actual}"
        )
    if configuration.get("database") == "off":
        raise PreflightError(
            "this Kong runs without a database (database=off), so its Admin API cannot change anything; use PostgreSQL"
        )
    if configuration.get("untrusted_lua") == "off":
        raise PreflightError(
            "this Kong runs no Lua of its configuration (untrusted_lua=off); set untrusted_lua=sandbox, the default"
        )


def settle_seconds(configuration: Mapping[str, Any]) -> float:
    """How long until every worker of every node sees a change: nothing before then may rely on it.

    Each worker rebuilds its router and its plugin iterator on timers of `worker_state_update_frequency`; other nodes
    hear of a change `db_update_frequency` and `db_update_propagation` later. A fifth is added for the rebuilding
    itself.

    With `worker_consistency = strict` there are no timers to wait for, but there is a way left to other nodes, and it
    is no formality: a request makes the worker read all plugins and then all routes, each only if its node has heard of
    a change. One that hears of somebody else's route, and not yet of our plugins, reads our new route as well.

    The data planes of a control plane get one snapshot of the database after another, and each worker changes over to
    it at once, so that no order can be torn apart: nothing to wait for. That is not so where the control plane hands on
    single changes (`cluster_rpc_sync`).

    Source: kong/runloop/handler.lua (get_updated_router, reconfigure_handler), kong/db/declarative/export.lua.
    """
    if configuration.get("role") == "control_plane" and not configuration.get("cluster_rpc_sync"):
        return 0.0
    node = _seconds(configuration, "db_update_frequency") + _seconds(configuration, "db_update_propagation", 0.0)
    strict = configuration.get("worker_consistency") == "strict"
    worker = 0.0 if strict else _seconds(configuration, "worker_state_update_frequency")
    return round(1.2 * (node + worker), 2)


def _seconds(configuration: Mapping[str, Any], name: str, default: float = 5.0) -> float:
    value = configuration.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default
