"""The lint rule about roles that let nobody in."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.lint.finding import LintFinding
from kong_oam.access.lint.subject import LintSubject
from kong_oam.access.model import Role
from kong_oam.diagnostics import some


def closed_roles(subject: LintSubject) -> Iterator[LintFinding]:
    """Find roles of groups by which nobody gets a scope (LINT312). Of one that only components
    hold, LINT301 tells; of a component that nobody calls yet, nothing is known of its roles."""
    if not subject.holders:
        return
    for role in subject.component.identity.roles:
        if role.groups and not _lets_in(subject, role):
            scopes = some(map("'{}'".format, role.scopes), " or ")
            message = (
                f"role '{role.name}' lets nobody in: no client that signs users in asks for "
                f"{scopes}"
            )
            position = subject.position("roles").key(role.name)
            yield LintFinding("LINT312", subject.key, message, position)


def _lets_in(subject: LintSubject, role: Role) -> bool:
    """Whether somebody gets a scope by it: users of its groups through any client, or a component
    that it names."""
    return any(
        not holder.scopes.isdisjoint(role.scopes)
        and (holder.users or holder.client in role.components)
        for holder in subject.holders
    )
