"""Models of the rules that a stack's gateway enforces, read from its state.

The outputs of a stack describe its last program, even if its run failed or left parts out. A
plugin's resource in the state holds the configuration that Kong accepted. Its table lists the
allowed requests, and the identity of each client with grants. Routes say which requests reach the
gate, and Services which pods answer.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any, Literal, cast

from kong_oam.access.before import OldCaller, last_day_before
from kong_oam.access.callers import principal_of
from kong_oam.access.data import NameLists, Networks, PathSegments, T
from kong_oam.access.diff.model import AccessModel, application_of
from kong_oam.access.endpoint import Endpoint, component_key
from kong_oam.access.forward import Forward
from kong_oam.access.model import (
    METHODS,
    Call,
    Client,
    Component,
    Estate,
    Exposure,
    Identity,
    Public,
    Role,
    Rule,
    Stack,
    bare_component,
)
from kong_oam.access.networks import fewest, network
from kong_oam.access.paths import pattern, unwritten
from kong_oam.access.principals import Principal
from kong_oam.access.providers import Provider
from kong_oam.access.refusals import Refusals
from kong_oam.engine.state import PLUGIN, ROUTE, Resource
from kong_oam.kong.deployed_pods import deployed_pods
from kong_oam.kong.script import Table, inputs_of
from kong_oam.oam.position import NO_POSITION
from kong_oam.traits.ip_allow.value import IP_ALLOW
from kong_oam.traits.key import Traits

# A component (`application/component`) and one of its backends.
_Gated = tuple[str, str]

# Component, backend, host and path of a route.
_Place = tuple[str, str, str, str]


def enforced_models(
    resources: Iterable[Resource], exported: AccessModel
) -> tuple[AccessModel, ...]:
    """Return the enforced models. A request needs the permission of each.

    The first model comes from the gates, the second from admission where its tables differ.
    `exported` is the model that the stack exported. It adds settings and facts that no gate has,
    such as clients that only get a token. It is the result where a gate's table lacks parts, as
    after an edit by hand.
    """
    resources = list(resources)
    gates = _tables(resources, "gate")
    admissions = _tables(resources, "admission")
    for table in (*gates.values(), *admissions.values()):
        if not table.keys() >= _PARTS:
            return (exported,)
    reached = _reached(resources)
    models = [_model(resources, gates, reached, exported)]
    both = {
        port: _sent_as(table, admissions.get(port, table))
        for port, table in gates.items()
    }
    if both != gates:
        models.append(_model(resources, both, reached, exported))
    return tuple(models)


def _sent_as(gate: Table, admission: Table) -> Table:
    """Return admission's table with the paths at the workload of the gate, which sends requests."""
    without = {**admission}
    without.pop("forward", None)
    forward = {"forward": gate["forward"]} if "forward" in gate else {}
    return cast("Table", {**without, **forward})


def _tables(resources: Iterable[Resource], role: str) -> dict[_Gated, Table]:
    """Return the table of each plugin of a role, by backend."""
    tables = {}
    for resource in resources:
        name = resource.name.removesuffix(f"-{role}")
        if resource.type == PLUGIN and name != resource.name:
            # The name of a Service follows an underscore and may contain dashes.
            before, apart, service = name.partition("_")
            component, _, port = before.rpartition("-")
            config = resource.outputs.get("configJson")
            tables[component, port + apart + service] = _table(config)
    return tables


