"""Provisions the components of an Application: a gated service for each backend, the workload, and
the routes there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pulumi import ComponentResource, Output, Resource, ResourceOptions

from kong_oam.access.data import NameSets
from kong_oam.access.model import Application, Component, Estate
from kong_oam.access.settings.values import Settings
from kong_oam.engine.state import COMPONENT
from kong_oam.kong.upstreams import upstream_names
from kong_oam.oam.position import Texts
from kong_oam.oam.rendered import Awaited

from .gateway.service import (
    GateArgs,
    GatedService,
    ServiceArgs,
    provision_gate,
    provision_routes,
    provision_service,
)
from .gateway.upstream import once_seen, provision_upstream
from .gateway.workspace import Workspace
from .graph import Predecessors
from .workload.cluster import Clusters
from .workload.credential import ClientEnvironment
from .workload.workload import Workload, WorkloadArgs, provision_workload


class DeployedComponent(ComponentResource):
    """The parent of all resources of one component, and of its clients at identity providers.
    `name` is the component's key.

    Its output `credentials` describes its credentials for the next run, by client name.
    """

    def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
        super().__init__(COMPONENT, name, None, opts)


@dataclass(frozen=True, slots=True)
class DeploymentArgs:
    """The inputs that all components of a run share.

    `parents` and `clients` are by component key. `plugins` are the configurations in the state, by
    logical name. `ready` are certificates, before which nothing can be called. `used` are the
    Upstreams in the state, by component key; `settle` the seconds until every worker has a change.
    """

    estate: Estate
    settings: Settings
    parents: Mapping[str, DeployedComponent]
    clients: Mapping[str, ClientEnvironment]
    workspace: Workspace
    clusters: Clusters
    plugins: Texts
    ready: Predecessors
    used: NameSets
    settle: float


@dataclass(frozen=True, slots=True)
class Deployment:
    """The deployed resources of one component.

    `services` are by backend, `workloads` by deployment target; the gateway forwards to the first.
    """

    services: Mapping[str, GatedService]
    workloads: Mapping[str, Workload]

    @property
    def resources(self) -> list[Resource]:
        objects: list[Resource] = []
        for workload in self.workloads.values():
            objects += workload.resources
        return objects


Deployments = dict[str, Deployment]


def deploy_components(
    application: Application, args: DeploymentArgs
) -> Deployments:
    """Deploy all components of an Application, each after its dependencies, except components that
    run elsewhere and have no route. Return the deployed components, by key."""
    deployments: Deployments = {}
    for component in _in_order(application):
        if component.backends or not component.outside:
            deployment = _deploy(application, component, args, deployments)
            deployments[component.key] = deployment
    return deployments


def _deploy(
    application: Application,
    component: Component,
    args: DeploymentArgs,
    others: Mapping[str, Deployment],
) -> Deployment:
    """Deploy one component. `others` are the components of its Application that are deployed before
    it.

    The order closes first: services with admission, which point to nothing. The workload follows
    the workloads that it depends on. Then come the gates for this version of the workload, and the
    routes last.
    """
    parent = args.parents[component.key]
    opts = ResourceOptions(parent=parent, provider=args.workspace.provider)
    services = {}
    for backend in component.backends:
        service_args = ServiceArgs(
            component, backend, args.estate, args.settings, args.workspace
        )
        name = f"{component.key}-{backend}"
        services[backend] = provision_service(name, service_args, opts)
    # The rules of the version before must not apply to a new workload.
    closing = [service.admission for service in services.values()]
    after: list[Resource] = [*closing]
    for name in component.workload.depends_on:
        earlier = others.get(f"{component.application}/{name}")
        after += earlier.resources if earlier else []
    # Copies in other clusters get no requests from this gateway.
    workloads = {
        target.at: _workload(application, target, args, after, others)
        for target in component.instances
        if not component.outside
    }
    leads_to = workloads.get(component.at) or provision_upstream(
        args.settings.stack.name, component, opts
    )
    for backend, service in services.items():
        name = f"{component.key}-{backend}"
        gate_args = GateArgs(
            service=service,
            upstream=leads_to.upstreams[backend],
            workload=leads_to.resources,
            rolled_out=leads_to.rolled_out,
            before=args.plugins.get(f"{name}-gate"),
        )
        services[backend] = provision_gate(name, gate_args, opts)
    provision_routes(component, args.settings, services, args.ready, opts)
    if args.used.get(component.key, set()) - upstream_names(component):
        once_seen(services.values(), args.settle)
    return Deployment(services, workloads)


def _workload(
    application: Application,
    target: Component,
    args: DeploymentArgs,
    after: Predecessors,
    others: Mapping[str, Deployment],
) -> Workload:
    """Make the objects of a component in one of its deployment targets."""

    def value(awaited: Awaited) -> Output[str]:
        # Another component's value is read in the same cluster.
        deployment = others[f"{target.application}/{awaited.component}"]
        return deployment.workloads[target.at].value(awaited)

    workload_args = WorkloadArgs(
        application=application,
        component=target,
        settings=args.settings,
        client=args.clients[target.key],
        cluster=args.clusters[target.workload.cluster],
        after=after,
        value=value,
    )
    return provision_workload(workload_args, args.parents[target.key])


def _in_order(application: Application) -> Iterator[Component]:
    """Yield components, each after its dependencies. The reader rejects dependency cycles."""
    by_name = {
        component.name: component for component in application.components
    }
    done = set()

    def visit(component: Component) -> Iterator[Component]:
        if component.name not in done:
            done.add(component.name)
            for name in component.workload.depends_on:
                yield from visit(by_name[name])
            yield component

    for component in application.components:
        yield from visit(component)
