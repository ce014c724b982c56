"""Provisions the address of an external component: a single host, or an Upstream with Targets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, cast

import pulumi_kong as kong
from pulumi import Output, Resource, ResourceOptions
from pulumi.runtime import is_dry_run

from kong_oam.access.model import Component
from kong_oam.kong import names, upstreams

from ..workload.upstream import Upstream
from ..workload.workload import Workload
from .service import GatedService


def provision_upstream(
    stack: str, component: Component, opts: ResourceOptions
) -> Workload:
    """Make the Upstream of an external component, if it needs one. Return its address in place of a
    workload."""
    upstream = component.exposure.upstream
    assert upstream is not None  # such an estate does not compile
    resources: list[Resource] = []
    first = upstream.targets[0]
    assert first.port is not None
    address = Upstream(first.address.rpartition(":")[0], first.port)
    if upstream.balanced:
        tags = names.tags(stack, component)
        logical = upstreams.logical_name(component, upstream)
        made = kong.Upstream(
            logical,
            name=upstreams.name_of(stack, component, upstream),
            host_header=upstream.host_header or upstream.server_name,
            healthchecks=cast("Any", upstreams.healthchecks(upstream)),
            tags=tags,
            opts=opts,
        )
        resources.append(made)
        resources += [
            kong.Target(
                f"{logical}-{target}",
                target=target,
                weight=upstreams.WEIGHT,
                upstream_id=made.id,
                tags=tags,
                opts=opts,
            )
            for target in upstreams.addresses(upstream)
        ]
        address = Upstream(made.name, upstreams.PORT)
    return Workload(
        resources,
        Output.from_input(True),
        dict.fromkeys(component.backends, address),
        {},
    )


def once_seen(services: Iterable[GatedService], settle: float) -> Output[str]:
    """Keep the run waiting until every worker has the gates of these services.

    The run then deletes the former Upstream. Calls through an older gate would get 503.
    """

    async def wait(_: list[Any]) -> str:
        if not is_dry_run():
            await asyncio.sleep(settle)
        return ""

    gates = [service.guards[-1].resource.id for service in services]
    return Output.all(*gates).apply(wait)
