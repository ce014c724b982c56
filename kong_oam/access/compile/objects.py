"""The Kubernetes objects of an estate, made of properties or rendered: whether they open what access closes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import kong_oam.oam.application as oam
from kong_oam.access.compile.clients import Directory
from kong_oam.access.edge.upstream_tls import names_at
from kong_oam.access.endpoint import Exposures
from kong_oam.access.lowered import is_inert, lowered_objects, said_at
from kong_oam.access.memory import Memory
from kong_oam.access.model import Component
from kong_oam.diagnostics import Diagnostic
from kong_oam.objects.component import APPLICATION, COMPONENT, JudgedComponent, Rules
from kong_oam.objects.fenced import fence_name, fenced_pods
from kong_oam.objects.judge import judge, refused_alone
from kong_oam.objects.manifests import client_secret_name
from kong_oam.objects.tls import tls_secret_name

_SERVICE_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


def judged_objects(
    directory: Directory, applications: Iterable[oam.Application], memory: Memory
) -> Iterator[Diagnostic]:
    """Yields what is wrong about the objects of all components that run here, those of one name among them."""
    sites = [site for one in directory.components.values() if not one.outside for site in one.sites]
    for component in sites:
        if component.rendered is None:
            yield from _misnamed_services(component)
            yield from _labelled_as_others(component)
        elif component.name != component.name.lower():
            yield from _with_capitals(component)
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
    held: dict[str, set[str]] = {}
    credentials = _credentials(directory)
    yield from _shown_certificates(sites, credentials)
    yield from _others_keys(sites, credentials)
    for (_, secret), components in credentials.items():
        for component in components:
            held.setdefault(component.key, set()).add(secret)
    by_name = {application.name: application for application in applications}

    def remembered(one: Component) -> JudgedComponent:
        credentials, client = frozenset(held.get(one.key, ())), one.key in directory.clients
        application = by_name[one.application]

        def made() -> JudgedComponent:
            return _lowered(one, _judged(one, credentials, client=client), application)

        return memory.recall("judged", one, (credentials, client, application.labels, application.annotations), made)

    def alone(one: JudgedComponent, by: Rules) -> tuple[Diagnostic, ...]:
        return memory.recall("alone", one, by, partial(refused_alone, one, by))

    for cluster in dict.fromkeys(site.cluster for site in sites):  # what is in two has nothing to do with each other
        yield from judge([remembered(site) for site in sites if site.cluster == cluster], rules, alone)


def _shown_certificates(sites: Iterable[Component], credentials: _Owners) -> Iterator[Diagnostic]:
    """Yields where a client's credential is named as the certificate of a host: Kong would be handed it."""
    for component in sites:
        for endpoint in component.endpoints:
            name = endpoint.certificate
            if name and (owners := credentials.get((component.namespace, name))):
                owner = min(one.key for one in owners)
                message = f"the certificate of '{endpoint.host}', '{name}', is the credential of '{owner}'"
                yield Diagnostic("ACC217", f"{message}; name a Secret of type kubernetes.io/tls", endpoint.place)


def _others_keys(sites: Iterable[Component], credentials: _Owners) -> Iterator[Diagnostic]:
    """Yields where a workload would show what another component does, or read what stands for a client, or the key by
    which the gateway answers for another component."""
    sites = tuple(sites)
    first: dict[tuple[str | None, str, str], Component] = {}
    answering: dict[tuple[str, str], list[str]] = {}
    for component in sites:
        for name in _shown(component):
            answering.setdefault((component.namespace, name), []).append(component.key)
    for component in sites:
        over_tls = component.edge.upstream_tls
        if over_tls is None or over_tls.secret is None:
            continue
        secret = over_tls.secret
        owner = first.setdefault((component.cluster, component.namespace, secret), component)
        owners = [one.key for one in credentials.get((component.namespace, secret), ())]
        owners += [key for key in answering.get((component.namespace, secret), ()) if key != component.key]
        if owners or owner is not component:
            message = (
                f"'{secret}' is the credential of '{min(owners, default=owner.key)}'; a workload shows one of its own"
            )
            yield Diagnostic("ACC217", message, over_tls.place or component.place)


def _judged(component: Component, credentials: frozenset[str], *, client: bool) -> JudgedComponent:
    selector = {COMPONENT: component.name}
    # What needs no definition has a Service of its own: that it names one is a finding already (ACC211).
    named = component.named if component.rendered is not None else None
    made, over_tls = tuple(_made(component, client=client)), component.edge.upstream_tls
    return JudgedComponent(
        component.application,
        component.name,
        component.namespace,
        component.type,
        component.place.at("name"),
        component.cluster,
        objects=component.rendered or (),
        made=made,
        services={name: selector for kind, name in made if kind == "Service"}
        | ({named.ours: named.labels} if named else {}),
        named=named,
        pods=(
            *([named.labels] if named else []),
            *(() if component.rendered is not None else (_pod_labels(component),)),
        ),
        routed=frozenset() if component.copied else frozenset(service for service, _ in component.exposures),
        credentials=credentials,
        keys=frozenset({over_tls.secret}) if over_tls and over_tls.secret else frozenset(),
        shown=_shown(component),
        certified=frozenset(_certified(component)),
    )


