"""The program: provisions identity, gateway and workloads from OAM Applications, in one graph.

A project's `__main__.py` calls `deploy`; the stack names the Applications.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import Output, ResourceOptions, log

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.snapshot import OUTPUT, dump_model, exported_model
from kong_oam.access.model import Estate
from kong_oam.access.report import access_table, grants
from kong_oam.access.settings.values import Settings
from kong_oam.adopt.sync import sync_findings
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import StackState
from kong_oam.errors import EngineError, ProductError, SettingsError
from kong_oam.identity.kinds import describe, inspect, proofs_in, scopes_in
from kong_oam.invariants.findings import invariant_findings
from kong_oam.kong import conflicts, preflight, upstream_hosts
from kong_oam.kong.account import Account
from kong_oam.kong.actual import corrected_state
from kong_oam.kong.addresses import uses_caller_address
from kong_oam.kong.old_credential_findings import (
    findings as old_credentials_found,
)
from kong_oam.kong.revisions import OUTPUT as REVISIONS
from kong_oam.kong.revisions import revisions
from kong_oam.kong.trait_plugins import features_of, plugins_of
from kong_oam.kong.upstreams import used_upstreams
from kong_oam.kubernetes import preflight as kubernetes
from kong_oam.oam.position import Fields, JsonObject, Texts
from kong_oam.render.stage import read_applications
from kong_oam.traits.kong_plugin import schemas
from kong_oam.traits.kong_plugin.findings import findings as plugins_found
from kong_oam.traits.upstream_tls.at_kong import needed_authorities

from . import settings as config
from .announcement import (
    announce,
    announce_audiences,
    announce_redis,
    announce_waived,
)
from .application import (
    DeployedComponent,
    Deployment,
    DeploymentArgs,
    Deployments,
    deploy_components,
)
from .base import OUTPUT as BASE
from .base import USES, exported_uses
from .base import exported as exported_base
from .credentials import Rotation
from .gateway.certificates import (
    provision_certificates,
    require_certificates,
    require_client_certificate,
)
from .gateway.enforcement import (
    are_current,
    enforced,
    once_known,
    warn_of_unknown_tables,
)
from .gateway.gateway import Gateway, GatewayArgs
from .gateway.service import GatedService, Plugin
from .graph import Moved, without_traces
from .identity import provision
from .identity.issuer import IssuerArgs, Issuers, finish_clients
from .partition import Part, part_of_run
from .process import save_cpu_time
from .refusal import refuse, require_checkpoints, stop_at
from .state import recorded
from .workload.cluster import provision_clusters
from .workload.environment import client_environment, elsewhere


@dataclass(frozen=True)
class _Plan:
    """The facts of a run before it provisions anything. `certificates` are the stack's own, by
    name, in PEM; `groups` the ids of groups that roles name, by provider."""

    settings: Settings
    account: Account
    certificates: Mapping[str, tuple[str, str]]
    facts: preflight.GatewayFacts
    state: StackState
    groups: Mapping[str, Texts]
    part: Part

    @property
    def estate(self) -> Estate:
        return self.part.estate


@dataclass(frozen=True)
class _Provisioned:
    """The registered resources: issuers by provider, deployments by component key."""

    model: AccessModel
    credentials: Mapping[str, Output[Fields]]
    issuers: Issuers
    gateway: Gateway
    deployments: Mapping[str, Deployment]

    @property
    def services(self) -> list[GatedService]:
        services: list[GatedService] = []
        for deployment in self.deployments.values():
            services += deployment.services.values()
        return services

    @property
    def plugins(self) -> list[Plugin]:
        plugins: list[Plugin] = []
        for service in self.services:
            plugins += service.guards
        return plugins


def deploy() -> None:
    """Read, inspect the products, provision and export. End the run with one message if there is an
    error."""
    save_cpu_time()
    require_checkpoints()
    plan = _plan()
    moved = Moved(plan.state.urns)
    with without_traces():
        provisioned = _provision(plan)
    moved.announce()
    _export(plan, provisioned)


def _plan() -> _Plan:
    try:
        settings = config.load(describe)
        reading = read_applications(
            settings.applications,
            settings.definitions,
            settings.stack.minor,
            labels=settings.stack.labels,
        )
        # The run asks no product before it knows that it can deploy.
        compiled = compile_estate(reading, settings.stack)
        stop_at(
            compiled.diagnostics,
            f"in the Applications; nothing was provisioned{compiled.reservation}",
        )
        assert compiled.estate is not None
        # A partition's run deploys a part, but invariants hold for the whole estate.
        stop_at(
            invariant_findings(settings, compiled.estate).errors,
            "about invariants; nothing was provisioned",
        )
        # Read the state before the first registration, which changes it.
        before = recorded()
        part = part_of_run(settings, compiled.estate, before)
        estate = part.estate
        base = part.base
        stop_at(plugins_found(settings, estate))
        stop_at(old_credentials_found(settings, estate))
        account = config.kong(settings)
        certificates = config.certificates()
        # Report plugins that Kong lacks first; then read the schemas of all others.
        stop_at(schemas.inspect(account, estate))
        more = plugins_of(settings, estate)
        by_address = uses_caller_address(estate)
        over_tls = settings.gateway.upstream_tls
        if base is None:
            require_client_certificate(over_tls, certificates)
        require_certificates(estate, certificates)
        ca = needed_authorities(over_tls, estate)
        ca_file = over_tls.file if over_tls else ""
        facts = preflight.inspect(
            account,
            settings.gateway.edition,
            more,
            ca,
            ca_file=ca_file,
            by_address=by_address,
            features=features_of(estate),
        )
        # After a failed run the state has the intended rules, which may differ from Kong's.
        state = corrected_state(before, account)
        held = (
            state.recorded_names | base.state.recorded_names
            if base
            else state.recorded_names
        )
        issuers = base.state.issuers if base else state.issuers
        findings: list[Diagnostic] = [*facts.warnings]
        if settings.gateway.adopted:
            findings += sync_findings(settings.gateway.adopted.deck)
        groups = {}
        for provider in settings.providers:
            inspection = inspect(
                provider, estate, held, issuers, config.configuration()
            )
            findings += inspection.findings
            groups[provider.name] = inspection.groups
        findings += conflicts.inspect(account, settings, estate, held, state)
        findings += kubernetes.inspect(settings, estate, state)
        findings += upstream_hosts.inspect(
            settings,
            estate,
            account.admin_url,
            state.outputs.get("upstreams") or {},
        )
        stop_at(findings)
    except (EngineError, SettingsError, ProductError) as error:
        refuse(error)
    if facts.address:
        log.info(f"kong: {facts.address}")
    return _Plan(
        settings=settings,
        account=account,
        certificates=certificates,
        facts=facts,
        state=state,
        groups=groups,
        part=part,
    )


def _provision(plan: _Plan) -> _Provisioned:
    settings = plan.settings
    estate = plan.estate
    state = plan.state
    base = plan.part.base
    model = model_of(estate, settings)
    # The first line of a preview, before anything slow.
    if estate.role != "base":
        announce(model, state)
    announce_redis(estate, settings.gateway.redis)
    announce_waived(estate)
    announce_audiences(estate)
    rotation = Rotation(
        estate, settings.as_of, state.credentials, proofs_in(state)
    )
    scopes_before = scopes_in(settings.providers, state)
    # Providers lay clients under their components, so the components come first.
    components = {key: DeployedComponent(key) for key in estate.own}
    issuers = {
        provider.name: provision(
            IssuerArgs(
                provider,
                estate,
                rotation,
                scopes_before,
                components,
                plan.groups[provider.name],
                base.providers[provider.name] if base else None,
            )
        )
        for provider in settings.providers
    }
    gateway_args = GatewayArgs(
        settings=settings,
        account=plan.account,
        facts=plan.facts,
        issuers=issuers,
        key_slots=state.outputs.get("keySlots") or {},
        certificates=plan.certificates,
        base=base,
    )
    gateway = Gateway("gateway", gateway_args)
    deployments = _deploy(plan, gateway, issuers, components)
    # The workloads with a client's credentials; empty for components that run elsewhere.
    running = {
        key: deployments[key].resources if key in deployments else []
        for key in components
    }
    # Pods that request a lost scope get no tokens, so the pods roll first.
    credentials = finish_clients(issuers, running)
    for key, component in components.items():
        names = [client.name for client in estate.own[key].identity.clients]
        held = {
            name: credentials[name] for name in names if name in credentials
        }
        component.register_outputs({"credentials": held} if held else {})
    provisioned = _Provisioned(
        model=model,
        credentials=credentials,
        issuers=issuers,
        gateway=gateway,
        deployments=deployments,
    )
    warn_of_unknown_tables(
        {
            service.args.kong_name: service.table
            for service in provisioned.services
        }
    )
    return provisioned


def _deploy(
    plan: _Plan,
    gateway: Gateway,
    issuers: Issuers,
    components: Mapping[str, DeployedComponent],
) -> Deployments:
    """Deploy all components of this stack. The base of an estate deploys none."""
    settings = plan.settings
    estate = plan.estate
    clusters = provision_clusters(estate, settings)
    at_gateway = ResourceOptions(
        parent=gateway, provider=gateway.workspace.provider
    )
    args = DeploymentArgs(
        estate=estate,
        settings=settings,
        parents=components,
        clients={
            key: client_environment(component, estate, issuers)
            for key, component in estate.own.items()
        },
        workspace=gateway.workspace,
        clusters=clusters,
        plugins=plan.state.plugins,
        ready=provision_certificates(
            estate, plan.certificates, clusters, at_gateway
        ),
        used=used_upstreams(plan.state.recorded_names),
        settle=plan.facts.settle,
    )
    deployments: Deployments = {}
    for application in estate.applications if estate.role != "base" else ():
        deployments |= deploy_components(application, args)
    return deployments


def _export(plan: _Plan, provisioned: _Provisioned) -> None:
    """Export the stack's outputs. The next run, the commands and `verify` read them."""
    outputs = {
        **_outputs(plan, provisioned),
        **_outputs_for_other_stacks(plan, provisioned),
    }
    for name, value in outputs.items():
        pulumi.export(name, value)


