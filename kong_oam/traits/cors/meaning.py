"""Compiles the trait `cors`: foreign origins are exact, and nothing that a browser would never
send."""

from __future__ import annotations

import re
from collections.abc import Iterator

import kong_oam.oam.application as oam
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import Diagnostic
from kong_oam.traits.cors.value import MAX_AGE, Cors

_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_LOOPBACK = ("127.0.0.1", "[::1]", "localhost")
_USUAL = {"http": 80, "https": 443}


def cors_of(part: oam.Component, stack: Stack, out: list[Diagnostic]) -> Cors | None:
    """What the component's trait `cors` says; None without one. Findings are added to `out`."""
    trait = part.trait("cors")
    if trait is None:
        return None
    said, place = trait.properties, trait.place.at("properties")
    origins = tuple(dict.fromkeys(said.get("origins", ())))
    for index, origin in enumerate(said.get("origins", ())):
        for why in _wrong(origin, stack):
            out.append(
                Diagnostic("ACC232", f"'{origin}' {why}", place.at("origins", index))
            )
    return Cors(
        origins=tuple(sorted(origins)),
        headers=tuple(dict.fromkeys(said.get("headers", ()))),
        expose_headers=tuple(dict.fromkeys(said.get("exposeHeaders", ()))),
        max_age=said.get("maxAge", MAX_AGE),
        credentials=said.get("credentials", False),
    )


def _wrong(origin: str, stack: Stack) -> Iterator[str]:
    """Why no browser sends this as an origin, or why nobody can rely on it; nothing where it is
    one."""
    parts = _ORIGIN.fullmatch(origin)
    if parts is None:
        yield (
            "is no origin as browsers send it: scheme://host or scheme://host:port, in small "
            "letters, without a path"
        )
    elif parts["port"] and int(parts["port"]) in (
        _USUAL[parts["scheme"]],
        *range(65536, 100_000),
    ):
        yield "has a port that browsers never send; leave the usual one out"
    elif parts["scheme"] == "http" != stack.scheme and parts["host"] not in _LOOPBACK:
        yield "is of http, where whoever is on the way can be that page; write https"
