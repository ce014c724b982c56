"""The whole check of a stack by the verb `verify`: its Kong and its cluster.

It finds decisions of Kong that the Applications do not intend, and changes in the cluster. Some
facts come from the stack's outputs: issuers, the keys in their slots, the addresses of workloads.
The outputs also have keys that an issuer withdrew while their tokens are still valid. Somebody with
access to Kong's Admin API cannot change the stack's state.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from kong_oam.access.data import JsonFields, JsonObject, Names
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import Diagnostics, some
from kong_oam.engine.cli import PulumiCliError
from kong_oam.engine.stack_configuration import stack_configuration
from kong_oam.engine.stacks import estate_outputs
from kong_oam.errors import (
    EngineError,
    OperationError,
    ProductError,
    SettingsError,
)
from kong_oam.kong import names, preflight
from kong_oam.kong.account import command_prefix
from kong_oam.kong.addresses import uses_caller_address
from kong_oam.kong.admin import AdminApi, read
from kong_oam.kong.entities import Config, Entities
from kong_oam.kong.intended import Complete, Deployed, intended
from kong_oam.kong.owners import OwnerLookup
from kong_oam.kong.plugins import Schema, config_json
from kong_oam.kong.trait_plugins import features_of, plugins_of
from kong_oam.kubernetes import kubectl
from kong_oam.kubernetes.estate import clusters_of, objects_of, running
from kong_oam.kubernetes.kubectl import KubectlError, Name
from kong_oam.kubernetes.other_pods import OtherPods, other_pods
from kong_oam.kubernetes.other_policies import callers, other_policies
from kong_oam.kubernetes.ownership import FieldChange, changes
from kong_oam.objects.selection import STACK
from kong_oam.traits.upstream_tls.at_kong import authorities
from kong_oam.verify import consumers
from kong_oam.verify.adopted import (
    WayAround,
    older_routes,
    ways_around,
    without,
)
from kong_oam.verify.deviations import Deviation, ModelMismatchError, compare
from kong_oam.verify.drift import Drift, drifts, with_intended_names
from kong_oam.verify.live_gateway import LiveGateway
from kong_oam.verify.nodes import StaleNode, readable
from kong_oam.verify.terms import Terms


class VerificationError(OperationError):
    """The check failed, since the gateway, the cluster or the outputs cannot be read."""


@dataclass(frozen=True, slots=True)
class Reason:
    """An entity of the gateway, or a field of an object, that differs, with its remedy.

    `remedy`: the command that repairs it; empty if another `stack` has to act, or if the command of
    another reason is enough. `used_by`: the other users of an entity that the command removes, in
    words.
    """

    text: str
    remedy: str
    stack: str = ""
    used_by: Names = ()


@dataclass(frozen=True, slots=True)
class Result:
    """The findings of a check of the gateway, the worst first, each with its reasons."""

    findings: tuple[tuple[Deviation, tuple[Reason, ...]], ...]
    # The number of checked components.
    components: int
    # Ways of an older configuration, which the stack accepts until its date.
    known: tuple[WayAround, ...] = ()
    # Warnings about Kong's version.
    warnings: Diagnostics = ()
    # Nodes without a database that do not have the document.
    stale: tuple[StaleNode, ...] = ()


@dataclass(frozen=True, slots=True)
class Altered:
    """An object of the cluster that changed since the last run."""

    # `Deployment 'namespace/name'`, with the cluster unless it is the stack's own.
    name: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Workloads:
    """The altered objects of the cluster, and how many were looked at."""

    altered: tuple[Altered, ...]
    objects: int


def verify(
    settings: Settings, estate: Estate, outputs: Path | None = None
) -> Result:
    """Compare the stack's Kong with the estate. Raises VerificationError.

    `outputs`: a file with the output of `pulumi stack output --json`.
    """
    name = settings.stack.name
    deployed = _deployed(settings, outputs)
    absent = _not_deployed(settings, estate, deployed)
    if absent:
        command = (
            "python -m kong_oam" if settings.stack.partitions else "pulumi"
        )
        raise VerificationError(
            f"'{name}' has never deployed {some(absent)}, which the Applications here expose; run "
            f"`{command} up -s {name}`, or verify with the deployed Applications"
        )
    facts, live, stale = _read(settings, estate)
    keeps_records = settings.gateway.logs is not None
    complete = partial(_complete, facts.schemas, keeps_records)
    result = judge(settings, estate, deployed, live, complete)
    return replace(result, warnings=facts.warnings, stale=stale)


def _read(
    settings: Settings, estate: Estate
) -> tuple[preflight.GatewayFacts, Entities, tuple[StaleNode, ...]]:
    """Return the facts, the entities and the stale nodes of the stack's Kong."""
    edition = settings.gateway.edition
    configuration = stack_configuration(settings.stack.name)
    try:
        with readable(settings, configuration) as kong:
            more = plugins_of(settings, estate)
            by_address = uses_caller_address(estate)
            facts = preflight.inspect(
                kong.account,
                edition,
                more,
                by_address=by_address,
                features=features_of(estate),
                only_reads=True,
            )
            with AdminApi(kong.account) as admin:
                return facts, read(admin), kong.stale
    except (EngineError, ProductError, SettingsError) as error:
        raise VerificationError(str(error)) from None


