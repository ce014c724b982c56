"""Read `gateway.upstreams`: the addresses of external components."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Literal, TypedDict

from kong_oam.access.forbidden import Surroundings, is_address
from kong_oam.access.upstream import Target, Upstream, Upstreams

SETTING = "gateway.upstreams"


class TargetYaml(TypedDict, total=False):
    """A host and its port."""

    host: str
    port: int


class UpstreamYaml(TargetYaml, total=False):
    """An entry of `gateway.upstreams`. Either `host` or `targets` is set."""

    scheme: Literal["http", "https"]
    serverName: str
    hostHeader: str
    targets: list[TargetYaml]
    health: str


# The setting, by component.
UpstreamsYaml = Mapping[str, UpstreamYaml]


def upstreams(settings: UpstreamsYaml) -> Upstreams:
    """Return the checked upstreams by component."""
    return {key: _upstream(entry) for key, entry in settings.items()}


def _upstream(entry: UpstreamYaml) -> Upstream:
    targets = tuple(
        Target(_canonical(each["host"]), each.get("port"))
        for each in _targets(entry)
    )
    scheme = entry.get("scheme", "https")
    name = entry.get("serverName", targets[0].host).lower()
    header = entry.get("hostHeader")
    # The name in a certificate is in lower case.
    if header and scheme == "https":
        header = header.lower()
    return Upstream(
        targets,
        scheme,
        name if scheme == "https" else None,
        entry.get("health"),
        "targets" in entry or "health" in entry,
        header,
    )


def _targets(entry: UpstreamYaml) -> list[TargetYaml]:
    return entry.get("targets") or [entry]


def _canonical(host: str) -> str:
    return str(ip_address(host)) if is_address(host) else host.lower()


def upstream_problems(
    settings: UpstreamsYaml, surroundings: Surroundings
) -> Iterator[str]:
    """Yield each problem, starting with the setting's name."""
    for key, entry in settings.items():
        for problem in _problems(entry, surroundings):
            yield f"{SETTING}.{key}: {problem}"


def _problems(entry: UpstreamYaml, surroundings: Surroundings) -> Iterator[str]:
    if ("host" in entry) == ("targets" in entry):
        yield "set either host or targets"
        return
    if "targets" in entry and "port" in entry:
        yield "port belongs to each of the targets; move it there"
    hosts = [each["host"] for each in _targets(entry)]
    for host in hosts:
        if reason := surroundings.as_written(host):
            yield f"'{host}' {reason}"
    is_https = entry.get("scheme", "https") == "https"
    name = entry.get("serverName")
    if not is_https and name:
        yield "serverName needs scheme https; remove one of them"
    if name and is_address(name):
        yield "serverName is an IP address; write the name in the certificate"
    if is_https and not name and ("targets" in entry or is_address(hosts[0])):
        yield "https needs serverName, the name in the certificate"
        return
    # Kong verifies the certificate by the Host header without its port.
    verified = (name or hosts[0]).lower()
    header = entry.get("hostHeader", verified)
    if is_https and header.lower().partition(":")[0] != verified:
        yield (
            f"https verifies '{verified}' by the Host header; write hostHeader as "
            f"'{verified}', with or without a port"
        )
