"""The lint rule about roles that give access to nobody."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.lint.finding import LintFinding
from kong_oam.access.lint.subject import LintSubject
from kong_oam.access.model import Role
from kong_oam.diagnostics import some


def closed_roles(subject: LintSubject) -> Iterator[LintFinding]:
    """Find roles with groups through which nobody gets a scope (LINT312).

    LINT301 covers roles that only components hold. A component that nobody calls yet has no
    findings.
    """
    if not subject.grants:
        return
    for role in subject.component.identity.roles:
        if role.groups and not _lets_in(subject, role):
            scopes = some(map("'{}'".format, role.scopes), " or ")
            message = f"no client that signs in users of role '{role.name}' asks for {scopes}"
            position = subject.position("roles").key(role.name)
            yield LintFinding("LINT312", subject.key, message, position)


def _lets_in(subject: LintSubject, role: Role) -> bool:
    """Return whether a user of the role's groups, or a component in the role, gets one of its
    scopes. LINT313 reports the clients through which no user gets the scope."""
    return any(
        not holder.scopes.isdisjoint(role.scopes)
        and (
            role.name in holder.open_to
            or holder.client in role.components
            or not holder.split.isdisjoint(role.scopes)
        )
        for holder in subject.holders
    )
