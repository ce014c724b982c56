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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from typing import Any, Literal, TypeVar

from kong_oam.access.data import (
    JsonFields,
    JsonObject,
    NameLists,
    Names,
    NameSets,
    Texts,
)
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import (
    METHODS,
    Client,
    Component,
    Estate,
    Rule,
    Rules,
)
from kong_oam.access.paths import written
from kong_oam.access.providers import Provider
from kong_oam.access.workloads import workload_of
from kong_oam.kong.script import Alternatives
from kong_oam.traits.at_kong import asked_of_kong
from kong_oam.traits.cors.at_kong import cors_entry

T = TypeVar("T")

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
    audiences: Texts | None = None,
    clients: Texts | None = None,
) -> str:
    """The table before a backend of `component`, by its name; the consumer named `ring` stands for
    its issuer's keys.

    `audiences`: those that the provider made up, by component. `clients`: client ids at the
    provider, by component; one that is not there has the id that the model knows it by.
    """
    data = _data(
        estate,
        component,
        backend,
        ring,
        authentication,
        audiences or {},
        clients or {},
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
    audiences: Texts,
    ids: Texts,
) -> JsonFields:
    provider = estate.provider_of(component)
    hosts, depth = _hosts(estate, component, backend)
    rules = {}
    for path, owned in component.owned.items():
        rules[written(path)] = _by_method(owned, _requirement)
    return {
        "version": VERSION,
        "component": component.key,
        "authentication": authentication,
        "ring": ring,
        "issuer": provider.issuer,
        "audiences": _audiences(estate, component, audiences),
        "per_api": provider.per_api,
        "spelling": asdict(provider.spelling),
        "forward_token": component.identity.forward_token,
        "hosts": hosts,
        "rules": rules,
        "services": _held(estate, component, ids, users=False),
        "on_behalf": _held(estate, component, ids, users=True),
        "callers": _callers(estate, component, ids),
        "groups": _groups(component, provider),
        "logical": _logical(component, provider),
        "depth": max(
            [depth, *(len(rule.path) for rule in component.exposure.rules)]
        ),
        **cors_entry(estate, component),
        **_of_traits(component),
    }


def _audiences(
    estate: Estate, component: Component, made_up: Texts
) -> list[str]:
    """Return the audiences of tokens that count, as their provider writes them."""
    audience_of = estate.provider_of(component).audience_of
    apis = estate.apis_at(component)
    return sorted({made_up.get(api, audience_of(api)) for api in apis})


def _held(
    estate: Estate, component: Component, ids: Texts, *, users: bool
) -> NameLists:
    """Return the scopes that clients hold here, by their ids."""
    held = {}
    for client, scopes in estate.held_at(component, users=users).items():
        held[ids.get(client, client)] = list(scopes)
    return held


def _callers(
    estate: Estate, component: Component, ids: Texts
) -> dict[str, list[Any]]:
    callers = {}
    for client in estate.clients:
        if client.provider != component.identity.provider:
            continue
        if any(call.component == component.key for call in client.calls):
            identifier = ids.get(client.component, client.component)
            callers[identifier] = _caller(estate, client)
    return callers


def closed(table: str) -> str:
    """The table with nothing exposed; all else of it stays."""
    return _written({**json.loads(table), "hosts": {}})


def opened(table: str, opening: JsonObject | None) -> str:
    """The table with what is open in an emergency, {path, methods, ends, reason}, in place of what
    was."""
    data = json.loads(table)
    data.pop("opened", None)
    if opening:
        data["opened"] = dict(opening)
    return _written(data)


def address(host: str, port: int, name: str | None = None) -> str:
    """The address of a workload, as the gate reads it: JSON with `host` and `port`, and with the
    `name` that its certificate has to bear where it is spoken to by https."""
    # An IPv6 address stands in brackets.
    shown = f"[{host}]" if ":" in host else host
    upstream: dict[str, str | int] = {"host": shown, "port": port}
    if name:
        upstream["name"] = name
    return _compact(upstream)


def _written(data: JsonObject) -> str:
    """Compact JSON, but for a line per entry of the table and per host, path and group in it."""
    lines = []
    for name, value in sorted(data.items()):
        text = _compact(value)
        if name in _BY_LINE and value:
            entries = [
                f" {_compact(key)}: {_compact(value[key])}"
                for key in sorted(value)
            ]
            text = "{\n" + ",\n".join(entries) + "}"
        lines.append(f"{_compact(name)}: {text}")
    return "{" + ",\n".join(lines) + "}"


