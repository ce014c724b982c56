"""Compile jwksUri: the address at which an external client's owner publishes its public keys."""

from __future__ import annotations

import kong_oam.oam.model as oam
from kong_oam.access.model import EXTERNAL, ClientKind, Component
from kong_oam.diagnostics import Diagnostic, Findings


def jwks_uri(part: oam.ComponentSpec, kind: ClientKind) -> str | None:
    """Return the address of the keys; None for other kinds of clients."""
    return part.properties.get("jwksUri") if kind == EXTERNAL else None


def jwks_uri_findings(
    component: Component,
    part: oam.ComponentSpec,
    kind: ClientKind,
    *,
    has_before: bool,
) -> Findings:
    """Find an external client without an address, and another client with an address.

    A client with an old credential needs no address until it switches to tokens.
    """
    if kind == EXTERNAL and has_before:
        return
    if (kind == EXTERNAL) != ("jwksUri" in part.properties):
        message = (
            "'jwksUri' is only for clients of kind 'external'; "
            f"this client is of kind '{kind}'"
        )
        if kind == EXTERNAL:
            message = "an external client needs jwksUri, the address of its public keys; add it"
        yield Diagnostic("ACC220", message, component.position)
