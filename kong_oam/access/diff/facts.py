"""Facts: settings of the stack and its clients that affect access besides rules and grants, as
named values.

The requests that another claim, address or scheme allows cannot be listed, so the settings
themselves are compared. Every field of the dataclasses is a fact, unless LEFT_OUT gives a reason. A
new field is reported as a possible widening until `_kind` excludes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import chain, product
from typing import Any
from urllib.parse import urlsplit

from kong_oam.access.data import JsonFields, Texts
from kong_oam.access.diff.change import (
    CERTIFICATES,
    FENCE,
    INTERNAL,
    RIGHTS,
    Facts,
    JsonValues,
    Setting,
    Subject,
)
from kong_oam.access.diff.connections import connections_of
from kong_oam.access.diff.kind import Kind, kind_of_list
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.internal import selector_text
from kong_oam.access.model import (
    Client,
    Component,
    Estate,
    Identity,
)
from kong_oam.access.pods import pods_behind
from kong_oam.access.providers import PLAIN, ClaimMapping, Provider
from kong_oam.access.settings.adopted import AdoptedSettings
from kong_oam.access.settings.certificates import fingerprint
from kong_oam.access.settings.fields import camel
from kong_oam.access.settings.upstream_tls import UpstreamTlsSettings
from kong_oam.access.settings.values import (
    GatewaySettings,
    KnownClient,
    ProviderSettings,
    Settings,
)
from kong_oam.access.stack import Stack
from kong_oam.access.workloads import workload_of
from kong_oam.objects.rights import rights_of
from kong_oam.objects.texts import with_inner_objects
from kong_oam.traits.meanings import MEANINGS

_EDGE = "edge."  # the prefix of settings that a component requests from the gateway, besides access
_UPSTREAM_TLS = "gateway.upstreamTls"
_ADOPTED = "gateway.adopted"
_ADOPTED_UNTIL = "gateway.adopted.until"
# The places of old keys. Like a trait, it is absent at most components.
KEYS = f"{_EDGE}acceptBefore"
# Stands for a value that one estate lacks, because the provider was not asked.
NOT_KNOWN = "not known"

_Values = Iterator[tuple[str, Any]]

# Fields that are not compared directly, with all their contents, each with the reason.
LEFT_OUT = {
    Stack: (
        "name",
        # Their effects are compared request by request.
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
        "upstreams",  # compared request by request, as answers (access.pods)
        "placed",
        "partial",  # a partial estate is never deployed
        # Software and its place.
        "minor",
        "clusters",
        "labels",
        "redis",  # storage of rate limits
        "records",  # content of request records
        "partitions",  # the stack that deploys each part
        # Their effects are compared caller by caller.
        "peers",
        "known_groups",  # only for spell checks; roles list their groups
    ),
    GatewaySettings: (
        "scheme",  # compared for the stack
        "redirect",  # compared as plainHttp
        # The gateway's administration, not its decisions.
        "admin_url",
        "dbless",
        "workspace",
        "key_slots",  # the number of keys that fit
        "settle_seconds",  # the duration of a change
        # Compared request by request, as answers (access.pods).
        "upstreams",
        "redis",  # storage of rate limits, and behaviour during its outage
        # Logs and counters of calls.
        "logs",
        "metrics",
    ),
    # The effects of groups and APIs are compared request by request.
    Provider: ("name", "groups", "per_api"),
    ProviderSettings: (
        "name",
        "groups",  # compared request by request
        # Compared for providers and clients.
        "audience",
        "issuer",
        "spelling",
        "clients",
        "certificates",  # compared for each client, as fingerprints
        "settle_seconds",  # the duration of a change
        "moved_from",  # allows another issuer, which is compared
    ),
    KnownClient: ("secret",),  # compared as one text
    Client: (
        # Identity of the client.
        "component",
        "provider",
        "position",
        # Their effects are compared request by request.
        "calls",
        "groups",
    ),
    Component: (
        *("application", "name", "position"),  # The component's identity.
        *("exposure", "identity", "workload"),  # Compared field by field.
        "type",  # The kind of software does not affect callers.
        "waivers",  # Compared without reasons.
        "owner",  # See access.diff.owners.
        "partition",  # the stack that deploys each part
        "traits",  # compared by the meaning of each trait
        "connections",  # compared caller by caller
    ),
    Identity: (
        # Their effects are compared request by request.
        *("provider", "roles", "clients"),
        *("before", "accept_before", "old_callers"),
        "scopes",  # names and descriptions
        "resources",  # follow from the rules
    ),
    # `until` is the permission. Files of others and texts permit nothing.
    AdoptedSettings: ("reason", "deck"),
    # The path of the certificates, whose contents are compared.
    UpstreamTlsSettings: ("file",),
}

for _meaning in MEANINGS:
    LEFT_OUT |= _meaning.left_out

# Names of facts, by fields whose name differs from the setting's.
_NAMES = {
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
    """Return the model of the estate that was compiled with these settings."""
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
    """Return the facts of an estate and of the settings that it was compiled with. Certificates are
    fingerprints."""
    by_name = {provider.name: provider for provider in settings.providers}
    facts = {Subject(): _stack_facts(estate.stack, settings.gateway)}
    for provider in estate.stack.providers.values():
        subject = Subject(provider=provider.name)
        facts[subject] = dict(_provider_facts(provider, by_name[provider.name]))
    for key, component in estate.components.items():
        rights = _rights_granted(component)
        if (
            component.exposure.endpoints
            or component.identity.clients
            or component.connections
            or component.workload.named_service
            or rights
        ):
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
        # If the kind of provider was not asked, the spelling of its tokens is unknown.
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
    if component.connections:
        facts[INTERNAL] = connections_of(component)
    if component.identity.old_callers:
        facts[KEYS] = _places_of_keys(component)
    if named := component.workload.named_service:
        facts[FENCE] = selector_text(named.labels)
    if component.exposure.endpoints:
        facts[CERTIFICATES] = _certificates_named(component)
    return facts


def _places_of_keys(component: Component) -> list[str]:
    """Return where a component accepts keys, as in `header apikey`."""
    accepted = component.identity.accept_before
    if accepted is None or accepted.by != "key-auth":
        return []
    pairs = product(accepted.places, accepted.names)
    return sorted(f"{place} {name}" for place, name in pairs)


def _certificates_named(component: Component) -> Texts:
    """Return the Secret that a component names for each host, as in `shop/shop-tls`."""
    return {
        endpoint.host: f"{component.at}/{endpoint.certificate}"
        for endpoint in component.exposure.endpoints
        if endpoint.certificate
    }


def _rights_granted(component: Component) -> list[str]:
    """Return the rights that a component's objects give at all its sites, sorted, each with its
    namespace and cluster.

    A component that moves keeps its rights, but then they apply to another namespace.
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
    """Return whether a value is an absent trait or an absent optional setting. Both are left
    out."""
    optional = (_EDGE, _UPSTREAM_TLS, _ADOPTED)
    return name.startswith(optional) and not value


