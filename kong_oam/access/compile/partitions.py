"""Find Applications in no partition, and hosts in two partitions."""

from __future__ import annotations

from collections.abc import Iterable

import kong_oam.oam.model as oam
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.hosts import hosts_above
from kong_oam.access.model import Component
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import Diagnostic, Findings, some

# A component, and one of its endpoints.
EndpointOwner = tuple[Component, Endpoint]


def wrong_partitions(
    applications: Iterable[oam.Application],
    components: Iterable[Component],
    stack: Stack,
) -> Findings:
    """Yield Applications in no partition, and endpoints whose host is in two partitions.

    A host belongs to one partition. So no path in a gate's table and no priority of a route depends
    on another partition's run.
    """
    if not stack.partitions:
        return
    for application in applications:
        if stack.partition_of(application.namespace) is None:
            listed = some(stack.partitions)
            message = (
                f"namespace '{application.namespace}' is in no partition of '{stack.name}' "
                f"({listed}); add it under kong-oam:partitions in "
                f"stacks/Pulumi.{stack.name}.yaml, or use '*' for all other namespaces"
            )
            yield Diagnostic(
                "ACC249",
                message,
                application.position.at("metadata", "namespace"),
            )
    yield from _shared_hosts(components)


def _shared_hosts(components: Iterable[Component]) -> Findings:
    """Yield a finding for each host and partition that share the host, or a wildcard above it, with
    another partition."""
    first: dict[str, dict[str | None, EndpointOwner]] = {}
    for component in components:
        for endpoint in (
            component.exposure.endpoints if component.partition else ()
        ):
            first.setdefault(endpoint.host, {}).setdefault(
                component.partition, (component, endpoint)
            )
    for host, by_partition in first.items():
        earlier: dict[str | None, EndpointOwner] = {}
        for partition, (component, endpoint) in by_partition.items():
            for above in hosts_above(host):
                others = earlier if above == host else first.get(above, {})
                elsewhere = [
                    others[name] for name in others if name != partition
                ]
                if elsewhere:
                    yield _shared_host(
                        component, endpoint, above, *elsewhere[0]
                    )
                    break
            earlier[partition] = component, endpoint


def _shared_host(
    component: Component,
    endpoint: Endpoint,
    host: str,
    other: Component,
    other_endpoint: Endpoint,
) -> Diagnostic:
    relation = "is" if host == endpoint.host else f"lies below {host},"
    message = (
        f"{endpoint.host} of '{component.key}', partition '{component.partition}', {relation} "
        f"a host of '{other.key}', partition '{other.partition}' ({other_endpoint.position}); "
        "use another host, or put both namespaces into one partition"
    )
    return Diagnostic("ACC250", message, endpoint.position)
