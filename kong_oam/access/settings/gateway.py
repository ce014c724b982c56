"""The gateway in a stack's settings, and what is wrong about it as far as a schema cannot say it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import ip_network

from kong_oam.access.data import Texts, YamlObject
from kong_oam.access.settings.fields import fields_of
from kong_oam.access.settings.logs import log_settings
from kong_oam.access.settings.redis import redis_settings
from kong_oam.access.settings.upstream_tls import UpstreamTlsSettings
from kong_oam.access.settings.values import GatewaySettings


def gateway_settings(
    gateway: YamlObject, over_tls: UpstreamTlsSettings | None
) -> GatewaySettings:
    """Read the checked settings of the gateway."""
    derived = {
        "redirect": gateway.get("plainHttp") == "redirect",
        "strip_headers": tuple(
            sorted({*map(str.lower, gateway.get("stripHeaders", ()))})
        ),
        "redis": redis_settings(gateway),
        "upstream_tls": over_tls,
        "logs": log_settings(gateway),
    }
    settings = GatewaySettings(
        **{**fields_of(GatewaySettings, gateway), **derived}
    )
    return (
        settings
        if settings.scheme == "https"
        else replace(settings, hsts_seconds=0)
    )


def gateway_problems(gateway: YamlObject) -> Iterator[str]:
    """Yield each problem, behind the setting's name.

    Settings that do not say where the gateway is are one: whoever else could connect to a workload
    would get past the gate.
    """
    if ("namespace" in gateway) != ("podLabels" in gateway):
        yield (
            "gateway: namespace and podLabels go together; else other pods there would count as "
            "the gateway"
        )
    for index, cidr in enumerate(gateway.get("cidrs", ())):
        try:
            ip_network(cidr, strict=False)
        except ValueError:
            yield (
                f"gateway.cidrs.{index}: '{cidr}' is no range of addresses; write "
                "192.0.2.0/28 or 2001:db8::/64"
            )
    if "namespace" not in gateway and "cidrs" not in gateway:
        yield (
            "gateway: say where the gateway is: namespace and podLabels in the cluster, or cidrs "
            "outside"
        )
    if (
        gateway.get("reach", "cluster") == "cluster"
        and "namespace" not in gateway
    ):
        yield (
            "gateway: a gateway outside the cluster cannot use its names; set reach to "
            "loadBalancer or nodePort"
        )
    if gateway.get("reach") == "nodePort" and "nodeAddress" not in gateway:
        yield "gateway: reach: nodePort needs nodeAddress"
    if "workspace" in gateway and gateway.get("edition") != "enterprise":
        yield (
            "gateway: only Kong Enterprise has workspaces; set edition to enterprise, or leave "
            "out workspace"
        )
    yield from _stripped_problems(gateway.get("stripHeaders", ()))


# Headers that admission must not take from callers, and why. Without its length a body is a
# request of its own.
_NEVER_STRIPPED: Texts = {
    **dict.fromkeys(
        (
            "authorization",
            "content-length",
            "host",
            "origin",
            "transfer-encoding",
        ),
        "the gateway reads it",
    ),
    **dict.fromkeys(
        (
            "te",
            "upgrade",
            "via",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-path",
            "x-forwarded-port",
            "x-forwarded-prefix",
            "x-forwarded-proto",
            "x-real-ip",
        ),
        "Kong has read it before, and writes it anew",
    ),
}


def _stripped_problems(names: Iterable[str]) -> Iterator[str]:
    """Find words of `stripHeaders` that are such a header, or its beginning before a dash."""
    for name in names:
        beginning = f"{name.lower()}-"
        for header, why in _NEVER_STRIPPED.items():
            if f"{header}-".startswith(beginning):
                yield (
                    f"gateway.stripHeaders: '{name}' takes {header}, and {why}; list only what "
                    "workloads believe"
                )
                break
