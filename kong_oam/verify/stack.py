"""The whole check of a stack, as the verb `verify` of `python -m kong_oam` does it: its Kong and
its cluster.

It tells where Kong decides otherwise than the Applications here mean, and what somebody changed in
the cluster. What only the deployment knows (issuers, the keys in their slots, where workloads are)
comes from the stack's outputs: they also name keys that an issuer has withdrawn while tokens may
still be signed with them, and whoever can write to Kong's Admin API cannot write to the stack's
state.
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
from kong_oam.diagnostics import some
from kong_oam.engine.cli import PulumiCliError
from kong_oam.engine.stack_configuration import of_stack
from kong_oam.engine.stacks import outputs_of
from kong_oam.errors import (
    EngineError,
    OperationError,
    ProductError,
    SettingsError,
)
from kong_oam.kong import names, preflight
from kong_oam.kong.account import account
from kong_oam.kong.addresses import asked_for
from kong_oam.kong.admin import AdminApi, read
from kong_oam.kong.entities import Config, Entities
from kong_oam.kong.extras import kinds
from kong_oam.kong.intended import Complete, Deployed, intended
from kong_oam.kong.owners import Asking
from kong_oam.kong.plugins import Schema, config_json
from kong_oam.kubernetes import kubectl
from kong_oam.kubernetes.estate import clusters_of, objects_of, running
from kong_oam.kubernetes.other_pods import OtherPods, other_pods
from kong_oam.kubernetes.ownership import FieldChange, changes
from kong_oam.objects.selection import STACK
from kong_oam.traits.upstream_tls.at_kong import authorities
from kong_oam.verify.deviations import Deviation, ModelMismatchError, compare
from kong_oam.verify.drift import Drift, drifts, recognised
from kong_oam.verify.live_gateway import LiveGateway
from kong_oam.verify.terms import Terms


class VerificationError(OperationError):
    """The gateway, the cluster or the outputs cannot be read, so nothing can be said. The message
    says what to do."""


@dataclass(frozen=True, slots=True)
class Reason:
    """An entity of the gateway, or a field of an object, that is not as it is meant, and what to do
    about it.

    `remedy`: the command that repairs it; empty where another `stack` has to act, or another
    reason's command is enough. `used_by`: the others that use an entity which the command removes,
    in words.
    """

    text: str
    remedy: str
    stack: str = ""
    used_by: Names = ()


@dataclass(frozen=True, slots=True)
class Result:
    """The findings of a check of the gateway, the worst first, each with the reasons that its
    causes are."""

    findings: tuple[tuple[Deviation, tuple[Reason, ...]], ...]
    components: int
    """How many exposed components were looked at."""


@dataclass(frozen=True, slots=True)
class Altered:
    """An object of the cluster that is not as the last run left it."""

    name: str
    """`Deployment 'namespace/name'`, and in which cluster, unless that is the stack's own"""
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Workloads:
    """The altered objects of the cluster, and how many were looked at."""

    altered: tuple[Altered, ...]
    objects: int


def verify(
    settings: Settings, estate: Estate, outputs: Path | None = None
) -> Result:
    """Compares the stack's Kong with the estate. `outputs`: a file with what `pulumi stack output
    --json` prints.

    Raises VerificationError.
    """
    name = settings.stack.name
    deployed = _deployed(settings, outputs)
    absent = _not_deployed(settings, estate, deployed)
    if absent:
        command = (
            "python -m kong_oam" if settings.stack.partitions else "pulumi"
        )
        raise VerificationError(
            f"no run of '{name}' has deployed {some(absent)}, which the Applications here have the "
            f"gateway serve: run `{command} up -s {name}`, or verify with the Applications that "
            "were deployed"
        )
    schemas, live = _read(settings, estate)
    keeps_records = settings.gateway.logs is not None
    complete = partial(_complete, schemas, keeps_records)
    return judge(settings, estate, deployed, live, complete)


def _read(
    settings: Settings, estate: Estate
) -> tuple[Mapping[str, Schema], Entities]:
    """Return the schemas of plugins and the entities that the stack's Kong has."""
    edition = settings.gateway.edition
    try:
        kong = account(settings, of_stack(settings.stack.name))
        more = kinds(settings, estate)
        by_address = asked_for(estate)
        facts = preflight.inspect(kong, edition, more, by_address=by_address)
        with AdminApi(kong) as admin:
            return facts.schemas, read(admin)
    except (EngineError, ProductError, SettingsError) as error:
        raise VerificationError(str(error)) from None


def judge(
    settings: Settings,
    estate: Estate,
    deployed: Deployed,
    live: Entities,
    complete: Complete,
) -> Result:
    """Compares entities of Kong that were read with the estate. Raises VerificationError."""
    terms = Terms.of(settings, estate, deployed, complete)
    known = replace(deployed, authorities=authorities(live.authorities))
    meant = intended(settings, estate, known, complete)
    live = recognised(live, meant)
    is_base = settings.partition is None
    asking = Asking(settings.stack.name, settings.partition, is_base)
    drifted = drifts(live, meant, asking)
    try:
        deviations = compare(
            estate, LiveGateway(live, terms), LiveGateway(meant, terms), drifted
        )
    except ModelMismatchError as error:
        raise VerificationError(
            f"this check reads the gateway otherwise than the model does: {error}"
        ) from None
    named: set[str] = set()
    for deviation in deviations:
        named.update(deviation.causes)
    for label, drift in drifted.items():
        # It changes no decision, and breaks a promise all the same.
        if drift.misplaced and label not in named:
            deviations += (Deviation("weakened", (label,)),)
    findings = tuple(
        (deviation, _reasons(settings, deviation, drifted))
        for deviation in deviations
    )
    return Result(findings, len(estate.exposed))


