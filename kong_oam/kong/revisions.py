"""The revisions of gates: digests of the tables that Applications and settings define."""

from __future__ import annotations

from collections.abc import Mapping

from kong_oam.access.data import Texts
from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.values import Edition
from kong_oam.kong import names
from kong_oam.kong.plugins import AUTHENTICATION
from kong_oam.kong.table import revision

# The stack's output with the revision of each gate. The engine prints no differences of such names,
# and would otherwise print every revision.
OUTPUT = "__revisions"


def revision_of(
    estate: Estate, component: Component, port: str, edition: Edition
) -> str:
    """Return the revision of a port's gate, as records of requests name it."""
    ring = names.ring(estate.stack.name, component.identity.provider)
    return revision(estate, component, port, ring, AUTHENTICATION[edition])


def revisions(estate: Estate, edition: Edition) -> Mapping[str, Texts]:
    """Return the revision of each gate that this run deploys, by component and port."""
    return {
        component.key: {
            port: revision_of(estate, component, port, edition)
            for port in component.backends
        }
        for component in estate.exposed
    }
