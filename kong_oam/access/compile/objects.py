"""Check that the Kubernetes objects of an estate open nothing that access rules close."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

from kong_oam.access.compile.directory import Directory
from kong_oam.access.data import NameSets
from kong_oam.access.memory import Memory
from kong_oam.access.model import Component
from kong_oam.diagnostics import Diagnostic, Diagnostics, Findings
from kong_oam.objects.component import JudgedComponent, NamespacedName, Rules
from kong_oam.objects.component_pods import component_pods, network_policy_name
from kong_oam.objects.judge import judge, refused_alone
from kong_oam.objects.manifests import client_secret_name
from kong_oam.traits.upstream_tls.value import (
    UPSTREAM_TLS,
    names_at,
    tls_secret_name,
)

_SERVICE_ACCOUNT = ("", "ServiceAccount")
_SERVICE_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


def judged_objects(directory: Directory, memory: Memory) -> Findings:
    """Yield the findings about the objects of all workloads, and about duplicate names."""
    sites: list[Component] = []
    for component in directory.components.values():
        if not component.outside:
            sites += component.instances
    for component in sites:
        if component.name != component.name.lower():
            yield from _capital_findings(component)
    stack = directory.stack
    rules = Rules(
        stack.allowed,
        stack.rbac,
        stack.reach,
        stack.gateway_namespace,
        stack.service_types,
        stack.operator_labels,
        stack.metadata,
        stack.rights,
    )
    secrets_by_key: NameSets = {}
    credentials = _credentials(directory)
    yield from _exposed_credentials(sites, credentials)
    yield from _shared_tls_secrets(sites, credentials)
    for (_, secret), components in credentials.items():
        for component in components:
            secrets_by_key.setdefault(component.key, set()).add(secret)

    def judged_component(site: Component) -> JudgedComponent:
        own = frozenset(secrets_by_key.get(site.key, ()))
        client = site.key in directory.clients
        make = partial(_judged_component, site, own, client=client)
        return memory.recall("judged", site, (own, client), make)

    def alone(site: JudgedComponent, by: Rules) -> Diagnostics:
        return memory.recall(
            "alone", site, by, partial(refused_alone, site, by)
        )

    # Objects in different clusters do not affect each other.
    by_cluster: dict[str | None, list[JudgedComponent]] = {}
    for site in sites:
        by_cluster.setdefault(site.workload.cluster, []).append(
            judged_component(site)
        )
    for judged in by_cluster.values():
        yield from judge(judged, rules, alone)


def _exposed_credentials(
    sites: Iterable[Component], credentials: _Owners
) -> Findings:
    """Find hosts whose certificate is a client's credential: Kong would receive it."""
    for component in sites:
        for endpoint in component.exposure.endpoints:
            name = endpoint.certificate
            if name and (
                owners := credentials.get((component.workload.namespace, name))
            ):
                owner = min(holder.key for holder in owners)
                message = (
                    f"certificate '{name}' of host '{endpoint.host}' is the client credential of "
                    f"'{owner}'; name a Secret of type kubernetes.io/tls"
                )
                yield Diagnostic("ACC217", message, endpoint.position)


def _shared_tls_secrets(
    sites: Iterable[Component], credentials: _Owners
) -> Findings:
    """Find workloads whose TLS Secret belongs to another component.

    The Secret may be another workload's, a client's credential, or a certificate that the gateway
    shows for another component.
    """
    sites = tuple(sites)
    first: dict[tuple[str | None, str, str], Component] = {}
    certificate_owners: dict[NamespacedName, list[str]] = {}
    for component in sites:
        for name in _certificate_secrets(component):
            certificate_owners.setdefault(
                (component.workload.namespace, name), []
            ).append(component.key)
    for component in sites:
        over_tls = component.traits.get(UPSTREAM_TLS)
        if over_tls is None or over_tls.secret is None:
            continue
        secret = over_tls.secret
        place = component.workload.namespace, secret
        owner = first.setdefault(
            (component.workload.cluster, *place), component
        )
        owners = {*certificate_owners.get(place, ())} - {component.key}
        owners.update(holder.key for holder in credentials.get(place, ()))
        if owners or owner is not component:
            message = (
                f"Secret '{secret}' is the credential of '{min(owners, default=owner.key)}'; name "
                "a Secret that only this workload uses"
            )
            yield Diagnostic(
                "ACC217", message, over_tls.position or component.position
            )


