"""Which route a request reaches: the priorities and matches of Kong's `traditional_compatible` router.

Source: Kong's documentation of route priority and kong/router/transform.lua; recorded answers of a Kong 3.10 (steps
routing, no-route). Hosts compare by case there, and so they do here. Where two routes have one priority the older wins
here; Kong breaks the tie by route id, which is as good as random.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.kong.http import Request
from sandbox.kong.rules import rust_regex
from sandbox.kong.store import Entity, Table
from sandbox.kong.wire import wire

_STREAM = frozenset({"tcp", "tls", "udp", "tls_passthrough"})


@dataclass(frozen=True, slots=True)
class Match:
    """The route that a request reached, its service (None: it has none), and what `strip_path` takes off."""

    route: Entity
    service: Entity | None
    prefix: str


@dataclass(frozen=True, slots=True)
class _Host:
    """`name` is exact, a suffix (`*.example.com`) or a prefix (`example.*`); `port` None: any."""

    kind: str
    name: str
    port: int | None

    def matches(self, host: str, port: int) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.kind == "exact":
            return host == self.name
        return host.endswith(self.name) if self.kind == "suffix" else host.startswith(self.name)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A route, or the part of one whose paths are of one kind and length: what Kong gives a priority of its own."""

    order: tuple[int, float, str]
    route: Entity
    service: Entity | None
    methods: frozenset[str]
    hosts: tuple[_Host, ...]
    snis: tuple[_Host, ...]
    prefixes: tuple[str, ...]
    regexes: tuple[re.Pattern[str], ...]
    headers: Mapping[str, frozenset[str]]

    def match(self, request: Request, scheme: str, host: str, port: int, path: str) -> Match | None:
        if self.methods and request.method not in self.methods:
            return None
        if self.hosts and not any(one.matches(host, port) for one in self.hosts):
            return None
        # A request in clear has no SNI, and reaches such a route only to be sent to https.
        if self.snis and scheme == "https" and not any(one.matches(request.server_name or "", 0) for one in self.snis):
            return None
        prefix = self._prefix(path)
        if prefix is None:
            return None
        for name, values in self.headers.items():
            given = {value.lower() for key, value in request.headers if key.lower().replace("-", "_") == name}
            if not given & values:
                return None
        return Match(self.route, self.service, prefix)

    def _prefix(self, path: str) -> str | None:
        if not self.prefixes and not self.regexes:
            return ""
        for prefix in self.prefixes:
            if path.startswith(prefix):
                return prefix
        for regex in self.regexes:
            found = regex.match(path)
            if found:
                return found[0]
        return None


class Router:
    """All routes of one moment, in the order in which they are tried."""

    def __init__(self, routes: Table, services: Table) -> None:
        found = (one for route in routes.values() for one in _candidates(route, services))
        self._candidates = sorted(found, key=lambda one: one.order)

    def match(self, request: Request, scheme: str, port: int, path: str) -> Match | None:
        """`path` is the normalised one, `port` the one that the proxy listens on."""
        host = _without_port(request.header("host") or "")
        for one in self._candidates:
            match = one.match(request, scheme, host, port, path)
            if match:
                return match
        return None


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _candidates(route: Entity, services: Table) -> Iterator[_Candidate]:
    if route["protocols"][0] in _STREAM:
        return
    reference = route["service"]
    service = services.get(reference["id"]) if reference else None
    if reference and (service is None or not service["enabled"]):
        return
    groups: dict[int, list[str]] = {}
    for path in route["paths"] or ():
        groups.setdefault(-1 if path.startswith("~") else len(wire(path)), []).append(path)
    for paths in groups.values() or [[]]:
        regex = bool(paths) and paths[0].startswith("~")
        yield _Candidate(
            (-_priority(route, paths), route["created_at"], route["id"]),
            route,
            service,
            frozenset(route["methods"] or ()),
            tuple(_host(one) for one in route["hosts"] or ()),
            tuple(_host(one) for one in route["snis"] or ()),
            () if regex else tuple(wire(path) for path in paths),
            tuple(rust_regex(wire(path[1:])) for path in paths) if regex else (),
            {
                name.lower().replace("-", "_"): frozenset(value.lower() for value in values)
                for name, values in (route["headers"] or {}).items()
            },
        )


def _host(text: str) -> _Host:
    name, _, port = text.partition(":")
    number = int(port) if port else None
    if name.startswith("*"):
        return _Host("suffix", name[1:], number)
    if name.endswith("*"):
        return _Host("prefix", name[:-1], number)
    return _Host("exact", name, number)


def _priority(route: Mapping[str, Any], paths: list[str]) -> int:
    """A 64-bit number: kinds of matchers (3 bits), plain hosts, headers (8), regex, regex priority (32), length (19).

    A negative `regex_priority` sets every bit above it, as it does in Kong.
    """
    hosts, headers = route["hosts"], route["headers"] or {}
    kinds = (route["methods"], hosts, headers, route["snis"], paths)
    plain = bool(hosts is not None and not any("*" in one for one in hosts))
    regex = bool(paths) and paths[0].startswith("~")
    priority = sum(1 for kind in kinds if kind) << 61
    priority |= plain << 60 | min(len(headers), 255) << 52 | regex << 51
    if regex:
        return (priority | int(route["regex_priority"]) << 19) & (2**64 - 1)
    return priority | (len(wire(paths[0])) & 0x7FFFF if paths else 0)


def upstream_path(base: str | None, path: str, prefix: str, *, strip: bool) -> str:
    """The path that is sent upstream, before it is escaped: the service's own path and what the route leaves."""
    base = base or "/"
    if not strip:
        return base.removesuffix("/") + path if path != "/" or base == "/" else base
    rest = path[len(prefix) :]
    if rest:
        return base.removesuffix("/") + "/" + rest.removeprefix("/")
    bare = base.removesuffix("/")
    return bare + "/" if not bare or path.endswith("/") else bare
