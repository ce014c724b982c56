"""The access table: one line per endpoint and rule, as the stack exports it and a preview shows it."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.model import METHODS, Component, Estate, Rule
from kong_oam.access.paths import within, written


def access_table(estate: Estate) -> dict[str, str]:
    """Maps requests to who may make them: `GET,HEAD orders.example.com/orders` to `orders.read: shop/checkout; groups
    sales`.

    Shape: sorted by component, host, path; one entry per rule and endpoint, so that a preview's diff is access line by
    line.
    """
    return dict(line for component in estate.exposed for line in _lines(estate, component))


def grants(estate: Estate) -> dict[str, str]:
    """Maps clients to what their tokens may list: `shop/web` to `orders.read orders.write for users in order-desk,
    sales`."""
    result = {}
    for client in sorted(estate.clients, key=lambda client: (client.component, client.provider)):
        users = f" for users in {', '.join(client.groups) or 'no group'}" if client.user_facing else ""
        result[client.name] = (" ".join(client.scopes) or "nothing") + users
    return result


def _lines(estate: Estate, component: Component) -> Iterator[tuple[str, str]]:
    for endpoint in component.endpoints:
        for rule in component.rules:
            if within(rule.path, endpoint.path):
                key = f"{_methods(rule)} {endpoint.host}{written(rule.path)}"
                yield key, f"{component.key}: {_requirement(estate, component, rule)}"


def _methods(rule: Rule) -> str:
    listed = [method for method in METHODS if rule.lists(method)]
    return "*" if len(listed) == len(METHODS) else ",".join(listed)


def _requirement(estate: Estate, component: Component, rule: Rule) -> str:
    if rule.public:
        return f"everybody ({rule.public.reason})"
    if not rule.scopes:
        return f"any principal of {component.provider}"
    return f"{' and '.join(rule.scopes)}: {', '.join(holders(estate, component, rule)) or 'nobody'}"


def holders(estate: Estate, component: Component, rule: Rule) -> tuple[str, ...]:
    """The callers that can meet a protected rule: services by key, and `client for group` where a user of the group
    can."""
    needed = set(rule.scopes)
    callers = []
    for client in estate.clients:
        granted = estate.held_at(component, users=client.user_facing)
        if client.provider != component.provider or not needed.issubset(granted.get(client.component, ())):
            continue
        if not client.user_facing:
            callers.append(client.component)
            continue
        for group in client.groups:
            group_scopes = {scope for role in component.roles if group in role.groups for scope in role.scopes}
            if needed <= group_scopes:
                callers.append(f"{client.component} for {group}")
    return tuple(callers)
