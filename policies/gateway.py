"""Rules about Kong: nobody reaches a workload but through admission, authentication and the gate."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import kong_oam
from kong_oam.access.model import METHODS, Rule
from kong_oam.access.paths import written

from .deployed import Deployment, Resource
from .rule import PolicyFinding, Settings
from .scripts import is_current, table_of

ROUTE, SERVICE, PLUGIN = "kong:index/route:Route", "kong:index/service:Service", "kong:index/plugin:Plugin"
CONSUMER = "kong:index/consumer:Consumer"
UPSTREAM, TARGET = "kong:index/upstream:Upstream", "kong:index/target:Target"

SCRIPTS = {"pre-function": "admission", "post-function": "the gate"}

_OWN_PHASES = ("access", "header_filter")

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

_DOING: Mapping[str, str] = json.loads(
    (Path(kong_oam.__file__).parent / "kong" / "plugin_kinds.json").read_text("utf-8")
)
"""What plugins of other kinds do to a call, by kind. It is read as data: the pack guards the program, and runs none of
what the program knows Kong by. `kong_oam/kong/plugin_kinds.py` says what each word means."""

_REFUSED = {
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
    """Checks that every route leads to a service of this stack that has all three plugins, enabled."""
    for route in deployment.of(ROUTE):
        service = deployment.source(route, "serviceId", SERVICE)
        if service is None:
            yield PolicyFinding(f"route {route.name} leads to no service of this stack", route)
            continue
        active = {
            plugin.text("name") for plugin in _plugins(deployment, service.urn) if plugin.properties.get("enabled")
        }
        for what, kinds in GUARDS.items():
            if active.isdisjoint(kinds):
                missing = " or ".join(kinds)
                yield PolicyFinding(
                    f"route {route.name} leads to {service.name}, which has no {what} (an enabled {missing})", route
                )


def leading_nowhere(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Checks that every service leads to an Upstream of this stack that has no Targets: only a gate leads to a
    workload."""
    for service in deployment.of(SERVICE):
        if deployment.source(service, "host", UPSTREAM) is None:
            yield PolicyFinding(
                f"service {service.name} leads to {service.text('host') or 'a host'} around its gate", service
            )
    for target in deployment.of(TARGET):
        upstream = deployment.source(target, "upstreamId", UPSTREAM)
        if upstream and any(
            deployment.source(service, "host", UPSTREAM) is upstream for service in deployment.of(SERVICE)
        ):
            yield PolicyFinding(f"target {target.name} leads services around their gates", target)


