"""Rules about Kong: nobody reaches a workload but through admission, authentication and the
gate."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kong_oam.access.model import METHODS, Rule
from kong_oam.access.networks import beyond, fewest, network, only_from
from kong_oam.access.paths import written
from kong_oam.kong.kong_plugin import why_waived
from kong_oam.kong.names import anonymous, nowhere
from kong_oam.kong.plugin_kinds import PLUGIN_KINDS

from .deployed import Deployment, Resource
from .rule import PolicyFinding, Settings
from .running import PLUGIN, SCRIPTS
from .scripts import address_of, table_of

ROUTE, SERVICE = "kong:index/route:Route", "kong:index/service:Service"
CONSUMER = "kong:index/consumer:Consumer"
UPSTREAM, TARGET = "kong:index/upstream:Upstream", "kong:index/target:Target"

STRICT: Mapping[str, Mapping[str, Any]] = {
    "jwt": {
        "key_claim_name": "kid",
        "claims_to_verify": ["exp"],
        "uri_param_names": [],
        "cookie_names": [],
        "run_on_preflight": True,
    },
    "openid-connect": {
        "auth_methods": ["bearer"],
        "bearer_token_param_type": ["header"],
        "verify_signature": True,
        "verify_claims": True,
        "enable_hs_signatures": False,
        "ssl_verify": True,
        "consumer_optional": False,
        "run_on_preflight": True,
    },
}
"""What authentication has to be set to, by the plugin that does it, wherever it stands."""

GUARDS: Mapping[str, tuple[str, ...]] = {
    "admission": ("pre-function",),
    "authentication": tuple(STRICT),
    "gate": ("post-function",),
}
"""What a service has to have, and the plugins that are it."""

_REFUSED = {
    "lets pages read": "answers preflights before the gate, and tells browsers whose pages may "
    "read answers",
    "closes": "answers before the gate",
    "answers": "answers before the gate",
    "authenticates": "authenticates in a way that the gate does not know",
    "runs code": "runs code of its own",
    "rewrites": "changes the path or the method that the gate decides on",
}
"""Kinds of plugins that have no place on a gated service, and what they do."""

_PASSIVE = ("harmless", "limits")
"""Kinds of plugins that may stand on one: they only refuse further, mark answers, or watch."""


def guarded_routes(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Checks that every route leads to a service of this stack that has all three plugins,
    enabled."""
    for route in deployment.of(ROUTE):
        service = deployment.source(route, "serviceId", SERVICE)
        if service is None:
            yield PolicyFinding(
                f"route {route.name} leads to no service of this stack", route
            )
            continue
        guards = [
            one
            for one in _plugins(deployment, service.urn)
            if one.properties.get("enabled")
        ]
        active = {plugin.text("name") for plugin in guards}
        for what, kinds in GUARDS.items():
            if active.isdisjoint(kinds):
                missing = " or ".join(kinds)
                yield PolicyFinding(
                    f"route {route.name} leads to {service.name}, which has no {what} (an enabled "
                    f"{missing})",
                    route,
                )


