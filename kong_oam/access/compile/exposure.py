"""Compile the routes of a component into endpoints of this environment."""

from __future__ import annotations

import re
from collections.abc import Iterable

import kong_oam.oam.model as oam
from kong_oam.access.compile.elements import elements_of
from kong_oam.access.domains import host_of
from kong_oam.access.endpoint import Endpoint, Endpoints, Exposures
from kong_oam.access.model import Stack
from kong_oam.access.paths import written
from kong_oam.diagnostics import Diagnostic, Findings, Report
from kong_oam.objects.routes import Route

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\Z")


# The most elements of an exposed path: a gateway's routes have a small number as their order.
DEEPEST = 511
DEEPEST_BELOW_WILDCARD = 15
MOST_LABELS_OF_WILDCARD = 31


def endpoints_of(
    application: oam.Application,
    part: oam.ComponentSpec,
    routes: Iterable[Route | Diagnostic],
    stack: Stack,
    out: Report,
) -> Endpoints:
    """Return the endpoints of a component, in the order of its routes. Adds findings to `out`."""
    endpoints = []
    for route in routes:
        if isinstance(route, Diagnostic):
            out.append(route)
        elif endpoint := _endpoint(route, application, part, stack, out):
            endpoints.append(endpoint)
    out += _unroutable(endpoints)
    return tuple(endpoints)


def exposures_of(routes: Iterable[Route | Diagnostic]) -> Exposures:
    """Return the Services that the gateway reaches, each with its ports."""
    ports: dict[str, set[int]] = {}
    for route in routes:
        if isinstance(route, Route):
            ports.setdefault(route.service, set()).add(route.port)
    return tuple(
        (service, tuple(sorted(numbers))) for service, numbers in ports.items()
    )


def _endpoint(
    route: Route,
    application: oam.Application,
    part: oam.ComponentSpec,
    stack: Stack,
    out: Report,
) -> Endpoint | None:
    host = host_of(application.name, part.name, route.host, stack)
    if host is None:
        message = (
            "no domain here, and the stack has no default; write `domain`, or set "
            "`domains.default` in the stack's file"
        )
        out.append(Diagnostic("ACC208", message, route.host_place))
        return None
    if not _HOST.match(host):
        message = (
            f"host '{host}' is not a DNS name; use letters, "
            "digits and '-', and '*' only as the first label"
        )
        out.append(Diagnostic("ACC213", message, route.host_place))
        return None
    elements = elements_of(route.path, route.position, out)
    if elements is None:
        return None
    return Endpoint(
        host,
        elements,
        route.port,
        route.position,
        route.certificate,
        route.service,
        route.apart,
    )


def _unroutable(endpoints: Iterable[Endpoint]) -> Findings:
    """Find hosts and paths that are too deep for the order of a gateway's routes.

    In that order, the nearer host and the longer path win.
    """
    wildcards = {
        endpoint.host: endpoint
        for endpoint in endpoints
        if endpoint.host.startswith("*.")
    }
    for host, endpoint in wildcards.items():
        if host.count(".") > MOST_LABELS_OF_WILDCARD:
            message = (
                f"'{host}' has more than {MOST_LABELS_OF_WILDCARD} "
                "labels below its wildcard; shorten it"
            )
            yield Diagnostic("ACC221", message, endpoint.position)
    deepest = DEEPEST_BELOW_WILDCARD if wildcards else DEEPEST
    for endpoint in endpoints:
        if len(endpoint.path) > deepest:
            where = (
                f" on a wildcard host ('{next(iter(wildcards))}')"
                if wildcards
                else ""
            )
            message = (
                f"path '{written(endpoint.path)}' has more "
                f"than {deepest} elements{where}; shorten it"
            )
            yield Diagnostic("ACC221", message, endpoint.position)
