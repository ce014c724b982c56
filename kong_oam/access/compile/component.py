"""Compiles one component: its endpoints, rules and roles, as far as they can be checked without the
others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import kong_oam.oam.model as oam
from kong_oam.access.compile.days import no_day
from kong_oam.access.compile.elements import elements_of
from kong_oam.access.compile.exposure import endpoints_of, exposures_of
from kong_oam.access.compile.targets import unreachable
from kong_oam.access.data import Data, PathSegments, Texts
from kong_oam.access.endpoint import Endpoint, Endpoints
from kong_oam.access.meaning import Declared
from kong_oam.access.model import (
    METHODS,
    Component,
    Exposure,
    Identity,
    Public,
    Role,
    Rule,
    Rules,
    Waiver,
    WorkloadSpec,
    by_path,
)
from kong_oam.access.paths import within, written
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import (
    Diagnostic,
    Findings,
    Report,
    errors,
    some,
    suggestion,
)
from kong_oam.oam.position import SourcePosition
from kong_oam.objects.named import ELSEWHERE, misnamed, named_service
from kong_oam.objects.routes import Route
from kong_oam.objects.selection import NamedService
from kong_oam.traits.meanings import compile_traits
from kong_oam.traits.upstream_tls.meaning import over_tls
from kong_oam.traits.upstream_tls.value import UPSTREAM_TLS

# The annotation of an Application that says who owns those of its components that have no access
# trait to say so.
OWNER = "owner"


def compile_component(
    application: oam.Application,
    part: oam.ComponentSpec,
    routes: Sequence[Route | Diagnostic],
    stack: Stack,
    out: Report,
) -> Component:
    """Compile `part`, with its objects and `routes`, into a component without its clients, in the
    namespace of `application`. Findings are added to `out`."""
    access = part.trait("access")
    properties: Data = access.properties if access else {}
    endpoints = endpoints_of(application, part, routes, stack, out)
    if endpoints or access or part.trait("client"):
        out += _misnamed_elsewhere(part)
    out += unreachable(part, endpoints, stack)
    if named := named_service(part):
        out += misnamed(part, named)
    if not errors(out):
        out += _unreached(named, endpoints) if endpoints else _unexposed(part)
    scopes: Texts = properties.get("scopes", {})
    position = access.position.at("properties") if access else part.position
    rules = _authenticated_only(endpoints)
    if access:
        rules = _rules(properties, position, endpoints, scopes, out)
    traits = compile_traits(Declared(part, endpoints, rules, stack, out))
    exposure = Exposure(
        over_tls(endpoints, traits.get(UPSTREAM_TLS), stack),
        exposures_of(routes),
        rules,
    )
    identity = Identity(
        _provider(properties, access, stack, out),
        scopes,
        tuple(_roles(properties, position, scopes, stack, out)),
        forward_token=properties.get("forwardToken", False),
    )
    # Where no route leads to the Service, which is an error already, nothing else is said of it.
    is_reached = named and _leads_to(endpoints, named)
    workload = WorkloadSpec(
        application.namespace,
        depends_on=part.depends_on,
        rendered=part.rendered or (),
        named_service=named if is_reached else None,
    )
    return Component(
        application=application.name,
        name=part.name,
        type=part.type,
        owner=properties.get("owner", application.annotations.get(OWNER)),
        exposure=exposure,
        identity=identity,
        workload=workload,
        position=part.position,
        traits=traits,
        waivers=tuple(_waivers(properties, position, out)),
    )


def _misnamed_elsewhere(part: oam.ComponentSpec) -> Findings:
    """Find what a component's name has in it that names of hosts, of apps and at the gateway have
    not."""
    has = "a capital" if part.name != part.name.lower() else ""
    if "." in part.name:
        has = "a dot"
    if has:
        message = (
            f"'{part.name}' has {has}, and a component that is exposed or a client is named "
            "without one elsewhere"
        )
        yield Diagnostic("OAM103", message, part.position.at("name"))


def _unexposed(part: oam.ComponentSpec) -> Findings:
    """Find what says who may call a component, or where, that has no endpoints."""
    exposing = next(
        (
            trait
            for trait in part.traits
            if trait.type.partition("@")[0] == "gateway"
        ),
        None,
    )
    if trait := part.trait("access") or exposing:
        message = (
            f"component '{part.name}' has access rules but no gateway trait that exposes it; add "
            "one"
        )
        if trait is exposing:
            nothing = f"{trait.type} exposes nothing of component '{part.name}'"
            message = f"{nothing}; take it out, or {ELSEWHERE}"
        yield Diagnostic("ACC211", message, trait.position.at("type"))


def _unreached(
    named: NamedService | None, endpoints: Iterable[Endpoint]
) -> Findings:
    """Find that no route leads to the Service which the access trait names."""
    if named and not _leads_to(endpoints, named):
        message = (
            f"no route leads to it; write existingServiceName: {named.name} in a gateway "
            "trait, or take it out"
        )
        yield Diagnostic("ACC211", message, named.position)


def _leads_to(endpoints: Iterable[Endpoint], named: NamedService) -> bool:
    return any(endpoint.service == named.ours for endpoint in endpoints)


def _provider(
    properties: Data,
    access: oam.Trait | None,
    stack: Stack,
    out: Report,
) -> str:
    name: str = properties.get("identityProvider", stack.default_provider.name)
    if name not in stack.providers and access:
        message = f"the stack has no identity provider '{name}'{suggestion(name, stack.providers)}"
        position = access.position.at("properties", "identityProvider")
        out.append(Diagnostic("ACC209", message, position))
        return stack.default_provider.name
    return name


def _authenticated_only(endpoints: Endpoints) -> Rules:
    """The rules of a component without an access trait: any token that counts, nothing without one.

    Source: docs/explanation/design.md#a-component-without-an-access-trait.
    """
    rules = {}
    for endpoint in endpoints:
        rules[endpoint.path] = Rule(
            endpoint.path, METHODS, (), None, endpoint.position
        )
    return tuple(rules.values())


def _rules(
    properties: Data,
    position: SourcePosition,
    endpoints: Endpoints,
    scopes: Texts,
    out: Report,
) -> Rules:
    result = []
    gateway_paths = tuple(
        dict.fromkeys(endpoint.path for endpoint in endpoints)
    )
    for index, rule in enumerate(properties.get("rules", ())):
        where = position.at("rules", index)
        public = _public(rule, where, out)
        for index, scope in enumerate(rule.get("scopes", ())):
            if scope not in scopes:
                hint = suggestion(scope, scopes)
                message = (
                    f"scope '{scope}' is not declared by this component{hint}"
                )
                out.append(
                    Diagnostic("ACC201", message, where.at("scopes", index))
                )
        methods = tuple(dict.fromkeys(rule.get("methods", METHODS)))
        needed = tuple(dict.fromkeys(rule.get("scopes", ())))
        for path in _rule_paths(rule, where, gateway_paths, out):
            result.append(Rule(path, methods, needed, public, where))
    out += _disagreements(result)
    return tuple(result)


def _public(rule: Data, position: SourcePosition, out: Report) -> Public | None:
    if ("scopes" in rule) == ("public" in rule):
        message = "a rule has exactly one of `scopes` and `public`"
        out.append(Diagnostic("OAM103", message, position))
    public = rule.get("public")
    if not public:
        return None
    until: str | None = public.get("until")
    if until is not None:
        out += no_day(until, position.at("public", "until"))
    return Public(public["reason"], until)


def _waivers(
    properties: Data, position: SourcePosition, out: Report
) -> Iterator[Waiver]:
    for index, waiver in enumerate(properties.get("waivers", ())):
        where = position.at("waivers", index)
        out += no_day(waiver["until"], where.at("until"))
        yield Waiver(
            waiver["finding"], waiver["reason"], waiver["until"], where
        )


def _rule_paths(
    rule: Data,
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
            message = f"path '{path}' is outside the gateway trait's: {exposed}"
            out.append(Diagnostic("ACC206", message, where))
        yield elements


def _disagreements(rules: Iterable[Rule]) -> Findings:
    for path, owners in by_path(rules).items():
        for first, second in combinations(owners, 2):
            shared = [*filter(second.lists, filter(first.lists, METHODS))]
            if shared and bool(first.public) != bool(second.public):
                message = (
                    f"{shared[0]} {written(path)} is public in one rule and protected in another "
                    f"(line {first.position.line}); keep one"
                )
                yield Diagnostic("ACC212", message, second.position)


def _roles(
    properties: Data,
    position: SourcePosition,
    scopes: Texts,
    stack: Stack,
    out: Report,
) -> Iterator[Role]:
    known_groups = stack.known_groups
    for name, role in properties.get("roles", {}).items():
        where = position.at("roles", name)
        for index, group in enumerate(role.get("groups", ())):
            if known_groups is not None and group not in known_groups:
                message = f"role '{name}': there is no group '{group}'{suggestion(group, known_groups)}"
                out.append(
                    Diagnostic("ACC222", message, where.at("groups", index))
                )
        for index, scope in enumerate(role["scopes"]):
            if scope not in scopes:
                message = (
                    f"role '{name}': scope '{scope}' is not declared by this "
                    f"component{suggestion(scope, scopes)}"
                )
                out.append(
                    Diagnostic("ACC207", message, where.at("scopes", index))
                )
        yield Role(
            name,
            tuple(dict.fromkeys(role["scopes"])),
            tuple(dict.fromkeys(role.get("groups", ()))),
            tuple(dict.fromkeys(role.get("components", ()))),
            where,
        )
