"""Finds the services of a stack with their guards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kong_oam.access.data import Names
from kong_oam.access.settings.values import Settings
from kong_oam.kong import names, plugins
from kong_oam.kong.entities import Entities, Entity, reference
from kong_oam.kong.owners import OwnerLookup


@dataclass(frozen=True, slots=True)
class Port:
    """A service of the stack, with its guards by kind, and the kinds of missing guards."""

    component: str
    service: str
    guards: Mapping[str, Entity]
    missing: Names


def ports_of(live: Entities, settings: Settings) -> Iterator[Port]:
    """Yield the stack's services by name and tags, each with its guards."""
    lookup = OwnerLookup(settings.stack.name, whole=True)
    kinds = plugins.guards(settings.gateway.edition)
    for service in live.services:
        name = service.get("name") or ""
        component = names.component_of(settings.stack.name, name)
        if not component or lookup.owner(service).kind != "ours":
            continue
        found = {}
        for plugin in live.plugins:
            if _is_on_service(plugin, service):
                found[plugin["name"]] = plugin
        guards = {kind: found[kind] for kind in kinds if kind in found}
        missing = tuple(kind for kind in kinds if kind not in found)
        yield Port(component, name, guards, missing)


def _is_on_service(plugin: Entity, service: Entity) -> bool:
    """Return whether the plugin stands on the service for every route and every caller."""
    is_for_all = not plugin.get("route") and not plugin.get("consumer")
    return is_for_all and reference(plugin, "service") == service["id"]


def missing_guards(port: Port) -> Iterator[str]:
    """Yield a message about each missing guard of the service."""
    for kind in port.missing:
        yield (
            f"'{kind}' is missing at service '{port.service}'; run `pulumi up --refresh` to create "
            "it"
        )
