"""Read the gateway in a stack's settings, and find problems that the schema cannot find."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import ip_network
from typing import TypedDict

from kong_oam.access.data import TextList, Texts, YamlObject
from kong_oam.access.forbidden import surroundings
from kong_oam.access.settings.adopted import (
    AdoptedYaml,
    adopted_problems,
    adopted_settings,
)
from kong_oam.access.settings.dbless import (
    DocumentYaml,
    PodsYaml,
    dbless_problems,
    dbless_settings,
)
from kong_oam.access.settings.fields import fields_of
from kong_oam.access.settings.logs import LogsYaml, log_settings
from kong_oam.access.settings.redis import redis_settings
from kong_oam.access.settings.upstream_tls import (
    UpstreamTlsSettings,
    UpstreamTlsYaml,
)
from kong_oam.access.settings.upstreams import (
    UpstreamsYaml,
    upstream_problems,
    upstreams,
)
from kong_oam.access.settings.values import GatewaySettings


class GatewayYaml(TypedDict, total=False):
    """The setting `gateway`."""

    namespace: str
    podLabels: Texts
    cidrs: TextList
    reach: str
    serviceAnnotations: Texts
    nodeAddress: str
    scheme: str
    plainHttp: str
    hstsSeconds: int
    stripHeaders: TextList
    keySlots: int
    adminUrl: str
    edition: str
    workspace: str
    settleSeconds: float
    # The fields of RedisSettings.
    redis: YamlObject
    upstreamTls: UpstreamTlsYaml
    logs: LogsYaml
    metrics: bool
    upstreams: UpstreamsYaml
    adopted: AdoptedYaml
    nodes: TextList | PodsYaml
    document: DocumentYaml


PLACE_MISSING = (
    "the gateway's place is missing; set namespace and podLabels in the "
    "cluster, or cidrs outside"
)


def gateway_settings(
    gateway: GatewayYaml,
    over_tls: UpstreamTlsSettings | None,
    context: str | None,
) -> GatewaySettings:
    """Read the checked settings of the gateway. `context`: the kubeconfig context of the stack."""
    derived = {
        "redirect": gateway.get("plainHttp") == "redirect",
        "strip_headers": tuple(
            sorted({*map(str.lower, gateway.get("stripHeaders", ()))})
        ),
        "redis": redis_settings(gateway.get("redis")),
        "upstream_tls": over_tls,
        "logs": log_settings(gateway.get("logs")),
        "upstreams": upstreams(gateway.get("upstreams", {})),
        "adopted": adopted_settings(gateway.get("adopted")),
        "dbless": dbless_settings(
            gateway.get("nodes"), gateway.get("document"), context
        ),
    }
    settings = GatewaySettings(
        **{**fields_of(GatewaySettings, gateway), **derived}
    )
    return (
        settings
        if settings.scheme == "https"
        else replace(settings, hsts_seconds=0)
    )


def gateway_problems(gateway: GatewayYaml) -> Iterator[str]:
    """Yield each problem, starting with the setting's name.

    Settings that do not say where the gateway is are a problem: any other caller that can connect
    to a workload would bypass the gate.
    """
    inside = "namespace" in gateway
    if inside != ("podLabels" in gateway):
        yield (
            "gateway: set namespace and podLabels together; otherwise other pods count as the "
            "gateway"
        )
    elif not inside and "cidrs" not in gateway:
        # With upstreams, only workloads need it (kong_oam.access.compile.upstreams).
        if "upstreams" not in gateway:
            yield f"gateway: {PLACE_MISSING}"
    elif not inside and gateway.get("reach", "cluster") == "cluster":
        yield (
            "gateway: a gateway outside the cluster cannot use the cluster's names; set reach to "
            "loadBalancer or nodePort"
        )
    for index, cidr in enumerate(gateway.get("cidrs", ())):
        try:
            ip_network(cidr, strict=False)
        except ValueError:
            yield (
                f"gateway.cidrs.{index}: '{cidr}' is not a range of addresses; write it as "
                "192.0.2.0/28 or 2001:db8::/64"
            )
    if gateway.get("reach") == "nodePort" and "nodeAddress" not in gateway:
        yield "gateway: reach: nodePort needs nodeAddress; set it"
    if "workspace" in gateway and gateway.get("edition") != "enterprise":
        yield (
            "gateway: only Kong Enterprise has workspaces; set edition to enterprise, or remove "
            "workspace"
        )
    yield from dbless_problems(gateway)
    yield from adopted_problems(gateway.get("adopted"))
    yield from _stripped_problems(gateway.get("stripHeaders", ()))
    near = surroundings(
        gateway.get("adminUrl"),
        gateway.get("nodeAddress"),
        gateway.get("cidrs", ()),
        in_cluster=inside,
    )
    yield from upstream_problems(gateway.get("upstreams", {}), near)


# Headers that admission must not remove, with the reason. Without its length, a body would be read
# as a second request.
_NEVER_STRIPPED: Texts = {
    **dict.fromkeys(
        (
            "authorization",
            "content-length",
            "host",
            "origin",
            "transfer-encoding",
        ),
        "the gateway needs it",
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
        "Kong reads it earlier and sets it again",
    ),
}


def _stripped_problems(names: Iterable[str]) -> Iterator[str]:
    """Find entries of `stripHeaders` that are such a header, or its beginning before a dash."""
    for name in names:
        beginning = f"{name.lower()}-"
        for header, why in _NEVER_STRIPPED.items():
            if f"{header}-".startswith(beginning):
                yield (
                    f"gateway.stripHeaders: '{name}' removes {header}, but {why}; list only "
                    "headers that workloads trust"
                )
                break
