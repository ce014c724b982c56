"""The table by which all is decided before one port of a component, as JSON that a reviewer can
read in a preview.

Admission and the gate have the same one, and a request has to be allowed by both. Each is replaced
at a moment of its own: what closes closes with the first, and what opens opens with the last.

    version, component
    authentication           the plugin that verifies tokens: it says which one in a way of its own
    ring, issuer, audiences  whose tokens count; issuer null: the `custom_id` of the key ring's consumer
    per_api                  whether a token for another audience is one for another API (403), and not a bad one (401)
    spelling                 how the provider's tokens spell things (kong_oam.access.providers.ClaimMapping)
    hosts                    {host: {path: true | false}}: true leads here, false to another component or port
    rules                    {path: {method or "*": "public" | [[scopes, all of them], ...]}}
    services, on_behalf      {client id: [scopes that it holds here]}, of clients that call as themselves and of those
                             that users sign in through: no token is worth more, whatever it lists
    callers                  {client id: [component, kind, {group that may sign in: what it is at the provider}, its
                             workload]}: who they are, for kong_oam.kong.enforced; nothing is decided by it
    groups                   {what the token lists of a user's groups: [scopes that those hold who are in it]}
    logical                  {what the token lists of a group: its name in Applications}, where that is another
    addresses                {path: {method or "*": [networks]}}: where alone rules may be called from, only where such
                             are; what is not in it, from anywhere (kong_oam.traits.ip_allow)
    depth                    elements of the longest path in the table
    opened                   not from here: {path, methods, ends, reason} of what kong_oam.emergency opened
    cors                     {origin: {path that a rule owns: [methods]}}: whose pages may read which answers; not there
                             where the gateway has nothing to do with it
    cors_answer              what these are told: {credentials, expose, headers, max_age}
    log                      where records of requests are kept: {stack, port, query: [parameters that are in them],
                             file: where most rules stand, subjectKey, otlp, revision: which table this is}
    places                   with it: {path: {method or "*": [line in that file, or file:line, of each alternative]}}
    forward_token            whether the workload gets the bearer token, or only what the gate says of who calls

Further entries are those of traits that decide nothing: `kong_oam.traits.*.at_kong` says which.

Shape: a component and its estate in, sorted JSON out, an entry a line, so that a preview's diff
shows just the entries that change. The same input gives the same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any, Literal, TypeVar

from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import METHODS, Client, Component, Estate, Rule
from kong_oam.access.paths import within, written
from kong_oam.access.providers import Provider
from kong_oam.access.workloads import workload_of
from kong_oam.traits.at_kong import asked_of_kong
from kong_oam.traits.cors.at_kong import cors_entry

T = TypeVar("T")

Table = Mapping[str, Any]
"""A table, parsed."""

VERSION = 4

LONGEST_OPENING = 480
"""Minutes. gate.lua takes no `opened` that lasts longer: such a one is a rule, and belongs into the
Application."""

Authentication = Literal["jwt", "openid-connect"]

VERIFIED_HEADER = "x-auth-verified-token"
"""Where openid-connect puts the token that it verified. Admission takes x-auth-* headers from
everybody else."""

_BY_LINE = (
    "addresses",
    "callers",
    "cors",
    "groups",
    "hosts",
    "on_behalf",
    "places",
    "rules",
    "services",
)


def table(
    estate: Estate,
    component: Component,
    backend: str,
    ring: str,
    authentication: Authentication = "jwt",
    audiences: Mapping[str, str] | None = None,
    clients: Mapping[str, str] | None = None,
) -> str:
    """The table before a backend of `component`, by its name; the consumer named `ring` stands for
    its issuer's keys.

    `audiences`: those that the provider made up, by component. `clients`: client ids at the
    provider, by component; one that is not there has the id that the model knows it by.
    """
    data = _data(
        estate, component, backend, ring, authentication, audiences or {}, clients or {}
    )
    if estate.stack.records:
        data |= _recorded(
            estate,
            component,
            backend,
            revision(estate, component, backend, ring, authentication),
        )
    return _written(data)


def revision(
    estate: Estate,
    component: Component,
    backend: str,
    ring: str,
    authentication: Authentication = "jwt",
) -> str:
    """What tells a table from any other that Applications and settings have meant for this backend:
    twelve digits of a digest. Audiences and client ids that providers make up, and what is opened
    in an emergency, are not in it."""
    data = _data(estate, component, backend, ring, authentication, {}, {})
    return sha256(_written(data).encode()).hexdigest()[:12]


def _data(
    estate: Estate,
    component: Component,
    backend: str,
    ring: str,
    authentication: Authentication,
    audiences: Mapping[str, str],
    ids: Mapping[str, str],
) -> dict[str, Any]:
    provider = estate.provider_of(component)
    hosts, depth = _hosts(estate, component, backend)

    def scopes_held(*, users: bool) -> dict[str, list[str]]:
        return {
            ids.get(key, key): list(scopes)
            for key, scopes in estate.held_at(component, users=users).items()
        }

    return {
        "version": VERSION,
        "component": component.key,
        "authentication": authentication,
        "ring": ring,
        "issuer": provider.issuer,
        "audiences": sorted(
            {
                audiences.get(api, provider.audience_of(api))
                for api in estate.apis_at(component)
            }
        ),
        "per_api": provider.per_api,
        "spelling": asdict(provider.spelling),
        "forward_token": component.forward_token,
        "hosts": hosts,
        "rules": {
            written(path): _methods(rules) for path, rules in component.owned.items()
        },
        "services": scopes_held(users=False),
        "on_behalf": scopes_held(users=True),
        "callers": {
            ids.get(client.component, client.component): _caller(estate, client)
            for client in estate.clients
            if client.provider == component.provider
            and any(call.component == component.key for call in client.calls)
        },
        "groups": _groups(component, provider),
        "logical": _logical(component, provider),
        "depth": max(depth, *(len(rule.path) for rule in component.rules))
        if component.rules
        else depth,
        **cors_entry(estate, component),
        **_of_traits(component),
    }


def closed(table: str) -> str:
    """The table with nothing exposed; all else of it stays."""
    return _written({**json.loads(table), "hosts": {}})


def opened(table: str, opening: Mapping[str, Any] | None) -> str:
    """The table with what is open in an emergency, {path, methods, ends, reason}, in place of what
    was."""
    rest = {
        name: value for name, value in json.loads(table).items() if name != "opened"
    }
    return _written({**rest, "opened": dict(opening)} if opening else rest)


def address(host: str, port: int, name: str | None = None) -> str:
    """The address of a workload, as the gate reads it: JSON with `host` and `port`, and with the
    `name` that its certificate has to bear where it is spoken to by https."""
    where = {"host": f"[{host}]" if ":" in host else host, "port": port}
    return _compact({**where, "name": name} if name else where)


def _written(data: Mapping[str, Any]) -> str:
    """Compact JSON, but for a line per entry of the table and per host, path and group in it."""
    lines = []
    for name, value in sorted(data.items()):
        if name in _BY_LINE and value:
            inner = ",\n".join(
                f" {_compact(key)}: {_compact(value[key])}" for key in sorted(value)
            )
            lines.append(f"{_compact(name)}: {{\n{inner}}}")
        else:
            lines.append(f"{_compact(name)}: {_compact(value)}")
    return "{" + ",\n".join(lines) + "}"


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _hosts(
    estate: Estate, component: Component, backend: str
) -> tuple[dict[str, dict[str, bool]], int]:
    """The endpoints that lead to this backend, and the others that come before one of them for some
    request."""
    hosts: dict[str, dict[str, bool]] = {}
    depth = 0
    for endpoint in (
        endpoint for endpoint in component.endpoints if endpoint.backend == backend
    ):
        hosts.setdefault(endpoint.host, {})[written(endpoint.path)] = True
        depth = max(depth, len(endpoint.path))
        for rival, owner in _rivals(estate, endpoint):
            if owner is not component or rival.backend != backend:
                hosts.setdefault(rival.host, {})[written(rival.path)] = False
                depth = max(depth, len(rival.path))
    return hosts, depth


def _rivals(estate: Estate, endpoint: Endpoint) -> Iterator[tuple[Endpoint, Component]]:
    """Yields the endpoints that come before this endpoint for some request, and this endpoint
    itself."""
    yield from estate.below[endpoint.host, endpoint.path]
    if not endpoint.host.startswith("*."):
        return
    suffix = endpoint.host[1:]
    for host, pairs in estate.by_host.items():
        if host.endswith(suffix) and host != endpoint.host:
            for rival, owner in pairs:
                if within(rival.path, endpoint.path) or within(
                    endpoint.path, rival.path
                ):
                    yield rival, owner


def _methods(rules: tuple[Rule, ...]) -> dict[str, Any]:
    by_method: dict[str, Any] = {}
    for method in METHODS:
        if deciding := _deciding(rules, method):
            scopes = [sorted(rule.scopes) for rule in deciding]
            by_method[method] = "public" if deciding[0].public else scopes
    return _folded(by_method)


def _deciding(rules: tuple[Rule, ...], method: str) -> list[Rule]:
    """The rules that let callers in with a method: the first public rule alone, or else the first
    rule of each set of scopes."""
    first: dict[tuple[str, ...], Rule] = {}
    for rule in rules:
        if rule.lists(method):
            if rule.public:
                return [rule]
            first.setdefault(tuple(sorted(rule.scopes)), rule)
    return [first[scopes] for scopes in sorted(first)]


def _folded(by_method: dict[str, T]) -> dict[str, T]:
    """One entry for all methods where each has the same."""
    same = len(by_method) == len(METHODS) and all(
        value == by_method["GET"] for value in by_method.values()
    )
    return {"*": by_method["GET"]} if same else by_method


def _recorded(
    estate: Estate, component: Component, backend: str, current: str
) -> dict[str, Any]:
    records = estate.stack.records
    assert records is not None
    file, places = _places(component)
    known = {"file": file, "otlp": records.otlp, "subjectKey": records.subject_key}
    log = {
        "stack": estate.stack.name,
        "port": backend,
        "query": list(records.query),
        "revision": current,
    }
    return {
        "log": log | {name: value for name, value in known.items() if value},
        "places": places,
    }


def _places(component: Component) -> tuple[str, dict[str, dict[str, list[int | str]]]]:
    """The file in which most rules stand, and the place of each alternative of a rule, by path and
    method."""
    files = Counter(_place(rule)[0] for rule in component.rules)
    common = min(files, key=lambda file: (-files[file], file), default="")
    return common, {
        written(path): _places_by_method(rules, common)
        for path, rules in component.owned.items()
    }


def _places_by_method(
    rules: tuple[Rule, ...], common: str
) -> dict[str, list[int | str]]:
    by_method: dict[str, list[int | str]] = {}
    for method in METHODS:
        if deciding := _deciding(rules, method):
            places = map(_place, deciding)
            by_method[method] = [
                line if file == common else f"{file}:{line}" for file, line in places
            ]
    return _folded(by_method)


def _place(rule: Rule) -> tuple[str, int]:
    return rule.place.file, rule.place.line


def _caller(estate: Estate, client: Client) -> list[Any]:
    provider = estate.stack.providers[client.provider]
    groups = {group: provider.group(group) for group in client.groups}
    return [
        client.component,
        client.kind,
        groups,
        workload_of(estate.components[client.component]),
    ]


def _of_traits(component: Component) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for trait, value in asked_of_kong(component):
        entries |= trait.entries(value, component)
    return entries


def _logical(component: Component, provider: Provider) -> dict[str, str]:
    groups = {group for role in component.roles for group in role.groups}
    return {
        listed: group for group in groups if (listed := provider.listed(group)) != group
    }


def _groups(component: Component, provider: Provider) -> dict[str, list[str]]:
    scopes_of: dict[str, set[str]] = {}
    for role in component.roles:
        for group in role.groups:
            scopes_of.setdefault(provider.listed(group), set()).update(role.scopes)
    return {name: sorted(scopes) for name, scopes in scopes_of.items()}
