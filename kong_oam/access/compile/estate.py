"""Compile Applications on a stack into an estate: all names resolved, all grants covered.

All problems are reported at once. An estate exists only if there is no error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import kong_oam.oam.model as oam
from kong_oam.access.compile.before import with_old_callers
from kong_oam.access.compile.clients import (
    callees_of,
    check_scopes,
    compile_clients,
)
from kong_oam.access.compile.component import compile_component
from kong_oam.access.compile.deployment_targets import (
    at_target,
    first_target,
    pods_beside_peers,
    unfederated_clients,
    wrong_targets,
)
from kong_oam.access.compile.directory import Directory
from kong_oam.access.compile.grants import check_role_members
from kong_oam.access.compile.internal import connect_components
from kong_oam.access.compile.objects import judged_objects
from kong_oam.access.compile.partitions import EndpointOwner, wrong_partitions
from kong_oam.access.compile.tools import (
    unconnected_callers,
    unreached_endpoints,
)
from kong_oam.access.compile.upstreams import wrong_upstreams
from kong_oam.access.compile.variants import (
    Form,
    differences,
    first_form_warning,
    part_at,
)
from kong_oam.access.data import Names, PathSegments
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.hosts import hosts_above
from kong_oam.access.memory import Memory
from kong_oam.access.model import (
    Application,
    Component,
    Estate,
    FurtherTarget,
    WorkloadSpec,
)
from kong_oam.access.paths import within, written
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import (
    Diagnostic,
    Diagnostics,
    Findings,
    Report,
    errors,
    ordered,
    printable,
)
from kong_oam.oam.application import Reading, deployable
from kong_oam.oam.topology import unknown_clusters
from kong_oam.objects.component_objects import component_objects, objects_of


@dataclass(frozen=True, slots=True)
class Compiled:
    """The result of a compilation. `estate` is None if, and only if, `diagnostics` have an error.

    `unjudged` are unreadable Applications whose components others name. "" stands for an
    Application without a readable name.
    """

    estate: Estate | None
    diagnostics: Diagnostics
    unjudged: Names = ()

    @property
    def reservation(self) -> str:
        """The end of a sentence about errors: references that are not checked yet. Empty if all
        are."""
        if not self.unjudged:
            return ""
        named = [f"'{printable(name)}'" for name in self.unjudged if name]
        if "" in self.unjudged:
            named.append("Applications in unreadable files")
        return (
            f"; references to {', '.join(named)} "
            "are not checked until all Applications can be read"
        )


def compile_estate(
    reading: Reading, stack: Stack, memory: Memory | None = None
) -> Compiled:
    """Compile the applications of `reading` on `stack`. A `memory` skips components that did not
    change."""
    memory = memory or Memory()
    findings = list(reading.diagnostics)
    if stack.clusters is not None:
        for application in reading.applications:
            findings += unknown_clusters(application, stack.clusters)
    reading = deployable(reading)
    directory = Directory(stack, findings, reading.malformed)
    applications = tuple(_unique_applications(reading.applications, findings))
    for application in applications:
        for part in application.components:
            inputs = stack, application.labels, application.annotations
            component, component_findings = memory.recall(
                "component",
                part,
                inputs,
                partial(_component_with_findings, application, part, stack),
            )
            findings += component_findings
            directory.add(component, part)
    check_scopes(directory)
    check_role_members(directory)
    connect_components(directory)
    findings += _shared_hosts(directory.components.values())
    for application in applications:
        components = (
            directory.components[f"{application.name}/{part.name}"]
            for part in application.components
        )
        findings += wrong_targets(application, components, stack)
    findings += pods_beside_peers(directory.components.values(), stack)
    findings += _conflicting_certificates(directory.components.values())
    findings += wrong_partitions(
        applications, directory.components.values(), stack
    )
    findings += wrong_upstreams(
        directory.components, stack, directory.is_unread
    )
    findings += judged_objects(directory, memory)
    compiled = tuple(
        _application(application, directory, memory)
        for application in applications
    )
    compiled = with_old_callers(compiled, findings)
    for finished in compiled:
        findings += unfederated_clients(finished.components, stack)
    unjudged = tuple(sorted(directory.unjudged))
    estate = Estate(stack, compiled, unjudged)
    # Only a sound estate has callers.
    if not errors(findings):
        findings += unconnected_callers(estate)
        findings += unreached_endpoints(estate)
    diagnostics = ordered(findings)
    return Compiled(
        None if errors(diagnostics) else estate, diagnostics, unjudged
    )


def _component_with_findings(
    application: oam.Application, part: oam.ComponentSpec, stack: Stack
) -> tuple[Component, Diagnostics]:
    """Compile a component without looking at others. Return it with its findings."""
    findings: Report = []
    return compile_alone(application, part, stack, findings), tuple(findings)


def compile_alone(
    application: oam.Application,
    part: oam.ComponentSpec,
    stack: Stack,
    out: Report,
) -> Component:
    """Compile `part` in its first place, without its clients.

    The findings of all its forms, and differences between forms, are added to `out`.
    """
    component = _compile_first_place(application, part, stack, out)
    disagreements: Report = []
    for target in part.targets:
        if not target.variant:
            continue
        other_part = part_at(part, target)
        # An error in the first form does not hide the errors of this form.
        form_findings: Report = []
        other = _compile_first_place(
            application, other_part, stack, form_findings
        )
        out += form_findings
        if not errors(out):
            first = Form(part, component, part.variants[0])
            second = Form(other_part, other, part.variants[target.variant])
            disagreements += differences(first, second)
    out += first_form_warning(part, component)
    out += disagreements
    return component


def _compile_first_place(
    application: oam.Application,
    part: oam.ComponentSpec,
    stack: Stack,
    out: Report,
) -> Component:
    """Compile `part` with its objects and routes in its first place."""
    target = first_target(part)
    placed = at_target(application, target)
    made = component_objects(placed, part, stack.metadata)
    out += made.wrong
    workload = WorkloadSpec(
        placed.namespace,
        target.cluster,
        part.depends_on,
        made.objects,
        further_targets=_further_targets(application, part),
        properties=part.properties,
    )
    return compile_component(
        application, part, workload, made.routes, stack, out
    )


def _further_targets(
    application: oam.Application, part: oam.ComponentSpec
) -> tuple[FurtherTarget, ...]:
    """Return the component's further places, each once.

    Names in Pulumi's state have a suffix only in the second and later namespaces of a cluster. So
    another namespace leaves the names of the first as they are.
    """
    targets = {}
    first: dict[str | None, str] = {}
    for target in part.targets:
        placed = at_target(application, target)
        cluster = target.cluster
        namespace = placed.namespace
        if (cluster, namespace) in targets:
            continue
        is_first = first.setdefault(cluster, namespace) == namespace
        variant = replace(
            part.in_variant(target.variant), rendered=target.rendered
        )
        targets[cluster, namespace] = FurtherTarget(
            cluster,
            namespace,
            "" if is_first else f"/{namespace}",
            objects_of(placed, variant),
        )
    return tuple(targets.values())[1:]


def _unique_applications(
    applications: Iterable[oam.Application], out: Report
) -> Iterator[oam.Application]:
    """Yield the first application of each name. Report a further application of the same name."""
    first: dict[str, oam.Application] = {}
    for application in applications:
        earlier = first.setdefault(application.name, application)
        if earlier is application:
            yield application
        else:
            message = (
                f"application '{application.name}' is already defined at {earlier.position}; "
                "rename one of them"
            )
            position = application.position.at("metadata", "name")
            out.append(Diagnostic("OAM106", message, position))


def _application(
    source: oam.Application, directory: Directory, memory: Memory
) -> Application:
    components = []
    for part in source.components:
        component = directory.components[f"{source.name}/{part.name}"]
        components.append(_with_clients(component, part, directory, memory))
    return Application(
        source.name,
        source.namespace,
        source.labels,
        source.annotations,
        tuple(components),
    )


def _with_clients(
    component: Component,
    part: oam.ComponentSpec,
    directory: Directory,
    memory: Memory,
) -> Component:
    if component.key not in directory.clients:
        return component
    compiled = partial(_with_all_clients, component, directory)
    callees = callees_of(component, directory)
    # Otherwise the findings depend on more than these values.
    if all(
        callee
        and callee.identity.scopes
        and callee.key not in directory.misnaming
        for callee in callees
    ):
        inputs = (directory.stack, component, callees)
        made, client_findings = memory.recall("clients", part, inputs, compiled)
        if client_findings:  # positions in the callees' files may have moved
            made, client_findings = compiled()
    else:
        made, client_findings = compiled()
    directory.out += client_findings
    return made


def _with_all_clients(
    component: Component, directory: Directory
) -> tuple[Component, Diagnostics]:
    findings: Report = []
    made = compile_clients(component, directory, findings)
    return made, tuple(findings)


def _shared_hosts(components: Iterable[Component]) -> Findings:
    """Find endpoints that take calls, with their tokens, from another owner's endpoint on a shared
    host.

    The longer path wins, and so does the nearer host below a wildcard. Components of one
    application, or of one owner, may take calls from each other.
    """
    exposed: dict[str, dict[PathSegments, EndpointOwner]] = {}
    for component in components:
        for endpoint in component.exposure.endpoints:
            paths = exposed.setdefault(endpoint.host, {})
            owner, earlier = paths.setdefault(
                endpoint.path, (component, endpoint)
            )
            if earlier is not endpoint:
                message = (
                    f"{endpoint.host}{written(endpoint.path)} already belongs to '{owner.key}' "
                    f"({earlier.position}); use another host or path"
                )
                yield Diagnostic("ACC205", message, endpoint.position)
    for paths in exposed.values():
        for component, endpoint in paths.values():
            for owner, outer in _losing_endpoints(endpoint, exposed):
                one_owner = owner.owner and owner.owner == component.owner
                if not one_owner and owner.application != component.application:
                    yield _shared_host_warning(
                        component, endpoint, owner, outer
                    )


def _shared_host_warning(
    component: Component, endpoint: Endpoint, owner: Component, outer: Endpoint
) -> Diagnostic:
    inner = max(endpoint.path, outer.path, key=len)
    wildcard = outer.host if outer.host != endpoint.host else ""
    message = (
        f"{endpoint.host}{written(inner)} lies below {wildcard}{written(outer.path)} of "
        f"'{owner.key}' ({outer.position}): '{component.key}' gets these calls, and only its rules "
        "apply; agree with the other owner, or use another host"
    )
    return Diagnostic("ACC219", message, endpoint.position, "warning")


def _losing_endpoints(
    endpoint: Endpoint,
    exposed: Mapping[str, Mapping[PathSegments, EndpointOwner]],
) -> Iterator[EndpointOwner]:
    """Yield the endpoints that would get this endpoint's calls without it.

    Such an endpoint has a shorter path on the same host, or on the nearest wildcard above. Longer
    paths on wildcards before that lose calls, too.
    """
    path = endpoint.path
    for host in hosts_above(endpoint.host):
        paths = exposed.get(host, {})
        longest = len(path) - 1
        if host != endpoint.host:
            longest = len(path)
            for below, pair in paths.items():
                if len(below) > len(path) and within(below, path):
                    yield pair
        for length in range(longest, -1, -1):
            if path[:length] in paths:
                yield paths[path[:length]]
                return


def _conflicting_certificates(components: Iterable[Component]) -> Findings:
    """Find hosts with two certificates: Kong would show callers either of them."""
    first: dict[str, EndpointOwner] = {}
    for component in components:
        for endpoint in component.exposure.endpoints:
            if not endpoint.certificate:
                continue
            owner, earlier = first.setdefault(
                endpoint.host, (component, endpoint)
            )
            named = f"{owner.at}/{earlier.certificate}"
            if named != f"{component.at}/{endpoint.certificate}":
                other = f"another certificate at {earlier.position}: '{named}'"
                message = f"{endpoint.host} has {other}; name one certificate for the host"
                yield Diagnostic("ACC215", message, endpoint.position)
