"""Rules about Kong: only admission, authentication and the gate lead to a workload."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date

from kong_oam.access.before import end_of
from kong_oam.access.data import NamesByName
from kong_oam.access.model import METHODS, Component, Rule
from kong_oam.access.networks import (
    addresses_outside,
    fewest,
    network,
    only_from,
)
from kong_oam.access.paths import written
from kong_oam.access.refusals import NO_REFUSALS, Refusals
from kong_oam.kong.names import anonymous, nowhere
from kong_oam.kong.old_credentials import accepted_at
from kong_oam.kong.plugin_kinds import PLUGIN_KINDS
from kong_oam.traits.kong_plugin.findings import reason_for_waiver
from kong_oam.traits.kong_plugin.value import KONG_PLUGIN, KongPlugin

from .deployed import Deployment, Resource
from .rule import Findings, PolicyFinding, Settings, about
from .running import PLUGIN, SCRIPTS, plugins_named
from .scripts import Content, address_of, table_of

ROUTE = "kong:index/route:Route"
SERVICE = "kong:index/service:Service"
CONSUMER = "kong:index/consumer:Consumer"
UPSTREAM = "kong:index/upstream:Upstream"
TARGET = "kong:index/target:Target"

# The required settings of authentication, by plugin.
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

# The required settings of plugins that find old credentials (`acceptBefore`), by plugin.
OLD_CREDENTIALS: Mapping[str, Content] = {
    "basic-auth": {"hide_credentials": True},
    "key-auth": {
        "hide_credentials": True,
        "key_in_body": False,
        "run_on_preflight": True,
    },
}

# The required parts of a service, and their plugins.
GUARDS: NamesByName = {
    "admission": ("pre-function",),
    "authentication": tuple(STRICT),
    "gate": ("post-function",),
}

# Kinds of plugins that a gated service must not have, and their effects.
_REFUSED = {
    "lets pages read": "answers preflights before the gate, and "
    "tells browsers which pages may read answers",
    "closes": "answers before the gate",
    "answers": "answers before the gate",
    "authenticates": "authenticates in a way that the gate does not know",
    "runs code": "runs foreign code",
    "rewrites": "changes the path or the method that the gate decides on",
}

# Kinds of plugins that a gated service may have: they only deny more, mark answers, or observe.
_PASSIVE = ("harmless", "limits")


def guarded_routes(deployment: Deployment, _: Settings) -> Findings:
    """Check that every route points to a service of this stack with all three plugins enabled."""
    for route in deployment.of(ROUTE):
        service = deployment.source(route, "serviceId", SERVICE)
        if service is None:
            yield PolicyFinding(
                f"route {route.name} points to no service of this stack", route
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
                    f"route {route.name} points to {service.name}, which has no {guard} (an "
                    f"enabled {missing})",
                    route,
                )


def services_without_address(deployment: Deployment, _: Settings) -> Findings:
    """Check that every service points to an Upstream without Targets, of this stack or its estate's
    base.

    Only a gate forwards to a workload.
    """
    of_base = _of_base(deployment, nowhere)
    upstreams = []
    for service in deployment.of(SERVICE):
        host = service.text("host")
        upstream = deployment.source(service, "host", UPSTREAM)
        if upstream is not None:
            upstreams.append(upstream)
        elif host != of_base:
            yield PolicyFinding(
                f"service {service.name} points to {host or 'a host'}, around its gate",
                service,
            )
    estate = deployment.model.estate
    # Services of partitions point to an Upstream that only the base's state has. The base has no
    # other Upstream.
    role = estate.role if estate else "whole"
    for target in deployment.of(TARGET):
        upstream = deployment.source(target, "upstreamId", UPSTREAM)
        is_of_base = role == "base" or (
            role == "partition" and upstream is None
        )
        if upstream in upstreams or is_of_base:
            yield PolicyFinding(
                f"target {target.name} leads services around their gates",
                target,
            )


def verified_upstreams(deployment: Deployment, _: Settings) -> Findings:
    """Check that the https server behind a service is verified, and that a gate uses https where
    the Application asks for it."""
    for service in deployment.of(SERVICE):
        if service.text("protocol") == "https" and not _verifies(service):
            yield PolicyFinding(
                f"service {service.name} uses https, but no CA verifies the server",
                service,
            )
    for gate in plugins_named(deployment, GUARDS["gate"]):
        address = address_of(gate.config)
        if address is None:
            continue
        names_certificate = "name" in address
        is_meant = names_certificate or _asks_for_https(deployment, gate)
        if is_meant and not (
            names_certificate and _speaks_tls(deployment, gate)
        ):
            yield about(
                gate, "sends plain text where the Application asks for https"
            )


def _speaks_tls(deployment: Deployment, gate: Resource) -> bool:
    service = deployment.source(gate, "serviceId", SERVICE)
    return service is not None and service.text("protocol") == "https"


def _asks_for_https(deployment: Deployment, gate: Resource) -> bool:
    """Tell whether the Application asks for https at an endpoint of the gate."""
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
    """Check that a preview knows the inputs of admission, authentication and the gate. The official
    plugin reports unknown inputs as unchanged."""
    for plugin in plugins_named(deployment, {*SCRIPTS, *STRICT}):
        if plugin.config is None:
            yield about(
                plugin,
                "changes in this run, even if the preview lists it as unchanged: "
                "the same run creates an id in its configuration",
            )


def strict_authentication(deployment: Deployment, _: Settings) -> Findings:
    """Check that tokens are verified in one place and in full.

    Callers without a token pass only if something is public, as the anonymous consumer, which has
    no credential.
    """
    yield from _anonymous_of_partitions(deployment)
    without_credentials = _without_credentials(deployment)
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
        caller = config.get("anonymous")
        if caller is None:
            continue
        if caller not in without_credentials:
            yield PolicyFinding(
                f"{plugin.name}: calls without a token pass as {caller!r}, which is no consumer "
                "without credentials here",
                plugin,
            )
        if not _serves_everybody(deployment, plugin):
            yield PolicyFinding(
                f"{plugin.name}: calls without a token pass as {caller!r}, but nothing behind it "
                "is public",
                plugin,
            )


def declared_public(deployment: Deployment, _: Settings) -> Findings:
    """Check that every public path and method of a table has a public rule of its component."""
    if deployment.model.estate is None:
        return
    for plugin, table in _tables(deployment.of(PLUGIN)):
        component = _component(deployment, table)
        owned = component.owned if component else {}
        rules = {written(path): owning for path, owning in owned.items()}
        for path, method, refusals in _public(table):
            if not _is_public(rules.get(path, ()), method, refusals):
                yield about(
                    plugin,
                    f"lets everybody call {method} {path}, but no public rule "
                    "declares it",
                )


def declared_addresses(deployment: Deployment, _: Settings) -> Findings:
    """Check that a table with an ip-allow trait in its component allows only the networks of the
    trait."""
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
                    yield about(
                        plugin,
                        f"allows {method} {address} from {elsewhere}, but the "
                        f"ip-allow trait says{only_from(networks)}",
                    )


def _tables(plugins: Iterable[Resource]) -> Iterator[tuple[Resource, Content]]:
    """Yield the plugins that decide by a table, with the known part of the table."""
    for plugin in plugins:
        table = (
            table_of(plugin.config) if plugin.text("name") in SCRIPTS else None
        )
        if table:
            yield plugin, table


def _component(deployment: Deployment, table: Content) -> Component | None:
    estate = deployment.model.estate
    return (
        estate.components.get(str(table.get("component"))) if estate else None
    )


def undisturbed_gates(deployment: Deployment, settings: Settings) -> Findings:
    """Check that no plugin could answer, authenticate, run code or rewrite in the gate's place, or
    let pages read answers.

    An unknown plugin could do all of that. A plugin that the component's Application accepts by a
    waiver in date may stand in front of it.
    """
    for plugin in deployment.of(PLUGIN):
        kind = plugin.text("name")
        if kind in SCRIPTS or kind in STRICT:
            yield from _misplaced(plugin)
            continue
        effect = (
            "lets pages read"
            if _adds_cors_headers(plugin)
            else PLUGIN_KINDS.get(kind, "")
        )
        if effect in _PASSIVE or _is_waived(deployment, plugin):
            continue
        if kind in OLD_CREDENTIALS and _is_declared(deployment, plugin):
            yield from _lax_old_credentials(deployment, plugin)
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


def _is_declared(deployment: Deployment, plugin: Resource) -> bool:
    """Tell whether the Application of the plugin's service accepts old credentials of its kind."""
    if not _is_on_one_service(plugin):
        return False
    for _, table in _tables(_scripts_beside(deployment, plugin)):
        component = _component(deployment, table)
        accepted = accepted_at(component) if component else None
        if accepted and accepted.by == plugin.text("name"):
            return True
    return False


