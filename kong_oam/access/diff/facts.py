"""Settings that affect access besides rules and grants: of the stack and of its clients, as named
values.

Which requests another claim, address or scheme lets through cannot be listed one by one, so these
values are compared as they are. Every field of the dataclasses is one of them, unless LEFT_OUT says
why not: a field that is added later is reported as if it might widen access, until `_kind` says
that it cannot.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import chain, product
from typing import Any
from urllib.parse import urlsplit

from kong_oam.access.data import JsonFields, Names, Texts
from kong_oam.access.diff.change import (
    CERTIFICATES,
    RIGHTS,
    Facts,
    JsonValues,
    Setting,
    Subject,
)
from kong_oam.access.diff.kind import Kind, kind_of_list
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.model import (
    Client,
    Component,
    Estate,
    Exposure,
    FurtherTarget,
    Identity,
    WorkloadSpec,
)
from kong_oam.access.pods import pods_behind
from kong_oam.access.providers import PLAIN, ClaimMapping, Provider
from kong_oam.access.settings.certificates import fingerprint
from kong_oam.access.settings.fields import camel
from kong_oam.access.settings.logs import (
    HttpSink,
    LogSettings,
    OtlpSink,
    TcpSink,
)
from kong_oam.access.settings.redis import RedisSettings
from kong_oam.access.settings.upstream_tls import UpstreamTlsSettings
from kong_oam.access.settings.values import (
    ClusterSettings,
    GatewaySettings,
    KnownClient,
    ProviderSettings,
    Settings,
)
from kong_oam.access.stack import Records, Stack
from kong_oam.access.workloads import workload_of
from kong_oam.objects.rights import rights_of
from kong_oam.objects.texts import with_inner_objects
from kong_oam.traits.meanings import MEANINGS

_EDGE = "edge."  # what names begin with that say what a component asks of the gateway beside access
_UPSTREAM_TLS = "gateway.upstreamTls"
# Stands for a value that one side does not have, since nobody asked the provider for it.
NOT_KNOWN = "not known"

_Values = Iterator[tuple[str, Any]]

# Fields that are not compared as they stand, each with the reason.
LEFT_OUT: dict[type, Names] = {
    Settings: (
        # Compared field by field.
        "stack",
        "cluster",
        "gateway",
        "providers",
        # What they decide is compared request by request.
        "applications",
        "definitions",
        "cloud",  # a name that policies go by
        "as_of",  # a day to remind by
        "partition",  # which stack of the estate deploys it
    ),
    # What runs, and where; not who may call it.
    ClusterSettings: (
        "context",
        "contexts",
        "images",
        "pull_secrets",
        "account_annotations",
    ),
    Stack: (
        "name",
        # What they decide is compared request by request.
        "domain",
        "suffixes",
        # Compared as part of the settings.
        "providers",
        "reach",
        "gateway_namespace",
        "known_secrets",
        "addressed",
        "federated",
        "upstream_tls",
        "stripped",
        "partial",  # nothing is deployed from such
        # What runs, and where.
        "minor",
        "clusters",
        "labels",
        "redis",  # where limits are counted
        "records",  # what is kept of requests
        "partitions",  # which stack of the estate deploys what
        "known_groups",  # which names are no mistake; who holds a role, the roles say
    ),
    GatewaySettings: (
        "scheme",  # compared of the stack
        "redirect",  # compared as plainHttp
        # Where the gateway is administered, not what it lets through.
        "admin_url",
        "workspace",
        "key_slots",  # how many keys fit
        "settle_seconds",  # how long a change takes
        "redis",  # where limits are counted
        # What is kept or counted of calls, whoever makes them.
        "logs",
        "metrics",
    ),
    # Where limits are counted, and whether they hold while it is away.
    RedisSettings: (
        "host",
        "port",
        "database",
        "tls",
        "server_name",
        "username",
        "password",
        "away",
    ),
    # What groups and APIs decide is compared request by request.
    Provider: ("name", "groups", "per_api"),
    ProviderSettings: (
        "name",
        "groups",  # what they decide is compared request by request
        # Compared of providers and clients.
        "audience",
        "issuer",
        "spelling",
        "clients",
        "certificates",  # compared by client, as fingerprints
        "settle_seconds",  # how long a change takes
        "moved_from",  # says that another issuer is meant, which is compared
    ),
    KnownClient: ("secret",),  # compared as one text
    Client: (
        # What it is known by.
        "component",
        "provider",
        "position",
        # What they decide is compared request by request.
        "calls",
        "groups",
    ),
    Component: (
        *("application", "name", "position"),  # what it is known by
        *("exposure", "identity", "workload"),  # compared field by field
        "type",  # what runs; not who may call it
        "waivers",  # compared without their reasons
        "owner",  # compared apart (access.diff.owners)
        "partition",  # which stack of the estate deploys it
        "traits",  # compared by what each means
    ),
    # What endpoints and rules decide is compared request by request.
    Exposure: ("endpoints", "services", "rules"),
    Identity: (
        # What they decide is compared request by request.
        *("provider", "roles", "clients"),
        "scopes",  # names and descriptions
    ),
    WorkloadSpec: (
        # What runs, and where; not who may call it.
        *("depends_on", "rendered", "named_service", "label"),
        # Compared as part of the namespace.
        *("cluster", "further_targets", "further_target"),
        "namespace",  # compared of clients, whose credentials lie there
    ),
    # Where the certificates are, which are compared by what they are.
    UpstreamTlsSettings: ("file",),
    # What is kept of requests, not who may make them.
    LogSettings: ("http", "tcp", "file", "otlp"),
    HttpSink: ("url", "headers"),
    TcpSink: ("host", "port", "tls"),
    OtlpSink: ("logs", "traces", "headers", "queue"),
    Records: ("query", "subject_key", "otlp"),
    # Compared as part of a component's namespace.
    FurtherTarget: ("cluster", "namespace", "suffix", "rendered"),
}

for _meaning in MEANINGS:
    LEFT_OUT |= _meaning.left_out

_NAMES: Mapping[tuple[type, str], str] = {
    (Stack, "allowed"): "cluster.allow",
    (Stack, "metadata"): "cluster.metadata",
    (Stack, "operator_labels"): "cluster.operatorLabels",
    (Stack, "rbac"): "cluster.rbac",
    (Stack, "rights"): "cluster.rights",
    (Stack, "service_types"): "cluster.serviceTypes",
    (Stack, "scheme"): "gateway.scheme",
    (Provider, "spelling"): "tokens",
    (ClaimMapping, "marks"): "accessToken",
    (ClaimMapping, "own"): "service.claim",
    (ClaimMapping, "own_value"): "service.value",
}


def model_of(estate: Estate, settings: Settings) -> AccessModel:
    """Build the model of the estate that was compiled on these settings."""
    workloads = {}
    pods = {}
    for component in estate.exposed:
        pods[component.key] = pods_behind(component)
    for key, component in estate.components.items():
        if component.identity.clients or key in pods:
            workloads[key] = workload_of(component)
    minutes = {
        provider.name: provider.access_token_minutes
        for provider in settings.providers
    }
    return AccessModel(
        estate, workloads, minutes, facts_of(estate, settings), pods
    )


def facts_of(estate: Estate, settings: Settings) -> Facts:
    """The facts of an estate and of the settings that it was compiled on. Certificates are given as
    fingerprints."""
    by_name = {provider.name: provider for provider in settings.providers}
    facts = {Subject(): _stack_facts(estate.stack, settings.gateway)}
    for provider in estate.stack.providers.values():
        subject = Subject(provider=provider.name)
        facts[subject] = dict(_provider_facts(provider, by_name[provider.name]))
    for key, component in estate.components.items():
        rights = _rights_given(component)
        if component.exposure.endpoints or component.identity.clients or rights:
            facts[Subject(key)] = _component_facts(component, rights)
        for client in component.identity.clients:
            facts[Subject(key, client.provider)] = _client_facts(
                client, component, by_name[client.provider]
            )
    return facts


def _stack_facts(stack: Stack, gateway: GatewaySettings) -> JsonValues:
    facts = dict(_values(stack))
    facts.update(_present(_values(gateway, "gateway.")))
    facts["gateway.plainHttp"] = "redirect" if gateway.redirect else "refuse"
    return facts


def _provider_facts(provider: Provider, settings: ProviderSettings) -> _Values:
    for name, value in chain(_values(provider), _values(settings)):
        # Who did not ask the kind of provider does not know how its tokens spell things.
        if not (name.startswith("tokens.") and provider.spelling is PLAIN):
            yield name, value


def _component_facts(component: Component, rights: list[str]) -> JsonValues:
    facts = _present(
        chain(
            _values(component),
            _values(component.identity),
            _trait_values(component),
        )
    )
    facts["waivers"] = sorted(
        f"{waiver.finding} until {waiver.until}" for waiver in component.waivers
    )
    if rights:
        facts[RIGHTS] = rights
    if component.exposure.endpoints:
        facts[CERTIFICATES] = _certificates_named(component)
    return facts


def _certificates_named(component: Component) -> Texts:
    """The Secrets that a component names for its hosts, each with its place: `shop/shop-tls`."""
    return {
        endpoint.host: f"{component.at}/{endpoint.certificate}"
        for endpoint in component.exposure.endpoints
        if endpoint.certificate
    }


def _rights_given(component: Component) -> list[str]:
    """The rights that the objects of a component give, wherever it runs, in order. Each with its
    namespace and cluster.

    A component that moves keeps its rights, and reads what is in another namespace.
    """
    texts: set[str] = set()
    for site in component.instances:
        objects = with_inner_objects(site.workload.rendered)
        texts.update(
            right.text
            for right in rights_of(objects, site.workload.cluster, ())
        )
    return sorted(texts)


def _is_absent(name: str, value: Any) -> bool:
    """Whether it stands for a trait that a component does not have, or for TLS that a stack does
    not speak: both are left out."""
    return name.startswith((_EDGE, _UPSTREAM_TLS)) and not value


def _present(values: Iterable[tuple[str, Any]]) -> JsonFields:
    """Return the values that stand for something."""
    return {
        name: value for name, value in values if not _is_absent(name, value)
    }


def _client_facts(
    client: Client, component: Component, provider: ProviderSettings
) -> JsonValues:
    known_client = provider.clients.get(client.component, KnownClient(""))
    secret = known_client.secret
    certificates = provider.certificates.get(client.component, ())
    return {
        **dict(_values(client)),
        **dict(_values(known_client)),
        "namespace": None if component.outside else component.where,
        "secret": "/".join(secret) if secret else None,
        "certificates": sorted(map(fingerprint, certificates)),
    }


def _values(value: Any, prefix: str = "") -> _Values:
    """`tokens.scopes.claim` and its value, for each field that is compared, at whatever depth."""
    kind = type(value)
    for field in fields(value):
        if field.name in LEFT_OUT.get(kind, ()):
            continue
        name = prefix + _NAMES.get((kind, field.name), camel(field.name))
        yield from _named(name, getattr(value, field.name))


def _named(name: str, value: Any) -> _Values:
    if is_dataclass(value):
        yield from _values(value, f"{name}.")
    else:
        yield name, _json(value)


def _trait_values(component: Component) -> _Values:
    """Yield the values of a component's traits, but for those that are compared request by
    request."""
    for key, value in component.traits.values.items():
        if key.fact:
            yield from _named(key.fact, value)


def _json(value: Any) -> Any:
    """As JSON has it; a list in order, since none of these means anything by its order."""
    if isinstance(value, tuple):
        return sorted(map(_json, value), key=json.dumps)
    if isinstance(value, Mapping):
        return {str(key): _json(inner) for key, inner in value.items()}
    return dict(_values(value)) if is_dataclass(value) else value


# What Applications say, whatever the stack: all else differs between two stacks by what they
# are.
_OF_APPLICATIONS = (
    "forwardToken",
    "kind",
    "refresh",
    "jwksUri",
    "redirectUris",
    "waivers",
)


def settings_changed(
    old: Facts,
    new: Facts,
    clients: Mapping[Subject, Subject],
    *,
    between_stacks: bool,
) -> Iterator[Setting]:
    """Yield every value that differs, of what is on both sides. `clients` maps clients of the new
    side to those of the old."""
    for subject, values in new.items():
        is_client = subject.component and subject.provider
        before = clients.get(subject) if is_client else subject
        if before is not None and before in old:
            yield from _values_changed(
                subject, old[before], values, between_stacks
            )


def _values_changed(
    subject: Subject, old: JsonValues, new: JsonValues, between_stacks: bool
) -> Iterator[Setting]:
    if old == new:
        return
    for name in sorted({*old, *new} - {RIGHTS, CERTIFICATES}):
        if between_stacks and not (
            name in _OF_APPLICATIONS or name.startswith(_EDGE)
        ):
            continue
        was = _stated_value(old, name, between_stacks)
        now = _stated_value(new, name, between_stacks)
        # What nobody asked is no change; of another kind of provider its type tells.
        is_unknown = name.startswith("tokens.") and NOT_KNOWN in (was, now)
        if was != now and not is_unknown:
            yield Setting(_kind(name, was, now), subject, name, was, now)


def _stated_value(values: JsonValues, name: str, between_stacks: bool) -> Any:
    value = values.get(
        name, None if name.startswith((_EDGE, _UPSTREAM_TLS)) else NOT_KNOWN
    )
    return _paths(value) if between_stacks and name == "redirectUris" else value


def _paths(uris: Any) -> Any:
    """Of pages below the gateway, which has other domains on another stack, the paths alone."""
    if not isinstance(uris, list):
        return uris
    paths = set()
    for uri in map(str, uris):
        is_page = uri.startswith(("http://", "https://"))
        paths.add(urlsplit(uri).path if is_page else uri)
    return sorted(paths)


_NEITHER = (
    "clientSecrets",
    "gateway.hstsSeconds",
    "gateway.nodeAddress",
    "gateway.plainHttp",
    "rotateEvery",
    "rotation.every",
    "rotation.overlap",
    "secret",
    "waivers",
)
_MORE_WIDENS = (
    *("accessTokenMinutes", "cluster.rbac", "forwardToken"),
    *("gateway.upstreamTls.depth", "refresh"),
)
_LESS_WIDENS = ("gateway.stripHeaders", "tokens.overage")
"""A header that is taken away, or a claim by which a token is refused, is one more thing that nobody
gets in by."""


def _kind(name: str, was: Any, now: Any) -> Kind:
    """The kind of change that another value is. Without a reason to think otherwise, it may widen
    access."""
    if name in _NEITHER:
        return "changed"
    for meaning in MEANINGS:
        fact = meaning.key.fact
        beginning = f"{fact}."
        if fact and f"{name}.".startswith(beginning):
            return meaning.change(name.removeprefix(beginning), was, now)
    return _gateway_kind(name, was, now)


def _gateway_kind(name: str, was: Any, now: Any) -> Kind:
    """The kind of change of what the gateway speaks, or of any other setting."""
    # By plain http, whoever listens has the tokens.
    if name == "gateway.scheme":
        return "may narrow" if now == "https" else "may widen"
    # By it workloads refuse whoever is not the gateway.
    if name == "gateway.upstreamTls.clientCertificate":
        if now is None:
            return "may widen"
        return "may narrow" if was is None else "changed"
    # Whom it is asked for, `edge` says.
    if name.startswith(_UPSTREAM_TLS) and None in (was, now):
        return "changed"
    return _usual_kind(name, was, now)


def _usual_kind(name: str, was: Any, now: Any) -> Kind:
    """The kind of change of a number, of a mapping and of a list."""
    if name in _MORE_WIDENS and isinstance(was, int) and isinstance(now, int):
        return "may widen" if now > was else "may narrow"
    if isinstance(was, dict) and isinstance(now, dict):
        return _cluster_kind(name, was, now)
    if name in _LESS_WIDENS:
        return kind_of_list(now, was)
    return kind_of_list(was, now)


def _cluster_kind(name: str, was: JsonValues, now: JsonValues) -> Kind:
    """Of the stack's settings by key: kinds, keys of metadata, labels of operators, and rights of
    components."""
    if name in ("cluster.allow", "cluster.metadata"):
        if now.keys() - was.keys():
            return "may widen"
        return "may narrow" if was.keys() - now.keys() else "changed"
    if name == "cluster.operatorLabels":
        return "may narrow" if now.items() <= was.items() else "may widen"
    if name == "cluster.rights":
        return "may narrow" if _pairs(now) <= _pairs(was) else "may widen"
    return "may widen"


def _pairs(listed: JsonValues) -> set[tuple[str, str]]:
    pairs: set[tuple[str, str]] = set()
    for key, texts in listed.items():
        pairs.update(product([key], texts))
    return pairs
