"""What a gated service has beside its three guards, by what its Application asks for: further
plugins, and fields of the Kong service. `verify` expects the same.

What runs in admission's plugin or in the gate is asked for by a key of the table, and stands in
`kong_oam.kong.code`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kong_oam.access.data import JsonFields, Names
from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.values import Settings
from kong_oam.kong import metrics
from kong_oam.kong.at_kong import Extra, asked_role
from kong_oam.kong.entities import Entity
from kong_oam.kong.logs import sinks
from kong_oam.traits.at_kong import AT_KONG, asked_of_kong

# How long Kong waits for a workload to take a connection, or between two parts of a
# request or an answer.
MILLISECONDS = 60_000


# The role of a plugin that stands before everybody because a trait or the stack says
# so, by kind.
_ROLES: dict[str, str] = {
    "file-log": "log-file",
    "http-log": "log-http",
    "opentelemetry": "log-otlp",
    "prometheus": "metrics",
    "tcp-log": "log-tcp",
}

for _trait in AT_KONG:
    _ROLES |= _trait.roles


@dataclass(frozen=True, slots=True)
class Extras:
    """`service`: fields as the Admin API writes them, where they differ from the usual ones."""

    plugins: tuple[Extra, ...] = ()
    service: Entity = field(default_factory=dict)


# Fields of a service as the Admin API writes them, where neither its Application nor
# the stack says anything.
USUAL: Entity = {
    # As good as none. The official plugin cannot take back a path set by hand where the program has
    # none.
    "path": "/",
    "protocol": "http",
    "client_certificate": None,
    "tls_verify": None,
    "tls_verify_depth": None,
    "ca_certificates": None,
    "connect_timeout": MILLISECONDS,
    "read_timeout": MILLISECONDS,
    "write_timeout": MILLISECONDS,
    "retries": 5,
    # It means nothing, since the host is an Upstream. The official plugin does not send a port of
    # 0, and Kong then takes 80: should somebody delete the Upstream, and DNS know its name, nothing
    # listens on port 1.
    "port": 1,
}


def extras(settings: Settings, component: Component) -> Extras:
    """Return what one component asks for, on each of its services, and what the stack keeps of its
    calls."""
    gateway = settings.gateway
    plugins: list[Extra] = []
    fields: JsonFields = {}
    for trait, value in asked_of_kong(component):
        plugins += trait.plugins(value, gateway.redis)
        fields |= trait.fields(value)
    plugins += sinks(gateway.logs)
    if gateway.metrics:
        plugins.append(Extra("metrics", "prometheus", metrics.CONFIG))
    return Extras(tuple(plugins), fields)


def former_roles(extra: Extra) -> Names:
    """Return the roles that what stands in its place may have in a state: it is the same plugin of
    Kong's, for which something else asked, such as a trait of its own for what kong-plugin asked for
    before."""
    if extra.caller:
        return ()
    roles = asked_role(extra.kind), _ROLES.get(extra.kind, extra.role)
    return tuple(role for role in roles if role != extra.role)


def kinds(settings: Settings, estate: Estate) -> frozenset[str]:
    """Return the kinds of the further plugins of an estate: the gateway has to have them."""
    wanted: set[str] = set()
    for component in estate.exposed:
        wanted.update(
            extra.kind for extra in extras(settings, component).plugins
        )
    return frozenset(wanted)
