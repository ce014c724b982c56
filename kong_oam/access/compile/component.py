"""Compile one component: its endpoints, rules and roles, without looking at other components."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import kong_oam.oam.model as oam
from kong_oam.access.compile.access import (
    access_of,
    access_position,
    identity_of,
)
from kong_oam.access.compile.deployment_targets import unreachable_routes
from kong_oam.access.compile.exposure import endpoints_of, exposures_of
from kong_oam.access.compile.rules import authenticated_only, rules_of
from kong_oam.access.compile.waivers import waivers_of
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.meaning import Declared
from kong_oam.access.model import (
    Component,
    Exposure,
    WorkloadSpec,
)
from kong_oam.access.stack import Stack
from kong_oam.access.workloads import digest_of
from kong_oam.diagnostics import (
    Diagnostic,
    Findings,
    Report,
    errors,
)
from kong_oam.objects.named_services import (
    NAMED_SERVICE_HINT,
    name_findings,
    named_service,
)
from kong_oam.objects.routes import Route
from kong_oam.objects.selection import NamedService
from kong_oam.traits.meanings import compile_traits
from kong_oam.traits.upstream_tls.meaning import over_tls
from kong_oam.traits.upstream_tls.value import UPSTREAM_TLS

# The Application's annotation with the owner of all components whose access trait has no owner.
OWNER = "owner"


def compile_component(
    application: oam.Application,
    part: oam.ComponentSpec,
    workload: WorkloadSpec,
    routes: Sequence[Route | Diagnostic],
    stack: Stack,
    out: Report,
) -> Component:
    """Compile `part`, its `workload` and `routes` into a component without clients.

    Findings are added to `out`.
    """
    access = access_of(part)
    endpoints = endpoints_of(application, part, routes, stack, out)
    if endpoints or part.trait("access") or part.trait("client"):
        out += _name_findings(part)
    out += unreachable_routes(part, endpoints, stack)
    if named := named_service(part):
        out += name_findings(part, named)
    if not errors(out):
        out += (
            _unreached_service(named, endpoints)
            if endpoints
            else _unexposed_trait(part)
        )
    position = access_position(part)
    if not part.trait("access"):
        rules = authenticated_only(endpoints)
    else:
        scopes = access.get("scopes", {})
        rules = rules_of(
            access.get("rules", ()), position, endpoints, scopes, out
        )
    traits = compile_traits(
        Declared(part, workload.rendered, endpoints, rules, stack, out)
    )
    exposure = Exposure(
        over_tls(endpoints, traits.get(UPSTREAM_TLS), stack),
        exposures_of(routes),
        rules,
    )
    identity = identity_of(part, stack, out)
    # A Service that no route leads to is already an error: report nothing more about it.
    if named and _leads_to(endpoints, named):
        workload = replace(workload, named_service=named)
    label = digest_of(
        application.name, part.name, part.type, workload, part.properties
    )
    return Component(
        application=application.name,
        name=part.name,
        type=part.type,
        owner=access.get("owner", application.annotations.get(OWNER)),
        exposure=exposure,
        identity=identity,
        workload=replace(workload, label=label),
        position=part.position,
        traits=traits,
        waivers=tuple(waivers_of(access.get("waivers", ()), position, out)),
        partition=stack.partition_of(application.namespace),
    )


def _name_findings(part: oam.ComponentSpec) -> Findings:
    """Find a capital or a dot in a component's name, which hosts, apps and the gateway do not
    allow."""
    forbidden = "a capital" if part.name != part.name.lower() else ""
    if "." in part.name:
        forbidden = "a dot"
    if forbidden:
        message = (
            f"the name '{part.name}' has {forbidden}; an exposed component "
            "or a client needs a name of small letters, digits and '-'"
        )
        yield Diagnostic("OAM103", message, part.position.at("name"))


def _unexposed_trait(part: oam.ComponentSpec) -> Findings:
    """Find an access trait or a gateway trait of a component without endpoints."""
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
            f"component '{part.name}' has access rules but no gateway trait exposes it; add a "
            "gateway trait"
        )
        if trait is exposing:
            problem = f"{trait.type} exposes nothing of component '{part.name}'"
            message = f"{problem}; remove the trait, or {NAMED_SERVICE_HINT}"
        yield Diagnostic("ACC211", message, trait.position.at("type"))


def _unreached_service(
    named: NamedService | None, endpoints: Iterable[Endpoint]
) -> Findings:
    """Find that no route leads to the Service which the access trait names."""
    if named and not _leads_to(endpoints, named):
        message = (
            f"no route leads to Service '{named.name}'; write existingServiceName: {named.name} in "
            "a gateway trait, or remove it here"
        )
        yield Diagnostic("ACC211", message, named.position)


def _leads_to(endpoints: Iterable[Endpoint], named: NamedService) -> bool:
    return any(endpoint.service == named.ours for endpoint in endpoints)
