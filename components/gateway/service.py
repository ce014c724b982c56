"""Provisions a gated service per backend, and its routes. Only the service's gate has an address.

`depends_on` names resources, never components: Pulumi does not wait for a component's children.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi_kong as kong
from pulumi import Alias, Input, Output, ResourceOptions, log

from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.values import Settings
from kong_oam.kong import names, plugins
from kong_oam.kong.at_kong import TraitPlugin
from kong_oam.kong.routes import FIXED, routes
from kong_oam.kong.table import address, table, without_exposure
from kong_oam.kong.trait_plugins import USUAL, former_roles, trait_plugins
from kong_oam.oam.position import Fields
from kong_oam.traits.upstream_tls.at_kong import (
    certified_name,
    host_header,
    service_fields,
)

from ..graph import Predecessors
from ..workload.upstream import Upstream
from .workspace import TokenIssuer, Workspace

# A plugin's configuration; Kong gets a text unchanged.
Content = Fields | str
Config = Content | Output[Content]


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin of a service, and its configuration in this run."""

    name: str
    resource: kong.Plugin
    meant: Input[str]


@dataclass(frozen=True, slots=True)
class ServiceArgs:
    """The inputs of one backend's service."""

    component: Component
    backend: str
    estate: Estate
    settings: Settings
    workspace: Workspace

    @property
    def stack(self) -> str:
        return self.settings.stack.name

    @property
    def kong_name(self) -> str:
        return names.service(self.stack, self.component, self.backend)

    @property
    def issuer(self) -> TokenIssuer:
        return self.workspace.issuers[self.component.identity.provider]


@dataclass(frozen=True, slots=True)
class GatedService:
    """A Kong service for one backend of a component.

    The service points to the empty Upstream, which answers 503. Only the gate has the workload's
    address, and forwards allowed requests. So in every order, pause and part of a run, missing
    parts deny.

    Admission and the gate decide by the `table`. `guards` are all its plugins: admission is the
    first, the gate the last. The gate forwards to the `upstream`.
    """

    args: ServiceArgs
    resource: kong.Service
    table: Output[str]
    guards: Sequence[Plugin]
    upstream: Upstream | None = None

    @property
    def admission(self) -> kong.Plugin:
        """The plugin that closes the service to callers that the table does not admit."""
        return self.guards[0].resource


@dataclass(frozen=True, slots=True)
class GateArgs:
    """The inputs of a service's gate.

    The gate forwards to the `upstream`, and comes after the `workload`. `rolled_out` says whether
    this version of the workload runs; `before` is the gate's configuration in the state.
    """

    service: GatedService
    upstream: Upstream
    workload: Predecessors
    rolled_out: Output[bool]
    before: str | None


def provision_service(
    name: str, args: ServiceArgs, opts: ResourceOptions
) -> GatedService:
    """Make a service with all its plugins except the gate: it denies every call."""
    component = args.component
    gateway = args.settings.gateway
    gate_table = _table(args)
    asked_for = trait_plugins(args.settings, component)
    service = _service(f"{name}-service", args, asked_for.service, opts)

    headers = gateway.hsts_seconds, gateway.strip_headers
    admission: Config = gate_table.apply(
        lambda table: plugins.admission(table, *headers)
    )
    kind, config = _authentication(args)
    # It names the anonymous consumer, which has to exist first.
    verified = _after(opts, args.workspace.before_authentication)
    guards = [
        _plugin(
            f"{name}-admission", "pre-function", admission, args, service, opts
        ),
        _plugin(f"{name}-{kind}", kind, config, args, service, verified),
    ]
    guards += [
        _extra(name, extra, args, service, opts) for extra in asked_for.plugins
    ]
    return GatedService(args, service, gate_table, guards)


def provision_gate(
    name: str, args: GateArgs, opts: ResourceOptions
) -> GatedService:
    """Make the gate of a service, and return the service with it. If the
    workload is missing, the gate keeps its rules."""
    service = args.service
    inputs = Output.all(service.table, args.upstream.host, args.upstream.port)
    # If a flag left out the workload, another version may run.
    config: Output[Content] = Output.all(inputs, args.rolled_out).apply(
        lambda known: _gate(args, *known[0], rolled_out=known[1])
    )
    after = _after(opts, args.workload)
    gate = _plugin(
        f"{name}-gate",
        "post-function",
        config,
        service.args,
        service.resource,
        after,
    )
    return replace(
        service, guards=[*service.guards, gate], upstream=args.upstream
    )


def _after(opts: ResourceOptions, earlier: Predecessors) -> ResourceOptions:
    more = ResourceOptions(depends_on=list(earlier))
    return ResourceOptions.merge(opts, more)


def _service(
    name: str,
    args: ServiceArgs,
    asked_for: Fields,
    opts: ResourceOptions,
) -> kong.Service:
    over_tls = service_fields(
        args.settings.gateway.upstream_tls,
        args.component,
        args.backend,
        args.workspace.authorities,
        args.workspace.client_certificate,
    )
    fields = {**USUAL, **asked_for, **over_tls}
    return kong.Service(
        name,
        name=args.kong_name,
        protocol=fields["protocol"],
        host=args.workspace.nowhere,
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
        tags=names.tags(args.stack, args.component),
        opts=opts,
    )