def _table(config: Any) -> Table:
    """Return the table in a plugin's configuration, or an empty table if it cannot be read."""
    try:
        inputs = inputs_of(json.loads(config)["access"][0])
        table: Table = json.loads(inputs.table) if inputs else {}
    except (IndexError, KeyError, TypeError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


_PARTS = frozenset(
    {
        "callers",
        "groups",
        "hosts",
        "logical",
        "on_behalf",
        "ring",
        "rules",
        "services",
    }
)


def _reached(resources: Iterable[Resource]) -> set[_Place]:
    """Return component, backend, host and path of every route. Its name holds the first two."""
    places = set()
    for resource in resources:
        if resource.type != ROUTE:
            continue
        name = str(resource.outputs.get("name"))
        application, component, backend = name.split(".")[-4:-1]
        hosts = resource.outputs.get("hosts") or ()
        paths = resource.outputs.get("paths") or ()
        for host, path in product(hosts, paths):
            places.add((f"{application}/{component}", backend, host, path))
    return places


def _model(
    resources: Iterable[Resource],
    tables: Mapping[_Gated, Table],
    reached: set[_Place],
    exported: AccessModel,
) -> AccessModel:
    stack = exported.estate.stack
    stack = replace(stack, providers=_providers(tables, stack.providers))
    keys = _keys(tables)
    components: dict[str, Component] = {}
    for gated, table in tables.items():
        key = keys[gated]
        component = components.get(key) or _component(
            key, table, stack.providers
        )
        exposure = component.exposure
        endpoints = (
            *exposure.endpoints,
            *_endpoints(gated, table, reached),
        )
        forwards = dict.fromkeys((*exposure.forwards, *_forwards(gated, table)))
        exposure = replace(
            exposure, endpoints=endpoints, forwards=tuple(forwards)
        )
        components[key] = replace(component, exposure=exposure)
    clients = _clients(tables, keys, exported, stack)
    _add_clients(components, clients, stack)
    _add_ungated(components, clients, exported)
    owned = [
        _with_owner(component, exported)
        for _, component in sorted(components.items())
    ]
    workloads = dict(exported.workloads)
    for table in tables.values():
        for key, _, _, workload in table["callers"].values():
            workloads[key] = workload
    return replace(
        exported,
        estate=Estate(stack, tuple(map(application_of, owned))),
        workloads=workloads,
        pods=deployed_pods(resources, owned, exported.pods),
    )


def _add_clients(
    components: dict[str, Component], clients: Iterable[Client], stack: Stack
) -> None:
    """Add their clients to components. A component without a gate may have clients too."""
    by_component = defaultdict(list)
    for client in clients:
        by_component[client.component].append(client)
    for key, of_component in by_component.items():
        component = components.get(key)
        if component is None:
            component = bare_component(key, stack.default_provider.name)
        components[key] = component.with_clients(of_component)


def _add_ungated(
    components: dict[str, Component],
    clients: Iterable[Client],
    exported: AccessModel,
) -> None:
    """Add the called APIs whose gates are in another partition."""
    for client in clients:
        for call in client.calls:
            known = exported.estate.components.get(call.component)
            if known and call.component not in components:
                exposure = replace(known.exposure, endpoints=())
                ungated = replace(known, exposure=exposure)
                components[call.component] = ungated.with_clients(())


def _with_owner(component: Component, exported: AccessModel) -> Component:
    known = exported.estate.components.get(component_key(component.key))
    return replace(component, owner=known.owner if known else None)


_JUDGING = (
    "addresses",
    "before",
    "before_in",
    "callers",
    "groups",
    "logical",
    "on_behalf",
    "refusing",
    "ring",
    "rules",
    "services",
)


def _keys(tables: Mapping[_Gated, Table]) -> dict[_Gated, str]:
    """Return the model's key of the component behind each gate.

    Ports with different tables become components of their own: `orders/api`, `orders/api:8081`.
    Tables differ after a run that left a port out.
    """
    known: dict[str, dict[str, str]] = {}
    keys = {}
    for (component, backend), table in tables.items():
        of_component = known.setdefault(component, {})
        key = f"{component}:{backend}" if of_component else component
        judging = json.dumps(
            [table.get(name) for name in _JUDGING], sort_keys=True
        )
        keys[component, backend] = of_component.setdefault(judging, key)
    return keys


def _forwards(gated: _Gated, table: Table) -> Iterator[Forward]:
    """Yield the paths at the workload for the requests of a backend."""
    _, backend = gated
    port, apart, *_ = (*backend.split("_"), "")
    name = f"{port}_{apart}" if apart else port
    for path, target in table.get("forward", {}).items():
        yield Forward(name, unwritten(path), target, NO_POSITION)


def _endpoints(
    gated: _Gated, table: Table, reached: set[_Place]
) -> Iterator[Endpoint]:
    """Yield the endpoints of a backend that its gate serves and a route reaches."""
    component, backend = gated
    # Service and protocol follow the port where they differ from the defaults.
    port, apart, *_ = (*backend.split("_"), "")
    for host, paths in table["hosts"].items():
        for text, leads_here in paths.items():
            path = unwritten(text)
            is_reached = (
                component,
                backend,
                host,
                f"~{pattern(path)}",
            ) in reached
            if leads_here and is_reached:
                yield Endpoint(
                    host,
                    path,
                    int(port),
                    NO_POSITION,
                    service=apart,
                    apart=apart,
                )


def _providers(
    tables: Mapping[_Gated, Table], providers: Mapping[str, Provider]
) -> Mapping[str, Provider]:
    """Return the stack's providers. Names of groups are dropped where a listed group has a new
    meaning."""
    kept = dict(providers)
    for table in tables.values():
        provider = kept.get(_provider(table))
        if provider and _is_renamed(table, provider):
            kept[provider.name] = replace(provider, groups={})
    return kept


def _is_renamed(table: Table, provider: Provider) -> bool:
    """Return whether the stack now gives a listed group the name of another group."""
    for listed in table["groups"]:
        if provider.listed(_logical(listed, table, provider)) != listed:
            return True
    for _, _, groups, _ in table["callers"].values():
        for group, at_provider in groups.items():
            if (
                provider.group(_named(group, at_provider, provider))
                != at_provider
            ):
                return True
    return False


def _named(group: str, at_provider: str, provider: Provider | None) -> str:
    """Return the group's name in Applications if the stack still maps it to `at_provider`, else
    `at_provider`."""
    if provider is None or provider.group(group) == at_provider:
        return group
    return at_provider


def _component(
    key: str, table: Table, providers: Mapping[str, Provider]
) -> Component:
    name = _provider(table)
    provider = providers.get(name)
    roles = []
    for listed, scopes in table["groups"].items():
        groups = (_logical(listed, table, provider),)
        roles.append(Role(listed, tuple(scopes), groups, (), NO_POSITION))
    allowed_from: dict[PathSegments, dict[str, Networks]] = {}
    for path, methods in table.get("addresses", {}).items():
        by_method = allowed_from.setdefault(unwritten(path), {})
        for method, texts in _by_method(methods):
            by_method[method] = fewest(map(network, texts))
    return replace(
        bare_component(key, name),
        exposure=Exposure(rules=tuple(_rules(table))),
        identity=Identity(
            name, roles=tuple(roles), old_callers=tuple(_old_callers(table))
        ),
        traits=Traits({IP_ALLOW: allowed_from}),
    )


def _old_callers(table: Table) -> Iterator[OldCaller]:
    """Yield the callers whose old credentials the table accepts."""
    places = table.get("before_in")
    if places is None:
        return
    for consumer, entry in table.get("before", {}).items():
        yield OldCaller(
            entry["caller"],
            consumer,
            places["by"],
            last_day_before(entry["ends"]),
            tuple(entry["scopes"]),
        )


def _rules(table: Table) -> Iterator[Rule]:
    """Yield a rule for each path, method and alternative of a table."""
    for text, methods in table["rules"].items():
        path = unwritten(text)
        for method, alternatives in _by_method(methods):
            if alternatives == "public":
                yield Rule(path, (method,), (), Public("", None), NO_POSITION)
                continue
            for scopes in alternatives:
                yield Rule(path, (method,), tuple(scopes), None, NO_POSITION)
    for text, refusing in table.get("refusing", {}).items():
        for method, entries in _by_method(refusing):
            for needed, refused in entries:
                yield _refusing_rule(unwritten(text), method, needed, refused)


def _refusing_rule(
    path: PathSegments,
    method: str,
    needed: Literal["public"] | list[str],
    refused: NameLists,
) -> Rule:
    public = Public("", None) if needed == "public" else None
    scopes = () if needed == "public" else tuple(needed)
    refusals = Refusals(
        tuple(refused.get("exactly", ())), tuple(refused.get("begins", ()))
    )
    return Rule(path, (method,), scopes, public, NO_POSITION, refusals)


def _provider(table: Table) -> str:
    """Return the provider of a table, from the end of its key ring's name."""
    return str(table["ring"]).rpartition(".ring.")[2]


def _by_method(methods: Mapping[str, T]) -> Iterator[tuple[str, T]]:
    if "*" in methods:
        methods = dict.fromkeys(METHODS, methods["*"])
    yield from methods.items()


def _logical(listed: str, table: Table, provider: Provider | None) -> str:
    """Return the name in Applications of a group in tokens, if the stack still maps it, else
    `listed`."""
    logical = str(table["logical"].get(listed, listed))
    if provider is None or provider.listed(logical) == listed:
        return logical
    return listed


def _clients(
    tables: Mapping[_Gated, Table],
    keys: Mapping[_Gated, str],
    exported: AccessModel,
    stack: Stack,
) -> list[Client]:
    """Return the clients that gates list, and the exported clients with their grants at ungated
    components."""
    gated = {component for component, _ in tables}
    # Tables may disagree about a client's kind. A client that calls as itself and with users is two
    # principals.
    clients: dict[Principal, Client] = {}
    calls: dict[Principal, dict[str, tuple[str, ...]]] = {}
    for gate, table in tables.items():
        name = _provider(table)
        for client_id, (key, kind, groups, _) in table["callers"].items():
            scopes = table["services"].get(client_id)
            scopes = scopes or table["on_behalf"].get(client_id, [])
            named = [
                _named(group, at_provider, stack.providers.get(name))
                for group, at_provider in groups.items()
            ]
            client = Client(
                key, kind, name, (), tuple(named), (), False, NO_POSITION
            )
            identity = principal_of(client)
            if known := clients.get(identity):
                # The provider decides which users sign in, so only the groups in all tables are
                # certain.
                shared = (*filter(known.groups.__contains__, named),)
                client = replace(client, groups=shared)
            clients[identity] = client
            calls.setdefault(identity, {})[keys[gate]] = tuple(scopes)
    for client in exported.estate.clients:
        kinds = [replace(principal_of(client), users=u) for u in (False, True)]
        if clients.keys().isdisjoint(kinds):
            clients[principal_of(client)] = client
        ungated = {
            call.component: call.scopes
            for call in client.calls
            if call.component not in gated
        }
        for identity in clients.keys() & kinds:
            calls[identity] = ungated | calls.get(identity, {})
    complete = []
    for identity, client in clients.items():
        held = calls[identity].items()
        made = [
            Call(component, scopes, (), NO_POSITION)
            for component, scopes in held
        ]
        complete.append(replace(client, calls=tuple(made)))
    return complete
