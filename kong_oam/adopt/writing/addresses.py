"""The addresses behind the services of an old Kong, as `gateway.upstreams` can have them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from kong_oam.access.forbidden import Surroundings, is_address
from kong_oam.access.hosts import hosts_above
from kong_oam.adopt.answers import Destination, with_port
from kong_oam.adopt.entities import OldKong, OldRoute, OldUpstream
from kong_oam.adopt.fields import is_placeholder

_PROTOCOLS = ("http", "https")
# The port of a target that has none.
_TARGET_PORT = 8000
_HEADER = re.compile(
    r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?(:[0-9]{1,5})?\Z"
)
_TARGET = re.compile(r"(?P<host>\[[^\]]+\]|[^:]+)(?::(?P<port>[0-9]+))?\Z")
# Addresses inside the cluster are not refused by their form alone: the setting judges them.
_ANYWHERE = Surroundings()


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """The protocol, and each target as host and port."""

    protocol: str
    targets: tuple[tuple[str, int], ...]

    @property
    def port(self) -> int:
        return self.targets[0][1]

    @property
    def words(self) -> str:
        listed = ", ".join(f"{host}:{port}" for host, port in self.targets)
        return f"{self.protocol}://{listed}"


@dataclass(frozen=True, slots=True)
class Way:
    """How a request goes to its service: the address, the path, and the Host header.

    `host_header` is None for the caller's own.
    """

    address: Address
    path: str
    host_header: str | None


def way_of(
    old: OldKong, route: OldRoute, destination: Destination, host: str
) -> Way | str:
    """Return the way of a request, or why no Application can express it.

    `host`: the adopted host, which may have a wildcard.
    """
    if destination.protocol not in _PROTOCOLS:
        return f"its service speaks {destination.protocol}"
    if destination.path is None:
        return "a plugin replaces the path"
    address = _address(old, destination)
    if isinstance(address, str):
        return address
    header = _header(route, destination, address, host)
    if isinstance(header, Unclear):
        return header.reason
    return Way(address, destination.path, header)


@dataclass(frozen=True, slots=True)
class Unclear:
    """A Host header that no setting can express."""

    reason: str


def _address(old: OldKong, destination: Destination) -> Address | str:
    upstream = old.upstream.get(destination.host)
    if upstream is not None:
        return _address_of(destination.protocol, upstream)
    port = destination.port
    if not isinstance(port, int):
        return "the port of its service is a placeholder; substitute it first"
    return Address(destination.protocol, ((destination.host, port),))


def _address_of(protocol: str, upstream: OldUpstream) -> Address | str:
    if upstream.settings.get("use_srv_name"):
        return f"upstream '{upstream.name}' uses SRV records"
    active = upstream.active_targets
    if not active:
        return f"upstream '{upstream.name}' has no target"
    if len({each.weight for each in active}) > 1:
        return f"upstream '{upstream.name}' has targets of different weights"
    targets = set()
    for each in active:
        match = _TARGET.match(each.target)
        if match is None:
            return f"target '{each.target}' of upstream '{upstream.name}' is unclear"
        port = int(match["port"] or _TARGET_PORT)
        targets.add((match["host"].strip("[]"), port))
    return Address(protocol, tuple(sorted(targets)))


def _header(
    route: OldRoute, destination: Destination, address: Address, host: str
) -> str | Unclear | None:
    is_https = address.protocol == "https"
    if route.preserve_host:
        if not is_https:
            return None
        # The certificate is verified by the Host header.
        if host.startswith("*."):
            return Unclear(
                "https with the caller's Host needs a certificate for each host"
            )
        return host
    header = destination.host_header
    if header is None:
        if len(address.targets) > 1:
            return Unclear(
                "each target of its upstream gets another Host; set the upstream's host_header, "
                "and one port for all targets"
            )
        target, port = address.targets[0]
        header = with_port(target, port, address.protocol)
    name = header.partition(":")[0]
    if is_https and is_address(name):
        return Unclear(
            "https to an IP address has no name that a certificate could have"
        )
    if not is_placeholder(header) and not _HEADER.match(header):
        return Unclear(f"its Host header '{header}' is no plain host")
    return header


def problem_of(address: Address, exposed: Collection[str]) -> str:
    """Return why no setting may have this address; empty if one may. `exposed`: adopted hosts."""
    for host, port in address.targets:
        if not is_placeholder(host) and (reason := _ANYWHERE.as_written(host)):
            return f"its address '{host}' {reason.partition(';')[0]}"
        if not 0 < port < 65536:
            return f"its port {port} is no port"
        names = {name.lower() for name in exposed}
        if not names.isdisjoint(hosts_above(host.lower())):
            return f"its address '{host}' is a host of the gateway itself"
    return ""
