"""Compile one component: its endpoints, rules and roles, without looking at other components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import kong_oam.oam.model as oam
from kong_oam.access.compile.access import (
    AccessYaml,
    access_of,
    access_position,
    identity_of,
)
from kong_oam.access.compile.deployment_targets import unreachable_routes
from kong_oam.access.compile.exposure import endpoints_of, exposures_of
from kong_oam.access.compile.forward import forwards_of
from kong_oam.access.compile.rules import authenticated_only, rules_of
from kong_oam.access.compile.tools import forwarded_tokens
from kong_oam.access.compile.upstreams import with_upstream
from kong_oam.access.compile.waivers import waivers_of
from kong_oam.access.meaning import Declared
from kong_oam.access.model import (
    EXTERNAL,
    Component,
    Exposure,
    WorkloadSpec,
)
from kong_oam.access.stack import Stack
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
    upstream = None
    if part.type == EXTERNAL:
        key = f"{application.name}/{part.name}"
        upstream, endpoints = with_upstream(key, endpoints, stack, out)
    else:
        out += unreachable_routes(part, endpoints, stack)
    if named := named_service(part):
        out += name_findings(part, named)
    if not errors(out) and not endpoints:
        out += _unexposed_trait(part, access)
    position = access_position(part)
    if not part.trait("access"):
        rules = authenticated_only(endpoints)
    else:
        scopes = access.get("scopes", {})
        rules = rules_of(
            access.get("rules", ()), position, endpoints, scopes, out
        )
    if access.get("forwardToken"):
        out += forwarded_tokens(rules, access_position(part, "forwardToken"))
    traits = compile_traits(
        Declared(part, workload.rendered, endpoints, rules, stack, out)
    )
    exposure = Exposure(
        over_tls(endpoints, traits.get(UPSTREAM_TLS), stack),
        exposures_of(routes) if part.type != EXTERNAL else (),
        rules,
        upstream,
        forwards_of(access.get("forward", {}), position, endpoints, out),
    )
    identity = identity_of(part, stack, out)
    # The reader refuses a Service of others at a component without objects from definitions.
    if part.rendered is not None:
        workload = replace(workload, named_service=named)
    return Component(
        application=application.name,
        name=part.name,
        type=part.type,
        owner=access.get("owner", application.annotations.get(OWNER)),
        exposure=exposure,
        identity=identity,
        workload=workload,
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


def _unexposed_trait(part: oam.ComponentSpec, access: AccessYaml) -> Findings:
    """Find access rules or a gateway trait of a component without endpoints.

    An access trait without rules may fence pods: with `internal`, or with the Service of another
    owner.
    """
    exposing = next(
        (
            trait
            for trait in part.traits
            if trait.type.partition("@")[0] == "gateway"
        ),
        None,
    )
    if exposing and not part.trait("access"):
        problem = f"{exposing.type} exposes nothing of component '{part.name}'"
        message = f"{problem}; remove the trait, or {NAMED_SERVICE_HINT}"
        yield Diagnostic("ACC211", message, exposing.position.at("type"))
        return
    trait = part.trait("access")
    has_rules = not {"rules", "roles", "scopes", "forward"}.isdisjoint(access)
    is_fence = not {"internal", "service", "waivers"}.isdisjoint(access)
    if trait and (has_rules or not is_fence):
        message = (
            f"component '{part.name}' has access rules but no gateway trait exposes it; add a "
            "gateway trait"
        )
        yield Diagnostic("ACC211", message, trait.position.at("type"))
