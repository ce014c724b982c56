"""Kong's entities as values: single entities, and snapshots of all entities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

Entity = dict[str, Any]
"""An entity of Kong, or the fields that a client sends for an entity.

Both are untyped JSON: the schema of the kind lists the fields.
"""
Config = Mapping[str, Any]
"""The configuration of a plugin, part of an Entity: the plugin's schema lists its fields."""
Errors = dict[str, Any]
"""The errors of an Entity, by field, in the shape of Kong's answers."""
KongConf = Mapping[str, Any]
"""Settings of kong.conf by name, as `GET /` prints them."""
Table = Mapping[str, Entity]
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


UUID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z",
    re.IGNORECASE,
)
# The field that names an entity in a path, beside its id.
NAMED_BY: Mapping[str, str] = {
    "services": "name",
    "routes": "name",
    "plugins": "instance_name",
    "consumers": "username",
    "jwt_secrets": "key",
    "acls": "group",
    "keyauth_credentials": "key",
    "basicauth_credentials": "username",
    "snis": "name",
    "upstreams": "name",
    "targets": "target",
}
DEFAULT_TARGET_PORT = 8000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All entities at one moment: kind -> id -> entity. Nothing in it is ever changed."""

    tables: Mapping[str, Table]

    def find(
        self, kind: str, key: str, within: Entity | None = None
    ) -> Entity | None:
        """Return an entity by its id or by the name field of its kind; a certificate by one of its
        SNIs.

        `within` are fields that it must have: two Upstreams may have Targets of the same name.
        """
        table = self.tables[kind]
        if within:
            table = {
                identifier: row
                for identifier, row in table.items()
                if within.items() <= row.items()
            }
        if UUID.match(key):
            return table.get(key.lower())
        if kind == "certificates":
            sni = self.find("snis", key)
            return table.get(sni["certificate"]["id"]) if sni else None
        name = NAMED_BY.get(kind, "id")
        return next(
            (entity for entity in table.values() if entity[name] == key), None
        )
