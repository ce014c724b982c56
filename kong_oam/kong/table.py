"""The table by which all is decided before one port of a component, as JSON that a reviewer can read in a preview.

Admission and the gate have the same one, and a request has to be allowed by both. Each is replaced at a moment of its
own: what closes closes with the first, and what opens opens with the last.

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
    depth                    elements of the longest path in the table
    opened                   not from here: {path, methods, ends, reason} of what kong_oam.emergency opened
    forward_token            whether the workload gets the bearer token, or only what the gate says of who calls

Shape: a component and its estate in, sorted JSON out, an entry a line, so that a preview's diff shows just the entries
that change. The same input gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from kong_oam.access.diff.snapshot import workload_of
from kong_oam.access.model import METHODS, Client, Component, Endpoint, Estate, Rule
from kong_oam.access.paths import within, written
from kong_oam.access.providers import Provider

VERSION = 4

LONGEST_OPENING = 480
"""Minutes. gate.lua takes no `opened` that lasts longer: such a one is a rule, and belongs into the Application."""

Authentication = Literal["jwt", "openid-connect"]

VERIFIED_HEADER = "x-auth-verified-token"
"""Where openid-connect puts the token that it verified. Admission takes x-auth-* headers from everybody else."""

_BY_LINE = ("callers", "groups", "hosts", "on_behalf", "rules", "services")


def table(
    estate: Estate,
    component: Component,
    port: int,
    ring: str,
    authentication: Authentication = "jwt",
    audiences: Mapping[str, str] | None = None,
    clients: Mapping[str, str] | None = None,
) -> str:
    """The table before `port` of `component`; the consumer named `ring` stands for its issuer's keys.

    `audiences`: those that the provider made up, by component. `clients`: client ids at the provider, by component;
    one that is not there has the id that the model knows it by.
    """
    provider, audiences, ids = estate.provider_of(component), audiences or {}, clients or {}
    hosts, depth = _hosts(estate, component, port)

    def scopes_held(*, users: bool) -> dict[str, list[str]]:
        return {ids.get(key, key): list(scopes) for key, scopes in estate.held_at(component, users=users).items()}

    return _written(
        {
            "version": VERSION,
            "component": component.key,
            "authentication": authentication,
            "ring": ring,
            "issuer": provider.issuer,
            "audiences": sorted({audiences.get(api, provider.audience_of(api)) for api in estate.apis_at(component)}),
            "per_api": provider.per_api,
            "spelling": asdict(provider.spelling),
            "forward_token": component.forward_token,
            "hosts": hosts,
            "rules": {written(path): _methods(rules) for path, rules in component.owned.items()},
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
            "depth": max(depth, *(len(rule.path) for rule in component.rules)) if component.rules else depth,
        }
    )


def closed(table: str) -> str:
    """The table with nothing exposed; all else of it stays."""
    return _written({**json.loads(table), "hosts": {}})


def opened(table: str, opening: Mapping[str, Any] | None) -> str:
    """The table with what is open in an emergency, {path, methods, ends, reason}, in place of what was."""
    rest = {name: value for name, value in json.loads(table).items() if name != "opened"}
    return _written({**rest, "opened": dict(opening)} if opening else rest)


def address(host: str, port: int) -> str:
    """The address of a workload, as the gate reads it: JSON with `host` and `port`."""
    return _compact({"host": f"[{host}]" if ":" in host else host, "port": port})


def _written(data: Mapping[str, Any]) -> str:
    """Compact JSON, but for a line per entry of the table and per host, path and group in it."""
    lines = []
    for name, value in sorted(data.items()):
        if name in _BY_LINE and value:
            inner = ",\n".join(f" {_compact(key)}: {_compact(value[key])}" for key in sorted(value))
            lines.append(f"{_compact(name)}: {{\n{inner}}}")
        else:
            lines.append(f"{_compact(name)}: {_compact(value)}")
    return "{" + ",\n".join(lines) + "}"


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _hosts(estate: Estate, component: Component, port: int) -> tuple[dict[str, dict[str, bool]], int]:
    """The endpoints that lead to this port, and the others that come before one of them for some request."""
    hosts: dict[str, dict[str, bool]] = {}
    depth = 0
    for endpoint in (endpoint for endpoint in component.endpoints if endpoint.port == port):
        hosts.setdefault(endpoint.host, {})[written(endpoint.path)] = True
        depth = max(depth, len(endpoint.path))
        for rival, owner in _overlapping(estate, endpoint):
            if (owner is not component or rival.port != port) and _comes_before(rival, endpoint):
                hosts.setdefault(rival.host, {})[written(rival.path)] = False
                depth = max(depth, len(rival.path))
    return hosts, depth


def _overlapping(estate: Estate, endpoint: Endpoint) -> list[tuple[Endpoint, Component]]:
    if not endpoint.host.startswith("*."):
        return list(estate.by_host[endpoint.host])
    suffix = endpoint.host[1:]
    return [pair for host, pairs in estate.by_host.items() if host.endswith(suffix) for pair in pairs]


def _comes_before(rival: Endpoint, endpoint: Endpoint) -> bool:
    if rival.host == endpoint.host:
        return within(rival.path, endpoint.path)
    return within(rival.path, endpoint.path) or within(endpoint.path, rival.path)


def _methods(rules: tuple[Rule, ...]) -> dict[str, Any]:
    by_method: dict[str, Any] = {}
    for method in METHODS:
        listing = [rule for rule in rules if rule.lists(method)]
        if any(rule.public for rule in listing):
            by_method[method] = "public"
        elif listing:
            by_method[method] = sorted({tuple(sorted(rule.scopes)) for rule in listing})
    same = len(by_method) == len(METHODS) and all(value == by_method["GET"] for value in by_method.values())
    return {"*": by_method["GET"]} if same else by_method


def _caller(estate: Estate, client: Client) -> list[Any]:
    provider = estate.stack.providers[client.provider]
    groups = {group: provider.group(group) for group in client.groups}
    return [client.component, client.kind, groups, workload_of(estate.components[client.component])]


def _logical(component: Component, provider: Provider) -> dict[str, str]:
    groups = {group for role in component.roles for group in role.groups}
    return {listed: group for group in groups if (listed := provider.listed(group)) != group}


def _groups(component: Component, provider: Provider) -> dict[str, list[str]]:
    scopes_of: dict[str, set[str]] = {}
    for role in component.roles:
        for group in role.groups:
            scopes_of.setdefault(provider.listed(group), set()).update(role.scopes)
    return {name: sorted(scopes) for name, scopes in scopes_of.items()}
