"""The address of the gateway's client: nginx's realip module with Kong's settings.

Recorded on a Kong 3.10 (`trusted_ips`, `real_ip_header`, `real_ip_recursive`): a trusted peer's
header names the address. The last of several addresses counts; with `real_ip_recursive` the last
address that is not trusted counts. A port behind an address is cut off, and other text is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from sandbox.kong.entities import KongConf
from sandbox.kong.http import Request

_PORT = re.compile(r"^(\d+(?:\.\d+){3}):\d+$|^\[([0-9A-Fa-f:.]+)\](?::\d+)?$")


def client_address(request: Request, settings: KongConf) -> str:
    """Return the client's address, by the `settings` of kong.conf."""
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
