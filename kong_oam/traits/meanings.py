"""Compiles what a component asks of the gateway beside who may call it, as far as it can be checked
alone."""

from __future__ import annotations

from collections.abc import Iterator

import kong_oam.oam.application as oam
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.schema import EDGE_TRAITS
from kong_oam.traits.cors.meaning import cors_of
from kong_oam.traits.edge import Edge
from kong_oam.traits.headers.meaning import headers_of
from kong_oam.traits.kong_plugin.meaning import kong_plugins_of
from kong_oam.traits.limits.meaning import limits_of
from kong_oam.traits.rate_limit.meaning import rate_limit_of
from kong_oam.traits.upstream_tls.meaning import upstream_tls_of


def edge_of(
    part: oam.Component,
    endpoints: tuple[Endpoint, ...],
    stack: Stack,
    out: list[Diagnostic],
) -> Edge:
    """Compiles the traits of `part` that say what the gateway does before it. Findings are added to
    `out`."""
    out += _unexposed(part, endpoints)
    return Edge(
        cors=cors_of(part, stack, out),
        kong_plugins=tuple(kong_plugins_of(part, out)),
        headers=headers_of(part, stack, out),
        limits=limits_of(part),
        rate_limit=rate_limit_of(part, stack, out),
        upstream_tls=upstream_tls_of(part, endpoints, stack, out),
    )


def _unexposed(
    part: oam.Component, endpoints: tuple[Endpoint, ...]
) -> Iterator[Diagnostic]:
    for trait in part.traits:
        if trait.type in EDGE_TRAITS and not endpoints:
            message = (
                f"nothing leads through the gateway to component '{part.name}'; add a "
                "gateway trait, or take it out"
            )
            yield Diagnostic("ACC231", message, trait.place.at("type"))