def _lax_old_credentials(deployment: Deployment, plugin: Resource) -> Findings:
    """Find settings by which keys and passwords reach the workload, or callers get another name."""
    config = plugin.config
    if config is None:
        return
    for name, value in OLD_CREDENTIALS[plugin.text("name")].items():
        if config.get(name) != value:
            yield PolicyFinding(
                f"{plugin.name}: {name} is {config.get(name)!r}, not {value!r}",
                plugin,
            )
    caller = config.get("anonymous")
    if caller not in _without_credentials(deployment):
        yield PolicyFinding(
            f"{plugin.name}: calls without a credential pass as {caller!r}, which is no consumer "
            "without credentials here",
            plugin,
        )


def declared_old_credentials(deployment: Deployment, _: Settings) -> Findings:
    """Check that every old credential of a table has both sides in the Applications, and no more
    scopes or days."""
    if deployment.model.estate is None:
        return
    for plugin, table in _tables(deployment.of(PLUGIN)):
        component = _component(deployment, table)
        callers = component.identity.old_callers if component else ()
        declared = {caller.consumer: caller for caller in callers}
        for consumer, entry in table.get("before", {}).items():
            caller = declared.get(consumer)
            if (
                caller is None
                or entry.get("caller") != caller.client
                or entry.get("ends", 0) > end_of(caller.until)
                or not set(entry.get("scopes", ())) <= set(caller.scopes)
            ):
                yield about(
                    plugin,
                    f"accepts consumer '{consumer}' otherwise than `before` and `acceptBefore` "
                    "say",
                )


