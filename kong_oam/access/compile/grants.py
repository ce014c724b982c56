"""Check who holds the scopes of an API: the clients in its roles, and grants that a client lacks.

No remedy gives a client more than its `calls` ask for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import kong_oam.oam.model as oam
from kong_oam.access.client import CallYaml, ClientYaml
from kong_oam.access.compile.access import access_position
from kong_oam.access.compile.directory import Directory
from kong_oam.access.data import Names
from kong_oam.access.model import Component, Role, signs_in
from kong_oam.diagnostics import Diagnostic, is_one_slip, nearest_typo


def calls_of(part: oam.ComponentSpec) -> Sequence[CallYaml]:
    trait = part.trait("client")
    return client_of(trait).get("calls", ()) if trait else ()


def client_of(trait: oam.Trait) -> ClientYaml:
    return cast("ClientYaml", trait.properties)


def check_role_members(directory: Directory) -> None:
    """Check that the components of each role exist and are clients."""
    for component in directory.components.values():
        for role in component.identity.roles:
            for index, member in enumerate(role.components):
                if member in directory.clients or directory.is_unread(member):
                    continue
                directory.misnaming.add(component.key)
                if member in directory.parts:
                    problem = "has no client trait; add the trait there, or remove it from the role"
                else:
                    # No other client gets a role that it does not ask for.
                    asking = _asking(component, role, directory)
                    removed = "; if it was deleted, remove it from the role"
                    hint = nearest_typo(member, asking) or removed
                    problem = f"does not exist{hint}"
                message = f"role '{role.name}': component '{member}' {problem}"
                position = role.position.at("components", index)
                directory.out.append(Diagnostic("ACC214", message, position))


def _asking(
    component: Component, role: Role, directory: Directory
) -> Iterator[str]:
    """Yield the clients that call a component with a scope of the role, which no role grants
    them."""
    for client in sorted(directory.clients):
        granted: set[str] = set()
        for own in component.roles_of(client):
            granted.update(own.scopes)
        for call in calls_of(directory.parts[client]):
            if call["component"] == component.key:
                missing = {*call["scopes"]} - granted
                if not missing.isdisjoint(role.scopes):
                    yield client


def names_scope(callee: Component, scope: str) -> bool:
    """Return whether a rule or a role of the component names a scope."""
    named: set[str] = set()
    for rule in callee.exposure.rules:
        named.update(rule.scopes)
    for role in callee.identity.roles:
        named.update(role.scopes)
    return scope in named


def may_be_granted(
    component: Component, callee: Component, scope: str, directory: Directory
) -> bool:
    """Return whether a corrected role would grant the scope.

    The role has an error: an undeclared scope (ACC207), or a misspelt name of the client (ACC214).
    """
    is_misnaming = callee.key in directory.misnaming
    for role in callee.identity.roles:
        undeclared = {*role.scopes} - callee.identity.scopes.keys()
        if undeclared and component.key in role.components:
            return True
        if is_misnaming and (undeclared or scope in role.scopes):
            for member in role.components:
                is_client = member in directory.clients
                if not is_client and is_one_slip(member, component.key):
                    return True
    return False


def missing_grant(
    component: Component,
    callee: Component,
    scope: str,
    wanted: Names,
    directory: Directory,
) -> str:
    """Return the message about a scope that no role grants, with the smallest remedy.

    A role of the callee is a remedy only if the client asks for all its scopes. Each role may have
    other groups of users. So a client with users gets no choice of roles.
    """
    client = component.key
    offered = {*wanted} & callee.identity.scopes.keys()
    roles = [role for role in callee.identity.roles if scope in role.scopes]
    narrow = [role for role in roles if offered.issuperset(role.scopes)]
    has_users = _has_users(directory.parts[client])
    is_clear = len(roles) == 1 or not has_users
    if narrow and is_clear:
        role = min(narrow, key=lambda role: len(role.scopes))
        todo = f"add '{client}' to the components of role '{role.name}'"
    else:
        groups = " and the groups of its users" if has_users else ""
        todo = (
            f"add a role with scopes [{scope}], components [{client}]{groups}"
        )
    where = access_position(directory.parts[callee.key], "roles")
    return f"no role of '{callee.key}' grants '{scope}' to '{client}'; {todo} at {where}"


def _has_users(part: oam.ComponentSpec) -> bool:
    trait = part.trait("client")
    return trait is not None and signs_in(client_of(trait)["kind"])
