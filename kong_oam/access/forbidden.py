"""Tell which addresses no upstream may have, as written and as resolved. Pure.

A request to such an address would reach the gateway's own host, its network's control services, or
another component under the wrong rules.

Source: RFC 6890 (special addresses); RFC 6761 (`localhost`); the WHATWG URL standard, "ends in a
number" (spellings that a resolver reads as an IPv4 address).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from kong_oam.access.data import Network, Texts

# Names of containers have underscores, and resolvers accept them.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
# A resolver reads such a last label as a part of an IPv4 address.
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")

# Names of the gateway's own host in hosts files, which Kong reads.
LOOPBACK_NAMES = (
    "localhost",
    "localhost.localdomain",
    "localhost4",
    "localhost6",
    "ip6-localhost",
    "ip6-loopback",
)
# Networks of metadata services outside link-local networks: AWS, Google, Azure, Alibaba, Oracle.
_METADATA_NETWORKS = (
    *(ip_network("fd00:ec2::/32"), ip_network("fd20:ce::/32")),
    *(ip_network("168.63.129.16"), ip_network("100.100.100.200")),
    ip_network("192.0.0.192"),
)
_METADATA_NAME = "metadata.google.internal"
_METADATA = "a cloud's metadata service"
_LOOPBACK = "the gateway's own host (loopback)"
_IN_CLUSTER = re.compile(r"\.svc(?:\.|\Z)|\.pod\Z|\.cluster\.local\Z")
_THIS_NETWORK = ip_network("0.0.0.0/8")


def is_address(host: str) -> bool:
    """Return whether a host is an IP address: a plain dotted quad, or an IPv6 address without
    brackets."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The hosts around a gateway, to which no upstream may lead.

    `hosts` and `networks` are in words. `in_cluster`: the gateway runs in a cluster, where a name
    without dots is a Service's.
    """

    hosts: Texts = field(default_factory=dict)
    networks: Mapping[Network, str] = field(default_factory=dict)
    in_cluster: bool = False

    def as_written(self, host: str) -> str:
        """Return why no upstream may have this host, as the end of a sentence; empty if one may."""
        if is_address(host) and "%" not in host:
            return self.of_address(host)
        name = host.lower()
        if name.endswith("."):
            return "ends with a dot; remove the dot"
        if _NUMBER.match(name.rpartition(".")[2]):
            return (
                "is a number in place of an address; write a plain IP address"
            )
        if len(name) > 253 or not _NAME.match(name):
            return "is neither a DNS name nor an IP address; write one of them"
        kind = self.hosts.get(name, "")
        if name in LOOPBACK_NAMES or name.endswith(".localhost"):
            kind = _LOOPBACK
        elif name == _METADATA_NAME:
            kind = _METADATA
        elif (self.in_cluster and "." not in name) or _IN_CLUSTER.search(name):
            kind = (
                "a name in a cluster, which leads around that component's rules"
            )
        return _sentence(kind)

    def of_address(self, text: str) -> str:
        """Return why no upstream may have this IP address, as the end of a sentence; empty if one
        may."""
        address = ip_address(text)
        kind = _special(address) or self.hosts.get(str(address), "")
        for network, words in self.networks.items():
            if not kind and address in network:
                kind = words
        return _sentence(kind)


def surroundings(
    admin_url: str | None,
    node_address: str | None,
    cidrs: Iterable[str],
    *,
    in_cluster: bool,
) -> Surroundings:
    """Return the surroundings of a gateway, from its settings. Invalid ranges are left out."""
    hosts = {}
    if node_address:
        hosts[node_address.lower()] = "a node of the cluster"
    # The settings report an invalid URL.
    with suppress(ValueError):
        if admin_url and (host := urlsplit(admin_url).hostname):
            hosts[host.rstrip(".")] = "Kong's Admin API"
    networks = {}
    for cidr in cidrs:
        with suppress(ValueError):
            networks[ip_network(cidr, strict=False)] = "the gateway itself"
    return Surroundings(hosts, networks, in_cluster)


def _sentence(kind: str) -> str:
    return f"is {kind}; write another host" if kind else ""


def _special(address: IPv4Address | IPv6Address) -> str:
    """Return what a special address is, in words; empty for other addresses."""
    if any(address in network for network in _METADATA_NETWORKS):
        return _METADATA
    if address.is_loopback:
        return _LOOPBACK
    if address.is_unspecified or address in _THIS_NETWORK:
        return "no host's address (unspecified)"
    if address.is_link_local:
        return "a link-local address, as metadata services have"
    if address.is_multicast:
        return "a multicast address"
    if isinstance(address, IPv6Address) and _has_ipv4(address):
        return "an IPv4 address inside an IPv6 address"
    return "a reserved address" if address.is_reserved else ""


def _has_ipv4(address: IPv6Address) -> bool:
    """Return whether an address contains an IPv4 address: mapped, compatible, NAT64, 6to4 or
    Teredo. All but the last two are in ::/8."""
    return bool(address.packed[0] == 0 or address.sixtofour or address.teredo)