def leading_nowhere(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Checks that every service leads to an Upstream of this stack, or of its estate's base, that
    has no Targets: only a gate leads to a workload."""
    of_base = _of_base(deployment, nowhere)
    for service in deployment.of(SERVICE):
        if (
            deployment.source(service, "host", UPSTREAM) is None
            and service.text("host") != of_base
        ):
            yield PolicyFinding(
                f"service {service.name} leads to {service.text('host') or 'a host'} around its "
                "gate",
                service,
            )
    for target in deployment.of(TARGET):
        upstream = deployment.source(target, "upstreamId", UPSTREAM)
        used = upstream and any(
            deployment.source(service, "host", UPSTREAM) is upstream
            for service in deployment.of(SERVICE)
        )
        if used or _is_one_of_several(deployment):
            yield PolicyFinding(
                f"target {target.name} leads services around their gates", target
            )


def verified_upstreams(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Checks that whoever answers by https behind a service is verified, and that a gate asks for
    https where the Application does."""
    for service in deployment.of(SERVICE):
        if service.text("protocol") == "https" and not _verifies(service):
            yield PolicyFinding(
                f"service {service.name} speaks https to whoever answers: no CA verifies it",
                service,
            )
    estate = deployment.model.estate
    for plugin in deployment.of(PLUGIN):
        address = (
            address_of(plugin.config)
            if plugin.text("name") == "post-function"
            else None
        )
        if address is None:
            continue
        service_of_gate = deployment.source(plugin, "serviceId", SERVICE)
        spoken = service_of_gate.text("protocol") if service_of_gate else ""
        table = table_of(plugin.config) or {}
        component = (
            estate.components.get(str(table.get("component"))) if estate else None
        )
        meant = any(
            endpoint.tls
            and table.get("hosts", {})
            .get(endpoint.host, {})
            .get(written(endpoint.path))
            is True
            for endpoint in (component.endpoints if component else ())
        )
        if (meant or "name" in address) and not (
            spoken == "https" and "name" in address
        ):
            yield PolicyFinding(
                f"{plugin.name} sends in clear text what is to go by https", plugin
            )


def _verifies(service: Resource) -> bool:
    ids = service.properties.get("caCertificateIds")
    return service.properties.get("tlsVerify") is True and bool(ids)


def known_configurations(
    deployment: Deployment, _: Settings
) -> Iterator[PolicyFinding]:
    """Checks that a preview knows what guards decide by. The official plugin takes what is not
    known for what does not change."""
    for plugin in deployment.of(PLUGIN):
        if plugin.text("name") in (*SCRIPTS, *STRICT) and plugin.config is None:
            yield PolicyFinding(
                f"{plugin.name} changes in this run, though the preview may list it as unchanged: "
                "an id in its configuration is made up by a provider in the same run",
                plugin,
            )


def strict_authentication(
    deployment: Deployment, _: Settings
) -> Iterator[PolicyFinding]:
    """Checks that tokens are verified in one place and in full.

    Who has none passes only where something is public, and as nobody: a consumer that no credential
    makes.
    """
    yield from _nobody_of_partitions(deployment)
    nobodies = _nobodies(deployment)
    for plugin in deployment.of(PLUGIN):
        config, wanted = plugin.config, STRICT.get(plugin.text("name"))
        if config is None or wanted is None:
            continue
        for name, value in wanted.items():
            if config.get(name) != value:
                yield PolicyFinding(
                    f"{plugin.name}: {name} is {config.get(name)!r}, not {value!r}",
                    plugin,
                )
        nobody = config.get("anonymous")
        if nobody is None:
            continue
        if nobody not in nobodies:
            yield PolicyFinding(
                f"{plugin.name}: who has no token is {nobody!r}, no consumer without credentials "
                "here",
                plugin,
            )
        if not _serves_everybody(deployment, plugin):
            yield PolicyFinding(
                f"{plugin.name}: everybody passes as {nobody!r}, and nothing behind it is public",
                plugin,
            )


def declared_public(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Checks that what a table opens to everybody, a public rule of its component does, for that
    path and method."""
    estate = deployment.model.estate
    if estate is None:
        return
    for plugin in deployment.of(PLUGIN):
        table = table_of(plugin.config) if plugin.text("name") in SCRIPTS else None
        if table is None:
            continue
        component = estate.components.get(str(table.get("component")))
        rules = (
            {written(path): owning for path, owning in component.owned.items()}
            if component
            else {}
        )
        for path, method in _public(table):
            if not _is_public(rules.get(path, ()), method):
                yield PolicyFinding(
                    f"{plugin.name} lets everybody call {method} {path}: no public rule says so",
                    plugin,
                )


def declared_addresses(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Checks that no table lets somebody in from elsewhere where the ip-allow trait of its
    component names networks."""
    estate = deployment.model.estate
    for plugin in deployment.of(PLUGIN) if estate else ():
        table = table_of(plugin.config) if plugin.text("name") in SCRIPTS else None
        component = (
            estate.components.get(str((table or {}).get("component")))
            if estate
            else None
        )
        for path, by_method in component.allowed_from.items() if component else ():
            listed = (table or {}).get("addresses", {}).get(written(path), {})
            for method, networks in by_method.items():
                texts = listed.get(method) or listed.get("*") or ()
                if elsewhere := beyond(fewest(map(network, texts)), networks):
                    yield PolicyFinding(
                        f"{plugin.name} lets {method} {written(path)} be called from {elsewhere}: "
                        f"the ip-allow trait says{only_from(networks)}",
                        plugin,
                    )


def undisturbed(deployment: Deployment, settings: Settings) -> Iterator[PolicyFinding]:
    """Checks that no plugin could answer, authenticate, run code or rewrite in the gate's place, or
    let pages read.

    One that nobody knows could do any of that. What the component's Application asks for by a
    waiver in date may stand before it.
    """
    accepted = {*SCRIPTS, *STRICT, *settings["allow"]}
    for plugin in deployment.of(PLUGIN):
        kind = plugin.text("name")
        scopes = [
            scope
            for scope in ("serviceId", "routeId", "consumerId")
            if plugin.properties.get(scope)
        ]
        doing = (
            "lets pages read" if _marks_origins(plugin) else PLUGIN_KINDS.get(kind, "")
        )
        if doing in _PASSIVE or (
            kind not in (*SCRIPTS, *STRICT) and _is_waived(deployment, plugin)
        ):
            continue
        if doing in _REFUSED:
            yield PolicyFinding(f"{plugin.name}: {kind} {_REFUSED[doing]}", plugin)
        elif kind not in accepted:
            yield PolicyFinding(
                f"{plugin.name}: {kind} is not known to leave the decision to the gate",
                plugin,
            )
        if kind in SCRIPTS and scopes != ["serviceId"]:
            yield PolicyFinding(
                f"{plugin.name}: {kind} replaces {SCRIPTS[kind]} where it is not on a service "
                "alone",
                plugin,
            )
        if kind in STRICT and scopes != ["serviceId"]:
            yield PolicyFinding(
                f"{plugin.name}: {kind} verifies tokens where it is not on a service alone",
                plugin,
            )


def _marks_origins(plugin: Resource) -> bool:
    """Whether the plugin writes headers by which browsers let pages read answers."""
    return (
        plugin.text("name").startswith("response-transformer")
        and "access-control-" in str(plugin.config).lower()
    )


def waived_plugins(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Checks that no plugin stands in the gate's place because its Application asks for it by a
    waiver."""
    estate = deployment.model.estate
    for component in estate.exposed if estate else ():
        for one in component.edge.kong_plugins:
            if one.waiver and (why := why_waived(one)):
                yield PolicyFinding(
                    f"{component.key} ({one.place}): {one.name} {why}, until {one.waiver.until}: "
                    f"{one.waiver.reason}"
                )


def _is_waived(deployment: Deployment, plugin: Resource) -> bool:
    """Whether the Application of the component whose service alone the plugin stands on asks for
    it, and its waiver is not past its day by the stack's asOf."""
    estate, today = deployment.model.estate, deployment.model.as_of
    if (
        estate is None
        or today is None
        or plugin.properties.get("routeId")
        or plugin.properties.get("consumerId")
    ):
        return False
    beside = _plugins(deployment, *plugin.made_of.get("serviceId", ()))
    tables = [table_of(one.config) for one in beside if one.text("name") in SCRIPTS]
    # None while what they decide by is not known.
    named = {str(table.get("component")) for table in tables if table}
    return bool(tables) and any(
        one.name == plugin.text("name")
        and one.waiver is not None
        and datetime.date.fromisoformat(one.waiver.until) >= today
        for component in estate.exposed
        if component.key in named or not named
        for one in component.edge.kong_plugins
    )


def encrypted_routes(
    deployment: Deployment, settings: Settings
) -> Iterator[PolicyFinding]:
    """Checks that no route takes plain http, but on the clouds that are excepted."""
    if deployment.model.cloud in settings["exceptClouds"]:
        return
    for route in deployment.of(ROUTE):
        if plain := sorted(
            {"http", "grpc", "ws", "tcp"} & set(route.texts("protocols"))
        ):
            yield PolicyFinding(f"route {route.name} takes {', '.join(plain)}", route)


def _plugins(deployment: Deployment, *services: str) -> Iterator[Resource]:
    """The plugins of the services with these URNs."""
    return (
        plugin
        for plugin in deployment.of(PLUGIN)
        if not set(services).isdisjoint(plugin.made_of.get("serviceId", ()))
    )


def _nobodies(deployment: Deployment) -> set[str]:
    """Names of the consumers that nobody can be by a credential: of this stack, and in a partition
    that of its base, unless anything here is a credential."""
    identified = {
        urn
        for resource in deployment.resources
        for urn in resource.made_of.get("consumerId", ())
    }
    names = {
        consumer.text("username")
        for consumer in deployment.of(CONSUMER)
        if consumer.urn not in identified
    }
    credential = any(
        "consumerId" in one.properties
        for one in deployment.resources
        if one.type != PLUGIN
    )
    of_base = None if credential else _of_base(deployment, anonymous)
    return names | ({of_base} if of_base else set())


def _of_base(deployment: Deployment, named: Callable[[str], str]) -> str | None:
    """In a partition of an estate, the name of something that its base made, in whose runs it is
    judged; else None."""
    estate = deployment.model.estate
    return named(estate.stack.name) if estate and estate.role == "partition" else None


def _is_one_of_several(deployment: Deployment) -> bool:
    """Whether the stack is one of an estate's: then services lead to an Upstream that only the
    base's state has."""
    return (
        deployment.model.estate is not None and deployment.model.estate.role != "whole"
    )


def _nobody_of_partitions(deployment: Deployment) -> Iterator[PolicyFinding]:
    """Finds in the base of an estate that the consumer that its partitions take for nobody is
    somebody."""
    estate = deployment.model.estate
    if estate is None or estate.role != "base":
        return
    for consumer in deployment.of(CONSUMER):
        name = consumer.text("username")
        if name == anonymous(estate.stack.name) and name not in _nobodies(deployment):
            yield PolicyFinding(
                f"{consumer.name}: gates of partitions take it for nobody, and it has credentials",
                consumer,
            )


def _serves_everybody(deployment: Deployment, plugin: Resource) -> bool:
    """Whether something is public behind the plugin, as the tables beside it say; where none is
    known, it may be."""
    beside = _plugins(deployment, *plugin.made_of.get("serviceId", ()))
    tables = [
        table
        for neighbour in beside
        if neighbour.text("name") in SCRIPTS and (table := table_of(neighbour.config))
    ]
    return not tables or any([*_public(table)] for table in tables)


def _public(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Path and method ("*" for all that a rule knows) of what a table opens to everybody."""
    for path, methods in table.get("rules", {}).items():
        yield from (
            (path, method) for method, needed in methods.items() if needed == "public"
        )


def _is_public(rules: Sequence[Rule], method: str) -> bool:
    wanted = METHODS if method == "*" else (method,)
    return all(
        any(rule.public and rule.lists(listed) for rule in rules) for listed in wanted
    )
