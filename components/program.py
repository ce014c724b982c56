"""The program: makes of OAM Applications identity, gateway and workload, in one graph.

A project's `__main__.py` calls `deploy`; the stack names the Applications.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.diff.snapshot import (
    OUTPUT,
    AccessModel,
    dump_model,
    exported,
    model_of,
)
from kong_oam.access.model import Estate
from kong_oam.access.report import access_table, grants
from kong_oam.access.settings.stack import Settings
from kong_oam.engine.state import StackState
from kong_oam.errors import EngineError, ProductError, SettingsError
from kong_oam.identity.common.looked_up import LookedUp
from kong_oam.identity.kinds import inspect, scopes_in
from kong_oam.kong import conflicts, kong_plugin, plugin_schemas, preflight
from kong_oam.kong.account import Account
from kong_oam.kong.actual import corrected
from kong_oam.kong.addresses import asked_for
from kong_oam.kong.extras import kinds
from kong_oam.kong.upstream_tls import needed_authorities
from kong_oam.kubernetes import preflight as kubernetes
from kong_oam.render.stage import read_applications

from . import settings as config
from .announcement import announce, announce_limits, announce_waived
from .application import Component, provision_components
from .base import OUTPUT as BASE
from .base import USES, exported_uses
from .base import exported as exported_base
from .credentials import Rotation
from .gateway.certificates import (
    provision_certificates,
    provision_client_certificate,
    require_client_certificate,
)
from .gateway.gateway import Gateway
from .grants import Grants
from .graph import Moved, require_checkpoints, without_traces
from .identity import provision
from .identity.issuer import Issuer, Provisioning
from .partition import Part, part_of_run
from .process import save_cpu_time
from .refusal import accept, refuse, stop_at
from .state import recorded
from .workload.cluster import provision_clusters
from .workload.environment import elsewhere


@dataclass(frozen=True)
class _Plan:
    """All that is known before anything is provisioned. `certificates` are the stack's own, by
    name, in PEM."""

    settings: Settings
    account: Account
    certificates: Mapping[str, tuple[str, str]]
    facts: preflight.GatewayFacts
    state: StackState
    looked_up: LookedUp
    part: Part

    @property
    def estate(self) -> Estate:
        """What of the estate this run deploys."""
        return self.part.estate


@dataclass(frozen=True)
class _Provisioned:
    """All that was registered: issuers by provider, components by `application/component`."""

    model: AccessModel
    credentials: Mapping[str, pulumi.Output[Mapping[str, Any]]]
    issuers: Mapping[str, Issuer]
    gateway: Gateway
    components: Mapping[str, Component]


def deploy() -> None:
    """Reads, inspects the products, provisions and exports. Ends the run with one message where
    something is wrong."""
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
        settings = config.load()
        reading = read_applications(
            settings.applications,
            settings.definitions,
            settings.stack.minor,
            labels=settings.stack.labels,
        )
        whole = accept(compile_estate(reading, settings.stack))
        before = recorded()
        part = part_of_run(settings, whole, before)
        estate, base = part.estate, part.base
        stop_at(kong_plugin.findings(settings, estate))
        account, certificates = config.kong(settings), config.certificates()
        # The schemas of those that it has are read next.
        stop_at(plugin_schemas.inspect(account, estate))
        more, by_address = kinds(settings, estate), asked_for(estate)
        over_tls = settings.gateway.upstream_tls
        if base is None:
            require_client_certificate(over_tls, certificates)
        ca = needed_authorities(over_tls, estate)
        ca_file = over_tls.file if over_tls else ""
        facts = preflight.inspect(
            account,
            settings.gateway.edition,
            more,
            ca,
            ca_file=ca_file,
            by_address=by_address,
        )
        state = corrected(before, account)
        held = state.held | base.state.held if base else state.held
        issuers = base.state.issuers if base else state.issuers
        looked_up = LookedUp()
        findings = [
            finding
            for provider in settings.providers
            for finding in inspect(
                provider, estate, held, issuers, config.configuration(), looked_up
            )
        ]
        findings += conflicts.inspect(account, settings, estate, held, state)
        stop_at([*findings, *kubernetes.inspect(settings, estate, state)])
    except (EngineError, SettingsError, ProductError) as error:
        refuse(error)
    if facts.address:
        pulumi.log.info(f"kong: {facts.address}")
    return _Plan(settings, account, certificates, facts, state, looked_up, part)


def _provision(plan: _Plan) -> _Provisioned:
    settings, estate, state, base = (
        plan.settings,
        plan.estate,
        plan.state,
        plan.part.base,
    )
    model = model_of(estate, settings)
    if estate.role != "base":
        announce(model, state)
    announce_limits(estate, settings.gateway.redis)
    announce_waived(estate)
    rotation = Rotation(estate, settings.as_of, state)
    granting = Grants(scopes_in(settings.providers, state))
    components = {key: Component(component) for key, component in estate.own.items()}
    issuers = {
        one.name: provision(
            Provisioning(
                one,
                estate,
                rotation,
                granting,
                components,
                plan.looked_up,
                base.providers[one.name] if base else None,
            )
        )
        for one in settings.providers
    }
    gateway = Gateway(
        "gateway", settings, plan.account, plan.facts, estate, issuers, state, base
    )
    if base is None:
        gateway.client_certificate = provision_client_certificate(
            gateway, plan.certificates
        )
    clusters = provision_clusters(estate, settings)
    for application in estate.applications if estate.role != "base" else ():
        provision_components(application, components, gateway, issuers, clusters)
    running = {key: component.running for key, component in components.items()}
    granting.finish(running)
    gateway.warn_of_unknown_tables()
    certificates = provision_certificates(gateway, plan.certificates, clusters)
    credentials = rotation.outputs(running)
    for key, component in components.items():
        component.route(gateway, certificates)
        names = [
            client.name
            for client in estate.own[key].clients
            if client.name in credentials
        ]
        component.record({name: credentials[name] for name in names})
    return _Provisioned(model, credentials, issuers, gateway, components)


def _export(plan: _Plan, provisioned: _Provisioned) -> None:
    """Exports the stack's outputs. The next run, the commands and `verify` read them."""
    outputs = {**_outputs(plan, provisioned), **_to_others(plan, provisioned)}
    for name, value in outputs.items():
        pulumi.export(name, value)


