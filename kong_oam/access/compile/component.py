"""Compiles one component: its endpoints, rules and roles, as far as they can be checked without the others."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

import kong_oam.oam.application as oam
from kong_oam.access.model import METHODS, Component, Endpoint, Public, Role, Rule, Stack, Waiver
from kong_oam.access.paths import PathSegments, Unreadable, declared, within, written
from kong_oam.diagnostics import Diagnostic, suggestion
from kong_oam.oam.document import Place

OWNER = "owner"
"""The annotation of an Application that says who owns those of its components that have no access trait to say so."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\Z")


DEEPEST = 511
DEEPEST_BELOW_WILDCARD = 15
"""The most elements that an exposed path may have: gateways order routes by a small number."""
MOST_LABELS_OF_WILDCARD = 31


def compile_component(
    application: oam.Application, part: oam.Component, stack: Stack, out: list[Diagnostic]
) -> Component:
    """Compiles `part` on `stack` into a component, still without its clients. Findings are added to `out`."""
    access = part.trait("access")
    properties: Mapping[str, Any] = access.properties if access else {}
    endpoints = tuple(_endpoints(application, part, stack, out))
    if access and not part.traits_of("gateway"):
        message = f"component '{part.name}' has access rules but no gateway trait that exposes it; add one"
        out.append(Diagnostic("ACC211", message, access.place.at("type")))
    scopes: Mapping[str, str] = properties.get("scopes", {})
    if access:
        rules = _rules(properties, access.place.at("properties"), endpoints, scopes, out)
        roles = tuple(_roles(properties, access.place.at("properties"), scopes, stack, out))
    else:
        rules, roles = _authenticated_only(endpoints), ()
    out += _unroutable(endpoints)
    out += _ports_exposed_twice(part)
    return Component(
        application=application.name,
        name=part.name,
        namespace=application.namespace,
        type=part.type,
        properties=part.properties,
        depends_on=part.depends_on,
        owner=properties.get("owner", application.annotations.get(OWNER)),
        provider=_provider(properties, access, stack, out),
        endpoints=endpoints,
        exposures=_exposures(part),
        scopes=scopes,
        rules=rules,
        roles=roles,
        clients=(),
        forward_token=properties.get("forwardToken", False),
        waivers=tuple(_waivers(properties, access.place.at("properties"), out)) if access else (),
        place=part.place,
    )


def _provider(properties: Mapping[str, Any], access: oam.Trait | None, stack: Stack, out: list[Diagnostic]) -> str:
    name: str = properties.get("identityProvider", stack.default_provider.name)
    if name not in stack.providers and access:
        message = f"the stack has no identity provider '{name}'{suggestion(name, stack.providers)}"
        out.append(Diagnostic("ACC209", message, access.place.at("properties", "identityProvider")))
        return stack.default_provider.name
    return name


def _exposures(part: oam.Component) -> tuple[tuple[str | None, tuple[int, ...]], ...]:
    return tuple(
        (trait.properties.get("name"), tuple(sorted(set(trait.properties["http"].values()))))
        for trait in part.traits_of("gateway")
    )


def _endpoints(
    application: oam.Application, part: oam.Component, stack: Stack, out: list[Diagnostic]
) -> Iterator[Endpoint]:
    for trait in part.traits_of("gateway"):
        place = trait.place.at("properties")
        host = _host(application.name, part.name, trait.properties.get("domain"), stack)
        if host is None:
            message = "no domain here, and the stack has none to give; write `domain`, or set the stack's"
            out.append(Diagnostic("ACC208", message, place))
            continue
        if not _HOST.match(host):
            message = f"host '{host}' is not a DNS name (a wildcard may only be its first label)"
            out.append(Diagnostic("ACC213", message, place.at("domain")))
            continue
        out += _grpc_ports(part, trait)
        out += _missing_ports(part, trait)
        for path, port in trait.properties["http"].items():
            where = place.at("http").key(path)
            if (elements := elements_of(path, where, out)) is not None:
                yield Endpoint(host, elements, port, where, trait.properties.get("secretName"))


def _unroutable(endpoints: Iterable[Endpoint]) -> Iterator[Diagnostic]:
    """Finds hosts and paths that a gateway cannot put into the order in which the nearer host and the longer path
    win."""
    wildcards = {endpoint.host: endpoint for endpoint in endpoints if endpoint.host.startswith("*.")}
    for host, endpoint in wildcards.items():
        if host.count(".") > MOST_LABELS_OF_WILDCARD:
            message = f"'{host}' has more than {MOST_LABELS_OF_WILDCARD} labels below its wildcard"
            yield Diagnostic("ACC221", message, endpoint.place)
    deepest = DEEPEST_BELOW_WILDCARD if wildcards else DEEPEST
    for endpoint in endpoints:
        if len(endpoint.path) > deepest:
            where = f" on a wildcard host ('{next(iter(wildcards))}')" if wildcards else ""
            message = f"path '{written(endpoint.path)}' has more than {deepest} elements{where}"
            yield Diagnostic("ACC221", message, endpoint.place)


