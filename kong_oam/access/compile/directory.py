"""All components of an estate while it is compiled, with their parts of the Applications."""

from __future__ import annotations

from dataclasses import dataclass, field

import kong_oam.oam.model as oam
from kong_oam.access.model import Component
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import Report


@dataclass(slots=True)
class Directory:
    """Every component by its key, with its part of the Application."""

    stack: Stack
    out: Report
    # Names of Applications that cannot be read. "" stands for an Application without a readable
    # name.
    malformed: frozenset[str]
    components: dict[str, Component] = field(default_factory=dict)
    parts: dict[str, oam.ComponentSpec] = field(default_factory=dict)
    # Keys of the components that have a client trait.
    clients: set[str] = field(default_factory=set)
    applications: set[str] = field(default_factory=set)
    # Keys of the components whose roles name a client that does not exist.
    misnaming: set[str] = field(default_factory=set)
    # Applications that cannot be read, or that this part of the estate leaves out. A component of
    # them that others name is not reported as missing.
    unjudged: set[str] = field(default_factory=set)

    def add(self, component: Component, part: oam.ComponentSpec) -> None:
        key = component.key
        self.components[key] = component
        self.parts[key] = part
        if part.trait("client"):
            self.clients.add(key)
        self.applications.add(component.application)

    def is_unread(self, key: str) -> bool:
        """Return whether `application/component` may exist in an Application that cannot be read.

        An unreadable Application without a name may hold any component that no other Application
        has. The Application's name is recorded in `unjudged`.
        """
        if key in self.components:
            return False
        application = key.partition("/")[0]
        is_here = application in self.applications
        if application in self.malformed or (
            self.stack.partial and not is_here
        ):
            self.unjudged.add(application)
            return True
        if not is_here and "" in self.malformed:
            self.unjudged.add("")
            return True
        return False