def _misplaced(guard: Resource) -> Findings:
    kind = guard.text("name")
    effect = (
        f"replaces {SCRIPTS[kind]}" if kind in SCRIPTS else "verifies tokens"
    )
    if not _is_on_one_service(guard):
        yield PolicyFinding(
            f"{guard.name}: {kind} {effect}, but not on exactly one service",
            guard,
        )


def _is_on_one_service(plugin: Resource) -> bool:
    scopes = [
        scope
        for scope in ("serviceId", "routeId", "consumerId")
        if plugin.properties.get(scope)
    ]
    return scopes == ["serviceId"]


def _adds_cors_headers(plugin: Resource) -> bool:
    """Tell whether the plugin adds headers by which browsers let pages read answers."""
    return (
        plugin.text("name").startswith("response-transformer")
        and "access-control-" in str(plugin.config).lower()
    )


def waived_plugins(deployment: Deployment, _: Settings) -> Findings:
    """Check that a waiver accepts no plugin in front of a component."""
    estate = deployment.model.estate
    for component in estate.exposed if estate else ():
        for plugin in component.traits.each(KONG_PLUGIN):
            waiver = plugin.waiver
            why = reason_for_waiver(plugin)
            if waiver and why:
                yield PolicyFinding(
                    f"{component.key} ({plugin.position}): {plugin.name} {why}, until "
                    f"{waiver.until}: {waiver.reason}"
                )


