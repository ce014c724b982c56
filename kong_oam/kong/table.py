"""The table by which admission and the gate decide for one port of a component.

It is JSON that a reviewer can read in a preview. Admission and the gate have the same table, and a
request needs the permission of both. An update replaces them one after the other. A rule that
closes takes effect with the first, a rule that opens with the second.

    `version`, `component`
    `authentication`             The plugin that verifies tokens. Each plugin forwards the verified
                                 token in another header.
    `ring`                       The key ring.
    `issuer`                     The issuer of valid tokens. Null: the key ring's `custom_id`.
    `audiences`                  The audiences of valid tokens.
    `per_api`                    True: a token for another audience is for another API (403).
                                 False: it is invalid (401).
    `spelling`                   Names of claims in the provider's tokens (`ClaimMapping`).
    `hosts`                      `{host: {path: true | false}}`.
                                 False: another component or port has the path.
    `rules`                      `{path: {method or "*": "public" | [[scopes, all of them], ...]}}`.
    `refusing`                   `{path: {method or "*": [["public" | [scopes], refusals], ...]}}`:
                                 further alternatives of rules. Each refuses some paths:
                                 `{exactly: [texts], begins: [texts]}`. Missing without refusals.
    `forward`                    `{exposed path: path at the workload}` of this port. Missing
                                 without such paths.
    `services`, `on_behalf`      `{client id: [granted scopes]}` of clients that call as themselves,
                                 and of sign-in clients. No token has more scopes here.
    `callers`                    `{client id: [component, kind, {group: provider name}, workload]}`.
                                 The groups may sign in. Only kong_oam.kong.enforced reads it.
    `groups`                     `{group in the token: [scopes of its members]}`.
    `logical`                    `{group in the token: name in Applications}`, where they differ.
    `addresses`                  `{path: {method or "*": [networks]}}` of restricted rules.
                                 A missing rule allows every address (kong_oam.traits.ip_allow).
    `before`, `before_in`        Old credentials until a date (kong_oam.kong.old_credentials).
    `depth`                      The number of elements of the longest path in the table.
    `opened`                     `{path, methods, ends, reason}`, added by kong_oam.emergency.
    `cors`                       `{origin: {path of a rule: [methods]}}`: pages that may
                                 read answers. Missing where the gateway does not handle CORS.
    `cors_answer`                `{credentials, expose, headers, max_age}` for these origins.
    `log`                        `{stack, port, query, file, subjectKey, otlp, revision}`, where the
                                 stack keeps records.
                                 `query` lists recorded parameters. `file` has most rules.
    `places`                     `{path: {method or "*": [line or file:line]}}`, of each
                                 alternative, with `log`. `refusing` comes last.
    `tools`                      `{path: bytes}` of MCP endpoints: the most bytes of a message. The
                                 gate reads each message there. A tool is a method: `call NAME`. No
                                 entry of such a path has "*". Missing without tools.
    `discovery`                  `{scheme, issuer}` for documents about these endpoints
                                 (kong_oam.access.discovery). Missing without tools.
    `forward_token`              True: the workload gets the bearer token.
                                 False: it gets only the gate's headers.

Traits that do not decide add further entries: see `kong_oam.traits.*.at_kong`.

The JSON is sorted, with an entry per line, so that a preview's diff shows just the entries that
change. The same input gives the same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, astuple
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
    Client,
    Component,
    Estate,
    Rule,
    Rules,
)
from kong_oam.access.paths import unwritten, written
from kong_oam.access.providers import Provider
from kong_oam.access.refusals import Refusals, depth_of
from kong_oam.access.workloads import workload_of
from kong_oam.kong import old_credentials
from kong_oam.kong.script import Alternatives, RefusingAlternative
from kong_oam.traits.at_kong import traits_at_kong
from kong_oam.traits.cors.at_kong import cors_entry

T = TypeVar("T")

VERSION = 4

# Minutes. gate.lua ignores a longer `opened`: such a rule belongs into the Application.
LONGEST_OPENING = 480

Authentication = Literal["jwt", "openid-connect"]

# Bytes of a message to an MCP endpoint, unless the trait `limits` says otherwise.
LARGEST_MESSAGE = 2**20

# The header in which openid-connect forwards the verified token. Admission removes callers'
# x-auth-* headers.
VERIFIED_HEADER = "x-auth-verified-token"

_BY_LINE = (
    "addresses",
    "before",
    "callers",
    "cors",
    "forward",
    "groups",
    "hosts",
    "on_behalf",
    "places",
    "refusing",
    "rules",
    "services",
    "tools",
)


def table(
    estate: Estate,
    component: Component,
    backend: str,
    ring: str,
    authentication: Authentication = "jwt",
    audiences: Texts | None = None,
    clients: Texts | None = None,
    issuer: str | None = None,
) -> str:
    """Return the table of a backend of `component`, by the backend's name.

    `ring`: the consumer with the issuer's keys. `audiences`: those that the provider made up, by
    component. `clients`: client ids at the provider, by component. A missing client has the id of
    the model. `issuer`: the provider's issuer, if the run creates it.
    """
    data = _data(
        estate,
        component,
        backend,
        ring,
        authentication,
        audiences or {},
        clients or {},
        issuer,
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
    """Return a digest, twelve digits, of the table that Applications and settings define for a
    backend.

    It excludes issuers, audiences and client ids that a run makes up, and emergency openings.
    """
    data = _data(estate, component, backend, ring, authentication, {}, {}, None)
    return sha256(_written(data).encode()).hexdigest()[:12]


def _data(
    estate: Estate,
    component: Component,
    backend: str,
    ring: str,
    authentication: Authentication,
    audiences: Texts,
    ids: Texts,
    issuer: str | None,
) -> JsonFields:
    provider = estate.provider_of(component)
    hosts, depth = _hosts(estate, component, backend)
    of_traits = _of_traits(component)
    rules = {}
    for path, owned in component.owned.items():
        always = tuple(rule for rule in owned if not rule.refusals)
        rules[written(path)] = _by_method(
            always, component.methods_on(path), _deciding, _requirement
        )
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
        "depth": max([depth, *_depths(component, backend)]),
        **old_credentials.entries(component, ids),
        **cors_entry(estate, component),
        **of_traits,
        **_refusing_entry(component),
        **_tools_entry(component, of_traits),
        **_discovery_entry(estate, component, issuer),
        **_forward_entry(component, backend),
    }


def _depths(component: Component, backend: str) -> Iterator[int]:
    """Yield the number of elements of each path of rules, refusals and forwards."""
    for rule in component.exposure.rules:
        yield len(rule.path)
        yield depth_of(rule.refusals)
    yield from map(_elements, _forward(component, backend))


def _elements(path: str) -> int:
    return len(unwritten(path))


def _refusing_entry(component: Component) -> JsonObject:
    """Return the table's entry `refusing`, or nothing if no rule refuses a path."""
    refusing = {}
    for path, owned in component.owned.items():
        methods = component.methods_on(path)
        by_method = _by_method(
            owned, methods, _refusing, _refusing_alternatives
        )
        if by_method:
            refusing[written(path)] = by_method
    return {"refusing": refusing} if refusing else {}


