"""Checks of a gateway before a run creates anything, and the time that it takes to settle."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kong_oam.access.data import Texts
from kong_oam.access.settings.values import Edition, GatewaySettings
from kong_oam.diagnostics import Diagnostics
from kong_oam.kong import addresses, versions
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi, AdminError, require_known_flavor
from kong_oam.kong.at_kong import TraitPlugin
from kong_oam.kong.entities import WRITTEN_BY, NodeConfiguration
from kong_oam.kong.plugins import Schema, SchemaError, config_json, guards
from kong_oam.traits.upstream_tls.at_kong import authorities

# The values of kong.conf's `untrusted_lua` under which the gate's scripts run.
_RUNS_SCRIPTS = ("sandbox", "lax", "on")


class PreflightError(AdminError):
    """The gateway cannot keep the promises. The message names the cause and the remedy."""


@dataclass(frozen=True, slots=True)
class GatewayFacts:
    """Facts about a gateway from its Admin API.

    `settle`: in seconds. `address`: words about the caller's address, or None if no trait uses it.
    `authorities`: ids of the requested CA certificates, by fingerprint. `warnings`: about the
    version.
    """

    version: str
    settle: float
    schemas: Mapping[str, Schema]
    address: str | None = None
    authorities: Texts = field(default_factory=dict)
    warnings: Diagnostics = ()


def inspect(
    account: Account,
    edition: Edition = "oss",
    more: Iterable[TraitPlugin] = (),
    ca: Iterable[str] = (),
    *,
    ca_file: str = "",
    by_address: bool = False,
    features: Texts | None = None,
    only_reads: bool = False,
) -> GatewayFacts:
    """Check the gateway of an account and return its facts. Raises PreflightError and AdminError.

    `more`: the plugins that it must have beside the guards, with all their fields. `ca`:
    fingerprints of CA certificates that it must have; `ca_file` contains them. `by_address`: rules
    or limits use a caller's address, so callers must not be able to choose it. `features`: the
    features of `versions.SINCE` that it must have, each with its user in words. `only_reads`: the
    gateway may be a node without a database.
    """
    wanted = list(more)
    kinds = sorted({plugin.kind for plugin in wanted})
    with AdminApi(account) as admin:
        root = admin.get("/")
        configuration: NodeConfiguration = root.get("configuration") or {}
        version = str(root.get("version", ""))
        check(version, configuration, edition)
        if not only_reads:
            _check_writable(configuration)
        _check_features(version, features or {})
        if by_address:
            check_addresses(configuration)
        schemas = {
            name: admin.get(f"/schemas/plugins/{name}")
            for name in (*guards(edition), *kinds)
        }
        _check_fields(version, schemas, wanted)
        found = _authorities(admin, [*ca], ca_file)
    address = addresses.in_words(configuration) if by_address else None
    return GatewayFacts(
        version,
        settle_seconds(configuration),
        schemas,
        address,
        found,
        versions.warnings_of(version),
    )


def _check_features(version: str, features: Texts) -> None:
    """Check that the version has these features. Raises PreflightError."""
    for feature, user in features.items():
        if not versions.has(version, feature):
            since = versions.in_words(versions.SINCE[feature])
            raise PreflightError(
                f"Kong {version} lacks {feature}, which the trait {user} needs; use Kong {since} "
                "or newer, or change the trait"
            )


def _check_fields(
    version: str, schemas: Mapping[str, Schema], plugins: Iterable[TraitPlugin]
) -> None:
    """Check that the gateway has every field of these plugins. Raises PreflightError."""
    for plugin in plugins:
        try:
            config_json(schemas[plugin.kind], plugin.kind, plugin.config)
        except SchemaError as error:
            raise PreflightError(f"Kong {version}: {error}") from None


def _authorities(admin: AdminApi, wanted: Sequence[str], file: str) -> Texts:
    if not wanted:
        return {}
    known = authorities(admin.rows("/ca_certificates"))
    for fingerprint in wanted:
        if fingerprint not in known:
            raise PreflightError(
                "Kong lacks the CA certificate of gateway.upstreamTls.ca with SHA-256 "
                f"{fingerprint[:16]}..., and Pulumi has no resource for it; load it: curl -F "
                f"{shlex.quote(f'cert=<{file}')} $KONG_ADMIN_ADDR/ca_certificates"
            )
    return known


def check(
    version: str, configuration: NodeConfiguration, edition: Edition
) -> None:
    """Check that the gateway has no known defect, has that edition, and runs the gate's scripts.
    Raises AdminError."""
    if not versions.release_of(version):
        raise PreflightError(
            "the Admin API does not print its version; is this Kong?"
        )
    if defect := versions.defect_of(version):
        raise PreflightError(defect)
    actual = "enterprise" if "enterprise" in version else "oss"
    if actual != edition:
        raise PreflightError(
            f"Kong {version} has edition {actual}, but the stack has {edition}; set "
            f"gateway.edition: {actual}"
        )
    require_known_flavor(configuration)
    _check_scripts(configuration)


def _check_writable(configuration: NodeConfiguration) -> None:
    """Check that the gateway has a database, or that `dbless` writes to it. Raises
    PreflightError."""
    has_database = configuration.get("database") != "off"
    if not has_database and WRITTEN_BY not in configuration:
        raise PreflightError(
            "this Kong has no database (database=off), so its Admin API cannot change anything; "
            "set gateway.nodes and gateway.document, and run the command with `kong-oam dbless`"
        )


def _check_scripts(configuration: NodeConfiguration) -> None:
    """Check that Kong lets the gate's scripts run. Raises PreflightError.

    Source: Kong's documentation of Lua sandboxing, 3.14.
    """
    mode = configuration.get("untrusted_lua", _RUNS_SCRIPTS[0])
    if mode not in _RUNS_SCRIPTS:
        raise PreflightError(
            f"this Kong does not let the gate's scripts run (untrusted_lua={mode}), so it would "
            "refuse every call; set untrusted_lua=lax (from 3.14) or sandbox on every node. They "
            "permit scripts to choose the workload (kong.service.set_target) and to read a vault"
        )


def check_addresses(configuration: NodeConfiguration) -> None:
    """Check that not every caller may choose its address. Raises PreflightError."""
    if everybody := addresses.trusts_everybody(configuration):
        raise PreflightError(
            "this Kong lets every caller choose its address "
            f"(trusted_ips={everybody}), so {addresses.forged()}; list only your load balancers "
            "in trusted_ips, or remove the trait"
        )


def settle(admin: AdminApi, settings: GatewaySettings) -> float:
    """Return the seconds until a change reaches every worker, from the stack or else from Kong.
    Raises AdminError."""
    if settings.settle_seconds is not None:
        return settings.settle_seconds
    return settle_seconds(admin.get("/").get("configuration") or {})


def settle_seconds(configuration: NodeConfiguration) -> float:
    """Return the seconds until every worker of every node sees a change.

    Each worker rebuilds its router and its plugin iterator on timers of
    `worker_state_update_frequency`. Other nodes learn of a change `db_update_frequency` and
    `db_update_propagation` later. A fifth is added for the rebuild itself.

    With `worker_consistency = strict` there are no timers, but changes still have to reach other
    nodes. A request makes the worker read all plugins and then all routes, if its node knows of a
    change. A node that knows of another owner's route but not of our plugins would read our new
    route too.

    The data planes of a control plane get whole snapshots of the database, and each worker switches
    at once. No order can break, so the wait is 0. This does not hold where the control plane sends
    single changes (`cluster_rpc_sync`).

    Source: kong/runloop/handler.lua (get_updated_router, reconfigure_handler),
    kong/db/declarative/export.lua.
    """
    is_control_plane = configuration.get("role") == "control_plane"
    if is_control_plane and not configuration.get("cluster_rpc_sync"):
        return 0.0
    if configuration.get("database") == "off":
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
