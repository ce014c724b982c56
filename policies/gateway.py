"""Rules about Kong: nobody reaches a workload but through admission, authentication and the
gate."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from kong_oam.access.data import NamesByName
from kong_oam.access.model import METHODS, Component, Rule
from kong_oam.access.networks import (
    addresses_outside,
    fewest,
    network,
    only_from,
)
from kong_oam.access.paths import written
from kong_oam.kong.names import anonymous, nowhere
from kong_oam.kong.plugin_kinds import PLUGIN_KINDS
from kong_oam.traits.kong_plugin.findings import why_waived
from kong_oam.traits.kong_plugin.value import KONG_PLUGIN, KongPlugin

from .deployed import Deployment, Resource
from .rule import Findings, PolicyFinding, Settings
from .running import PLUGIN, SCRIPTS, plugins_named
from .scripts import Content, address_of, table_of

ROUTE = "kong:index/route:Route"
SERVICE = "kong:index/service:Service"
CONSUMER = "kong:index/consumer:Consumer"
UPSTREAM = "kong:index/upstream:Upstream"
TARGET = "kong:index/target:Target"

STRICT: Mapping[str, Content] = {
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

GUARDS: NamesByName = {
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


def guarded_routes(deployment: Deployment, _: Settings) -> Findings:
    """Check that every route leads to a service of this stack that has all three plugins,
    enabled."""
    for route in deployment.of(ROUTE):
        service = deployment.source(route, "serviceId", SERVICE)
        if service is None:
            yield PolicyFinding(
                f"route {route.name} leads to no service of this stack", route
            )
            continue
        active = {
            plugin.text("name")
            for plugin in _plugins(deployment, service.urn)
            if plugin.properties.get("enabled")
        }
        for guard, kinds in GUARDS.items():
            if active.isdisjoint(kinds):
                missing = " or ".join(kinds)
                yield PolicyFinding(
                    f"route {route.name} leads to {service.name}, which has no {guard} (an enabled "
                    f"{missing})",
                    route,
                )


def leading_nowhere(deployment: Deployment, _: Settings) -> Findings:
    """Check that every service leads to an Upstream of this stack, or of its estate's base, that
    has no Targets: only a gate leads to a workload."""
    of_base = _of_base(deployment, nowhere)
    upstreams = []
    for service in deployment.of(SERVICE):
        host = service.text("host")
        upstream = deployment.source(service, "host", UPSTREAM)
        if upstream is not None:
            upstreams.append(upstream)
        elif host != of_base:
            yield PolicyFinding(
                f"service {service.name} leads to {host or 'a host'} around its gate",
                service,
            )
    estate = deployment.model.estate
    # The services of partitions lead to an Upstream that only the base's state has.
    is_one_of_several = estate is not None and estate.role != "whole"
    for target in deployment.of(TARGET):
        upstream = deployment.source(target, "upstreamId", UPSTREAM)
        if upstream in upstreams or is_one_of_several:
            yield PolicyFinding(
                f"target {target.name} leads services around their gates",
                target,
            )


def verified_upstreams(deployment: Deployment, _: Settings) -> Findings:
    """Check that whoever answers by https behind a service is verified, and that a gate asks for
    https where the Application does."""
    for service in deployment.of(SERVICE):
        if service.text("protocol") == "https" and not _verifies(service):
            yield PolicyFinding(
                f"service {service.name} speaks https to whoever answers: no CA verifies it",
                service,
            )
    for gate in plugins_named(deployment, GUARDS["gate"]):
        address = address_of(gate.config)
        if address is None:
            continue
        names_certificate = "name" in address
        is_meant = names_certificate or _is_meant_by_tls(deployment, gate)
        if is_meant and not (
            names_certificate and _speaks_tls(deployment, gate)
        ):
            yield PolicyFinding(
                f"{gate.name} sends in clear text what is to go by https", gate
            )


def _speaks_tls(deployment: Deployment, gate: Resource) -> bool:
    service = deployment.source(gate, "serviceId", SERVICE)
    return service is not None and service.text("protocol") == "https"


def _is_meant_by_tls(deployment: Deployment, gate: Resource) -> bool:
    """Tell whether the Application asks for https at one of the places that lead to the gate."""
    table = table_of(gate.config) or {}
    component = _component(deployment, table)
    for endpoint in component.exposure.endpoints if component else ():
        paths = table.get("hosts", {}).get(endpoint.host, {})
        if endpoint.tls and paths.get(written(endpoint.path)) is True:
            return True
    return False


def _verifies(service: Resource) -> bool:
    ids = service.properties.get("caCertificateIds")
    return service.properties.get("tlsVerify") is True and bool(ids)


def known_configurations(deployment: Deployment, _: Settings) -> Findings:
    """Check that a preview knows what guards decide by. The official plugin takes what is not
    known for what does not change."""
    for plugin in plugins_named(deployment, {*SCRIPTS, *STRICT}):
        if plugin.config is None:
            yield PolicyFinding(
                f"{plugin.name} changes in this run, though the preview may list it as unchanged: "
                "an id in its configuration is made up by a provider in the same run",
                plugin,
            )


def strict_authentication(deployment: Deployment, _: Settings) -> Findings:
    """Check that tokens are verified in one place and in full.

    Who has none passes only where something is public, and as nobody: a consumer that no credential
    makes.
    """
    yield from _nobody_of_partitions(deployment)
    nobodies = _nobodies(deployment)
    for plugin in plugins_named(deployment, STRICT):
        config = plugin.config
        if config is None:
            continue
        for name, value in STRICT[plugin.text("name")].items():
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


def declared_public(deployment: Deployment, _: Settings) -> Findings:
    """Check that what a table opens to everybody, a public rule of its component does, for that
    path and method."""
    if deployment.model.estate is None:
        return
    for plugin, table in _tables(deployment.of(PLUGIN)):
        component = _component(deployment, table)
        owned = component.owned if component else {}
        rules = {written(path): owning for path, owning in owned.items()}
        for path, method in _public(table):
            if not _is_public(rules.get(path, ()), method):
                yield PolicyFinding(
                    f"{plugin.name} lets everybody call {method} {path}: no public rule says so",
                    plugin,
                )


def declared_addresses(deployment: Deployment, _: Settings) -> Findings:
    """Check that no table lets somebody in from elsewhere where the ip-allow trait of its
    component names networks."""
    for plugin, table in _tables(deployment.of(PLUGIN)):
        component = _component(deployment, table)
        if component is None:
            continue
        for path, by_method in component.allowed_from.items():
            address = written(path)
            listed = table.get("addresses", {}).get(address, {})
            for method, networks in by_method.items():
                texts = listed.get(method) or listed.get("*") or ()
                elsewhere = addresses_outside(
                    fewest(map(network, texts)), networks
                )
                if elsewhere:
                    yield PolicyFinding(
                        f"{plugin.name} lets {method} {address} be called from {elsewhere}: "
                        f"the ip-allow trait says{only_from(networks)}",
                        plugin,
                    )


def _tables(plugins: Iterable[Resource]) -> Iterator[tuple[Resource, Content]]:
    """Yield those of the plugins that decide by a table, as far as it is known, with the table."""
    for plugin in plugins:
        table = (
            table_of(plugin.config) if plugin.text("name") in SCRIPTS else None
        )
        if table:
            yield plugin, table


def _component(deployment: Deployment, table: Content) -> Component | None:
    """Return the component that a table is for, where the Applications have it."""
    estate = deployment.model.estate
    return (
        estate.components.get(str(table.get("component"))) if estate else None
    )


def undisturbed(deployment: Deployment, settings: Settings) -> Findings:
    """Check that no plugin could answer, authenticate, run code or rewrite in the gate's place, or
    let pages read.

    One that nobody knows could do any of that. What the component's Application asks for by a
    waiver in date may stand before it.
    """
    for plugin in deployment.of(PLUGIN):
        kind = plugin.text("name")
        if kind in SCRIPTS or kind in STRICT:
            yield from _misplaced(plugin)
            continue
        effect = (
            "lets pages read"
            if _marks_origins(plugin)
            else PLUGIN_KINDS.get(kind, "")
        )
        if effect in _PASSIVE or _is_waived(deployment, plugin):
            continue
        if effect in _REFUSED:
            yield PolicyFinding(
                f"{plugin.name}: {kind} {_REFUSED[effect]}", plugin
            )
        elif kind not in settings["allow"]:
            yield PolicyFinding(
                f"{plugin.name}: {kind} is not known to leave the decision to the gate",
                plugin,
            )


def _misplaced(guard: Resource) -> Findings:
    kind = guard.text("name")
    effect = (
        f"replaces {SCRIPTS[kind]}" if kind in SCRIPTS else "verifies tokens"
    )
    if not _is_of_a_service_alone(guard):
        yield PolicyFinding(
            f"{guard.name}: {kind} {effect} where it is not on a service alone",
            guard,
        )


def _is_of_a_service_alone(plugin: Resource) -> bool:
    scopes = [
        scope
        for scope in ("serviceId", "routeId", "consumerId")
        if plugin.properties.get(scope)
    ]
    return scopes == ["serviceId"]


def _marks_origins(plugin: Resource) -> bool:
    """Tell whether the plugin writes headers by which browsers let pages read answers."""
    return (
        plugin.text("name").startswith("response-transformer")
        and "access-control-" in str(plugin.config).lower()
    )


def waived_plugins(deployment: Deployment, _: Settings) -> Findings:
    """Check that no plugin stands in the gate's place because its Application asks for it by a
    waiver."""
    estate = deployment.model.estate
    for component in estate.exposed if estate else ():
        for plugin in component.traits.each(KONG_PLUGIN):
            waiver = plugin.waiver
            why = why_waived(plugin)
            if waiver and why:
                yield PolicyFinding(
                    f"{component.key} ({plugin.position}): {plugin.name} {why}, until "
                    f"{waiver.until}: {waiver.reason}"
                )


def _is_waived(deployment: Deployment, plugin: Resource) -> bool:
    """Tell whether the Application of the component whose service alone the plugin stands on asks
    for it, and its waiver is not past its day by the stack's asOf."""
    estate = deployment.model.estate
    today = deployment.model.as_of
    if estate is None or today is None or not _is_of_a_service_alone(plugin):
        return False
    beside = _scripts_beside(deployment, plugin)
    named = {str(table.get("component")) for _, table in _tables(beside)}
    for component in estate.exposed:
        # Nothing is named while what the scripts decide by is not known.
        if component.key in named or not named:
            for asked in component.traits.each(KONG_PLUGIN):
                if asked.name == plugin.text("name") and _is_in_date(
                    asked, today
                ):
                    return bool(beside)
    return False