_GRPC_PORT = re.compile(r"grpc(?:-.*)?\Z")


def _grpc_ports(part: oam.Component, trait: oam.Trait) -> Iterator[Diagnostic]:
    """Finds ports that are named as gRPC's (`grpc`, `grpc-...`, as service meshes expect it), or annotated so for an
    Ingress.

    Kong hands a call of gRPC on by the path that its client wrote (grpc_pass takes no other), not by that of the gate.
    """
    place = trait.place.at("properties")
    why = "speaks gRPC, whose calls go upstream by another path than the one that was decided on; it is not deployed"
    names = {
        number: str(port.get("name", ""))
        for port in part.properties.get("ports", ())
        for number in (port["port"], port.get("containerPort", port["port"]))
    }
    for path, port in trait.properties["http"].items():
        if _GRPC_PORT.match(names.get(port, "")):
            yield Diagnostic("ACC218", f"port {port} ('{names[port]}') {why}", place.at("http").key(path))
    for name, value in trait.properties.get("annotations", {}).items():
        if name.endswith("/backend-protocol") and value.upper() in ("GRPC", "GRPCS"):
            yield Diagnostic("ACC218", f"'{name}: {value}' {why}", place.at("annotations").key(name))


def _missing_ports(part: oam.Component, trait: oam.Trait) -> Iterator[Diagnostic]:
    """Finds ports that the component does not have, where it lists those that it has.

    As in KubeVela, a gateway trait's Service leads to the container's port of the same number; a port with
    `expose: true` is on a Service of its own name already, and leads where that says.
    """
    properties = part.properties
    listed = properties.get("ports") or ([properties] if "port" in properties else [])
    tcp = [port for port in listed if port.get("protocol", "TCP") == "TCP"]
    ports = {int(port.get("containerPort", port["port"])) for port in tcp}
    if "name" not in trait.properties:
        ports |= {int(port["port"]) for port in tcp if port.get("expose")}
    for path, port in trait.properties["http"].items() if listed else ():
        if port not in ports:
            has = f"its ports are {', '.join(map(str, sorted(ports)))}" if ports else "none of its ports is TCP"
            message = f"'{part.name}' has no port {int(port)}; {has}"
            yield Diagnostic("ACC223", message, trait.place.at("properties", "http", path))


def _ports_exposed_twice(part: oam.Component) -> Iterator[Diagnostic]:
    """Finds exposed ports of one number and protocol: the component's Service, as KubeVela makes it, would have it
    twice, which no API server takes."""
    first: dict[tuple[int, str], Place] = {}
    for index, port in enumerate(part.properties.get("ports", ())):
        if port.get("expose"):
            number, protocol = int(port["port"]), port.get("protocol", "TCP")
            place = part.place.at("properties", "ports", index, "port")
            earlier = first.setdefault((number, protocol), place)
            if earlier is not place:
                message = f"{protocol} port {number} is exposed already (line {earlier.line}); a Service has it once"
                yield Diagnostic("OAM106", message, place)


def _host(application: str, component: str, domain: str | None, stack: Stack) -> str | None:
    """The host as this environment has it, in lower case; None where nothing says."""
    if domain is None:
        return f"{component}-{application}.{stack.domain}".lower() if stack.domain else None
    domain = domain.lower()
    for suffix, replacement in sorted(stack.suffixes.items(), key=lambda pair: -len(pair[0])):
        if domain == suffix or domain.endswith(f".{suffix}"):
            return domain[: len(domain) - len(suffix)] + replacement.lower()
    return domain


def elements_of(path: str, place: Place, out: list[Diagnostic]) -> PathSegments | None:
    """Parses a path as an Application writes it; None, and a finding, where it could be read in two ways."""
    try:
        return declared(path)
    except Unreadable as why:
        out.append(Diagnostic("ACC213", f"path '{path}': {why}", place))
        return None


def _authenticated_only(endpoints: tuple[Endpoint, ...]) -> tuple[Rule, ...]:
    """The rules of a component without an access trait: any token that counts, nothing without one.

    Source: docs/explanation/design.md#a-component-without-an-access-trait.
    """
    places = {endpoint.path: endpoint.place for endpoint in endpoints}
    return tuple(Rule(path, METHODS, (), None, place) for path, place in places.items())