def current_scripts(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Checks that admission and gate run the scripts of this version in the access phase, and none in another.

    But for header_filter, where admission marks answers: what is said there opens nothing.
    """
    for plugin in deployment.of(PLUGIN):
        kind, config = plugin.text("name"), plugin.config
        if kind not in SCRIPTS or config is None:
            continue
        codes = config.get("access") or []
        if len(codes) != 1 or not is_current(kind, codes[0]):
            yield PolicyFinding(f"{plugin.name} does not run {SCRIPTS[kind]} of this version", plugin)
        if foreign := sorted(phase for phase, code in config.items() if code and phase not in _OWN_PHASES):
            yield PolicyFinding(f"{plugin.name} runs a script of somebody's in phase {', '.join(foreign)}", plugin)


def known_configurations(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Checks that a preview knows what guards decide by. The official plugin takes what is not known for what does not
    change."""
    for plugin in deployment.of(PLUGIN):
        if plugin.text("name") in (*SCRIPTS, *STRICT) and plugin.config is None:
            yield PolicyFinding(
                f"{plugin.name} changes in this run, though the preview may list it as unchanged: an id in its "
                "configuration is made up by a provider in the same run",
                plugin,
            )


def strict_authentication(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Checks that tokens are verified in one place and in full.

    Who has none passes only where something is public, and as nobody: a consumer that no credential makes.
    """
    nobodies = _without_credentials(deployment)
    for plugin in deployment.of(PLUGIN):
        config, wanted = plugin.config, STRICT.get(plugin.text("name"))
        if config is None or wanted is None:
            continue
        for name, value in wanted.items():
            if config.get(name) != value:
                yield PolicyFinding(f"{plugin.name}: {name} is {config.get(name)!r}, not {value!r}", plugin)
        nobody = config.get("anonymous")
        if nobody is None:
            continue
        if nobody not in nobodies:
            yield PolicyFinding(
                f"{plugin.name}: who has no token is {nobody!r}, no consumer without credentials here", plugin
            )
        if not _serves_everybody(deployment, plugin):
            yield PolicyFinding(
                f"{plugin.name}: everybody passes as {nobody!r}, and nothing behind it is public", plugin
            )


def declared_public(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Checks that what a table opens to everybody, a public rule of its component does, for that path and method."""
    estate = deployment.model.estate
    if estate is None:
        return
    for plugin in deployment.of(PLUGIN):
        table = table_of(plugin.config) if plugin.text("name") in SCRIPTS else None
        if table is None:
            continue
        component = estate.components.get(str(table.get("component")))
        rules = {written(path): owning for path, owning in component.owned.items()} if component else {}
        for path, method in _public(table):
            if not _is_public(rules.get(path, ()), method):
                yield PolicyFinding(
                    f"{plugin.name} lets everybody call {method} {path}: no public rule says so", plugin
                )


def undisturbed(deployment: Deployment, settings: Settings) -> Iterator[PolicyFinding]:
    """Checks that no plugin could answer, authenticate, run code or rewrite in the gate's place.

    One that nobody knows could do any of that.
    """
    accepted = {*SCRIPTS, *STRICT, *settings["allow"]}
    for plugin in deployment.of(PLUGIN):
        kind = plugin.text("name")
        scopes = [scope for scope in ("serviceId", "routeId", "consumerId") if plugin.properties.get(scope)]
        doing = _DOING.get(kind, "")
        if doing in _REFUSED:
            yield PolicyFinding(f"{plugin.name}: {kind} {_REFUSED[doing]}", plugin)
        elif doing not in _PASSIVE and kind not in accepted:
            yield PolicyFinding(f"{plugin.name}: {kind} is not known to leave the decision to the gate", plugin)
        if kind in SCRIPTS and scopes != ["serviceId"]:
            yield PolicyFinding(
                f"{plugin.name}: {kind} replaces {SCRIPTS[kind]} where it is not on a service alone", plugin
            )
        if kind in STRICT and scopes != ["serviceId"]:
            yield PolicyFinding(f"{plugin.name}: {kind} verifies tokens where it is not on a service alone", plugin)


def encrypted_routes(deployment: Deployment, settings: Settings) -> Iterator[PolicyFinding]:
    """Checks that no route takes plain http, but on the clouds that are excepted."""
    if deployment.model.cloud in settings["exceptClouds"]:
        return
    for route in deployment.of(ROUTE):
        if plain := sorted({"http", "grpc", "ws", "tcp"} & set(route.texts("protocols"))):
            yield PolicyFinding(f"route {route.name} takes {', '.join(plain)}", route)


def _plugins(deployment: Deployment, *services: str) -> Iterator[Resource]:
    """The plugins of the services with these URNs."""
    return (
        plugin for plugin in deployment.of(PLUGIN) if not set(services).isdisjoint(plugin.made_of.get("serviceId", ()))
    )


def _without_credentials(deployment: Deployment) -> set[str]:
    """Names of the consumers that nobody can be by a credential."""
    identified = {urn for resource in deployment.resources for urn in resource.made_of.get("consumerId", ())}
    return {consumer.text("username") for consumer in deployment.of(CONSUMER) if consumer.urn not in identified}


def _serves_everybody(deployment: Deployment, plugin: Resource) -> bool:
    """Whether something is public behind the plugin, as the tables beside it say; where none is known, it may be."""
    beside = _plugins(deployment, *plugin.made_of.get("serviceId", ()))
    tables = [
        table for neighbour in beside if neighbour.text("name") in SCRIPTS and (table := table_of(neighbour.config))
    ]
    return not tables or any([*_public(table)] for table in tables)


def _public(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Path and method ("*" for all that a rule knows) of what a table opens to everybody."""
    for path, methods in table.get("rules", {}).items():
        yield from ((path, method) for method, needed in methods.items() if needed == "public")


def _is_public(rules: Sequence[Rule], method: str) -> bool:
    wanted = METHODS if method == "*" else (method,)
    return all(any(rule.public and rule.lists(listed) for rule in rules) for listed in wanted)
