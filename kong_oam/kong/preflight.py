"""Checks a gateway before anything is provisioned: do the promises hold on it, and how long does it
take to settle?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kong_oam.access.data import Texts
from kong_oam.access.settings.values import Edition, GatewaySettings
from kong_oam.kong import addresses
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi, AdminError
from kong_oam.kong.entities import NodeConfiguration
from kong_oam.kong.plugins import Schema, guards
from kong_oam.traits.upstream_tls.at_kong import authorities

_OLDEST = (3, 4)


class PreflightError(AdminError):
    """The promises do not hold on this gateway. The message says what was found and what to
    change."""


@dataclass(frozen=True, slots=True)
class GatewayFacts:
    """The facts that the Admin API tells of its gateway. `settle` is in seconds; `address` says in
    words what counts as a caller's address, None where nobody asks for that; `authorities` are the
    ids of the CA certificates that it was asked for, by fingerprint."""

    version: str
    settle: float
    schemas: Mapping[str, Schema]
    address: str | None = None
    authorities: Texts = field(default_factory=dict)


def inspect(
    account: Account,
    edition: Edition = "oss",
    more: Iterable[str] = (),
    ca: Iterable[str] = (),
    *,
    ca_file: str = "",
    by_address: bool = False,
) -> GatewayFacts:
    """Checks the gateway of an account, which has to have the guards, `more` plugins, by kind, and
    the CA certificates with the fingerprints `ca`, which are in `ca_file`. `by_address`: rules or
    limits go by a caller's address, so it must not be what the caller likes.

    Raises PreflightError, and AdminError where it cannot be asked.
    """
    with AdminApi(account) as admin:
        root = admin.get("/")
        configuration: NodeConfiguration = root.get("configuration") or {}
        check(str(root.get("version", "")), configuration, edition)
        if by_address:
            check_addresses(configuration)
        schemas = {
            name: admin.get(f"/schemas/plugins/{name}")
            for name in (*guards(edition), *sorted(more))
        }
        found = _authorities(admin, [*ca], ca_file)
    address = addresses.in_words(configuration) if by_address else None
    return GatewayFacts(
        str(root["version"]),
        settle_seconds(configuration),
        schemas,
        address,
        found,
    )


def _authorities(admin: AdminApi, wanted: Sequence[str], file: str) -> Texts:
    if not wanted:
        return {}
    known = authorities(admin.rows("/ca_certificates"))
    for fingerprint in wanted:
        if fingerprint not in known:
            raise PreflightError(
                "Kong does not have the CA certificate of gateway.upstreamTls.ca whose SHA-256 is "
                f"{fingerprint[:16]}..., and Pulumi has no resource for it; load it: curl -F "
                f"{shlex.quote(f'cert=<{file}')} $KONG_ADMIN_ADDR/ca_certificates"
            )
    return known


def check(
    version: str, configuration: NodeConfiguration, edition: Edition
) -> None:
    """Checks that the gateway is at least 3.4, of that edition, has a database, and runs Lua.
    Raises PreflightError.

    Enterprise names itself in its version: 3.10.0.0-enterprise-edition.
    """
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if not numbers:
        raise PreflightError("the Admin API names no version; is this Kong?")
    if (int(numbers[1]), int(numbers[2])) < _OLDEST:
        raise PreflightError(
            f"Kong {version} is too old; at least {_OLDEST[0]}.{_OLDEST[1]} is needed"
        )
    actual: Edition = "enterprise" if "enterprise" in version else "oss"
    if actual != edition:
        raise PreflightError(
            f"Kong {version} is of edition {actual}, the stack says {edition}; set "
            f"gateway.edition: {actual}"
        )
    if configuration.get("database") == "off":
        raise PreflightError(
            "this Kong runs without a database (database=off), so its Admin API cannot change "
            "anything; use PostgreSQL"
        )
    if configuration.get("untrusted_lua") == "off":
        raise PreflightError(
            "this Kong runs no Lua of its configuration (untrusted_lua=off); set "
            "untrusted_lua=sandbox, the default"
        )


def check_addresses(configuration: NodeConfiguration) -> None:
    """Checks that not everybody may say which address they call from. Raises PreflightError."""
    if everybody := addresses.trusts_everybody(configuration):
        raise PreflightError(
            "this Kong takes the word of every caller for where they call from "
            f"(trusted_ips={everybody}), so {addresses.forged()}; have trusted_ips list your "
            "load balancers alone, or take the trait out"
        )


def settle(admin: AdminApi, settings: GatewaySettings) -> float:
    """The seconds that a change takes to reach every worker, as the stack says or else Kong does.
    Raises AdminError."""
    if settings.settle_seconds is not None:
        return settings.settle_seconds
    return settle_seconds(admin.get("/").get("configuration") or {})


def settle_seconds(configuration: NodeConfiguration) -> float:
    """The seconds until every worker of every node sees a change: nothing before then may rely on
    it.

    Each worker rebuilds its router and its plugin iterator on timers of
    `worker_state_update_frequency`; other nodes hear of a change `db_update_frequency` and
    `db_update_propagation` later. A fifth is added for the rebuilding itself.

    With `worker_consistency = strict` there are no timers to wait for, but there is a way left to
    other nodes, and it is no formality: a request makes the worker read all plugins and then all
    routes, each only if its node has heard of a change. One that hears of somebody else's route,
    and not yet of our plugins, reads our new route as well.

    The data planes of a control plane get one snapshot of the database after another, and each
    worker changes over to it at once, so that no order can be torn apart: nothing to wait for. That
    is not so where the control plane hands on single changes (`cluster_rpc_sync`).

    Source: kong/runloop/handler.lua (get_updated_router, reconfigure_handler),
    kong/db/declarative/export.lua.
    """
    is_control_plane = configuration.get("role") == "control_plane"
    if is_control_plane and not configuration.get("cluster_rpc_sync"):
        return 0.0
    seconds = _seconds(configuration.get("db_update_frequency"))
    seconds += _seconds(configuration.get("db_update_propagation"), 0.0)
    if configuration.get("worker_consistency") != "strict":
        seconds += _seconds(configuration.get("worker_state_update_frequency"))
    return round(1.2 * seconds, 2)


def _seconds(value: object, default: float = 5.0) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return float(value)
