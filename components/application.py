"""Provisions one component: a gated service for each backend, its workload, and the routes
there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pulumi

from kong_oam.access.model import Application
from kong_oam.access.model import Component as Model
from kong_oam.engine.state import COMPONENT
from kong_oam.oam.rendered import Awaited

from .gateway.gateway import Gateway
from .gateway.service import GatedService, provision_routes
from .identity.issuer import Issuer
from .workload.cluster import Clusters
from .workload.workload import Workload


class Component(pulumi.ComponentResource):
    """The resources of one component. `gated` is, by backend, the service that routes lead to.

    What it is as a client is registered under it by the identity providers. `deploy` makes first
    what closes: services that lead nowhere, with admission. Then the workload, after those that it
    depends on, and last the gates, which open what this version of the workload is to answer.
    Routes come once `route` is called.
    """

    def __init__(
        self, model: Model, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(COMPONENT, model.key, None, opts)
        self._model, self.key = model, model.key
        self.gated: Mapping[str, GatedService] = {}
        self.running: Sequence[pulumi.Resource] = ()
        self.workloads: Mapping[str, Workload] = {}

    def deploy(
        self,
        application: Application,
        gateway: Gateway,
        issuers: Mapping[str, Issuer],
        clusters: Clusters,
        after: Sequence[pulumi.Resource],
        value: Callable[[Model, Awaited], pulumi.Output[str]],
    ) -> None:
        """Adds all but the routes."""
        model = self._model
        self.gated = {
            name: GatedService(f"{self.key}-{name}", gateway, model, name, self)
            for name in model.backends
        }
        closing = [service.admission for service in self.gated.values()]
        estate, settings = gateway.estate, gateway.settings
        before = [*closing, *after]
        workloads = [
            Workload(
                application,
                site,
                estate,
                settings,
                issuers,
                clusters[site.cluster],
                before,
                self,
                partial(value, site),
            )
            for site in model.sites
        ]
        self.workloads = {
            site.at: workload
            for site, workload in zip(model.sites, workloads, strict=True)
        }
        self.running = [
            resource for workload in workloads for resource in workload.resources
        ]
        for backend, service in self.gated.items():
            service.lead_to(workloads[0], workloads[0].upstreams[backend])

    def route(self, gateway: Gateway, ready: Sequence[pulumi.Resource]) -> None:
        """Adds the routes, after the gates and after `ready`, certificates before which nothing can
        be called."""
        provision_routes(gateway, self._model, self.gated, ready, self)

    def record(
        self, credentials: Mapping[str, pulumi.Output[Mapping[str, Any]]]
    ) -> None:
        """Ends it, with what the next run has to know of its clients' credentials, by the client's
        name."""
        self.register_outputs({"credentials": dict(credentials)} if credentials else {})


def provision_components(
    application: Application,
    components: Mapping[str, Component],
    gateway: Gateway,
    issuers: Mapping[str, Issuer],
    clusters: Clusters,
) -> None:
    """Deploys all components of an Application but those that run elsewhere, each after what it
    depends on.

    `components` are all of the estate, by key.
    """
    by_name: dict[str, Component] = {}

    def value(site: Model, awaited: Awaited) -> pulumi.Output[str]:
        return by_name[awaited.component].workloads[site.at].value(awaited)

    for model in _in_order(application):
        if not model.outside:
            after = [
                one
                for name in model.depends_on
                if name in by_name
                for one in by_name[name].running
            ]
            by_name[model.name] = components[model.key]
            by_name[model.name].deploy(
                application, gateway, issuers, clusters, after, value
            )


def _in_order(application: Application) -> Iterator[Model]:
    """Yields components, each after those that it depends on. There is no circle: reading refuses
    one."""
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