def _outputs(plan: _Plan, provisioned: _Provisioned) -> JsonObject:
    estate = plan.estate
    state = plan.state
    issuers = provisioned.issuers
    fingerprint = enforced(provisioned.plugins, state, plan.account)
    audiences: dict[str, Output[str]] = {}
    for issuer in issuers.values():
        audiences |= issuer.audiences
    upstreams = {
        service.args.kong_name: service.upstream.address
        for service in provisioned.services
        if service.upstream
    }
    outputs: JsonObject = {
        "access": access_table(estate),
        "grants": grants(estate),
        OUTPUT: once_known(
            dump_model(provisioned.model),
            exported_model(state.outputs) or "",
            fingerprint,
            state,
        ),
        REVISIONS: once_known(
            revisions(estate, plan.settings.gateway.edition),
            state.outputs.get(REVISIONS) or {},
            fingerprint,
            state,
        ),
        "elsewhere": elsewhere(estate, issuers),
        "enforced": fingerprint,
        "keySlots": provisioned.gateway.slots,
        "credentials": provisioned.credentials,
        "issuers": {name: issuer.issuer for name, issuer in issuers.items()},
        "audiences": audiences,
        "clients": {
            name: issuer.client_ids for name, issuer in issuers.items()
        },
        "upstreams": upstreams,
    }
    certificate = provisioned.gateway.workspace.client_certificate
    if certificate is not None:
        outputs["clientCertificate"] = certificate
    return outputs


def _outputs_for_other_stacks(
    plan: _Plan, provisioned: _Provisioned
) -> JsonObject:
    """Return the values that other stacks of the estate read, if it has other stacks."""
    estate = plan.estate
    part = plan.part
    if part.base is not None:
        as_meant = are_current(provisioned.plugins)
        return {
            USES: exported_uses(estate, plan.state, as_meant),
            "generation": part.base.generation,
        }
    if estate.role != "base":
        return {}
    providers = {
        name: issuer.recorded for name, issuer in provisioned.issuers.items()
    }
    return {
        "kept": [*part.kept],
        BASE: exported_base(
            estate,
            plan.state,
            part.made_with,
            providers,
            provisioned.gateway.recorded,
        ),
    }