def _reasons(
    settings: Settings, deviation: Deviation, drifted: Mapping[str, Drift]
) -> tuple[Reason, ...]:
    """Return the reasons of a finding, in the order of its causes."""
    reasons = []
    kept = _kept(deviation, drifted)
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


def _kept(deviation: Deviation, drifted: Mapping[str, Drift]) -> list[str]:
    """Return the causes of a finding that need no removal: a service and its Upstream take no calls
    without a route.

    Kong removes no service that has routes, and an Upstream may have other services.
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
    """Find what somebody changed in the objects of the stack's components. Raises
    VerificationError."""
    altered: list[Altered] = []
    count = 0
    for cluster in clusters_of(estate):
        meant = {
            kubectl.name_of(manifest): manifest
            for manifest in objects_of(estate, settings, cluster)
        }
        altered += _altered(settings, estate, cluster, meant)
        count += len(meant)
    return Workloads(tuple(altered), count)


def _altered(
    settings: Settings,
    estate: Estate,
    cluster: str | None,
    meant: Mapping[kubectl.Name, JsonFields],
) -> Iterator[Altered]:
    """Yield what is not as the last run left it in a cluster."""
    context = settings.cluster.context_of(cluster)
    sites = []
    for component in running(estate):
        sites += [
            site
            for site in component.instances
            if site.workload.cluster == cluster
        ]
    try:
        live = kubectl.read(context, meant.values())
        reached = list(other_pods(context, sites))
    except kubectl.KubectlError as error:
        raise VerificationError(str(error)) from None
    where = f" in cluster '{cluster}'" if cluster else ""
    for name in sorted(meant):
        if name not in live:
            reasons = [_reason(settings, context, name, FieldChange(""))]
        elif stack := _other_stack(settings, live[name]):
            reasons = [Reason(f"it is of stack '{stack}'", "", stack=stack)]
        else:
            reasons = [
                _reason(settings, context, name, change)
                for change in changes(meant[name], live[name])
            ]
        if reasons:
            yield Altered(kubectl.shown(name) + where, tuple(reasons))
    for pods in reached:
        yield _leading_astray(pods, where)


def _leading_astray(pods: OtherPods, where: str) -> Altered:
    """Return the Service that is made for a named one, where it leads to pods of others as well."""
    component = pods.component
    text = f"it leads to pods of {some(pods.owners)}, too, which the rules of '{component.key}' open"
    remedy = f"take the podLabels at {pods.named.position} off these pods, or write others there"
    name = f"Service '{component.workload.namespace}/{pods.named.ours}'{where}"
    return Altered(name, (Reason(text, remedy),))


def _other_stack(settings: Settings, manifest: JsonObject) -> str | None:
    """Return the stack that an object's label names, if that is another one."""
    labels = manifest.get("metadata", {}).get("labels") or {}
    stack: str | None = labels.get(STACK)
    return stack if stack != settings.stack.name else None


def _reason(
    settings: Settings,
    context: str | None,
    name: kubectl.Name,
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
    if (
        name[1] == "Secret"
    ):  # of whose keys nobody here knows which are the program's
        return Reason(
            f"{change.path} was written {author}", f"{command} && {up}"
        )
    return Reason(f"{change.path} was added {author}", command)


def _up(settings: Settings) -> str:
    if settings.stack.partitions and settings.partition is None:
        name = settings.stack.name
        return (
            f"python -m kong_oam refresh -s {name} --yes && "
            f"python -m kong_oam up -s {name} --yes"
        )
    return f"pulumi up -s {settings.engine_stack} --refresh"


def _remedy(settings: Settings, drift: Drift) -> str:
    """The command that repairs the drift, as it is to be given to a shell."""
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
    """Return the components that the gateway is to serve, and of which the outputs do not say where
    a port's workload is."""
    absent = set()
    for component in estate.exposed:
        for backend in component.backends:
            service = names.service(settings.stack.name, component, backend)
            if service not in deployed.upstreams:
                absent.add(component.key)
    return sorted(absent)


def _deployed(settings: Settings, file: Path | None) -> Deployed:
    """Return the facts of the deployment, by the stack's outputs or a file with them."""
    stack = settings.stack.name
    try:
        values = (
            json.loads(file.read_text("utf-8"))
            if file
            else outputs_of(settings)
        )
    except PulumiCliError as error:
        raise VerificationError(str(error)) from None
    except (OSError, ValueError) as error:
        raise VerificationError(
            f"the outputs of stack '{stack}' cannot be read: {error}"
        ) from None
    if not isinstance(values, dict):
        raise VerificationError(
            f"the outputs of stack '{stack}' are no JSON object"
        )
    try:
        return Deployed.from_outputs(values)
    except KeyError as missing:
        raise VerificationError(
            f"the outputs of stack '{stack}' lack {missing}; run `pulumi up -s {stack}` once"
        ) from None
