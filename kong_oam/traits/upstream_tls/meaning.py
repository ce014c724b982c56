"""The meaning of https to a workload, from the trait upstream-tls or from `access.service`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from kong_oam.access.diff.kind import Kind, kind_of_list
from kong_oam.access.endpoint import Endpoints
from kong_oam.access.meaning import Declared, Meaning
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import Code, Diagnostic, Findings, some
from kong_oam.oam.model import ComponentSpec, Trait
from kong_oam.oam.position import SourcePosition
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.named_services import named_service
from kong_oam.traits.upstream_tls.value import (
    MOUNTED_AT,
    UPSTREAM_TLS,
    Issuer,
    UpstreamTls,
    UpstreamTlsTraitYaml,
    tls_secret_name,
)


def _compile(declared: Declared) -> UpstreamTls | None:
    part = declared.part
    trait = part.trait(UPSTREAM_TLS.name)
    named = named_service(part)
    if trait is None:
        if named is None or not named.https or not declared.endpoints:
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
        _unmounted(declared, trait)
        if named is None
        else _mounted_elsewhere(trait)
    )
    properties = cast("UpstreamTlsTraitYaml", trait.properties)
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
            "the stack has no CA that verifies workloads' certificates; set "
            "gateway.upstreamTls.ca there"
        )
        yield Diagnostic("ACC244", message, position)


def over_tls(
    endpoints: Endpoints, tls: UpstreamTls | None, stack: Stack
) -> Endpoints:
    """Return the endpoints, with the stack's kind of TLS for the ports that use TLS."""
    if tls is None or not stack.upstream_tls:
        return endpoints
    return tuple(
        replace(endpoint, tls=stack.upstream_tls)
        if endpoint.port in tls.ports
        else endpoint
        for endpoint in endpoints
    )


def _unrouted(part: ComponentSpec, trait: Trait, routed: set[int]) -> Findings:
    for index, port in enumerate(trait.properties.get("ports", ())):
        if port not in routed:
            listed = some(map(str, sorted(routed)))
            message = f"'{part.name}' has no route to port {int(port)}; it has routes to {listed}"
            yield Diagnostic(
                "ACC243",
                message,
                trait.position.at("properties", "ports", index),
            )


def _mounted_elsewhere(trait: Trait) -> Findings:
    message = (
        "this trait cannot give a certificate to a named Service; write scheme: https in "
        "access.service instead"
    )
    yield Diagnostic("ACC245", message, trait.position.at("type"))


def _unmounted(declared: Declared, trait: Trait) -> Findings:
    """Yield findings about certificates that no pod could get, or that have two sources."""
    properties = trait.properties
    position = trait.position.at("properties")
    sources = [name for name in ("secretName", "issuer") if name in properties]
    if len(sources) > 1:
        message = (
            "a certificate has one source, but secretName and issuer are both set; remove one of "
            "them"
        )
        yield Diagnostic("ACC245", message, position.at("issuer"))
    elif sources and not any(map(component_pods, declared.objects)):
        message = (
            f"'{declared.part.name}' renders no pods that could mount the "
            "certificate; let the controller of its pods mount it"
        )
        yield Diagnostic("ACC245", message, position.at(sources[0]))
    elif not sources and "mountPath" in properties:
        message = "mountPath needs a certificate; add secretName or issuer"
        yield Diagnostic("ACC245", message, position.at("mountPath"))


def _change(_: str, was: Any, now: Any) -> Kind:
    """Return the kind of a change. A port with TLS is a restriction: only the right certificate
    passes."""
    return kind_of_list(now or [], was or [])


MEANING = Meaning(
    UPSTREAM_TLS,
    _compile,
    _change,
    left_out={
        # Paths of files in the workload.
        UpstreamTls: ("secret", "issuer", "mount_path", "position"),
        # The issuer of workloads' certificates.
        Issuer: ("kind", "name"),
    },
    codes={
        "ACC243": Code(
            "an upstream-tls trait for a port without a route",
            "write a port of a gateway trait, or remove `ports` to include all ports",
        ),
        "ACC244": Code(
            "https to a workload on a stack without a CA that verifies its certificate",
            "set `gateway.upstreamTls.ca` in the stack's "
            "settings to a file with the CA's certificate",
        ),
        "ACC245": Code(
            "a certificate that the workload cannot get, or that has two sources",
            "write either `secretName` or `issuer`, and only for a component with pods",
        ),
    },
)
