"""One Application as resources: for each component its workload and, where it is exposed, a gated service per port."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pulumi
import pulumi_kubernetes as k8s

from access.model import Application as Model
from access.model import Component
from components.gateway.gateway import Gateway
from components.gateway.service import GatedService
from components.identity import Identity
from components.workload.workload import Workload


class Application(pulumi.ComponentResource):
    """`gated` is, by component key and port, what routes lead to; `deployments` are by component key.

    Of one component first what closes: services that lead nowhere, with admission. Then the workload, and last the
    gates, which open what this version of the workload is to answer.
    """

    def __init__(
        self,
        model: Model,
        gateway: Gateway,
        identities: Mapping[str, Identity],
        cluster: k8s.Provider,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("kong-oam:index:Application", model.name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        self.deployments: dict[str, k8s.apps.v1.Deployment] = {}
        self.gated: dict[str, dict[int, GatedService]] = {}
        workloads: dict[str, Workload] = {}
        for component in _in_order(model):
            if component.outside:
                continue
            gated = {
                port: GatedService(f"{component.key}-{port}", gateway, component, port, own) for port in component.ports
            }
            after: list[pulumi.Resource] = [one.admission for one in gated.values()]
            after += [workloads[name].deployment for name in component.depends_on if name in workloads]
            workload = Workload(
                component.key,
                model,
                component,
                gateway.estate,
                gateway.settings,
                identities,
                cluster,
                after=after,
                opts=own,
            )
            workloads[component.name] = workload
            self.deployments[component.key] = workload.deployment
            for port, service in gated.items():
                service.lead_to(workload, workload.upstreams[port])
            self.gated[component.key] = gated
        self.register_outputs({})


def _in_order(model: Model) -> Iterator[Component]:
    """Components with those before them that they depend on. There is no circle: reading refuses one."""
    by_name = {component.name: component for component in model.components}
    done: set[str] = set()

    def visit(component: Component) -> Iterator[Component]:
        if component.name not in done:
            done.add(component.name)
            for name in component.depends_on:
                yield from visit(by_name[name])
            yield component

    for component in model.components:
        yield from visit(component)