def _outputs(plan: _Plan, provisioned: _Provisioned) -> dict[str, Any]:
    estate, issuers, gateway = plan.estate, provisioned.issuers, provisioned.gateway
    components = provisioned.components
    services = [
        service
        for component in components.values()
        for service in component.gated.values()
    ]
    found: dict[str, Any] = {
        "access": access_table(estate),
        "grants": grants(estate),
        OUTPUT: gateway.once_known(
            dump_model(provisioned.model), exported(plan.state.outputs) or ""
        ),
        "elsewhere": elsewhere(estate, issuers),
        "enforced": gateway.enforced,
        "keySlots": gateway.slots,
        "credentials": provisioned.credentials,
        "issuers": {name: issuer.issuer for name, issuer in issuers.items()},
        "audiences": {
            key: one
            for issuer in issuers.values()
            for key, one in issuer.audiences.items()
        },
        "clients": {
            name: {key: client.client_id for key, client in issuer.clients.items()}
            for name, issuer in issuers.items()
        },
        "upstreams": {service.name: service.upstream.address for service in services},
    }
    if gateway.client_certificate is not None:
        found["clientCertificate"] = gateway.client_certificate
    return found


def _to_others(plan: _Plan, provisioned: _Provisioned) -> dict[str, Any]:
    """What the other stacks of the estate read, where there are some."""
    estate, gateway = plan.estate, provisioned.gateway
    if plan.part.base is not None:
        return {
            USES: exported_uses(estate, plan.state, gateway.as_meant),
            "generation": plan.part.base.generation,
        }
    if estate.role != "base":
        return {}
    providers = {name: issuer.made for name, issuer in provisioned.issuers.items()}
    return {
        "kept": [*plan.part.kept],
        BASE: exported_base(
            estate, plan.state, plan.part.made_with, providers, gateway.made
        ),
    }
