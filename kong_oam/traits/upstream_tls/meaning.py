"""Compiles how the gateway speaks to a component: https where the trait upstream-tls, or
`access.service`, says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import kong_oam.oam.application as oam
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import Diagnostic, some
from kong_oam.objects.component import NamedService
from kong_oam.objects.fenced import fenced_pods
from kong_oam.objects.named import named_service
from kong_oam.objects.tls import tls_secret_name
from kong_oam.traits.upstream_tls.value import MOUNTED_AT, Issuer, UpstreamTls

TRAIT = "upstream-tls"


def upstream_tls_of(
    part: oam.Component,
    endpoints: tuple[Endpoint, ...],
    stack: Stack,
    out: list[Diagnostic],
) -> UpstreamTls | None:
    """What `part` says of TLS to its workload; None: clear text. Findings are added to `out`."""
    trait, named = part.trait(TRAIT), named_service(part)
    secure = named if named and named.https else None
    said = trait or (part.trait("access") if secure else None)
    if said is None:
        return None
    place = said.place.at(
        "properties", *(("service", "scheme") if secure and not trait else ())
    )
    if not stack.upstream_tls:
        message = (
            "the stack names no CA to verify a workload's certificate by; set "
            "gateway.upstreamTls.ca there"
        )
        out.append(
            Diagnostic("ACC244", message, trait.place.at("type") if trait else place)
        )
    if trait is None or not endpoints:
        return UpstreamTls((secure.port,)) if secure else None
    properties = trait.properties
    routed = {endpoint.port for endpoint in endpoints}
    out += _unrouted(part, trait, routed)
    out += _unmounted(part, trait, named)
    issuer = properties.get("issuer")
    return UpstreamTls(
        tuple(sorted(set(map(int, properties.get("ports", routed))))),
        tls_secret_name(part.name) if issuer else properties.get("secretName"),
        Issuer(issuer["kind"], issuer["name"]) if issuer else None,
        properties.get("mountPath", MOUNTED_AT),
        trait.place.at("properties", "secretName"),
    )


def over_tls(
    endpoints: tuple[Endpoint, ...], tls: UpstreamTls | None, stack: Stack
) -> tuple[Endpoint, ...]:
    """The endpoints, those of ports that speak TLS with how the gateway of the stack speaks it."""
    if tls is None or not stack.upstream_tls:
        return endpoints
    return tuple(
        replace(one, tls=stack.upstream_tls) if one.port in tls.ports else one
        for one in endpoints
    )


def _unrouted(
    part: oam.Component, trait: oam.Trait, routed: set[int]
) -> Iterator[Diagnostic]:
    for index, port in enumerate(trait.properties.get("ports", ())):
        if port not in routed:
            listed = some(map(str, sorted(routed)))
            message = f"no route of '{part.name}' leads to port {int(port)}; it has routes to {listed}"
            yield Diagnostic(
                "ACC243", message, trait.place.at("properties", "ports", index)
            )


def _unmounted(
    part: oam.Component, trait: oam.Trait, named: NamedService | None
) -> Iterator[Diagnostic]:
    """Finds what no certificate could be given to, or in two ways."""
    properties, place = trait.properties, trait.place.at("properties")
    if named:
        message = (
            "what is made elsewhere has its certificate elsewhere; write scheme: https in "
            "access.service instead"
        )
        yield Diagnostic("ACC245", message, trait.place.at("type"))
        return
    given = [name for name in ("secretName", "issuer") if name in properties]
    has_pods = any(fenced_pods(one) for one in part.rendered or ())
    if len(given) > 1:
        message = (
            "a certificate is read from a Secret that is there, or from one that "
            "cert-manager fills; keep one"
        )
        yield Diagnostic("ACC245", message, place.at("issuer"))
    elif given and not has_pods:
        message = (
            f"'{part.name}' renders no pods that could be given it; have what makes its pods mount "
            "it"
        )
        yield Diagnostic("ACC245", message, place.at(given[0]))
    elif not given and "mountPath" in properties:
        message = "says where a certificate is mounted, and none is given; add secretName or issuer"
        yield Diagnostic("ACC245", message, place.at("mountPath"))