def _tools_entry(component: Component, of_traits: JsonObject) -> JsonObject:
    """Return the table's entry `tools`, or nothing if no rule names a tool."""
    limits = of_traits.get("limits", {})
    largest = limits.get("body", LARGEST_MESSAGE)
    tools = {written(path): largest for path in component.mcp_endpoints}
    return {"tools": tools} if tools else {}


def _discovery_entry(
    estate: Estate, component: Component, made_up: str | None
) -> JsonObject:
    """Return the table's entry `discovery`, or nothing if no rule names a tool."""
    if not component.mcp_endpoints:
        return {}
    issuer = estate.provider_of(component).issuer or made_up
    return {"discovery": {"issuer": issuer, "scheme": estate.stack.scheme}}


def _refusing_alternatives(deciding: list[Rule]) -> list[RefusingAlternative]:
    return [
        ("public" if rule.public else sorted(rule.scopes), _refused(rule))
        for rule in deciding
    ]


def _refused(rule: Rule) -> NameLists:
    texts = {
        "begins": [*rule.refusals.begins],
        "exactly": [*rule.refusals.exactly],
    }
    return {form: listed for form, listed in texts.items() if listed}


def _forward(component: Component, backend: str) -> dict[str, str]:
    port = component.backends[backend].port_name
    return {
        written(forward.path): forward.target
        for forward in component.exposure.forwards
        if forward.port == port
    }


def _forward_entry(component: Component, backend: str) -> JsonObject:
    """Return the table's entry `forward`, or nothing without one."""
    forward = _forward(component, backend)
    return {"forward": forward} if forward else {}


def _audiences(
    estate: Estate, component: Component, made_up: Texts
) -> list[str]:
    """Return the audiences of valid tokens, as their provider writes them."""
    audience_of = estate.provider_of(component).audience_of
    apis = estate.apis_at(component)
    return sorted({made_up.get(api, audience_of(api)) for api in apis})


