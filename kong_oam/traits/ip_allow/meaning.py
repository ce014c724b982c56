"""Compiles where the rules of a component may be called from: its ip-allow trait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import kong_oam.oam.application as oam
from kong_oam.access.compile.elements import elements_of
from kong_oam.access.methods import METHODS
from kong_oam.access.model import Rule
from kong_oam.access.networks import Networks, fewest, network
from kong_oam.access.paths import PathSegments, written
from kong_oam.diagnostics import Diagnostic, some, suggestion
from kong_oam.errors import InputError
from kong_oam.oam.document import Place

AllowedFrom = Mapping[PathSegments, Mapping[str, Networks]]


def allowed_from(
    part: oam.Component, rules: Iterable[Rule], out: list[Diagnostic]
) -> AllowedFrom:
    """The networks from which alone the rules of a path let somebody in, by method. Findings are
    added to `out`."""
    trait = part.trait("ip-allow")
    if trait is None:
        return {}
    place = trait.place.at("properties")
    usual = _networks(trait.properties.get("from", ()), place.at("from"), out)
    result: dict[PathSegments, dict[str, Networks]] = {}
    for rule in rules:
        result.setdefault(rule.path, {}).update(
            dict.fromkeys(filter(rule.lists, METHODS), usual)
        )
    first: dict[tuple[PathSegments, str], Place] = {}
    for index, single in enumerate(trait.properties.get("rules", ())):
        where = place.at("rules", index)
        networks = _networks(single["from"], where.at("from"), out)
        for path, method, at in _meant(single, result, where, out):
            earlier = first.setdefault((path, method), at)
            if earlier is not at:
                message = f"{method} {written(path)} stands in line {earlier.line} already; keep one"
                out.append(Diagnostic("ACC239", message, at))
            result[path][method] = networks
    restricted = {
        path: {method: found for method, found in of.items() if found}
        for path, of in result.items()
    }
    return {path: of for path, of in restricted.items() if of}


def _networks(texts: Sequence[str], place: Place, out: list[Diagnostic]) -> Networks:
    found = []
    for index, text in enumerate(texts):
        try:
            found.append(network(text))
        except InputError as why:
            out.append(Diagnostic("ACC238", f"'{text}' {why}", place.at(index)))
    return fewest(found)


def _meant(
    single: Mapping[str, Any],
    listed: Mapping[PathSegments, Iterable[str]],
    where: Place,
    out: list[Diagnostic],
) -> Iterator[tuple[PathSegments, str, Place]]:
    """Each path and method of an entry, where it stands. They are those of rules."""
    paths = single["paths"]
    methods = single.get("methods", ())
    for index, path in enumerate(paths):
        at = where.at("paths", index)
        elements = elements_of(path, at, out)
        if elements is None:
            continue
        if elements not in listed:
            hint = suggestion(path, map(written, listed))
            out.append(
                Diagnostic(
                    "ACC239",
                    f"no rule of this component is for the path '{path}'{hint}",
                    at,
                )
            )
            continue
        named = {*methods, "HEAD"} if "GET" in methods else {*methods}
        for position, method in enumerate(methods):
            if method not in listed[elements]:
                known = some(listed[elements])
                message = f"no rule on {path} lists {method}, but {known}"
                out.append(Diagnostic("ACC239", message, where.at("methods", position)))
        for method in listed[elements]:
            if not methods or method in named:
                yield elements, method, at