def _is_waived(deployment: Deployment, plugin: Resource) -> bool:
    """Tell whether an Application accepts the plugin by a waiver in date, judged by the stack's
    asOf.

    The plugin must stand only on the service of that Application's component.
    """
    estate = deployment.model.estate
    today = deployment.model.as_of
    if estate is None or today is None or not _is_on_one_service(plugin):
        return False
    beside = _scripts_beside(deployment, plugin)
    named = {str(table.get("component")) for _, table in _tables(beside)}
    for component in estate.exposed:
        # `named` is empty while the inputs of the scripts are unknown.
        if component.key in named or not named:
            for asked in component.traits.each(KONG_PLUGIN):
                if asked.name == plugin.text("name") and _is_in_date(
                    asked, today
                ):
                    return bool(beside)
    return False


def _is_in_date(plugin: KongPlugin, today: date) -> bool:
    waiver = plugin.waiver
    return waiver is not None and date.fromisoformat(waiver.until) >= today


def encrypted_routes(deployment: Deployment, settings: Settings) -> Findings:
    """Check that no route accepts plain http, except on the excepted clouds."""
    if deployment.model.cloud in settings["exceptClouds"]:
        return
    for route in deployment.of(ROUTE):
        plain = {"http", "grpc", "ws", "tcp"} & set(route.texts("protocols"))
        if plain:
            yield PolicyFinding(
                f"route {route.name} accepts {', '.join(sorted(plain))}", route
            )


def _plugins(deployment: Deployment, *services: str) -> Iterator[Resource]:
    for plugin in deployment.of(PLUGIN):
        if not set(services).isdisjoint(plugin.made_of.get("serviceId", ())):
            yield plugin


def _scripts_beside(deployment: Deployment, plugin: Resource) -> list[Resource]:
    """Return admission and the gate of a plugin's service."""
    beside = _plugins(deployment, *plugin.made_of.get("serviceId", ()))
    return [
        neighbour for neighbour in beside if neighbour.text("name") in SCRIPTS
    ]


def _without_credentials(deployment: Deployment) -> set[str]:
    """Return the names of consumers without credentials, including the base's if this stack has no
    credentials."""
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
    """Return the name of an object of the base, in a partition of an estate; else None. The base's
    runs judge that object."""
    estate = deployment.model.estate
    return (
        named(estate.stack.name)
        if estate and estate.role == "partition"
        else None
    )


def _anonymous_of_partitions(deployment: Deployment) -> Findings:
    """Find credentials of the anonymous consumer in the base of an estate, which its partitions
    use."""
    estate = deployment.model.estate
    if estate is None or estate.role != "base":
        return
    for consumer in deployment.of(CONSUMER):
        name = consumer.text("username")
        if name == anonymous(
            estate.stack.name
        ) and name not in _without_credentials(deployment):
            yield about(
                consumer,
                "is the anonymous consumer of partitions, but has credentials",
            )


def _serves_everybody(deployment: Deployment, plugin: Resource) -> bool:
    """Tell whether something is public behind the plugin, by the tables beside it. With unknown
    tables it may be."""
    tables = [
        table for _, table in _tables(_scripts_beside(deployment, plugin))
    ]
    return not tables or any(
        [*_public(table)] or table.get("before") for table in tables
    )


def _public(table: Content) -> Iterator[tuple[str, str, Refusals]]:
    """Yield path and method ("*" for all methods of a rule) that a table opens to everybody, with
    its refusals."""
    for path, methods in table.get("rules", {}).items():
        for method, needed in methods.items():
            if needed == "public":
                yield path, method, NO_REFUSALS
    for path, methods in table.get("refusing", {}).items():
        for method, entries in methods.items():
            for needed, refused in entries:
                if needed == "public":
                    texts = {form: tuple(refused[form]) for form in refused}
                    yield path, method, Refusals(**texts)


def _is_public(rules: Sequence[Rule], method: str, refusals: Refusals) -> bool:
    """Tell whether public rules open the path for the method, and refuse no more than the table."""
    wanted = METHODS if method == "*" else (method,)
    return all(_opens(rules, listed, refusals) for listed in wanted)


def _opens(rules: Sequence[Rule], method: str, refusals: Refusals) -> bool:
    return any(
        rule.public and rule.lists(method) and rule.refusals.within(refusals)
        for rule in rules
    )
