"""The parts of an estate that concern one identity provider."""

from __future__ import annotations

from kong_oam.access.model import Client, Component, Estate
from kong_oam.access.settings.stack import ProviderSettings


def clients_at(settings: ProviderSettings, estate: Estate) -> tuple[Client, ...]:
    """Selects the clients of this run that get their tokens at the provider."""
    return tuple(
        client for client in estate.own_clients if client.provider == settings.name
    )


def offered_at(settings: ProviderSettings, estate: Estate) -> tuple[Component, ...]:
    """Selects the components whose scopes and groups this run makes at the provider."""
    return tuple(
        component
        for component in estate.offering
        if component.provider == settings.name
    )


def groups_at(settings: ProviderSettings, estate: Estate) -> list[str]:
    """Lists the logical groups that roles of these components name."""
    roles = (
        role for component in offered_at(settings, estate) for role in component.roles
    )
    return sorted({group for role in roles for group in role.groups})


def scopes_at(settings: ProviderSettings, estate: Estate) -> dict[str, str]:
    """Gives the scopes that these components declare, with their descriptions, in the order of
    their names."""
    declared: dict[str, str] = {}
    for component in offered_at(settings, estate):
        declared.update(component.scopes)
    return dict(sorted(declared.items()))
