"""The names in an estate that may collide with names of another estate, with their positions."""

from __future__ import annotations

from collections.abc import Mapping

from kong_oam.access.compile.access import access_position
from kong_oam.access.merge.side import MergeSide
from kong_oam.diagnostics import Position
from kong_oam.oam.document import as_mapping

Places = Mapping[str, Position | None]
"""Names, each with its first position; None without a file."""


def applications(side: MergeSide) -> Places:
    """Return the names of the Applications."""
    return {
        application.name: application.position.at("metadata", "name")
        for application in side.reading.applications
    }


def namespaces(side: MergeSide) -> Places:
    """Return the namespaces of the components, at all their targets."""
    found: dict[str, Position | None] = {}
    for application in side.reading.applications:
        position = application.position.at("metadata", "namespace")
        found.setdefault(application.namespace, position)
        for part in application.components:
            component = side.estate.components[
                f"{application.name}/{part.name}"
            ]
            for site in component.instances:
                found.setdefault(site.workload.namespace, position)
    return found


def groups(side: MergeSide) -> Places:
    """Return the logical groups in roles, and those that a provider maps."""
    found: dict[str, Position | None] = {}
    for component in side.estate.components.values():
        for role in component.identity.roles:
            for number, group in enumerate(role.groups):
                found.setdefault(group, role.position.at("groups", number))
    for number, provider in enumerate(side.providers):
        for group in provider.groups:
            place = side.setting("identityProviders", number, "groups", group)
            found.setdefault(group, place)
    return found


def providers(side: MergeSide) -> Places:
    """Return the names of the identity providers."""
    return {
        provider.name: side.setting("identityProviders", number, "name")
        for number, provider in enumerate(side.settings.providers)
    }


def scopes(side: MergeSide, provider: str) -> Places:
    """Return the scopes that components declare at a provider."""
    found: dict[str, Position | None] = {}
    for key, part in side.parts():
        identity = side.estate.components[key].identity
        if identity.provider == provider:
            place = access_position(part, "scopes")
            for scope in identity.scopes:
                found.setdefault(scope, place.key(scope))
    return found


def consumers(side: MergeSide) -> Places:
    """Return the gateway's consumers that clients name in `before`."""
    found: dict[str, Position | None] = {}
    for _, part in side.parts():
        for trait in part.traits_of("client"):
            before = as_mapping(trait.properties.get("before"))
            name = before.get("consumer")
            if isinstance(name, str):
                place = trait.position.at("properties", "before", "consumer")
                found.setdefault(name, place)
    return found


def hosts(side: MergeSide) -> Places:
    """Return the hosts of the endpoints."""
    found: dict[str, Position | None] = {}
    for component in side.estate.components.values():
        for endpoint in component.exposure.endpoints:
            found.setdefault(endpoint.host, endpoint.position)
    return found


def setting_keys(
    side: MergeSide, *path: str, names: Mapping[str, object]
) -> Places:
    """Return the keys of a setting, with their positions."""
    found: dict[str, Position | None] = {}
    for name in names:
        place = side.setting(*path)
        found[name] = place.key(name) if place else None
    return found
