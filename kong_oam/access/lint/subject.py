"""The input of a lint rule: one component, as it is written and as it was compiled, in its estate."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import kong_oam.oam.application as oam
from kong_oam.access.model import Component, Estate
from kong_oam.oam.document import Place

Grants = Mapping[tuple[str, str], frozenset[str]]
"""(client, called component), both as application/component, to the names of the roles that grant what is asked for."""


@dataclass(frozen=True, slots=True)
class LintSubject:
    """One component under lint. `as_of` is the stack's day: whether a date has passed is configuration, too."""

    estate: Estate
    grants: Grants
    as_of: datetime.date
    application: oam.Application
    part: oam.Component
    component: Component

    @property
    def key(self) -> str:
        return self.component.key

    @property
    def access(self) -> Mapping[str, Any]:
        """The access trait's properties; empty where there is no such trait."""
        trait = self.part.trait("access")
        return trait.properties if trait else {}

    def place(self, *path: str | int) -> Place:
        """A place in the access trait, or the component where it has none."""
        trait = self.part.trait("access")
        return trait.place.at("properties", *path) if trait else self.part.place


def grants_of(estate: Estate) -> Grants:
    """The roles that each client needs of each component that it calls."""
    roles: dict[tuple[str, str], frozenset[str]] = {}
    for client in estate.clients:
        for call in client.calls:
            key = (client.component, call.component)
            roles[key] = roles.get(key, frozenset()) | frozenset(call.roles)
    return roles


def subjects(applications: tuple[oam.Application, ...], estate: Estate, as_of: datetime.date) -> Iterator[LintSubject]:
    """Yields a subject per component. `estate` is what `applications` compiled to."""
    grants = grants_of(estate)
    for application in applications:
        for part in application.components:
            component = estate.components[f"{application.name}/{part.name}"]
            yield LintSubject(estate, grants, as_of, application, part, component)
