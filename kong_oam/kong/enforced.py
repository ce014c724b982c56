"""Models of what a stack's gateway enforces, by what the state says of its gates: also after a run
that failed.

The outputs of a stack are what its last program meant, also after a run that failed, or that was
told to leave parts out. A plugin's resource in the state is what Kong was given and took. Its table
says which requests it allows, and of each client that holds something who that is; routes say which
of them arrive. The Services in the state say which pods answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from kong_oam.access.diff.model import AccessModel, application_of
from kong_oam.access.endpoint import Endpoint, whole
from kong_oam.access.model import (
    METHODS,
    Call,
    Client,
    Component,
    Estate,
    Public,
    Role,
    Rule,
    Stack,
    bare_component,
)
from kong_oam.access.networks import fewest, network
from kong_oam.access.paths import pattern, unwritten
from kong_oam.access.providers import Provider
from kong_oam.engine.state import PLUGIN, ROUTE, Resource
from kong_oam.kong.deployed_pods import deployed_pods
from kong_oam.kong.script import inputs_of
from kong_oam.oam.document import NOWHERE
from kong_oam.traits.ip_allow.value import IP_ALLOW
from kong_oam.traits.key import Traits

_Gated = tuple[str, str]
"""A component (`application/component`) and one of its backends."""

Table = Mapping[str, Any]


def enforced(
    resources: Iterable[Resource], meant: AccessModel
) -> tuple[AccessModel, ...]:
    """Models of what is enforced, each of which has to allow a request: the gates' and, where it
    differs, admission's.

    `meant` is what the stack exported, which tells of settings and of what no gate knows: who gets
    a token at all, for components that ask for no more. It stands for itself where a gate says too
    little, as after an edit by hand.
    """
    resources = list(resources)
    gates, admissions = (_tables(resources, role) for role in ("gate", "admission"))
    if any(
        not _is_complete(table) for table in (*gates.values(), *admissions.values())
    ):
        return (meant,)
    reached = _reached(resources)
    models = [_model(resources, gates, reached, meant)]
    both = {port: admissions.get(port, table) for port, table in gates.items()}
    return (
        (*models, _model(resources, both, reached, meant))
        if both != gates
        else tuple(models)
    )


def _tables(resources: Iterable[Resource], role: str) -> dict[_Gated, Table]:
    """The table of each plugin of a role, by backend."""
    tables = {}
    for resource in resources:
        if resource.type == PLUGIN and resource.name.endswith(f"-{role}"):
            before, apart, service = resource.name.removesuffix(f"-{role}").partition(
                "_"
            )
            component, _, port = before.rpartition("-")
            tables[component, port + apart + service] = _table(
                resource.outputs.get("configJson")
            )
    return tables


def _table(config: Any) -> Table:
    """The table in a plugin's configuration; an empty one where there is none that can be read."""
    try:
        inputs = inputs_of(json.loads(config)["access"][0])
        table = json.loads(inputs.table) if inputs else {}
    except (IndexError, KeyError, TypeError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


_PARTS = frozenset(
    {"callers", "groups", "hosts", "logical", "on_behalf", "ring", "rules", "services"}
)


def _is_complete(table: Table) -> bool:
    return table.keys() >= _PARTS


def _reached(resources: Iterable[Resource]) -> set[tuple[str, str, str, str]]:
    """Component, backend, host and path of every place that a route leads from; its name says the
    first two."""
    places = set()
    for resource in resources:
        if resource.type == ROUTE:
            application, component, backend = str(resource.outputs.get("name")).split(
                "."
            )[-4:-1]
            for host in resource.outputs.get("hosts") or ():
                for path in resource.outputs.get("paths") or ():
                    places.add((f"{application}/{component}", backend, host, path))
    return places


def _model(
    resources: Iterable[Resource],
    tables: Mapping[_Gated, Table],
    reached: set[tuple[str, str, str, str]],
    meant: AccessModel,
) -> AccessModel:
    stack = replace(
        meant.estate.stack, providers=_providers(tables, meant.estate.stack.providers)
    )
    components: dict[str, Component] = {}
    keys = _keys(tables)
    for (component, backend), table in tables.items():
        key = keys[component, backend]
        components.setdefault(key, _component(key, table, stack.providers))
        ends = [
            _endpoint(host, path, backend)
            for host, paths in table["hosts"].items()
            for path, leads_here in paths.items()
            if leads_here
            and (component, backend, host, f"~{pattern(unwritten(path))}") in reached
        ]
        components[key] = replace(
            components[key], endpoints=(*components[key].endpoints, *ends)
        )
    clients = _clients(tables, keys, meant, stack)
    for key in {client.component for client in clients}:
        components.setdefault(key, bare_component(key, stack.default_provider.name))
        of_component = tuple(client for client in clients if client.component == key)
        components[key] = replace(components[key], clients=of_component)
    for key in {
        call.component for client in clients for call in client.calls
    } & meant.estate.components.keys():
        # An API whose gate is in another partition: where any token counts, those for it do.
        components.setdefault(
            key, replace(meant.estate.components[key], clients=(), endpoints=())
        )
    owned = [
        _with_owner(component, meant) for _, component in sorted(components.items())
    ]
    applications = map(application_of, owned)
    callers = (
        caller for table in tables.values() for caller in table["callers"].values()
    )
    return replace(
        meant,
        estate=Estate(stack, tuple(applications)),
        workloads={
            **meant.workloads,
            **{key: workload for key, _, _, workload in callers},
        },
        pods=deployed_pods(resources, owned, meant.pods),
    )


def _with_owner(component: Component, meant: AccessModel) -> Component:
    known = meant.estate.components.get(whole(component.key))
    return replace(component, owner=known.owner if known else None)


_JUDGING = (
    "addresses",
    "callers",
    "groups",
    "logical",
    "on_behalf",
    "ring",
    "rules",
    "services",
)


def _keys(tables: Mapping[_Gated, Table]) -> dict[_Gated, str]:
    """The key by which the component behind each gate is in a model. Ports with different tables,
    as after a run that was told to leave one out, are a component each: `orders/api`,
    `orders/api:8081`."""
    known: dict[str, dict[str, str]] = {}
    keys = {}
    for (component, backend), table in tables.items():
        of_component = known.setdefault(component, {})
        judging = json.dumps(
            {name: table.get(name) for name in _JUDGING}, sort_keys=True
        )
        keys[component, backend] = of_component.setdefault(
            judging, f"{component}:{backend}" if of_component else component
        )
    return keys


def _endpoint(host: str, path: str, backend: str) -> Endpoint:
    port, apart, _ = (*backend.split("_"), "", "")[:3]
    return Endpoint(
        host, unwritten(path), int(port), NOWHERE, service=apart, apart=apart
    )


def _providers(
    tables: Mapping[_Gated, Table], providers: Mapping[str, Provider]
) -> Mapping[str, Provider]:
    """The stack's providers, but without names of groups where one that a table lists now stands
    for another group."""
    changed = {
        name
        for table in tables.values()
        if (provider := providers.get(name := _provider(table))) is not None
        if any(
            provider.listed(_logical(listed, table, provider)) != listed
            for listed in table["groups"]
        )
        or any(
            provider.group(_named(group, at_provider, provider)) != at_provider
            for _, _, groups, _ in table["callers"].values()
            for group, at_provider in groups.items()
        )
    }
    return {
        name: replace(provider, groups={}) if name in changed else provider
        for name, provider in providers.items()
    }


def _named(group: str, at_provider: str, provider: Provider | None) -> str:
    """The group by its name in Applications, where the stack still maps that one to `at_provider`;
    else as it is."""
    return (
        group
        if provider is None or provider.group(group) == at_provider
        else at_provider
    )


def _component(key: str, table: Table, providers: Mapping[str, Provider]) -> Component:
    provider = _provider(table)
    rules = (
        Rule(
            unwritten(path),
            (method,),
            () if needed == "public" else tuple(needed),
            _public(needed),
            NOWHERE,
        )
        for path, methods in table["rules"].items()
        for method, alternatives in _by_method(methods)
        for needed in (["public"] if alternatives == "public" else alternatives)
    )
    roles = (
        Role(
            name,
            tuple(scopes),
            (_logical(name, table, providers.get(provider)),),
            (),
            NOWHERE,
        )
        for name, scopes in table["groups"].items()
    )
    allowed_from = {
        unwritten(path): {
            method: fewest(map(network, listed))
            for method, listed in _by_method(methods)
        }
        for path, methods in table.get("addresses", {}).items()
    }
    return replace(
        bare_component(key, provider),
        rules=tuple(rules),
        roles=tuple(roles),
        traits=Traits({IP_ALLOW: allowed_from}),
    )


def _provider(table: Table) -> str:
    """The provider of a table's key ring, whose name ends with it."""
    return str(table["ring"]).rpartition(".ring.")[2]


def _by_method(methods: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if "*" in methods:
        yield from ((method, methods["*"]) for method in METHODS)
    else:
        yield from methods.items()


def _public(needed: Any) -> Public | None:
    return Public("", None) if needed == "public" else None


def _logical(listed: str, table: Table, provider: Provider | None) -> str:
    """The group by its name in Applications, where the stack still maps that one to what tokens
    list; else as it is."""
    logical = table["logical"].get(listed, listed)
    return (
        str(logical)
        if provider is None or provider.listed(logical) == listed
        else listed
    )


def _clients(
    tables: Mapping[_Gated, Table],
    keys: Mapping[_Gated, str],
    meant: AccessModel,
    stack: Stack,
) -> list[Client]:
    """The clients with something at a gate, and those that the stack exported, with what they hold
    where no gate is."""
    calls: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
    clients = {
        (client.component, client.provider): client for client in meant.estate.clients
    }
    gated = {component for component, _ in tables}
    for who, client in clients.items():
        calls[who] = {
            call.component: call.scopes
            for call in client.calls
            if call.component not in gated
        }
    for gate, table in tables.items():
        for client_id, (key, kind, groups, _) in table["callers"].items():
            who = key, _provider(table)
            scopes = (
                table["services"].get(client_id)
                or table["on_behalf"].get(client_id)
                or ()
            )
            calls.setdefault(who, {})[keys[gate]] = tuple(scopes)
            provider = stack.providers.get(who[1])
            named = [
                _named(group, at_provider, provider)
                for group, at_provider in groups.items()
            ]
            clients[who] = Client(
                key, kind, who[1], (), tuple(named), (), False, NOWHERE
            )
    return [
        replace(
            client,
            calls=tuple(
                Call(called, scopes, (), NOWHERE)
                for called, scopes in calls.get(who, {}).items()
            ),
        )
        for who, client in clients.items()
    ]