def _authentication(args: ServiceArgs) -> tuple[str, Config]:
    """Return the plugin that verifies tokens before the component, and its configuration."""
    anonymous = names.anonymous_for(args.stack, args.component)
    if args.settings.gateway.edition == "oss":
        return "jwt", plugins.jwt(anonymous)
    return "openid-connect", args.issuer.address.apply(
        lambda issuer: plugins.openid_connect(issuer, anonymous)
    )


def _extra(
    name: str,
    extra: TraitPlugin,
    args: ServiceArgs,
    service: kong.Service,
    opts: ResourceOptions,
) -> Plugin:
    callers = {"ring": args.issuer.ring, "nobody": args.workspace.anonymous}
    # Kong takes a second plugin of a kind only after the first is deleted, which happens later.
    before = [Alias(name=f"{name}-{role}") for role in former_roles(extra)]
    if extra.config.get("anonymous"):
        opts = _after(opts, args.workspace.before_authentication)
    return _plugin(
        f"{name}-{extra.role}",
        extra.kind,
        extra.config,
        args,
        service,
        ResourceOptions.merge(opts, ResourceOptions(aliases=before)),
        callers[extra.caller] if extra.caller else None,
    )


def _plugin(
    name: str,
    kind: str,
    config: Config,
    args: ServiceArgs,
    service: kong.Service,
    opts: ResourceOptions,
    consumer: Input[str] | None = None,
) -> Plugin:
    """Make a plugin of the service, for all its requests or one consumer's.

    Its configuration is in full: strict matching then sees any change by hand.
    """
    keeps_records = args.settings.gateway.logs is not None

    def in_full(config: Content) -> str:
        if isinstance(config, str):
            return config
        schema = args.workspace.schemas[kind]
        return plugins.config_json(
            schema, kind, config, keeps_records=keeps_records
        )

    # A known configuration needs no Output.
    meant = (
        config.apply(in_full) if isinstance(config, Output) else in_full(config)
    )
    resource = kong.Plugin(
        name,
        name=kind,
        config_json=meant,
        strict_match=True,
        enabled=True,
        service_id=service.id,
        consumer_id=consumer,
        tags=names.tags(args.stack, args.component),
        opts=opts,
    )
    return Plugin(name, resource, meant)


def _gate(
    args: GateArgs, table: str, host: str, port: int, *, rolled_out: bool
) -> Content:
    meant = args.service.args
    certified = certified_name(meant.component, meant.backend)
    upstream = address(host, port, certified, host_header(meant.component))
    if rolled_out:
        return plugins.gate(table, upstream)
    stays = "opens nothing new" if args.before else "stays closed"
    log.warn(
        f"gateway: service {meant.kong_name} {stays}: its Deployment of this version is missing; "
        "run `pulumi up` once it can be deployed"
    )
    return args.before or plugins.gate(without_exposure(table), upstream)


def _table(args: ServiceArgs) -> Output[str]:
    """Write the table. A preview shows it unless the provider makes up an audience or client id in
    the same run."""
    component = args.component
    estate = args.estate
    issuer = args.issuer
    ring = names.ring(args.stack, component.identity.provider)
    verified_by = plugins.AUTHENTICATION[args.settings.gateway.edition]
    audiences = {
        api: issuer.audiences[api]
        for api in estate.apis_at(component)
        if api in issuer.audiences
    }
    # Services and sign-in clients.
    callers = [
        *estate.granted_at(component, users=False),
        *estate.granted_at(component, users=True),
    ]
    clients = {caller: issuer.client_ids[caller] for caller in callers}
    # Only documents about MCP endpoints name the issuer.
    address = issuer.address if component.mcp_endpoints else None
    return Output.all(
        Output.from_input(audiences),
        Output.from_input(clients),
        Output.from_input(address),
    ).apply(
        lambda ids: table(
            estate, component, args.backend, ring, verified_by, *ids
        )
    )


def provision_routes(
    component: Component,
    settings: Settings,
    services: Mapping[str, GatedService],
    ready: Predecessors,
    opts: ResourceOptions,
) -> None:
    """Provision the routes of one component, each to the gated service of its backend.

    Routes come after the guards, so that an unfinished service answers 404. `ready` are
    certificates, before which nothing can be called.
    """
    gateway = settings.gateway
    stack = settings.stack.name
    for plan in routes(component):
        service = services[plan.backend]
        guards = [guard.resource for guard in service.guards]
        kong.Route(
            f"{component.key}-{plan.role}-{plan.backend}",
            name=names.route(stack, component, plan.backend, plan.role),
            service_id=service.resource.id,
            protocols=[gateway.scheme],
            hosts=list(plan.hosts),
            paths=plan.kong_paths,
            methods=list(plan.methods),
            regex_priority=plan.priority,
            https_redirect_status_code=308 if gateway.redirect else 426,
            **FIXED,
            tags=names.tags(stack, component),
            opts=_after(opts, [*guards, *ready]),
        )
