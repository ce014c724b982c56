"""Compiles jwksUri: where the owner of an external client publishes the keys that it proves itself
with."""

from __future__ import annotations

import kong_oam.oam.model as oam
from kong_oam.access.model import EXTERNAL, ClientKind, Component
from kong_oam.diagnostics import Diagnostic, Findings


def jwks_uri(part: oam.ComponentSpec, kind: ClientKind) -> str | None:
    """Return the address of the keys; None for any other kind of client."""
    return part.properties.get("jwksUri") if kind == EXTERNAL else None


def jwks_uri_findings(
    component: Component, part: oam.ComponentSpec, kind: ClientKind
) -> Findings:
    """Find an external client without an address, and any other client with one."""
    if (kind == EXTERNAL) != ("jwksUri" in part.properties):
        message = (
            "an external client, and no other, needs jwksUri: where its owner publishes the keys "
            f"that it proves itself with; this one is of kind '{kind}'"
        )
        yield Diagnostic("ACC220", message, component.position)
