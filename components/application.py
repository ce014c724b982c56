"""Provisions one component: a gated service for each port that is exposed, its workload, and the routes there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s

from kong_oam.access.model import Application
from kong_oam.access.model import Component as Model

from .gateway.gateway import Gateway
from .gateway.service import GatedService, provision_routes
from .identity.issuer import Issuer
from .workload.cluster import Cluster
from .workload.workload import Workload


class Component(pulumi.ComponentResource):
    """The resources of one component. `gated` is, by port, the service that routes lead to.

    First what closes: services that lead nowhere, with admission. Then the workload, after those that it depends on,
    and last the gates, which open what this version of the workload is to answer. Routes come once `route` is called.
    """

    def __init__(
        self,
        application: Application,
        model: Model,
        gateway: Gateway,
        issuers: Mapping[str, Issuer],
        cluster: Cluster,
        after: Sequence[k8s.apps.v1.Deployment],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("kong-oam:index:Component", model.key, None, opts)
        self._model, self._gateway = model, gateway
        self.gated = {port: GatedService(f"{model.key}-{port}", gateway, model, port, self) for port in model.ports}
        closing = [service.admission for service in self.gated.values()]
        estate, settings = gateway.estate, gateway.settings
        workload = Workload(application, model, estate, settings, issuers, cluster, [*closing, *after], self)
        self.deployment = workload.deployment
        for port, service in self.gated.items():
            service.lead_to(workload, workload.upstreams[port])

    def route(self, ready: Sequence[pulumi.Resource]) -> None:
        """Adds the routes, after the gates and after `ready`, certificates before which nothing can be called."""
        provision_routes(self._gateway, self._model, self.gated, ready, self)
        self.register_outputs({})


def provision_components(
    application: Application, gateway: Gateway, issuers: Mapping[str, Issuer], cluster: Cluster
) -> Iterator[tuple[str, Component]]:
    """Provisions all components of an Application but those that run elsewhere, each after what it depends on.

    Yields them with their keys.
    """
    by_name: dict[str, Component] = {}
    for model in _in_order(application):
        if not model.outside:
            after = [by_name[name].deployment for name in model.depends_on if name in by_name]
            by_name[model.name] = Component(application, model, gateway, issuers, cluster, after)
            yield model.key, by_name[model.name]


def _in_order(application: Application) -> Iterator[Model]:
    """Yields components, each after those that it depends on. There is no circle: reading refuses one."""
    by_name = {component.name: component for component in application.components}
    done: set[str] = set()

    def visit(component: Model) -> Iterator[Model]:
        if component.name not in done:
            done.add(component.name)
            for name in component.depends_on:
                yield from visit(by_name[name])
            yield component

    for component in application.components:
        yield from visit(component)
