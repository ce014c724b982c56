"""The program: makes of OAM Applications identity, gateway and workload, in one graph.

A project's `__main__.py` calls `deploy`; the stack names the Applications.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.diff.snapshot import OUTPUT, AccessModel, dump_model, exported, model_of
from kong_oam.access.model import Estate
from kong_oam.access.report import access_table, grants
from kong_oam.access.settings.stack import Settings
from kong_oam.engine.state import StackState
from kong_oam.errors import ProductError, SettingsError
from kong_oam.identity.kinds import inspect
from kong_oam.kong import conflicts, preflight
from kong_oam.kong.account import Account
from kong_oam.kong.actual import corrected
from kong_oam.kubernetes import preflight as kubernetes
from kong_oam.oam.application import read_files

from . import settings as config
from .announcement import announce
from .application import Component, provision_components
from .credentials import Rotation
from .gateway.certificates import provision_certificates
from .gateway.gateway import Gateway
from .graph import keep_moved, require_checkpoints, short_traces
from .identity import provision
from .identity.issuer import Issuer
from .process import save_cpu_time
from .refusal import accept, refuse, stop_at
from .state import recorded
from .workload.cluster import provision_cluster
from .workload.environment import elsewhere


@dataclass(frozen=True)
class _Plan:
    """All that is known before anything is provisioned. `certificates` are the stack's own, by name, in PEM."""

    settings: Settings
    estate: Estate
    account: Account
    certificates: Mapping[str, tuple[str, str]]
    facts: preflight.GatewayFacts
    state: StackState


@dataclass(frozen=True)
class _Provisioned:
    """All that was registered: issuers by provider, components by `application/component`."""

    model: AccessModel
    rotation: Rotation
    issuers: Mapping[str, Issuer]
    gateway: Gateway
    components: Mapping[str, Component]


def deploy() -> None:
    """Reads, inspects the products, provisions and exports. Ends the run with one message where something is wrong."""
    save_cpu_time()
    require_checkpoints()
    plan = _plan()
    keep_moved(plan.state.moved)
    with short_traces():
        provisioned = _provision(plan)
    _export(plan, provisioned)


def _plan() -> _Plan:
    try:
        settings = config.load()
        estate = accept(compile_estate(read_files(settings.applications), settings.stack))
        account, certificates = config.kong(settings), config.certificates()
        facts = preflight.inspect(account, settings.gateway.edition)
        state = corrected(recorded(), account)
        findings = [
            finding
            for provider in settings.providers
            for finding in inspect(provider, estate, state.held, state.issuers, config.configuration())
        ]
        findings += conflicts.inspect(account, estate, state.held)
        stop_at([*findings, *kubernetes.inspect(settings, estate, state.held)])
    except (SettingsError, ProductError) as error:
        refuse(error)
    return _Plan(settings, estate, account, certificates, facts, state)


def _provision(plan: _Plan) -> _Provisioned:
    settings, estate, state = plan.settings, plan.estate, plan.state
    model = model_of(estate, settings)
    announce(model, state)
    rotation = Rotation(estate, settings.as_of, state)
    issuers = {provider.name: provision(provider, estate, rotation) for provider in settings.providers}
    gateway = Gateway("gateway", settings, plan.account, plan.facts, estate, issuers, state)
    cluster = provision_cluster(estate, settings)
    components = {
        key: component
        for application in estate.applications
        for key, component in provision_components(application, gateway, issuers, cluster)
    }
    gateway.report_unfinished()
    certificates = provision_certificates(gateway, plan.certificates, cluster.provider)
    for component in components.values():
        component.route(certificates)
    return _Provisioned(model, rotation, issuers, gateway, components)


def _export(plan: _Plan, provisioned: _Provisioned) -> None:
    """Exports the stack's outputs. The next run, the commands and `verify` read them."""
    estate, issuers, gateway = plan.estate, provisioned.issuers, provisioned.gateway
    components = provisioned.components
    pulumi.export("access", access_table(estate))
    pulumi.export("grants", grants(estate))
    pulumi.export(OUTPUT, gateway.once_known(dump_model(provisioned.model), exported(plan.state.outputs) or ""))
    pulumi.export("elsewhere", elsewhere(estate, issuers))
    pulumi.export("enforced", gateway.enforced)
    pulumi.export("keySlots", gateway.slots)
    deployments = {key: component.deployment for key, component in components.items()}
    pulumi.export("credentials", provisioned.rotation.outputs(deployments))
    pulumi.export("issuers", {name: issuer.issuer for name, issuer in issuers.items()})
    pulumi.export(
        "audiences", {key: audience for issuer in issuers.values() for key, audience in issuer.audiences.items()}
    )
    clients = {
        name: {key: client.client_id for key, client in issuer.clients.items()} for name, issuer in issuers.items()
    }
    pulumi.export("clients", clients)
    services = [service for component in components.values() for service in component.gated.values()]
    pulumi.export("upstreams", {service.name: service.upstream.address for service in services})
