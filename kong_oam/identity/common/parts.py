"""The parts of an estate that concern one identity provider."""

from __future__ import annotations

from kong_oam.access.data import Texts
from kong_oam.access.model import Client, Component, Estate
from kong_oam.access.settings.values import ProviderSettings


def account_name(provider: str) -> str:
    """Return the logical name of the resource for the product's administrative account."""
    return f"{provider}-account"


def clients_at(settings: ProviderSettings, estate: Estate) -> list[Client]:
    """Return the clients of this run that get their tokens at the provider."""
    clients = estate.own_clients
    return [client for client in clients if client.provider == settings.name]


def all_clients_at(settings: ProviderSettings, estate: Estate) -> list[Client]:
    """Return the clients of the whole estate that get their tokens at the provider."""
    clients = estate.clients
    return [client for client in clients if client.provider == settings.name]


def offered_at(settings: ProviderSettings, estate: Estate) -> list[Component]:
    """Return the components whose scopes and groups this run makes at the provider."""
    offering = estate.offering
    return [
        component
        for component in offering
        if component.identity.provider == settings.name
    ]


def groups_of(component: Component) -> set[str]:
    """Return the logical groups that roles of a component name."""
    groups = set[str]()
    for role in component.identity.roles:
        groups.update(role.groups)
    return groups


def groups_at(settings: ProviderSettings, estate: Estate) -> list[str]:
    """List the logical groups that roles of these components name."""
    groups = set()
    for component in offered_at(settings, estate):
        groups |= groups_of(component)
    return sorted(groups)


def group_names(settings: ProviderSettings, estate: Estate) -> list[str]:
    """List the groups that roles at a provider name, by the provider's names."""
    provider = estate.stack.providers[settings.name]
    return sorted(
        {provider.group(group) for group in groups_at(settings, estate)}
    )


def scopes_at(settings: ProviderSettings, estate: Estate) -> Texts:
    """Return the scopes that these components declare, with their descriptions, in the order of
    their names."""
    declared: dict[str, str] = {}
    for component in offered_at(settings, estate):
        declared.update(component.identity.scopes)
    return dict(sorted(declared.items()))
