"""What a gated service has beside its three guards, by what its Application asks for: further
plugins, and fields of the Kong service. `verify` expects the same.

What runs in admission's plugin or in the gate is asked for by a key of the table, and stands in
`kong_oam.kong.chunks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.stack import Settings
from kong_oam.kong import metrics
from kong_oam.kong.logs import sinks
from kong_oam.traits.limits.at_kong import limit_fields
from kong_oam.traits.rate_limit import at_kong as rate_limit

MILLISECONDS = 60_000
"""How long Kong waits for a workload to take a connection, or between two parts of a request or an
answer."""


@dataclass(frozen=True, slots=True)
class Extra:
    """A further plugin of a gated service. `role` tells it from the service's others in names;
    `caller`: whom alone it meets, who has a token of the component's issuer (`ring`) or nobody
    (`nobody`); None: every request."""

    role: str
    kind: str
    config: Mapping[str, Any]
    caller: Literal["ring", "nobody"] | None = None
    asked: bool = False
    """Whether a trait kong-plugin asks for it, by its kind."""

    @property
    def roles(self) -> tuple[str, ...]:
        """Its role, and those that what stands in its place may have in a state: it is the same
        plugin of Kong's to which something else asks, such as a trait of its own for what
        kong-plugin asked for before."""
        others = (
            ()
            if self.caller
            else (asked_role(self.kind), _ROLES.get(self.kind, self.role))
        )
        return tuple(dict.fromkeys((self.role, *others)))


_ROLES: Mapping[str, str] = {
    "file-log": "log-file",
    "http-log": "log-http",
    "opentelemetry": "log-otlp",
    "prometheus": "metrics",
    "rate-limiting": "rate-limit",
    "tcp-log": "log-tcp",
}
"""The role of a plugin that stands before everybody because a trait or the stack says so, by
kind."""


@dataclass(frozen=True, slots=True)
class Extras:
    """`service`: fields as the Admin API writes them, where they differ from the usual ones."""

    plugins: tuple[Extra, ...] = ()
    service: Mapping[str, Any] = field(default_factory=dict)


USUAL: Mapping[str, Any] = {
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
"""Fields of a service as the Admin API writes them, where neither its Application nor the stack
says anything."""


def extras(settings: Settings, component: Component) -> Extras:
    """What one component asks for, on each of its services, and what the stack keeps of its
    calls."""
    limits = rate_limit.limits(component, settings.gateway.redis)
    found = [
        Extra(role, rate_limit.KIND, config, caller) for role, config, caller in limits
    ]
    found += [
        Extra(asked_role(one.name), one.name, one.config, asked=True)
        for one in component.edge.kong_plugins
    ]
    found += [Extra(*sink) for sink in sinks(settings.gateway.logs)]
    if settings.gateway.metrics:
        found.append(Extra("metrics", "prometheus", metrics.CONFIG))
    return Extras(tuple(found), limit_fields(component.edge.limits))


def asked_role(kind: str) -> str:
    """The role of a plugin that is asked for by its kind."""
    return f"plugin-{kind}"


def kinds(settings: Settings, estate: Estate) -> frozenset[str]:
    """The kinds of the further plugins of an estate: the gateway has to have them."""
    return frozenset(
        extra.kind
        for component in estate.exposed
        for extra in extras(settings, component).plugins
    )
