"""The gate's table: all that one component's gate decides by, as JSON that a reviewer can read in a preview.

    version, component
    authentication           the plugin that verifies tokens: it says which one in a way of its own
    ring, issuer, audiences  whose tokens count; issuer null: the `custom_id` of the key ring's consumer
    per_api                  whether a token for another audience is one for another API (403), and not a bad one (401)
    spelling                 how the provider's tokens spell things (access.model.Spelling)
    hosts                    {host: {path: true | false}}: true leads here, false to another component or port
    rules                    {path: {method or "*": "public" | [[scopes, all of them], ...]}}
    groups                   {what the token lists of a user's groups: [scopes that those hold who are in it]}
    depth                    elements of the longest path in the table

Shape: a component and its estate in, sorted JSON out, an entry a line, so that a preview's diff shows just the entries
that change. The same input gives the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from access.model import METHODS, Component, Endpoint, Estate, Provider, Rule
from access.paths import within, written

VERSION = 3

Authentication = Literal["jwt", "openid-connect"]

VERIFIED_HEADER = "x-auth-verified-token"
"""Where openid-connect puts the token that it verified. Admission takes x-auth-* headers from everybody else."""

_BY_LINE = ("groups", "hosts", "rules")

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


def table(
    estate: Estate,
    component: Component,
    port: int,
    ring: str,
    authentication: Authentication = "jwt",
    audiences: Mapping[str, str] | None = None,
) -> str:
    """The table of the gate before `port` of `component`; the consumer named `ring` stands for its issuer's keys.

    `audiences`: those that the provider made up, by component.
    """
    provider, made = estate.provider_of(component), audiences or {}
    hosts, depth = _hosts(estate, component, port)
    return _written(
        {
            "version": VERSION,
            "component": component.key,
            "authentication": authentication,
            "ring": ring,
            "issuer": provider.issuer,
            "audiences": sorted({made.get(api, provider.audience_of(api)) for api in estate.apis_at(component)}),
            "per_api": provider.per_api,
            "spelling": asdict(provider.spelling),
            "hosts": hosts,
            "rules": {written(path): _methods(rules) for path, rules in component.owned.items()},
            "groups": _groups(component, provider),
            "depth": max(depth, *(len(rule.path) for rule in component.rules)) if component.rules else depth,
        }
    )


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


def embedded(text: str) -> str:
    """The table as a Lua long string. No input can leave it: a `]` inside a JSON text is written as an escape."""
    return f"[==[{_TEXT.sub(lambda match: match.group().replace(']', chr(92) + 'u005d'), text)}]==]"


def _hosts(estate: Estate, component: Component, port: int) -> tuple[dict[str, dict[str, bool]], int]:
    """The endpoints that lead to this port, and the others that come before one of them for some request."""
    hosts: dict[str, dict[str, bool]] = {}
    depth = 0
    for own in (endpoint for endpoint in component.endpoints if endpoint.port == port):
        hosts.setdefault(own.host, {})[written(own.path)] = True
        depth = max(depth, len(own.path))
        for endpoint, other in _overlapping(estate, own):
            if (other is not component or endpoint.port != port) and _comes_before(endpoint, own):
                hosts.setdefault(endpoint.host, {})[written(endpoint.path)] = False
                depth = max(depth, len(endpoint.path))
    return hosts, depth


def _overlapping(estate: Estate, own: Endpoint) -> list[tuple[Endpoint, Component]]:
    if not own.host.startswith("*."):
        return list(estate.by_host[own.host])
    suffix = own.host[1:]
    return [pair for host, pairs in estate.by_host.items() if host.endswith(suffix) for pair in pairs]


def _comes_before(other: Endpoint, own: Endpoint) -> bool:
    if other.host == own.host:
        return within(other.path, own.path)
    return within(other.path, own.path) or within(own.path, other.path)


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


def _groups(component: Component, provider: Provider) -> dict[str, list[str]]:
    held: dict[str, set[str]] = {}
    for role in component.roles:
        for group in role.groups:
            held.setdefault(provider.listed(group), set()).update(role.scopes)
    return {name: sorted(scopes) for name, scopes in held.items()}