def _shown(component: Component) -> frozenset[str]:
    """The Secrets with the keys by which the gateway answers for the component's hosts."""
    return frozenset(endpoint.certificate for endpoint in component.endpoints if endpoint.certificate)


def _certified(component: Component) -> Iterator[str]:
    named = component.named
    for endpoint in component.endpoints:
        if endpoint.tls:
            service = named.name if named and endpoint.service == named.ours else endpoint.service
            yield from names_at(service, component.namespace)


def _lowered(component: Component, judged: JudgedComponent, application: oam.Application) -> JudgedComponent:
    """With what is made of its properties, where that is to be looked at."""
    labels, annotations = application.labels, application.annotations
    if component.rendered is not None or is_inert(component, labels, annotations):
        return judged
    objects = lowered_objects(component, labels, annotations)
    return replace(judged, lowered=objects, said_at=partial(said_at, application.place, component))


def _made(component: Component, *, client: bool) -> Iterator[tuple[str, str]]:
    """Yields kind and name of the objects that are made beside rendered ones, or without any definition."""
    over_tls = component.edge.upstream_tls
    if over_tls and over_tls.issuer:
        yield "Secret", tls_secret_name(component.name)
    if component.rendered is None:
        yield from object_names(component.name, component.properties, component.exposures, client=client)
        return
    rendered = {(one.group_kind, one.name) for one in component.rendered}
    pods = [one.options for one in component.rendered if fenced_pods(one)]
    if pods:
        yield "NetworkPolicy", fence_name(component.name, pods)
    if not all(options.read for options in pods) and (("", "ServiceAccount"), component.name) not in rendered:
        yield "ServiceAccount", component.name
    if component.named:
        yield "NetworkPolicy", component.named.ours
        yield "Service", component.named.ours
    if client:
        yield "Secret", client_secret_name(component.name)


def _pod_labels(component: Component) -> Mapping[str, str]:
    return {**component.properties.get("labels", {}), APPLICATION: component.application, COMPONENT: component.name}


_Owners = Mapping[tuple[str, str], list[Component]]
"""By namespace and name of a Secret with a client's credential, the components that it belongs to."""


def _credentials(directory: Directory) -> _Owners:
    """The owners of credentials: each Secret lies in every namespace that its component is deployed to."""
    secrets = [
        (component, client_secret_name(component.name))
        for component in directory.components.values()
        if component.key in directory.clients and not component.outside
    ]
    known = ((directory.components.get(key), secret) for key, secret in sorted(directory.stack.known_secrets))
    secrets += [(owner, secret) for owner, secret in known if owner]
    owners: dict[tuple[str, str], list[Component]] = {}
    for owner, secret in secrets:
        for namespace in dict.fromkeys(site.namespace for site in owner.sites):
            owners.setdefault((namespace, secret), []).append(owner)
    return owners


def object_names(
    name: str, properties: Mapping[str, Any], exposures: Exposures, *, client: bool
) -> Iterator[tuple[str, str]]:
    """Yields (kind, name) of a component's Kubernetes objects, in its namespace: KubeVela's names, and those that are
    added."""
    for kind in ("Deployment", "ServiceAccount", "NetworkPolicy"):
        yield kind, name
    services = {service for service, _ in exposures}
    if any(port.get("expose") for port in properties.get("ports", ())):
        services.add(name)
    for service in sorted(services):
        yield "Service", service
    if client:
        yield "Secret", client_secret_name(name)


def _with_capitals(component: Component) -> Iterator[Diagnostic]:
    """Yields that an object which is made beside rendered ones could not be named as its component is."""
    for kind, name in _made(component, client=False):
        if name != name.lower():
            message = f"'{component.name}' would be the name of a {kind}, which has no capitals"
            yield Diagnostic("OAM103", message, component.place.at("name"))
            return


def _labelled_as_others(component: Component) -> Iterator[Diagnostic]:
    """Yields the properties by which pods would have another component's labels, which Kong-OAM writes over."""
    labels = component.properties.get("labels", {})
    for key, own in ((APPLICATION, component.application), (COMPONENT, component.name)):
        if labels.get(key, own) != own:
            message = f"label '{key}' says '{labels[key]}', and the pods of '{component.key}' have '{own}'; take it out"
            yield Diagnostic("ACC226", message, component.place.at("properties", "labels").key(key))


def _misnamed_services(component: Component) -> Iterator[Diagnostic]:
    for kind, name in object_names(component.name, component.properties, component.exposures, client=False):
        if kind == "Service" and not _SERVICE_NAME.match(name):
            message = f"'{name}' cannot name a Service: a letter first, then letters, digits and dashes, 63 in all"
            yield Diagnostic("OAM103", message, component.place.at("name"))
