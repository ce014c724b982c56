"""The lint rule about split roles: one role names the client, another names its users' groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from kong_oam.access.lint.finding import LintFinding
from kong_oam.access.lint.subject import Holder, LintSubject
from kong_oam.access.model import Role
from kong_oam.diagnostics import some
from kong_oam.oam.edit import scalar, with_entry
from kong_oam.oam.position import SourcePosition


def split_roles(subject: LintSubject) -> Iterator[LintFinding]:
    """Find clients through which users get no scopes, since no role names client and groups
    (LINT313).

    A user signs in through a group of a role that names the client, and has the scopes that roles
    give to the user's groups. So a role with groups gives no access through a client that only
    other roles name.
    """
    for holder in subject.holders:
        missing = defaultdict(list)
        for scope in sorted(holder.split):
            missing[_holding(subject, scope)].append(scope)
        for roles, scopes in missing.items():
            yield _finding(subject, holder, roles, scopes)


def _holding(subject: LintSubject, scope: str) -> tuple[Role, ...]:
    """Return the roles that give the scope to groups, the role with the fewest scopes first."""
    roles = []
    for role in subject.component.identity.roles:
        if role.groups and scope in role.scopes:
            roles.append(role)
    return tuple(sorted(roles, key=lambda role: len(role.scopes)))


def _finding(
    subject: LintSubject,
    holder: Holder,
    roles: tuple[Role, ...],
    scopes: list[str],
) -> LintFinding:
    role = roles[0]
    listed = some(map("'{}'".format, scopes), " and ")
    # The role gives the client no scope that it does not ask for.
    is_asked = holder.scopes.issuperset(role.scopes)
    todo = f"name '{holder.client}' in '{role.name}', too"
    if not is_asked:
        todo = "add a role with these groups, the client and only these scopes"
    message = (
        f"users only in {some(role.groups)} do not get {listed} through '{holder.client}': "
        f"role '{role.name}' has these groups, but not the client; {todo}"
    )
    position = _place(subject, holder, scopes)
    change = None
    if is_asked and len(roles) == 1:
        place = subject.position("roles", role.name)
        change = partial(with_entry, place, "components", scalar(holder.client))
    return LintFinding("LINT313", subject.key, message, position, change)


def _place(
    subject: LintSubject, holder: Holder, scopes: list[str]
) -> SourcePosition:
    """Return the position of the client in the role that grants the first of the scopes."""
    roles = subject.component.roles_of(holder.client)
    role = next(role for role in roles if scopes[0] in role.scopes)
    index = role.components.index(holder.client)
    return subject.position("roles", role.name, "components", index)
