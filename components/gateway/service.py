"""A gated service per port, the pause until every worker sees it, and the routes, last of all (design section 5).

`depends_on` names resources, never components: a component's subtree is not awaited as one would think.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kong as kong
import pulumiverse_time as time

from access.model import METHODS, Component
from components.gateway import names, plugins
from components.gateway.gateway import Config, Gateway
from components.gateway.routes import RoutePlan, routes
from components.gateway.table import table
from components.workload.workload import Upstream

_TIMEOUT = 60_000  # ms; Kong's default, spelled out


class GatedService(pulumi.ComponentResource):
    """A Kong service for one port of a component, with admission, authentication and its gate."""

    def __init__(
        self,
        name: str,
        gateway: Gateway,
        component: Component,
        port: int,
        upstream: Upstream,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("kong-oam:gateway:GatedService", name, None, opts)
        tags = names.tags(gateway.stack, component)
        options = pulumi.ResourceOptions(parent=self)
        self.name, self.upstream = names.service(gateway.stack, component, port), upstream
        self.service = kong.Service(
            f"{name}-service",
            name=self.name,
            protocol="http",
            host=upstream.host,
            port=upstream.port,
            retries=5,
            connect_timeout=_TIMEOUT,
            read_timeout=_TIMEOUT,
            write_timeout=_TIMEOUT,
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self, provider=gateway.provider),
        )
        authentication, verifying = gateway.authentication(component.provider)
        configs: dict[str, tuple[str, Config]] = {
            "admission": ("pre-function", plugins.admission(gateway.settings.gateway.hsts_seconds)),
            authentication: (authentication, verifying),
            "gate": ("post-function", _gate(gateway, component, port)),
        }
        self.plugins = [
            gateway.plugin(f"{name}-{role}", kind, config, options, service=self.service, tags=tags)
            for role, (kind, config) in configs.items()
        ]
        self.register_outputs({})


def _gate(gateway: Gateway, component: Component, port: int) -> Config:
    """The gate with its table, which a preview shows unless the provider makes up the audience in the same run."""
    ring = names.ring(gateway.stack, component.provider)
    verified_by = plugins.AUTHENTICATION[gateway.settings.gateway.edition]

    def deciding(audiences: Mapping[str, str]) -> Mapping[str, Any]:
        return plugins.gate(table(gateway.estate, component, port, ring, verified_by, audiences))

    made = gateway.identities[component.provider].audiences
    made_up = {api: made[api] for api in gateway.estate.apis_at(component) if api in made}
    return pulumi.Output.all(**made_up).apply(deciding) if made_up else deciding({})


def settle(name: str, gateway: Gateway, services: Sequence[GatedService]) -> time.Sleep:
    """The pause between what guards and what leads there, on create, update and destroy.

    It is made anew whenever the set of services, plugins or credentials changes, and before anything is taken away that
    an old route may still lead to. A change of rules only changes a table, and waits for nothing.
    """
    guards: list[kong.Service | kong.Plugin | kong.ConsumerJwtAuth] = [*gateway.credentials]
    for service in services:
        guards += [service.service, *service.plugins]
    seconds = gateway.settings.gateway.settle_seconds
    length = f"{gateway.facts.settle if seconds is None else seconds:g}s"
    return time.Sleep(
        name,
        create_duration=length,
        destroy_duration=length,
        triggers={guard._name: guard.id for guard in guards},
        opts=pulumi.ResourceOptions(parent=gateway, depends_on=guards),
    )


class Routes(pulumi.ComponentResource):
    """The routes of one component, each to the gated service of its port; on public ones, optional authentication.

    `ready` is what must be there before anything leads anywhere: that the guards have settled, and certificates.
    """

    def __init__(
        self,
        name: str,
        gateway: Gateway,
        component: Component,
        services: Mapping[int, GatedService],
        ready: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("kong-oam:gateway:Routes", name, None, opts)
        tags = names.tags(gateway.stack, component)
        for plan in routes(gateway.estate, component):
            role = f"{plan.role}-{plan.port}"
            route = self._route(f"{name}-{role}", gateway, component, plan, services[plan.port], ready)
            if plan.public:
                # Until this plugin exists, and once it vanishes, the strict one of the service holds.
                gateway.plugin(
                    f"{name}-optional-{role}",
                    *gateway.authentication(component.provider, optional=True),
                    pulumi.ResourceOptions(parent=self, depends_on=[gateway.nobody]),
                    route=route,
                    tags=tags,
                )
        self.register_outputs({})

    def _route(
        self,
        logical: str,
        gateway: Gateway,
        component: Component,
        plan: RoutePlan,
        gated: GatedService,
        ready: Sequence[pulumi.Resource],
    ) -> kong.Route:
        return kong.Route(
            logical,
            name=names.route(gateway.stack, component, plan.port, plan.role),
            service_id=gated.service.id,
            protocols=[gateway.settings.gateway.scheme],
            hosts=list(plan.hosts),
            paths=plan.kong_paths,
            methods=list(METHODS),
            regex_priority=plan.priority,
            strip_path=False,
            preserve_host=True,
            path_handling="v0",
            https_redirect_status_code=308 if gateway.settings.gateway.redirect else 426,
            request_buffering=True,
            response_buffering=True,
            tags=names.tags(gateway.stack, component),
            opts=pulumi.ResourceOptions(parent=self, provider=gateway.provider, depends_on=list(ready)),
        )