def _is_in_date(plugin: KongPlugin, today: datetime.date) -> bool:
    waiver = plugin.waiver
    return (
        waiver is not None
        and datetime.date.fromisoformat(waiver.until) >= today
    )


def encrypted_routes(deployment: Deployment, settings: Settings) -> Findings:
    """Check that no route takes plain http, but on the clouds that are excepted."""
    if deployment.model.cloud in settings["exceptClouds"]:
        return
    for route in deployment.of(ROUTE):
        plain = {"http", "grpc", "ws", "tcp"} & set(route.texts("protocols"))
        if plain:
            yield PolicyFinding(
                f"route {route.name} takes {', '.join(sorted(plain))}", route
            )


def _plugins(deployment: Deployment, *services: str) -> Iterator[Resource]:
    """Yield the plugins of the services with these URNs."""
    for plugin in deployment.of(PLUGIN):
        if not set(services).isdisjoint(plugin.made_of.get("serviceId", ())):
            yield plugin


def _scripts_beside(deployment: Deployment, plugin: Resource) -> list[Resource]:
    """Return admission and the gate of the service that a plugin is of."""
    beside = _plugins(deployment, *plugin.made_of.get("serviceId", ()))
    return [
        neighbour for neighbour in beside if neighbour.text("name") in SCRIPTS
    ]


