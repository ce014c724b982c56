"""The meaning of the trait `ip-allow`: the networks that may call each rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from kong_oam.access.compile.elements import elements_of
from kong_oam.access.data import Networks, PathSegments
from kong_oam.access.meaning import Declared, Meaning
from kong_oam.access.methods import http_method
from kong_oam.access.networks import fewest, network
from kong_oam.access.paths import written
from kong_oam.diagnostics import (
    Code,
    Diagnostic,
    Findings,
    Report,
    some,
    suggestion,
)
from kong_oam.errors import InputError
from kong_oam.oam.position import SourcePosition
from kong_oam.traits.ip_allow.value import (
    IP_ALLOW,
    AllowedFrom,
    IpAllowYaml,
    IpRuleYaml,
)


def _compile(declared: Declared) -> AllowedFrom:
    trait = declared.part.trait(IP_ALLOW.name)
    if trait is None:
        return {}
    out = declared.out
    properties = cast("IpAllowYaml", trait.properties)
    position = trait.position.at("properties")
    usual = _networks(properties.get("from", ()), position.at("from"), out)
    result: dict[PathSegments, dict[str, Networks]] = {}
    for rule in declared.rules:
        by_method = result.setdefault(rule.path, {})
        by_method.update(dict.fromkeys(rule.listed, usual))
    first: dict[tuple[PathSegments, str], SourcePosition] = {}
    for index, entry in enumerate(properties.get("rules", ())):
        where = position.at("rules", index)
        networks = _networks(entry["from"], where.at("from"), out)
        for path, method, at in _rules_of_entry(entry, result, where, out):
            earlier = first.setdefault((path, method), at)
            if earlier is not at:
                message = (
                    f"{method} {written(path)} is already in line {earlier.line}; "
                    "keep one of them"
                )
                out.append(Diagnostic("ACC239", message, at))
            result[path][method] = networks
    return _restricted(result)


def _restricted(networks: AllowedFrom) -> AllowedFrom:
    """Return the paths and methods with restricted networks."""
    result: dict[PathSegments, dict[str, Networks]] = {}
    for path, by_method in networks.items():
        for method, listed in by_method.items():
            if listed:
                result.setdefault(path, {})[method] = listed
    return result


def _networks(
    texts: Sequence[str], position: SourcePosition, out: Report
) -> Networks:
    networks = []
    for index, text in enumerate(texts):
        try:
            networks.append(network(text))
        except InputError as why:
            out.append(
                Diagnostic("ACC238", f"'{text}' {why}", position.at(index))
            )
    return fewest(networks)


def _rules_of_entry(
    entry: IpRuleYaml,
    listed: Mapping[PathSegments, Iterable[str]],
    where: SourcePosition,
    out: Report,
) -> Iterator[tuple[PathSegments, str, SourcePosition]]:
    """Yield each path and method of an entry that some rule has, with the position of the path."""
    methods = entry.get("methods", ())
    # A rule that lists GET lists HEAD, too.
    named = {*methods, "HEAD"} if "GET" in methods else {*methods}
    for index, path in enumerate(entry["paths"]):
        at = where.at("paths", index)
        elements = elements_of(path, at, out)
        if elements is None:
            continue
        if elements not in listed:
            hint = suggestion(path, map(written, listed))
            message = f"no rule of this component has the path '{path}'{hint}"
            out.append(Diagnostic("ACC239", message, at))
            continue
        out += _unlisted(methods, path, listed[elements], where.at("methods"))
        for method in listed[elements]:
            # POST includes the calls of MCP tools, which are POST requests.
            if not methods or http_method(method) in named:
                yield elements, method, at


def _unlisted(
    methods: Sequence[str],
    path: str,
    listed: Iterable[str],
    position: SourcePosition,
) -> Findings:
    for index, method in enumerate(methods):
        if method not in listed:
            message = f"no rule on {path} lists {method}; its rules list {some(listed)}"
            yield Diagnostic("ACC239", message, position.at(index))


MEANING = Meaning(
    IP_ALLOW,
    _compile,
    codes={
        "ACC238": Code(
            "an invalid or ambiguous network",
            "write it as 192.0.2.0/24 or 2001:db8::/32, without bits after its prefix",
        ),
        "ACC239": Code(
            "a path or method of ip-allow that no rule of the component has, or that is listed "
            "twice",
            "write the path of a rule and its methods, each once",
        ),
    },
)