def judge(
    settings: Settings,
    estate: Estate,
    deployed: Deployed,
    live: Entities,
    complete: Complete,
) -> Result:
    """Compare the read entities of Kong with the estate. Raises VerificationError."""
    terms = Terms.of(settings, estate, deployed, complete)
    known = replace(deployed, authorities=authorities(live.authorities))
    wanted = intended(settings, estate, known, complete)
    live = with_intended_names(live, wanted)
    ways: tuple[WayAround, ...] = ()
    if settings.adopts:
        older = older_routes(live, wanted, estate)
        ways = tuple(ways_around(live, older, terms))
        live = without(live, older)
    is_base = settings.partition is None
    lookup = OwnerLookup(settings.stack.name, settings.partition, is_base)
    drifted = drifts(live, wanted, lookup)
    drifted |= consumers.vanished(estate, live)
    with_others = consumers.with_consumers(wanted, estate)
    wanted = replace(wanted, consumers=with_others)
    try:
        deviations = compare(
            estate,
            LiveGateway(live, terms),
            LiveGateway(wanted, terms),
            drifted,
        )
    except ModelMismatchError as error:
        raise VerificationError(
            f"this check contradicts the model, which is a bug; report it: {error}"
        ) from None
    named: set[str] = set()
    for deviation in deviations:
        named.update(deviation.causes)
    for label, drift in drifted.items():
        # It changes no decision but breaks a promise.
        if drift.misplaced and label not in named:
            deviations += (Deviation("weakened", (label,)),)
    findings = tuple(
        (deviation, _reasons(settings, deviation, drifted))
        for deviation in deviations
    )
    return Result(findings, len(estate.exposed), ways)


def _reasons(
    settings: Settings, deviation: Deviation, drifted: Mapping[str, Drift]
) -> tuple[Reason, ...]:
    """Return the reasons of a finding, in the order of its causes."""
    reasons = []
    kept = _causes_to_keep(deviation, drifted)
    for cause in deviation.causes:
        drift = drifted[cause]
        remedy = ""
        used_by = []
        if cause not in kept:
            remedy = "" if drift.stack else _remedy(settings, drift)
            for label, owner in drift.used_by.items():
                if label not in deviation.causes:
                    used_by.append(f"{label} ({owner})")
        reasons.append(Reason(drift.text, remedy, drift.stack, tuple(used_by)))
    return tuple(reasons)


def _causes_to_keep(
    deviation: Deviation, drifted: Mapping[str, Drift]
) -> list[str]:
    """Return the causes of a finding that need no removal.

    A service and its Upstream take no calls without a route. Kong deletes no service with routes,
    and an Upstream may have other services.
    """
    kept = []
    for cause in deviation.causes:
        request = drifted[cause].request
        is_removed = request is not None and request.fields is None
        if is_removed and cause.startswith(("service ", "upstream ")):
            kept.append(cause)
    has_service = any(cause.startswith("service ") for cause in kept)
    return kept if has_service else []


def workloads(settings: Settings, estate: Estate) -> Workloads:
    """Find changes in the objects of the stack's components. Raises VerificationError."""
    altered: list[Altered] = []
    count = 0
    for cluster in clusters_of(estate):
        wanted = {
            kubectl.name_of(manifest): manifest
            for manifest in objects_of(estate, settings, cluster)
        }
        altered += _altered(settings, estate, cluster, wanted)
        count += len(wanted)
    return Workloads(tuple(altered), count)


def _altered(
    settings: Settings,
    estate: Estate,
    cluster: str | None,
    wanted: Mapping[Name, JsonFields],
) -> Iterator[Altered]:
    """Yield the objects of a cluster that changed since the last run."""
    context = settings.cluster.context_of(cluster)
    sites = []
    for component in running(estate):
        sites += [
            site
            for site in component.instances
            if site.workload.cluster == cluster
        ]
    try:
        live = kubectl.read(context, wanted.values())
        reached = list(other_pods(context, sites))
        opened = list(other_policies(context, sites, wanted))
    except KubectlError as error:
        raise VerificationError(
            f"{error}; to compare only the gateway, pass --only gateway"
        ) from None
    where = f" in cluster '{cluster}'" if cluster else ""
    for name in sorted(wanted):
        if name not in live:
            reasons = [_reason(settings, context, name, FieldChange(""))]
        elif stack := _other_stack(settings, live[name]):
            reasons = [
                Reason(f"it belongs to stack '{stack}'", "", stack=stack)
            ]
        else:
            reasons = [
                _reason(settings, context, name, change)
                for change in changes(wanted[name], live[name])
            ]
        if reasons:
            yield Altered(kubectl.shown(name) + where, tuple(reasons))
    for pods in reached:
        yield _misdirected_service(pods, where)
    for policy, components in opened:
        yield _opening_policy(settings, policy, components, where)


