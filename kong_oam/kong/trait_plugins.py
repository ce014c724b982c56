"""The plugins and service fields that traits and the stack add to a gated service.

A service has three guards beside them. `verify` expects the same plugins and fields. A script in
admission's plugin or in the gate stands in `kong_oam.kong.code`; a key of the table selects it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kong_oam.access.data import JsonFields, Names, Texts
from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.values import Settings
from kong_oam.kong import metrics
from kong_oam.kong.at_kong import TraitPlugin, kong_plugin_role
from kong_oam.kong.entities import Entity
from kong_oam.kong.logs import sinks
from kong_oam.kong.old_credentials import old_credential_plugins
from kong_oam.traits.at_kong import AT_KONG, traits_at_kong

# How long Kong waits for a workload to accept a connection, or between two parts of a request or an
# answer.
MILLISECONDS = 60_000


# The role, by kind, of a plugin that handles all requests because of a trait or the stack.
_ROLES = {
    "file-log": "log-file",
    "http-log": "log-http",
    "opentelemetry": "log-otlp",
    "prometheus": "metrics",
    "tcp-log": "log-tcp",
}

for _trait in AT_KONG:
    _ROLES |= _trait.roles


@dataclass(frozen=True, slots=True)
class TraitPlugins:
    """Plugins and service fields. `service`: fields that differ from `USUAL`, as the Admin API
    writes them."""

    plugins: tuple[TraitPlugin, ...] = ()
    service: Entity = field(default_factory=dict)


# Default fields of a service, as the Admin API writes them.
USUAL: Entity = {
    # The same as no path. The official plugin cannot undo a path set by hand if the program sets
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
    # The host is an Upstream, so the port has no effect. The official plugin does not send a port
    # of 0, and Kong then takes 80. If somebody deletes the Upstream and DNS knows its name, nothing
    # listens on port 1.
    "port": 1,
}


def trait_plugins(settings: Settings, component: Component) -> TraitPlugins:
    """Return the plugins and fields of each service of a component."""
    gateway = settings.gateway
    plugins: list[TraitPlugin] = []
    fields: JsonFields = {}
    for trait, value in traits_at_kong(component):
        plugins += trait.plugins(value, gateway.redis)
        fields |= trait.fields(value)
    plugins += old_credential_plugins(settings.stack.name, component)
    plugins += sinks(gateway.logs)
    if gateway.metrics:
        plugins.append(TraitPlugin("metrics", "prometheus", metrics.CONFIG))
    return TraitPlugins(tuple(plugins), fields)


def former_roles(extra: TraitPlugin) -> Names:
    """Return the roles that the same plugin may have in an older state.

    Kong has one plugin of a kind per service. A dedicated trait may replace a trait kong-plugin of
    that kind, so the role changes.
    """
    if extra.caller:
        return ()
    roles = kong_plugin_role(extra.kind), _ROLES.get(extra.kind, extra.role)
    return tuple(role for role in roles if role != extra.role)


def plugins_of(settings: Settings, estate: Estate) -> tuple[TraitPlugin, ...]:
    """Return an estate's further plugins, which the gateway must have."""
    wanted: list[TraitPlugin] = []
    for component in estate.exposed:
        wanted += trait_plugins(settings, component).plugins
    return tuple(wanted)


def features_of(estate: Estate) -> Texts:
    """Return the features of Kong that traits need (kong.versions), each with one such trait in
    words."""
    needed = {}
    for component in estate.exposed:
        for trait, value in traits_at_kong(component):
            for feature in trait.needs(value):
                needed[feature] = f"{trait.key.name} of '{component.key}'"
    return needed
