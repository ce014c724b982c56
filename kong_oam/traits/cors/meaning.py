"""The meaning of the trait `cors`. Origins must be exact and such as browsers send."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

from kong_oam.access.diff.kind import Kind, kind_of_list
from kong_oam.access.meaning import Declared, Meaning
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import Code, Diagnostic
from kong_oam.traits.cors.value import CORS, MAX_AGE, Cors, CorsYaml

_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_LOOPBACK = ("127.0.0.1", "[::1]", "localhost")
_USUAL = {"http": 80, "https": 443}


def _compile(declared: Declared) -> Cors | None:
    trait = declared.part.trait(CORS.name)
    if trait is None:
        return None
    properties = cast("CorsYaml", trait.properties)
    origins = properties.get("origins", ())
    for index, origin in enumerate(origins):
        position = trait.position.at("properties", "origins", index)
        for why in _origin_problems(origin, declared.stack):
            declared.out.append(
                Diagnostic("ACC232", f"'{origin}' {why}", position)
            )
    return Cors(
        origins=tuple(sorted(set(origins))),
        headers=tuple(dict.fromkeys(properties.get("headers", ()))),
        expose_headers=tuple(
            dict.fromkeys(properties.get("exposeHeaders", ()))
        ),
        max_age=properties.get("maxAge", MAX_AGE),
        credentials=properties.get("credentials", False),
    )


def _origin_problems(origin: str, stack: Stack) -> Iterator[str]:
    """Yield why no browser sends this origin, or why it is not safe; nothing for a valid origin."""
    parts = _ORIGIN.fullmatch(origin)
    if parts is None:
        yield (
            "is not an origin; write scheme://host or scheme://host:port, in lower case, without a "
            "path"
        )
    elif parts["port"] and int(parts["port"]) in (
        _USUAL[parts["scheme"]],
        *range(65536, 100_000),
    ):
        yield "has a port that browsers never send; remove the port, or write a port below 65536"
    elif (
        parts["scheme"] == "http" != stack.scheme
        and parts["host"] not in _LOOPBACK
    ):
        yield "uses http, so anybody on the network path can replace its pages; write https"


def _change(name: str, was: Any, now: Any) -> Kind:
    """Return the kind of a change. A missing trait has no origins, headers or credentials."""
    if name == "maxAge":
        return "changed"
    if name == "credentials":
        return "may widen" if now else "may narrow"
    return kind_of_list(was or [], now or [])


MEANING = Meaning(
    CORS,
    _compile,
    _change,
    codes={
        "ACC232": Code(
            "an invalid origin: with a wildcard, a path, a default port, capitals, or http",
            "write each origin as browsers send it: `https://host`, with `:port` unless it is 443",
        )
    },
)