def _present(values: Iterable[tuple[str, Any]]) -> JsonFields:
    """Return the values without absent traits."""
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
    """Yield each compared field at any depth, as a name such as `tokens.scopes.claim` and its
    value."""
    kind = type(value)
    for field in fields(value):
        if field.name in LEFT_OUT.get(kind, ()):
            continue
        name = prefix + _NAMES.get((kind, field.name), camel(field.name))
        yield from _named_values(name, getattr(value, field.name))


def _named_values(name: str, value: Any) -> _Values:
    if is_dataclass(value):
        yield from _values(value, f"{name}.")
    else:
        yield name, _json(value)


def _trait_values(component: Component) -> _Values:
    """Yield the values of a component's traits that are not compared request by request."""
    for key, value in component.traits.values.items():
        if key.fact:
            yield from _named_values(key.fact, value)


def _json(value: Any) -> Any:
    """Return the JSON form of a value. Lists are sorted, since their order never matters here."""
    if isinstance(value, tuple):
        return sorted(map(_json, value), key=json.dumps)
    if isinstance(value, Mapping):
        return {str(key): _json(inner) for key, inner in value.items()}
    return dict(_values(value)) if is_dataclass(value) else value


# Settings from Applications. All other settings differ between stacks by their nature.
_APPLICATION_SETTINGS = (
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
    """Yield every value that differs for a subject in both estates. `clients` maps new clients to
    old clients."""
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
    for name in sorted({*old, *new} - {RIGHTS, CERTIFICATES, FENCE, INTERNAL}):
        if between_stacks and not (
            name in _APPLICATION_SETTINGS or name.startswith(_EDGE)
        ):
            continue
        was = _stated_value(old, name, between_stacks)
        now = _stated_value(new, name, between_stacks)
        # New and removed old credentials are compared caller by caller.
        if name == KEYS and None in (was, now):
            continue
        # An unknown value is no change; the type shows another kind of provider.
        is_unknown = name.startswith("tokens.") and NOT_KNOWN in (was, now)
        if was != now and not is_unknown:
            yield Setting(_kind(name, was, now), subject, name, was, now)


def _stated_value(values: JsonValues, name: str, between_stacks: bool) -> Any:
    value = values.get(
        name, None if name.startswith((_EDGE, _UPSTREAM_TLS)) else NOT_KNOWN
    )
    return _paths(value) if between_stacks and name == "redirectUris" else value


def _paths(uris: Any) -> Any:
    """Return the paths of web pages below the gateway, whose domains differ between stacks. Other
    URIs stay whole."""
    if not isinstance(uris, list):
        return uris
    paths = set()
    for uri in map(str, uris):
        is_page = uri.startswith(("http://", "https://"))
        paths.add(urlsplit(uri).path if is_page else uri)
    return sorted(paths)


_WITHOUT_EFFECT = (
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
# Settings whose items deny access: a removed header, or a claim that denies a token.
_LESS_WIDENS = ("gateway.stripHeaders", "tokens.overage")


def _kind(name: str, was: Any, now: Any) -> Kind:
    """Return the kind of a changed value. By default it may widen access."""
    if name in _WITHOUT_EFFECT:
        return "changed"
    for meaning in MEANINGS:
        fact = meaning.key.fact
        beginning = f"{fact}."
        if fact and f"{name}.".startswith(beginning):
            return meaning.change(name.removeprefix(beginning), was, now)
    return _gateway_kind(name, was, now)


def _gateway_kind(name: str, was: Any, now: Any) -> Kind:
    """Return the kind of a changed gateway setting, or of any other setting."""
    # With plain http, tokens can be intercepted.
    if name == "gateway.scheme":
        return "may narrow" if now == "https" else "may widen"
    # Until this day, routes around the gate are no findings of `verify`.
    if name == _ADOPTED_UNTIL:
        is_longer = now is not None and str(now) > str(was or "")
        return "may widen" if is_longer else "may narrow"
    # With this certificate, workloads deny all callers but the gateway.
    if name == "gateway.upstreamTls.clientCertificate":
        if now is None:
            return "may widen"
        return "may narrow" if was is None else "changed"
    # `edge` lists the components that require it.
    if name.startswith(_UPSTREAM_TLS) and None in (was, now):
        return "changed"
    return _usual_kind(name, was, now)


def _usual_kind(name: str, was: Any, now: Any) -> Kind:
    """Return the kind of a changed number, mapping or list."""
    if name in _MORE_WIDENS and isinstance(was, int) and isinstance(now, int):
        return "may widen" if now > was else "may narrow"
    if isinstance(was, dict) and isinstance(now, dict):
        return _cluster_kind(name, was, now)
    if name in _LESS_WIDENS:
        return kind_of_list(now, was)
    return kind_of_list(was, now)


def _cluster_kind(name: str, was: JsonValues, now: JsonValues) -> Kind:
    """Return the kind of a changed cluster setting: object kinds, metadata keys, operator labels,
    or rights of components."""
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
