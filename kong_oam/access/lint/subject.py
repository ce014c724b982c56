"""The input of a lint rule: one component, as it is written and as it was compiled, in its
estate."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import kong_oam.oam.model as oam
from kong_oam.access.data import PathSegments, Scopes, Texts, YamlObject
from kong_oam.access.model import Component, Components
from kong_oam.oam.position import SourcePosition

# Of each client of a component, as application/component, the names of the roles that grant what
# it asks for.
Grants = Mapping[str, Scopes]


@dataclass(frozen=True, slots=True)
class Holder:
    """A client of a component, as application/component, with those of its scopes that its tokens
    can carry together: of one that signs `users` in, those that a group holds, too.

    `split` are those of these scopes that no group gives to its users through this client: the
    groups by which they sign in through it are all others than the groups that hold the scope.
    """

    client: str
    users: bool
    scopes: Scopes
    split: Scopes = frozenset()


# The gateway paths of one host, each with the component, as application/component, that it leads
# to.
Paths = tuple[tuple[PathSegments, str], ...]


@dataclass(frozen=True, slots=True)
class LintSubject:
    """One component under lint, and all of its estate that a rule may look at: the `grants` to its
    clients, its `holders`, of the `hosts` that it is on their paths, and of its groups the
    `doubtful_groups`, each with the one that may be meant. `as_of` is the stack's day: whether a
    date has passed is configuration, too.
    """

    grants: Grants
    holders: tuple[Holder, ...]
    hosts: Mapping[str, Paths]
    doubtful_groups: Texts
    as_of: datetime.date
    application: oam.Application
    part: oam.ComponentSpec
    component: Component
    # All components of the application.
    siblings: Components

    @property
    def key(self) -> str:
        return self.component.key

    @property
    def access(self) -> YamlObject:
        """The access trait's properties; empty where there is no such trait."""
        trait = self.part.trait("access")
        return trait.properties if trait else {}

    def position(self, *path: str | int) -> SourcePosition:
        """A place in the access trait, or the component where it has none."""
        trait = self.part.trait("access")
        return (
            trait.position.at("properties", *path)
            if trait
            else self.part.position
        )
