"""Compile the address of an external component, and find addresses that lead elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import chain

from kong_oam.access.endpoint import Endpoints
from kong_oam.access.hosts import hosts_above
from kong_oam.access.model import EXTERNAL, Component
from kong_oam.access.settings.gateway import PLACE_MISSING
from kong_oam.access.settings.upstreams import SETTING
from kong_oam.access.stack import Stack
from kong_oam.access.upstream import Upstream
from kong_oam.diagnostics import (
    Diagnostic,
    Findings,
    Report,
    suggestion_of_typo,
)


def with_upstream(
    key: str, endpoints: Endpoints, stack: Stack, out: Report
) -> tuple[Upstream | None, Endpoints]:
    """Return the upstream of an external component with its endpoints, and the endpoints with its
    kind of TLS. Findings are added to `out`."""
    if not endpoints:
        return None, endpoints
    first = endpoints[0]
    for endpoint in endpoints:
        if endpoint.port != first.port:
            message = (
                f"an external component has one port, but its routes lead to {first.port} and "
                f"{endpoint.port}; write one port, or two components"
            )
            out.append(Diagnostic("ACC270", message, endpoint.position))
            break
    upstream = stack.upstreams.get(key)
    if upstream is None:
        if not stack.partial:
            message = (
                f"the stack does not say where '{key}' is; write `{key}: {{host: ...}}` under "
                f"kong-oam:{SETTING} in stacks/Pulumi.{stack.name}.yaml"
            )
            out.append(Diagnostic("ACC271", message, first.position))
        return None, endpoints
    if upstream.scheme == "https":
        if not stack.upstream_tls:
            message = (
                f"the stack has no CA that verifies '{key}'; set gateway.upstreamTls.ca there, or "
                f"scheme: http under {SETTING}"
            )
            out.append(Diagnostic("ACC244", message, first.position))
        endpoints = tuple(
            replace(endpoint, tls=stack.upstream_tls) for endpoint in endpoints
        )
    return upstream.at(first.port), endpoints


def wrong_upstreams(
    components: Mapping[str, Component],
    stack: Stack,
    is_unread: Callable[[str], bool],
) -> Findings:
    """Yield settings without their component, shared addresses, and addresses of the gateway or the
    cluster. `is_unread`: whether a component may be in an Application that cannot be read."""
    for key in stack.upstreams:
        if not is_unread(key):
            yield from _setting_without_route(key, components)
    if not stack.placed:
        yield from _workloads_without_gateway(components.values())
    first: dict[str, Component] = {}
    exposed = {*chain.from_iterable(each.hosts for each in components.values())}
    namespaces = _namespaces(components.values(), stack)
    for component in components.values():
        upstream = component.exposure.upstream
        position = component.position.at("name")
        for target in upstream.targets if upstream else ():
            owner = first.setdefault(target.address, component)
            wrong = ""
            if owner is not component:
                wrong = (
                    f"is the address of '{owner.key}', too; use one component"
                )
            elif not exposed.isdisjoint(hosts_above(target.host)):
                wrong = (
                    "is a host of the gateway itself; write the backend's host"
                )
            elif stack.gateway_namespace:
                wrong = _in_cluster(target.host, namespaces)
            if wrong:
                message = f"{SETTING}.{component.key}: {target.address} {wrong}"
                yield Diagnostic("ACC272", message, position)


def _namespaces(
    components: Iterable[Component], stack: Stack
) -> Mapping[str, str]:
    """Return the namespaces of the cluster that are known here, each with its owner."""
    # Each cluster has these two.
    namespaces = dict.fromkeys(("default", "kube-system"), "Kubernetes")
    if stack.gateway_namespace:
        namespaces[stack.gateway_namespace] = "the gateway"
    for component in components:
        if component.type != EXTERNAL:
            namespaces[component.workload.namespace] = f"'{component.key}'"
    return namespaces


def _in_cluster(host: str, namespaces: Mapping[str, str]) -> str:
    """Return why a name is a Service's for a gateway in the cluster: `api.shop` is
    api.shop.svc.cluster.local there."""
    owner = namespaces.get(host.lower().rpartition(".")[2])
    return (
        f"is a name in the namespace of {owner} for a gateway in the cluster; write another name"
        if owner
        else ""
    )


def _setting_without_route(
    key: str, components: Mapping[str, Component]
) -> Findings:
    component = components.get(key)
    if component is None:
        problem = f"does not exist{suggestion_of_typo(key, components)}"
    elif component.type != EXTERNAL:
        problem = "is not external: it runs in a cluster; remove the entry"
    elif not component.exposure.endpoints:
        problem = "has no route; add a gateway trait, or remove the entry"
    else:
        return
    message = f"kong-oam:{SETTING}: component '{key}' {problem}"
    position = component.position.at("name") if component else None
    yield Diagnostic("ACC271", message, position)


def _workloads_without_gateway(components: Iterable[Component]) -> Findings:
    """Yield the first workload of a stack that does not say where its gateway is."""
    for component in components:
        if component.type != EXTERNAL:
            message = (
                f"'{component.key}' runs in a cluster, but {PLACE_MISSING}"
            )
            yield Diagnostic("ACC273", message, component.position.at("name"))
            return
