"""The input of a lint rule: one component, as written and as compiled, in its estate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import kong_oam.oam.model as oam
from kong_oam.access.compile.access import (
    AccessYaml,
    access_of,
    access_position,
)
from kong_oam.access.data import PathSegments, Scopes, Texts
from kong_oam.access.lint.finding import LintFinding
from kong_oam.access.model import Component, Components
from kong_oam.oam.position import SourcePosition

# For each client of a component (application/component), the roles that grant its scopes.
Grants = Mapping[str, Scopes]


@dataclass(frozen=True, slots=True)
class Holder:
    """A client of a component, with the component's scopes that its tokens can carry together.

    `client` is application/component. If it signs users in, `scopes` are only those that groups
    hold. `split` are scopes that no user gets through this client: other groups hold the scope than
    the groups that sign in through the client. `open_to` are the roles with a group that signs in
    through it.
    """

    client: str
    scopes: Scopes
    split: Scopes = frozenset()
    open_to: Scopes = frozenset()


# The paths of one host, each with the key of the component that it leads to.
Paths = tuple[tuple[PathSegments, str], ...]


@dataclass(frozen=True, slots=True)
class LintSubject:
    """One component under lint, with the parts of its estate that lint rules read.

    `grants`: the grants to its clients. `holders`: the clients with their scopes. `hosts`: its
    hosts with their paths. `doubtful_groups`: its groups that may be typing errors, each with the
    probable group and its places. `as_of`: the stack's date, since the current date is
    configuration, too.
    """

    grants: Grants
    holders: tuple[Holder, ...]
    hosts: Mapping[str, Paths]
    doubtful_groups: Texts
    as_of: date
    # The findings about its connections inside the cluster.
    missing_connections: tuple[LintFinding, ...]
    application: oam.Application
    part: oam.ComponentSpec
    component: Component
    # All components of the application.
    siblings: Components

    @property
    def key(self) -> str:
        return self.component.key

    @property
    def access(self) -> AccessYaml:
        """The access trait's properties; empty without the trait."""
        return access_of(self.part)

    def position(self, *path: str | int) -> SourcePosition:
        """Return a position in the access trait, or the component's position without the trait."""
        return access_position(self.part, *path)