def _rules(
    properties: Mapping[str, Any],
    place: Place,
    endpoints: tuple[Endpoint, ...],
    scopes: Mapping[str, str],
    out: list[Diagnostic],
) -> tuple[Rule, ...]:
    result: list[Rule] = []
    gateway_paths = tuple(dict.fromkeys(endpoint.path for endpoint in endpoints))
    for index, rule in enumerate(properties.get("rules", ())):
        where = place.at("rules", index)
        public = _public(rule, where, out)
        for position, scope in enumerate(rule.get("scopes", ())):
            if scope not in scopes:
                hint = suggestion(scope, scopes)
                message = f"scope '{scope}' is not declared by this component{hint}"
                out.append(Diagnostic("ACC201", message, where.at("scopes", position)))
        methods = tuple(dict.fromkeys(rule.get("methods", METHODS)))
        needed = tuple(dict.fromkeys(rule.get("scopes", ())))
        for path in _rule_paths(rule, where, gateway_paths, out):
            result.append(Rule(path, methods, needed, public, where))
    out += _disagreements(result)
    return tuple(result)


def _public(rule: Mapping[str, Any], place: Place, out: list[Diagnostic]) -> Public | None:
    if ("scopes" in rule) == ("public" in rule):
        message = "a rule has exactly one of `scopes` and `public`"
        out.append(Diagnostic("OAM103", message, place))
    public = rule.get("public")
    if not public:
        return None
    until: str | None = public.get("until")
    if until is not None:
        _check_day(until, place.at("public", "until"), out)
    return Public(public["reason"], until)


def _waivers(properties: Mapping[str, Any], place: Place, out: list[Diagnostic]) -> Iterator[Waiver]:
    for index, waiver in enumerate(properties.get("waivers", ())):
        where = place.at("waivers", index)
        _check_day(waiver["until"], where.at("until"), out)
        yield Waiver(waiver["finding"], waiver["reason"], waiver["until"], where)


def _check_day(day: str, place: Place, out: list[Diagnostic]) -> None:
    """Days have the form YYYY-MM-DD when they come here (the schema says so), but not every such text is one."""
    try:
        datetime.date.fromisoformat(day)
    except ValueError:
        out.append(Diagnostic("OAM103", f"'{day}' is no day of the calendar", place))


def _rule_paths(
    rule: Mapping[str, Any], place: Place, gateway_paths: tuple[PathSegments, ...], out: list[Diagnostic]
) -> Iterator[PathSegments]:
    if "paths" not in rule:
        yield from gateway_paths
        return
    for index, path in enumerate(rule["paths"]):
        where = place.at("paths", index)
        elements = elements_of(path, where, out)
        if elements is None:
            continue
        if gateway_paths and not any(within(elements, base) for base in gateway_paths):
            exposed = ", ".join(written(base) for base in gateway_paths)
            message = f"path '{path}' is outside the gateway trait's: {exposed}"
            out.append(Diagnostic("ACC206", message, where))
        yield elements


def _disagreements(rules: Iterable[Rule]) -> Iterator[Diagnostic]:
    by_path: dict[PathSegments, list[Rule]] = {}
    for rule in rules:
        by_path.setdefault(rule.path, []).append(rule)
    for path, owners in by_path.items():
        for first, second in combinations(owners, 2):
            shared = [method for method in METHODS if first.lists(method) and second.lists(method)]
            if shared and bool(first.public) != bool(second.public):
                message = (
                    f"{shared[0]} {written(path)} is public in one rule and protected in another "
                    f"(line {first.place.line}); keep one"
                )
                yield Diagnostic("ACC212", message, second.place)


def _roles(
    properties: Mapping[str, Any], place: Place, scopes: Mapping[str, str], stack: Stack, out: list[Diagnostic]
) -> Iterator[Role]:
    known_groups = stack.known_groups
    for name, role in properties.get("roles", {}).items():
        where = place.at("roles", name)
        for index, group in enumerate(role.get("groups", ())):
            if known_groups is not None and group not in known_groups:
                message = f"role '{name}': there is no group '{group}'{suggestion(group, known_groups)}"
                out.append(Diagnostic("ACC222", message, where.at("groups", index)))
        for index, scope in enumerate(role["scopes"]):
            if scope not in scopes:
                message = f"role '{name}': scope '{scope}' is not declared by this component{suggestion(scope, scopes)}"
                out.append(Diagnostic("ACC207", message, where.at("scopes", index)))
        yield Role(
            name,
            tuple(dict.fromkeys(role["scopes"])),
            tuple(dict.fromkeys(role.get("groups", ()))),
            tuple(dict.fromkeys(role.get("components", ()))),
            where,
        )