def _nobodies(deployment: Deployment) -> set[str]:
    """Return the names of the consumers that nobody can be by a credential: of this stack, and in a
    partition that of its base, unless anything here is a credential."""
    identified = set()
    has_credentials = False
    for resource in deployment.resources:
        identified |= {*resource.made_of.get("consumerId", ())}
        if resource.type != PLUGIN and "consumerId" in resource.properties:
            has_credentials = True
    names = {
        consumer.text("username")
        for consumer in deployment.of(CONSUMER)
        if consumer.urn not in identified
    }
    of_base = _of_base(deployment, anonymous)
    if of_base and not has_credentials:
        names.add(of_base)
    return names


def _of_base(deployment: Deployment, named: Callable[[str], str]) -> str | None:
    """Return, in a partition of an estate, the name of something that its base made, in whose runs
    it is judged; else None."""
    estate = deployment.model.estate
    return (
        named(estate.stack.name)
        if estate and estate.role == "partition"
        else None
    )


def _nobody_of_partitions(deployment: Deployment) -> Findings:
    """Find in the base of an estate that the consumer that its partitions take for nobody is
    somebody."""
    estate = deployment.model.estate
    if estate is None or estate.role != "base":
        return
    for consumer in deployment.of(CONSUMER):
        name = consumer.text("username")
        if name == anonymous(estate.stack.name) and name not in _nobodies(
            deployment
        ):
            yield PolicyFinding(
                f"{consumer.name}: gates of partitions take it for nobody, and it has credentials",
                consumer,
            )


def _serves_everybody(deployment: Deployment, plugin: Resource) -> bool:
    """Tell whether something is public behind the plugin, as the tables beside it say; where none
    is known, it may be."""
    tables = [
        table for _, table in _tables(_scripts_beside(deployment, plugin))
    ]
    return not tables or any([*_public(table)] for table in tables)


def _public(table: Content) -> Iterator[tuple[str, str]]:
    """Yield path and method ("*" for all that a rule knows) of what a table opens to everybody."""
    for path, methods in table.get("rules", {}).items():
        for method, needed in methods.items():
            if needed == "public":
                yield path, method


def _is_public(rules: Sequence[Rule], method: str) -> bool:
    wanted = METHODS if method == "*" else (method,)
    return all(_opens(rules, listed) for listed in wanted)


def _opens(rules: Sequence[Rule], method: str) -> bool:
    return any(rule.public and rule.lists(method) for rule in rules)
