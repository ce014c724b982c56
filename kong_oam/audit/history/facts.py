"""The parts of a record beside the model: roles, positions of rules, owners and client ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kong_oam.access.model import Component, Estate
from kong_oam.access.paths import written
from kong_oam.engine.state import Outputs
from kong_oam.oam.position import JsonObject, Texts


def roles_and_positions(
    estate: Estate,
    deployed: Mapping[str, Texts],
    current: Mapping[str, Texts],
) -> JsonObject:
    """Return the roles and the positions of rules, of the components whose deployed revisions are
    the current revisions. Other Applications would give wrong lines."""
    roles = {}
    positions = {}
    for key, revisions in current.items():
        if deployed.get(key) == revisions:
            component = estate.components[key]
            roles[key] = _roles(component)
            positions[key] = _positions(component)
    return {"roles": roles, "positions": positions}


def _roles(component: Component) -> JsonObject:
    return {
        role.name: {"scopes": [*role.scopes], "groups": [*role.groups]}
        for role in component.identity.roles
    }


def _positions(component: Component) -> JsonObject:
    """Return the file and line of each rule, by path and method."""
    positions: dict[str, dict[str, list[str]]] = {}
    for path, rules in component.owned.items():
        by_method = positions.setdefault(written(path), {})
        for rule in rules:
            place = f"{rule.position.file}:{rule.position.line}"
            for method in rule.listed:
                by_method.setdefault(method, []).append(place)
    return positions


def owners(estate: Estate) -> Texts:
    """Return the owner of each component that has one."""
    found = {}
    for key, component in sorted(estate.components.items()):
        if component.owner:
            found[key] = component.owner
    return found


def client_ids(stacks: Iterable[Outputs]) -> Mapping[str, list[str]]:
    """Return the client ids of each component, from the outputs of stacks."""
    found: dict[str, list[str]] = {}
    for outputs in stacks:
        by_provider = outputs.get("clients") or {}
        for clients in by_provider.values():
            for component, client in clients.items():
                found.setdefault(component, []).append(client)
    return {component: sorted(ids) for component, ids in found.items()}
