"""Compile rules: the paths and methods of a component, with the scopes that callers need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import NotRequired, TypedDict

from kong_oam.access.compile.dates import date_findings
from kong_oam.access.compile.elements import elements_of
from kong_oam.access.compile.refusals import RefusalsYaml, refusals_of
from kong_oam.access.compile.tools import closed_endpoints
from kong_oam.access.data import Names, PathSegments, TextList, Texts
from kong_oam.access.endpoint import Endpoints
from kong_oam.access.methods import call_of
from kong_oam.access.model import (
    METHODS,
    Public,
    Rule,
    Rules,
    by_path,
)
from kong_oam.access.paths import within, written
from kong_oam.diagnostics import (
    Diagnostic,
    Findings,
    Report,
    some,
    suggestion_of_typo,
)
from kong_oam.oam.position import SourcePosition


class PublicYaml(TypedDict):
    """Why a rule is public, and its last day."""

    reason: str
    until: NotRequired[str]


class RuleYaml(TypedDict, total=False):
    """One of the `rules` of an access trait, with `scopes` or `public`."""

    paths: TextList
    methods: TextList
    # Names of MCP tools, in place of methods.
    tools: TextList
    scopes: TextList
    public: PublicYaml
    refusals: RefusalsYaml


def authenticated_only(endpoints: Endpoints) -> Rules:
    """Return the rules of a component without an access trait: every path needs a valid token.

    Source: docs/explanation/design.md#a-component-without-an-access-trait.
    """
    rules = {}
    for endpoint in endpoints:
        rules[endpoint.path] = Rule(
            endpoint.path, METHODS, (), None, endpoint.position
        )
    return tuple(rules.values())


def rules_of(
    rules: Iterable[RuleYaml],
    position: SourcePosition,
    endpoints: Endpoints,
    scopes: Texts,
    out: Report,
) -> Rules:
    """Compile the rules of an access trait. Findings are added to `out`."""
    result = []
    gateway_paths = tuple(
        dict.fromkeys(endpoint.path for endpoint in endpoints)
    )
    for index, rule in enumerate(rules):
        where = position.at("rules", index)
        public = _public(rule, where, out)
        for number, scope in enumerate(rule.get("scopes", ())):
            if scope not in scopes:
                hint = suggestion_of_typo(scope, scopes)
                message = (
                    f"scope '{scope}' is not declared by this component{hint}"
                )
                out.append(
                    Diagnostic("ACC201", message, where.at("scopes", number))
                )
        methods = _methods(rule, where, out)
        needed = tuple(dict.fromkeys(rule.get("scopes", ())))
        paths = tuple(_rule_paths(rule, where, gateway_paths, out))
        refusals = refusals_of(rule.get("refusals", {}), where, paths, out)
        for path in paths:
            result.append(Rule(path, methods, needed, public, where, refusals))
    out += _disagreements(result)
    out += closed_endpoints(tuple(result))
    return tuple(result)


def _methods(rule: RuleYaml, position: SourcePosition, out: Report) -> Names:
    """Return the methods of a rule: HTTP methods, or the calls of its tools."""
    if "tools" not in rule:
        return tuple(dict.fromkeys(rule.get("methods", METHODS)))
    if "methods" in rule:
        message = (
            "a rule has `methods` or `tools`, not both; write the tools into a rule "
            "of their own"
        )
        out.append(Diagnostic("OAM103", message, position.at("tools")))
    return tuple(map(call_of, rule["tools"]))


def _public(
    rule: RuleYaml, position: SourcePosition, out: Report
) -> Public | None:
    if ("scopes" in rule) == ("public" in rule):
        message = "a rule has exactly one of `scopes` and `public`"
        out.append(Diagnostic("OAM103", message, position))
    public = rule.get("public")
    if not public:
        return None
    until = public.get("until")
    if until is not None:
        out += date_findings(until, position.at("public", "until"))
    return Public(public["reason"], until)


def _rule_paths(
    rule: RuleYaml,
    position: SourcePosition,
    gateway_paths: tuple[PathSegments, ...],
    out: Report,
) -> Iterator[PathSegments]:
    if "paths" not in rule:
        yield from gateway_paths
        return
    for index, path in enumerate(rule["paths"]):
        where = position.at("paths", index)
        elements = elements_of(path, where, out)
        if elements is None:
            continue
        if gateway_paths and not any(
            within(elements, base) for base in gateway_paths
        ):
            exposed = some(map(written, gateway_paths))
            message = f"path '{path}' is outside the paths of the gateway trait: {exposed}"
            out.append(Diagnostic("ACC206", message, where))
        yield elements


def _is_protected(rule: Rule) -> bool:
    return rule.public is None


def _disagreements(rules: Iterable[Rule]) -> Findings:
    for path, owners in by_path(rules).items():
        for first, second in combinations(owners, 2):
            shared = [*filter(second.lists, first.listed)]
            public, others = sorted((first, second), key=_is_protected)
            # A protected rule may decide on the paths that a public rule refuses.
            apart = bool(public.refusals)
            if shared and public.public and not others.public and not apart:
                message = (
                    f"{shared[0]} {written(path)} is public in one rule and protected in another "
                    f"(line {first.position.line}); take "
                    f"{shared[0]} out of the public rule, or narrow its paths"
                )
                yield Diagnostic("ACC212", message, second.position)
