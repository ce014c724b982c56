"""Kong's entities as the stand-in reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

Config = Mapping[str, Any]
"""The configuration of a plugin, part of an Entity: the plugin's schema lists its fields."""
KongConf = Mapping[str, Any]
"""Settings of kong.conf by name, as `GET /` prints them."""
Reference = Mapping[Literal["id"], str]
"""An entity that another one names."""


class Route(TypedDict):
    """A route as the router and the proxy read it. None means unset."""

    id: str
    protocols: list[str]
    service: Reference | None
    methods: list[str] | None
    hosts: list[str] | None
    paths: list[str] | None
    headers: Mapping[str, list[str]] | None
    snis: list[str] | None
    regex_priority: int
    preserve_host: bool
    strip_path: bool
    https_redirect_status_code: int


class Service(TypedDict):
    """A service as the router and the proxy read it. Timeouts are in milliseconds."""

    id: str
    enabled: bool
    protocol: str
    host: str
    port: int
    path: str | None
    retries: int
    connect_timeout: int
    read_timeout: int
    tls_verify: bool | None
    ca_certificates: list[str] | None
    client_certificate: Reference | None
