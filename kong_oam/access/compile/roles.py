"""Compile roles: the groups and client components that hold scopes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NotRequired, TypedDict

from kong_oam.access.data import TextList, Texts
from kong_oam.access.model import (
    Role,
)
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import (
    Diagnostic,
    Report,
    nearest_typo,
    suggestion_of_typo,
)
from kong_oam.oam.position import SourcePosition


class RoleYaml(TypedDict):
    """One of the `roles` of an access trait."""

    scopes: TextList
    groups: NotRequired[TextList]
    components: NotRequired[TextList]


def roles_of(
    roles: Mapping[str, RoleYaml],
    position: SourcePosition,
    scopes: Texts,
    stack: Stack,
    out: Report,
) -> Iterator[Role]:
    """Compile the roles of an access trait. Findings are added to `out`."""
    known_groups = stack.known_groups
    for name, role in roles.items():
        where = position.at("roles", name)
        for number, group in enumerate(role.get("groups", ())):
            if known_groups is not None and group not in known_groups:
                groups = (
                    "groups.yaml"
                    if stack.partial
                    else "the stack's `knownGroups`"
                )
                hint = nearest_typo(group, known_groups)
                message = (
                    f"role '{name}': {groups} has no '{group}'; correct the list or the role, "
                    f"whichever differs from the identity provider{hint}"
                )
                out.append(
                    Diagnostic("ACC222", message, where.at("groups", number))
                )
        for number, scope in enumerate(role["scopes"]):
            if scope not in scopes:
                message = (
                    f"role '{name}': scope '{scope}' is not declared by this "
                    f"component{suggestion_of_typo(scope, scopes)}"
                )
                out.append(
                    Diagnostic("ACC207", message, where.at("scopes", number))
                )
        yield Role(
            name,
            tuple(dict.fromkeys(role["scopes"])),
            tuple(dict.fromkeys(role.get("groups", ()))),
            tuple(dict.fromkeys(role.get("components", ()))),
            where,
        )
