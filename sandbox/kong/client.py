"""What the gateway takes for its client's address: nginx's realip module, under the settings that
Kong gives it.

Recorded on a Kong 3.10 (`trusted_ips`, `real_ip_header`, `real_ip_recursive`): from a peer that is
trusted, the header says it; of several addresses the last, or with `real_ip_recursive` the last
that is not trusted itself. A port behind an address is cut off, and what is no address counts for
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from sandbox.kong.entities import KongConf
from sandbox.kong.http import Request

_PORT = re.compile(r"^(\d+(?:\.\d+){3}):\d+$|^\[([0-9A-Fa-f:.]+)\](?::\d+)?$")


def client_address(request: Request, settings: KongConf) -> str:
    """The client's address; `settings` are those of kong.conf."""
    trusted = [
        ip_network(text, strict=False)
        for text in settings.get("trusted_ips") or ()
        if text != "unix:"
    ]
    if not _among(request.peer, trusted):
        return request.peer
    name = str(settings.get("real_ip_header") or "X-Real-IP").lower()
    values = [value for own, value in request.headers if own.lower() == name]
    if not values:
        return request.peer
    several = name == "x-forwarded-for"
    listed = ",".join(values).split(",") if several else values[-1:]
    client = request.peer
    for text in reversed(listed):
        address = _address(text.strip())
        if address is None:
            break
        client = address
        if (
            not several
            or settings.get("real_ip_recursive") != "on"
            or not _among(address, trusted)
        ):
            break
    return client


def _address(text: str) -> str | None:
    if match := _PORT.match(text):
        text = match[1] or match[2]
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _among(
    address: str, networks: Collection[IPv4Network | IPv6Network]
) -> bool:
    return any(ip_address(address) in network for network in networks)