def _misdirected_service(pods: OtherPods, where: str) -> Altered:
    """Return the Service or NetworkPolicy for a named Service that also selects pods of others."""
    component = pods.component
    text = (
        f"it also selects pods of {some(pods.owners)}, "
        f"so the rules of '{component.key}' open them"
    )
    remedy = f"remove the podLabels at {pods.named.position} from these pods, or use other labels"
    kind = "Service" if component.is_named_service_routed else "NetworkPolicy"
    name = f"{kind} '{component.workload.namespace}/{pods.named.ours}'{where}"
    return Altered(name, (Reason(text, remedy),))


def _opening_policy(
    settings: Settings, policy: JsonObject, components: list[str], where: str
) -> Altered:
    """Return a NetworkPolicy of others that lets callers in to pods of components."""
    text = (
        f"it adds callers to pods of {some(components)}, whose access traits decide: "
        f"{some(callers(policy), '; ')}"
    )
    stack = _other_stack(settings, policy) or ""
    remedy = (
        "ask its owner to remove it, or turn it off in its chart; `internal` in an access trait "
        "admits callers"
    )
    name = kubectl.shown(kubectl.name_of(policy)) + where
    return Altered(name, (Reason(text, remedy, stack),))


def _other_stack(settings: Settings, manifest: JsonObject) -> str | None:
    """Return the stack in an object's label if it is another stack."""
    labels = manifest.get("metadata", {}).get("labels") or {}
    stack: str | None = labels.get(STACK)
    return stack if stack != settings.stack.name else None


def _reason(
    settings: Settings,
    context: str | None,
    name: Name,
    change: FieldChange,
) -> Reason:
    up = _up(settings)
    if change.by is None:
        return Reason(f"{change.path} is gone".strip(), up)
    author = f"by {change.by}"
    if change.since:
        author += f" at {change.since}"
    if change.patch is None:
        return Reason(f"{change.path} was changed {author}", up)
    command = kubectl.patch(context, name, change.patch)
    if name[1] == "Secret":  # the program's keys in a Secret are unknown here
        return Reason(
            f"{change.path} was written {author}", f"{command} && {up}"
        )
    return Reason(f"{change.path} was added {author}", command)


def _up(settings: Settings) -> str:
    prefix = command_prefix(settings)
    if settings.stack.partitions and settings.partition is None:
        name = settings.stack.name
        return (
            f"{prefix}python -m kong_oam refresh -s {name} --yes && "
            f"{prefix}python -m kong_oam up -s {name} --yes"
        )
    return f"{prefix}pulumi up -s {settings.engine_stack} --refresh"


def _remedy(settings: Settings, drift: Drift) -> str:
    """Return the shell command that repairs the drift."""
    up = _up(settings)
    if drift.request is None:
        return up
    request = drift.request
    workspace = (
        f"/{settings.gateway.workspace}" if settings.gateway.workspace else ""
    )
    where = f'-H "Kong-Admin-Token: $KONG_ADMIN_TOKEN" $KONG_ADMIN_ADDR{workspace}{request.path}'
    if request.fields is None:
        command = f"curl -X DELETE {where}"
    else:
        body = shlex.quote(json.dumps(request.fields))
        command = f'curl -X PATCH -H "Content-Type: application/json" -d {body} {where}'
    if prefix := command_prefix(settings):
        # Inside `dbless`, a shell reads the address.
        command = f"{prefix}sh -c {shlex.quote(command)}"
    return f"{command} && {up}" if request.then_up else command


def _complete(
    schemas: Mapping[str, Schema],
    keeps_records: bool,
    name: str,
    config: Config,
) -> Config:
    completed: JsonObject = json.loads(
        config_json(schemas[name], name, config, keeps_records=keeps_records)
    )
    return completed


def _not_deployed(
    settings: Settings, estate: Estate, deployed: Deployed
) -> list[str]:
    """Return the exposed components whose workloads' addresses are missing in the outputs."""
    absent = set()
    for component in estate.exposed:
        for backend in component.backends:
            service = names.service(settings.stack.name, component, backend)
            if service not in deployed.upstreams:
                absent.add(component.key)
    return sorted(absent)


def _deployed(settings: Settings, file: Path | None) -> Deployed:
    """Return the facts of the deployment, from the stack's outputs or a file with them."""
    stack = settings.stack.name
    try:
        values = (
            json.loads(file.read_text("utf-8"))
            if file
            else estate_outputs(settings)
        )
    except PulumiCliError as error:
        raise VerificationError(str(error)) from None
    except (OSError, ValueError) as error:
        raise VerificationError(
            f"the outputs of stack '{stack}' cannot be read: {error}"
        ) from None
    if not isinstance(values, dict):
        raise VerificationError(
            f"the outputs of stack '{stack}' are not a JSON object"
        )
    try:
        return Deployed.from_outputs(values)
    except KeyError as missing:
        raise VerificationError(
            f"the outputs of stack '{stack}' lack {missing}; run `pulumi up -s {stack}` once"
        ) from None
