"""How the gateway speaks to a component: https where the trait upstream-tls, or `access.service`,
says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import kong_oam.oam.model as oam
from kong_oam.access.diff.kind import Kind, kind_of_list
from kong_oam.access.endpoint import Endpoints
from kong_oam.access.meaning import Declared, Meaning
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import Code, Diagnostic, Findings, some
from kong_oam.oam.position import SourcePosition
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.named_services import named_service
from kong_oam.traits.upstream_tls.value import (
    MOUNTED_AT,
    UPSTREAM_TLS,
    Issuer,
    UpstreamTls,
    tls_secret_name,
)


def _compile(declared: Declared) -> UpstreamTls | None:
    part = declared.part
    trait = part.trait(UPSTREAM_TLS.name)
    named = named_service(part)
    if trait is None:
        if named is None or not named.https:
            return None
        position = named.position.at("scheme")
        declared.out.extend(_unverified(declared.stack, position))
        return UpstreamTls((named.port,))
    out = declared.out
    out += _unverified(declared.stack, trait.position.at("type"))
    if not declared.endpoints:
        return UpstreamTls((named.port,)) if named and named.https else None
    routed = {endpoint.port for endpoint in declared.endpoints}
    out += _unrouted(part, trait, routed)
    out += (
        _unmounted(part, trait) if named is None else _mounted_elsewhere(trait)
    )
    properties = trait.properties
    issuer = properties.get("issuer")
    return UpstreamTls(
        tuple(sorted(set(map(int, properties.get("ports", routed))))),
        tls_secret_name(part.name) if issuer else properties.get("secretName"),
        Issuer(**issuer) if issuer else None,
        properties.get("mountPath", MOUNTED_AT),
        trait.position.at("properties", "secretName"),
    )


def _unverified(stack: Stack, position: SourcePosition) -> Findings:
    if not stack.upstream_tls:
        message = (
            "the stack names no CA to verify a workload's certificate by; set "
            "gateway.upstreamTls.ca there"
        )
        yield Diagnostic("ACC244", message, position)


def over_tls(
    endpoints: Endpoints, tls: UpstreamTls | None, stack: Stack
) -> Endpoints:
    """Return the endpoints, those of ports that speak TLS with how the gateway of the stack speaks
    it."""
    if tls is None or not stack.upstream_tls:
        return endpoints
    return tuple(
        replace(endpoint, tls=stack.upstream_tls)
        if endpoint.port in tls.ports
        else endpoint
        for endpoint in endpoints
    )


def _unrouted(
    part: oam.ComponentSpec, trait: oam.Trait, routed: set[int]
) -> Findings:
    for index, port in enumerate(trait.properties.get("ports", ())):
        if port not in routed:
            listed = some(map(str, sorted(routed)))
            message = f"no route of '{part.name}' leads to port {int(port)}; it has routes to {listed}"
            yield Diagnostic(
                "ACC243",
                message,
                trait.position.at("properties", "ports", index),
            )


def _mounted_elsewhere(trait: oam.Trait) -> Findings:
    message = (
        "what is made elsewhere has its certificate elsewhere; write scheme: https in "
        "access.service instead"
    )
    yield Diagnostic("ACC245", message, trait.position.at("type"))


def _unmounted(part: oam.ComponentSpec, trait: oam.Trait) -> Findings:
    """Yield what no certificate could be given to, or in two ways."""
    properties = trait.properties
    position = trait.position.at("properties")
    sources = [name for name in ("secretName", "issuer") if name in properties]
    if len(sources) > 1:
        message = (
            "a certificate is read from a Secret that is there, or from one that "
            "cert-manager fills; keep one"
        )
        yield Diagnostic("ACC245", message, position.at("issuer"))
    elif sources and not any(map(component_pods, part.rendered or ())):
        message = (
            f"'{part.name}' renders no pods that could be given it; have what makes its pods mount "
            "it"
        )
        yield Diagnostic("ACC245", message, position.at(sources[0]))
    elif not sources and "mountPath" in properties:
        message = "says where a certificate is mounted, and none is given; add secretName or issuer"
        yield Diagnostic("ACC245", message, position.at("mountPath"))


def _change(_: str, was: Any, now: Any) -> Kind:
    """A port at which only the workload's own certificate is believed is one more thing by which
    nobody gets in."""
    return kind_of_list(now or [], was or [])


MEANING = Meaning(
    UPSTREAM_TLS,
    _compile,
    _change,
    left_out={
        # Where the files of a workload are.
        UpstreamTls: ("secret", "issuer", "mount_path", "position"),
        # Who signs what workloads show.
        Issuer: ("kind", "name"),
    },
    codes={
        "ACC243": Code(
            "an upstream-tls trait for a port to which no route of the component leads",
            "write a port of a gateway trait, or leave `ports` out: then each of them counts",
        ),
        "ACC244": Code(
            "https to a workload on a stack that names no CA by which its certificate could be "
            "verified",
            "set `gateway.upstreamTls.ca` in the stack's settings to a file with the CA's certificate",
        ),
        "ACC245": Code(
            "a certificate for a workload that cannot be given to it, or in two ways",
            "keep one of `secretName` and `issuer`, of a component that has pods of its own",
        ),
    },
)