def _judged_component(
    component: Component, credentials: frozenset[str], *, client: bool
) -> JudgedComponent:
    over_tls = component.traits.get(UPSTREAM_TLS)
    # Routes lead only to the first place.
    routed = (
        () if component.workload.further_target else component.exposure.services
    )
    return JudgedComponent(
        component.application,
        component.name,
        component.workload.namespace,
        component.type,
        component.position.at("name"),
        component.workload.cluster,
        objects=component.workload.rendered,
        made=tuple(_added_objects(component, client=client)),
        named=component.workload.named_service,
        routed=frozenset(service for service, _ in routed),
        connected=bool(component.connections),
        credentials=credentials,
        keys=frozenset({over_tls.secret})
        if over_tls and over_tls.secret
        else frozenset(),
        shown=_certificate_secrets(component),
        certified=frozenset(_certificate_names(component)),
    )


def _certificate_secrets(component: Component) -> frozenset[str]:
    """Return the Secrets of the certificates that the gateway shows for the component's hosts."""
    certificates = (
        endpoint.certificate for endpoint in component.exposure.endpoints
    )
    return frozenset(filter(None, certificates))


def _certificate_names(component: Component) -> Iterator[str]:
    named = component.workload.named_service
    for endpoint in component.exposure.endpoints:
        if endpoint.tls:
            service = endpoint.service
            if named and service == named.ours:
                service = named.name
            yield from names_at(service, component.workload.namespace)


def _added_objects(
    component: Component, *, client: bool
) -> Iterator[tuple[str, str]]:
    """Yield kind and name of each object that the program adds to the rendered objects."""
    over_tls = component.traits.get(UPSTREAM_TLS)
    if over_tls and over_tls.issuer:
        yield "Secret", tls_secret_name(component.name)
    rendered = component.workload.rendered
    pods = [item.options for item in rendered if component_pods(item)]
    if pods:
        yield "NetworkPolicy", network_policy_name(component.name, pods)
    has_account = any(
        item.group_kind == _SERVICE_ACCOUNT and item.name == component.name
        for item in rendered
    )
    if not has_account and not all(options.read for options in pods):
        yield "ServiceAccount", component.name
    if named := component.workload.named_service:
        yield "NetworkPolicy", named.ours
        if component.is_named_service_routed:
            yield "Service", named.ours
    if client:
        yield "Secret", client_secret_name(component.name)


# By namespace and name of a Secret with a client's credential, the components that own it.
_Owners = dict[NamespacedName, list[Component]]


def _credentials(directory: Directory) -> _Owners:
    """Return the owners of credentials. Each Secret exists in all namespaces of its component."""
    owners: _Owners = {}

    def add(owner: Component, secret: str) -> None:
        for namespace in dict.fromkeys(
            site.workload.namespace for site in owner.instances
        ):
            owners.setdefault((namespace, secret), []).append(owner)

    for component in directory.components.values():
        if component.key in directory.clients and not component.outside:
            add(component, client_secret_name(component.name))
    for key, secret in sorted(directory.stack.known_secrets):
        if key in directory.components:
            add(directory.components[key], secret)
    return owners


def _capital_findings(component: Component) -> Findings:
    """Find a component whose name has capitals, which its added objects cannot have."""
    for kind, name in _added_objects(component, client=False):
        if name != name.lower():
            message = (
                f"'{component.name}' becomes the name of a {kind}, "
                "which has no capitals; rename the component"
            )
            yield Diagnostic("OAM103", message, component.position.at("name"))
            return