def _compact(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


_Hosts = dict[str, dict[str, bool]]
"""Whether each path of each host leads here."""


def _hosts(
    estate: Estate, component: Component, backend: str
) -> tuple[_Hosts, int]:
    """The endpoints that lead to this backend, and the others that come before one of them for some
    request."""
    hosts: _Hosts = {}
    depth = 0
    for endpoint in component.exposure.endpoints:
        if endpoint.backend != backend:
            continue
        for rival, owner in _rivals(estate, endpoint):
            leads_here = owner is component and rival.backend == backend
            hosts.setdefault(rival.host, {})[written(rival.path)] = leads_here
            depth = max(depth, len(rival.path))
    return hosts, depth


def _rivals(
    estate: Estate, endpoint: Endpoint
) -> Iterator[tuple[Endpoint, Component]]:
    """Yield the endpoints that come before this endpoint for some request, and this endpoint
    itself."""
    place = endpoint.host, endpoint.path
    yield from estate.below[place]
    yield from estate.narrower.get(place, ())


def _requirement(deciding: list[Rule]) -> Alternatives:
    if deciding[0].public:
        return "public"
    return [sorted(rule.scopes) for rule in deciding]


def _by_method(rules: Rules, entry: Callable[[list[Rule]], T]) -> dict[str, T]:
    """Return what `entry` makes of the deciding rules of each method that has any; one entry for
    all methods where each has the same."""
    by_method = {}
    for method in METHODS:
        if deciding := _deciding(rules, method):
            by_method[method] = entry(deciding)
    if len(by_method) == len(METHODS) and _are_alike(by_method.values()):
        return {"*": by_method["GET"]}
    return by_method


def _are_alike(values: Iterable[object]) -> bool:
    first, *others = values
    return all(other == first for other in others)


def _deciding(rules: Rules, method: str) -> list[Rule]:
    """The rules that let callers in with a method: the first public rule alone, or else the first
    rule of each set of scopes."""
    first: dict[Names, Rule] = {}
    for rule in rules:
        if rule.lists(method):
            if rule.public:
                return [rule]
            first.setdefault(tuple(sorted(rule.scopes)), rule)
    return [first[scopes] for scopes in sorted(first)]


def _recorded(
    estate: Estate, component: Component, backend: str, current: str
) -> JsonObject:
    records = estate.stack.records
    assert records is not None
    files = Counter(rule.position.file for rule in component.exposure.rules)
    common = min(files, key=lambda file: (-files[file], file), default="")
    log: JsonFields = {
        "stack": estate.stack.name,
        "port": backend,
        "query": list(records.query),
        "revision": current,
    }
    known = {
        "file": common,
        "otlp": records.otlp,
        "subjectKey": records.subject_key,
    }
    for name, value in known.items():
        if value:
            log[name] = value
    places = {}
    for path, rules in component.owned.items():
        places[written(path)] = _by_method(
            rules, partial(_places, common=common)
        )
    return {"log": log, "places": places}


def _places(deciding: list[Rule], common: str) -> list[int | str]:
    """Return the line of each rule; with its file, where that is not the common one."""
    places: list[int | str] = []
    for rule in deciding:
        place = rule.position
        is_common = place.file == common
        places.append(place.line if is_common else f"{place.file}:{place.line}")
    return places


def _caller(estate: Estate, client: Client) -> list[Any]:
    provider = estate.stack.providers[client.provider]
    groups = {group: provider.group(group) for group in client.groups}
    return [
        client.component,
        client.kind,
        groups,
        workload_of(estate.components[client.component]),
    ]


def _of_traits(component: Component) -> JsonObject:
    entries: JsonFields = {}
    for trait, value in asked_of_kong(component):
        entries |= trait.entries(value, component)
    return entries


def _logical(component: Component, provider: Provider) -> Texts:
    logical = {}
    for role in component.identity.roles:
        for group in role.groups:
            listed = provider.listed(group)
            if listed != group:
                logical[listed] = group
    return logical


def _groups(component: Component, provider: Provider) -> NameLists:
    scopes_of: NameSets = {}
    for role in component.identity.roles:
        for group in role.groups:
            scopes_of.setdefault(provider.listed(group), set()).update(
                role.scopes
            )
    return {name: sorted(scopes) for name, scopes in scopes_of.items()}
