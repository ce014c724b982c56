"""Provisions a gated service per backend, which leads nowhere but through its gate, and the routes
to it.

`depends_on` names resources, never components: a component's subtree is not awaited as one would
think.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kong as kong

from kong_oam.access.model import METHODS, Component
from kong_oam.kong import names, plugins
from kong_oam.kong.extras import USUAL, Extra, extras
from kong_oam.kong.routes import FIXED, RoutePlan, routes
from kong_oam.kong.table import address, closed, table
from kong_oam.kong.upstream_tls import certified_name, service_fields

from ..workload.upstream import Upstream
from ..workload.workload import Workload
from .gateway import Config, Gateway


class GatedService:
    """A Kong service for one backend of a component, with admission, authentication and, last of
    all, its gate.

    The service itself leads nowhere: to an Upstream without Targets, where every request is
    answered with 503. Only the gate knows the workload, and sends there what it allows. So no
    order, pause or part of a run lets anybody in: what is not there, or not seen yet, refuses.
    """

    def __init__(
        self,
        name: str,
        gateway: Gateway,
        component: Component,
        backend: str,
        parent: pulumi.Resource,
    ) -> None:
        self._logical, self._gateway, self._parent = name, gateway, parent
        self._table = _table(gateway, component, backend)
        self._certified = certified_name(component, backend)
        self._tags = names.tags(gateway.stack, component)
        self.name = names.service(gateway.stack, component, backend)
        self._before = gateway.state.plugins.get(f"{name}-gate")
        gateway.tables[self.name] = self._table
        asked_for = extras(gateway.settings, component)
        fields = {**USUAL, **asked_for.service, **self._over_tls(component, backend)}
        self.service = kong.Service(
            f"{name}-service",
            name=self.name,
            protocol=fields["protocol"],
            host=gateway.nowhere,
            port=fields["port"],
            path=fields["path"],
            retries=fields["retries"],
            connect_timeout=fields["connect_timeout"],
            read_timeout=fields["read_timeout"],
            write_timeout=fields["write_timeout"],
            tls_verify=fields["tls_verify"],
            tls_verify_depth=fields["tls_verify_depth"],
            ca_certificate_ids=fields["ca_certificates"],
            client_certificate_id=(fields["client_certificate"] or {}).get("id"),
            tags=self._tags,
            opts=pulumi.ResourceOptions(parent=parent, provider=gateway.provider),
        )
        settings = gateway.settings.gateway
        headers = settings.hsts_seconds, settings.strip_headers
        admission: Config = self._table.apply(
            lambda table: plugins.admission(table, *headers)
        )
        self.admission = self._plugin("admission", "pre-function", admission)
        authentication, config = gateway.authentication(component)
        self.guards = [
            self.admission,
            self._plugin(authentication, authentication, config, *gateway.first),
        ]
        self.guards += [self._extra(extra, component) for extra in asked_for.plugins]

    def lead_to(self, workload: Workload, upstream: Upstream) -> None:
        """Adds the gate, once the workload is there. A run in which it is not leaves the rules as
        they were."""
        self.upstream = upstream
        inputs = pulumi.Output.all(self._table, upstream.host, upstream.port)
        # A preview shows what comes of a run that succeeds, and says of the gate that it waits for
        # the workload.
        urns = [resource.urn for resource in workload.resources]
        previewed = pulumi.Output.all(*urns).apply(lambda _: True)
        rolled_out = previewed if pulumi.runtime.is_dry_run() else workload.rolled_out
        config: pulumi.Output[Mapping[str, Any] | str] = pulumi.Output.all(
            inputs, rolled_out
        ).apply(lambda pair: self._gate(*pair[0], rolled_out=pair[1]))
        self.guards.append(
            self._plugin("gate", "post-function", config, *workload.resources)
        )

    def _plugin(
        self, role: str, kind: str, config: Config, *after: pulumi.Resource
    ) -> kong.Plugin:
        opts = pulumi.ResourceOptions(parent=self._parent, depends_on=list(after))
        return self._gateway.plugin(
            f"{self._logical}-{role}",
            kind,
            config,
            opts,
            service=self.service,
            tags=self._tags,
        )

    def _extra(self, extra: Extra, component: Component) -> kong.Plugin:
        callers = {
            "ring": self._gateway.rings[component.provider],
            "nobody": self._gateway.nobody,
        }
        # A second one of its kind could only come once the first had gone, which is after it.
        before = [
            pulumi.Alias(name=f"{self._logical}-{role}") for role in extra.roles[1:]
        ]
        return self._gateway.plugin(
            f"{self._logical}-{extra.role}",
            extra.kind,
            extra.config,
            pulumi.ResourceOptions(parent=self._parent, aliases=before),
            service=self.service,
            tags=self._tags,
            consumer=callers[extra.caller] if extra.caller else None,
        )

    def _over_tls(self, component: Component, backend: str) -> Mapping[str, Any]:
        gateway = self._gateway
        settings, facts = gateway.settings.gateway.upstream_tls, gateway.facts
        return service_fields(
            settings, component, backend, facts.authorities, gateway.client_certificate
        )

    def _gate(
        self, table: str, host: str, port: int, *, rolled_out: bool
    ) -> Mapping[str, Any] | str:
        upstream = address(host, port, self._certified)
        if rolled_out:
            return plugins.gate(table, upstream)
        stays = "opens nothing new" if self._before else "stays closed"
        pulumi.log.warn(
            f"gateway: service {self.name} {stays}: the Deployment of this version is not there; "
            "run `pulumi up` once it can be"
        )
        return self._before or plugins.gate(closed(table), upstream)


def _table(gateway: Gateway, component: Component, backend: str) -> pulumi.Output[str]:
    """Writes the table. A preview shows it unless the provider makes up an audience or client id in
    the same run."""
    ring = names.ring(gateway.stack, component.provider)
    verified_by = plugins.AUTHENTICATION[gateway.settings.gateway.edition]
    issuer = gateway.issuers[component.provider]
    audiences = {
        api: issuer.audiences[api]
        for api in gateway.estate.apis_at(component)
        if api in issuer.audiences
    }
    keys = [
        key
        for users in (False, True)
        for key in gateway.estate.held_at(component, users=users)
    ]
    clients = {key: gateway.client_id(component.provider, key) for key in keys}
    return pulumi.Output.all(
        pulumi.Output.from_input(audiences), pulumi.Output.from_input(clients)
    ).apply(
        lambda pair: table(gateway.estate, component, backend, ring, verified_by, *pair)
    )


def provision_routes(
    gateway: Gateway,
    component: Component,
    services: Mapping[str, GatedService],
    ready: Sequence[pulumi.Resource],
    parent: pulumi.Resource,
) -> None:
    """Provisions the routes of one component, each to the gated service of its backend.

    They come after what guards them, so that what is not there yet is not found (404); `ready` are
    certificates, before which nothing can be called.
    """
    for plan in routes(component):
        gated = services[plan.backend]
        after = pulumi.ResourceOptions(
            parent=parent, provider=gateway.provider, depends_on=[*gated.guards, *ready]
        )
        _route(gateway, component, plan, gated, after)


def _route(
    gateway: Gateway,
    component: Component,
    plan: RoutePlan,
    gated: GatedService,
    opts: pulumi.ResourceOptions,
) -> None:
    kong.Route(
        f"{component.key}-{plan.role}-{plan.backend}",
        name=names.route(gateway.stack, component, plan.backend, plan.role),
        service_id=gated.service.id,
        protocols=[gateway.settings.gateway.scheme],
        hosts=list(plan.hosts),
        paths=plan.kong_paths,
        methods=list(METHODS),
        regex_priority=plan.priority,
        https_redirect_status_code=308 if gateway.settings.gateway.redirect else 426,
        **FIXED,
        tags=names.tags(gateway.stack, component),
        opts=opts,
    )