def _held(
    estate: Estate, component: Component, ids: Texts, *, users: bool
) -> NameLists:
    """Return the scopes granted to clients here, by client id."""
    held = {}
    for client, scopes in estate.granted_at(component, users=users).items():
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


def without_exposure(table: str) -> str:
    """Return the table with nothing exposed. All other entries stay."""
    return _written({**json.loads(table), "hosts": {}})


def with_opening(table: str, opening: JsonObject | None) -> str:
    """Return the table with an emergency opening {path, methods, ends, reason}, or without one."""
    data = json.loads(table)
    data.pop("opened", None)
    if opening:
        data["opened"] = dict(opening)
    return _written(data)


def address(
    host: str,
    port: int,
    name: str | None = None,
    host_header: str | None = None,
) -> str:
    """Return the address of a workload for the gate, as JSON with `host` and `port`.

    `name`: the name in the workload's certificate, if the gateway calls it by https.
    `host_header`: the Host header, if it is neither the caller's nor this name.
    """
    # An IPv6 address stands in brackets.
    shown = f"[{host}]" if ":" in host and "[" not in host else host
    upstream: dict[str, str | int] = {"host": shown, "port": port}
    if name:
        upstream["name"] = name
    if host_header:
        upstream["host_header"] = host_header
    return _compact(upstream)


def _written(data: JsonObject) -> str:
    """Return compact JSON with a line for each entry of the table, and for each host, path and
    group in it."""
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


# Whether each path of each host leads here.
_Hosts = dict[str, dict[str, bool]]


def _hosts(
    estate: Estate, component: Component, backend: str
) -> tuple[_Hosts, int]:
    """Return the paths of this backend's hosts, with endpoints that may take requests from it, and
    the depth."""
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
    """Yield this endpoint, and the endpoints that win over it for some request."""
    place = endpoint.host, endpoint.path
    yield from estate.below[place]
    yield from estate.below_wildcard.get(place, ())


def _requirement(deciding: list[Rule]) -> Alternatives:
    if deciding[0].public:
        return "public"
    return [sorted(rule.scopes) for rule in deciding]


def _by_method(
    rules: Rules,
    methods: Names,
    deciding_of: Callable[[Rules, str], list[Rule]],
    entry: Callable[[list[Rule]], T],
) -> dict[str, T]:
    """Return the result of `entry` for the deciding rules of each method with rules.

    Equal results for all methods become a single entry "*". Not at an MCP endpoint, where tools
    that no rule names are methods, too.
    """
    by_method = {}
    for method in methods:
        if deciding := deciding_of(rules, method):
            by_method[method] = entry(deciding)
    if len(by_method) == len(methods) and _are_alike(by_method.values()):
        return {"*": by_method["GET"]}
    return by_method


def _are_alike(values: Iterable[object]) -> bool:
    first, *others = values
    return all(other == first for other in others)


def _deciding(rules: Rules, method: str) -> list[Rule]:
    """Return the rules that allow callers with a method.

    The first public rule alone, or else the first rule of each set of scopes.
    """
    first: dict[Names, Rule] = {}
    for rule in rules:
        if rule.lists(method):
            if rule.public:
                return [rule]
            first.setdefault(tuple(sorted(rule.scopes)), rule)
    return [first[scopes] for scopes in sorted(first)]


def _refusing(rules: Rules, method: str) -> list[Rule]:
    """Return the rules with refusals that allow callers with a method. Public rules come first.

    No rule with refusals counts beside a public rule without refusals.
    """
    always = _deciding(
        tuple(rule for rule in rules if not rule.refusals), method
    )
    if always and always[0].public:
        return []
    found: dict[tuple[bool, Names, Refusals], Rule] = {}
    for rule in rules:
        if rule.refusals and rule.lists(method):
            needed = tuple(sorted(rule.scopes))
            found.setdefault((not rule.public, needed, rule.refusals), rule)
    return [
        found[key]
        for key in sorted(
            found, key=lambda key: (key[0], key[1], astuple(key[2]))
        )
    ]


def _all_deciding(rules: Rules, method: str) -> list[Rule]:
    """Return the deciding rules in the order of the table's alternatives."""
    always = tuple(rule for rule in rules if not rule.refusals)
    return [*_deciding(always, method), *_refusing(rules, method)]


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
            rules,
            component.methods_on(path),
            _all_deciding,
            partial(_places, common=common),
        )
    return {"log": log, "places": places}


def _places(deciding: list[Rule], common: str) -> list[int | str]:
    """Return the line of each rule. A rule in another file than `common` has its file, too."""
    places = []
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
    for trait, value in traits_at_kong(component):
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
