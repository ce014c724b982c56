"""The router: find a request's route by Kong's `traditional_compatible` priorities and matches.

Source: Kong's documentation of route priority and kong/router/transform.lua; recorded answers of a
Kong 3.10 (steps routing, no-route; 14,563 requests to 509 sets of routes). Hosts compare by case
and with a trailing dot, as in Kong. Between routes of equal priority the higher id wins. Not
modelled: the winner among routes whose priority is negative in 32 bits, which varies in Kong.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from kong_rules.entities import Table
from sandbox.kong.entities import Route, Service
from sandbox.kong.http import Request
from sandbox.kong.rules import rust_regex
from sandbox.kong.wire import wire

# The texts that Kong hashes to the ids of a route's parts (seen in their order;
# kong/router/transform.lua).
_PARTS = uuid.UUID("7f145bf9-0dce-4f91-98eb-debbce4b9f6b")
_STREAM = frozenset({"tcp", "tls", "udp", "tls_passthrough"})


@dataclass(frozen=True, slots=True)
class Match:
    """A request's route, its service (None: the route has none), and the prefix that `strip_path`
    removes."""

    route: Route
    service: Service | None
    prefix: str


@dataclass(frozen=True, slots=True)
class _Host:
    """`name` is exact, a suffix (`*.example.com`) or a prefix (`example.*`); `port` None matches
    any port."""

    kind: str
    name: str
    port: int | None

    def matches(self, host: str, port: int) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.kind == "exact":
            return host == self.name
        return (
            host.endswith(self.name)
            if self.kind == "suffix"
            else host.startswith(self.name)
        )


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A route, or the part of a route with paths of one kind and length: Kong gives each a separate
    priority."""

    order: tuple[int, str]
    route: Route
    service: Service | None
    methods: frozenset[str]
    hosts: tuple[_Host, ...]
    snis: tuple[_Host, ...]
    prefixes: tuple[str, ...]
    regexes: tuple[re.Pattern[str], ...]
    headers: Mapping[str, frozenset[str]]

    def match(
        self, request: Request, scheme: str, host: str, port: int, path: str
    ) -> Match | None:
        if self.methods and request.method not in self.methods:
            return None
        if not _reached(self.hosts, host, port):
            return None
        # A request without TLS has no SNI, and reaches such a route only for the redirect to https.
        if scheme == "https" and not _reached(
            self.snis, request.server_name or "", 0
        ):
            return None
        prefix = self._prefix(path)
        if prefix is None:
            return None
        for name, values in self.headers.items():
            sent = (
                value.lower()
                for key, value in request.headers
                if _folded(key) == name
            )
            if values.isdisjoint(sent):
                return None
        return Match(self.route, self.service, prefix)

    def _prefix(self, path: str) -> str | None:
        if not self.prefixes and not self.regexes:
            return ""
        for prefix in self.prefixes:
            if path.startswith(prefix):
                return prefix
        for regex in self.regexes:
            match = regex.match(path)
            if match:
                return match[0]
        return None


class Router:
    """All routes of one moment, in the order in which they are tried."""

    def __init__(self, routes: Table, services: Table) -> None:
        self._candidates: list[_Candidate] = []
        # The schemas have seen to the fields.
        typed_services = cast(Mapping[str, Service], services)
        for route in cast(Iterable[Route], routes.values()):
            if route["protocols"][0] not in _STREAM:
                self._candidates += _candidates(route, typed_services)
        self._candidates.sort(
            key=lambda candidate: candidate.order, reverse=True
        )

    def match(
        self, request: Request, scheme: str, port: int, path: str
    ) -> Match | None:
        """`path` is normalised; `port` is the proxy's port, which may differ from the Host
        header's."""
        host, colon, named = (request.header("host") or "").rpartition(":")
        if not (colon and named.isdigit()):
            host = request.header("host") or ""
            named = ""
        if not _is_utf8(path):
            return None
        for candidate in self._candidates:
            match = candidate.match(
                request, scheme, host, int(named or port), path
            )
            if match:
                return match
        return None


def _is_utf8(path: str) -> bool:
    try:
        path.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _reached(hosts: Sequence[_Host], host: str, port: int) -> bool:
    """Return whether one of these hosts matches, or there are no hosts."""
    return not hosts or any(pattern.matches(host, port) for pattern in hosts)


def _folded(header: str) -> str:
    return header.lower().replace("-", "_")


def _candidates(
    route: Route, services: Mapping[str, Service]
) -> Iterator[_Candidate]:
    reference = route["service"]
    service = services.get(reference["id"]) if reference else None
    if reference and (service is None or not service["enabled"]):
        return
    headers = _header_values(route["headers"] or {})
    groups = _parts(route["paths"] or ())
    for number, paths in enumerate(groups, 1):
        part = route["id"]
        if len(groups) > 1:
            part = str(uuid.uuid5(_PARTS, f"{part}#{number}"))
        prefixes = () if _is_regex(paths) else paths
        regexes = paths if _is_regex(paths) else ()
        yield _Candidate(
            (_priority(route, paths), part),
            route,
            service,
            frozenset(route["methods"] or ()),
            tuple(map(_host, route["hosts"] or ())),
            tuple(map(_host, route["snis"] or ())),
            tuple(map(wire, prefixes)),
            tuple(rust_regex(wire(path[1:])) for path in regexes),
            headers,
        )


def _header_values(
    headers: Mapping[str, list[str]],
) -> dict[str, frozenset[str]]:
    return {
        _folded(name): frozenset(map(str.lower, values))
        for name, values in headers.items()
    }


def _parts(paths: Iterable[str]) -> list[list[str]]:
    """Return the paths in groups: regular expressions, and plain paths of one length."""
    groups: dict[int, list[str]] = {}
    for path in paths:
        length = -1 if path.startswith("~") else len(wire(path))
        groups.setdefault(length, []).append(path)
    return [*groups.values()] or [[]]


def _is_regex(paths: list[str]) -> bool:
    return bool(paths) and paths[0].startswith("~")


def _host(text: str) -> _Host:
    name, _, port = text.partition(":")
    number = int(port) if port else None
    if name.startswith("*"):
        return _Host("suffix", name[1:], number)
    if name.endswith("*"):
        return _Host("prefix", name[:-1], number)
    return _Host("exact", name, number)


def _priority(route: Route, paths: list[str]) -> int:
    """Return a 64-bit number: a bit for plain hosts, a bit for regular expressions, and three
    overlapping numbers.

    Kinds of matchers, headers and `regex_priority` should have separate bits, but Kong shifts them
    in 32 bits. Ten bits of a `regex_priority` remain, two more overlap the kinds, and the next bit
    makes the number negative, which wins over everything.
    """
    hosts = route["hosts"]
    headers = route["headers"] or {}
    kinds = sum(
        1
        for kind in (route["methods"], hosts, headers, route["snis"], paths)
        if kind
    )
    plain = bool(hosts is not None and not any("*" in host for host in hosts))
    regex = _is_regex(paths)
    last = 0
    if regex:
        last = _shifted(int(route["regex_priority"]), 19)
    elif paths:
        last = len(wire(paths[0])) & 0x7FFFF
    shifted = _shifted(kinds, 29) | _shifted(min(len(headers), 255), 20) | last
    return (plain << 60 | regex << 51 | shifted) & (2**64 - 1)


def _shifted(number: int, bits: int) -> int:
    """Shift as LuaJIT does for numbers that are not 64-bit: keep the lower 32 bits of the result,
    and its sign."""
    low = number << bits & 0xFFFFFFFF
    return low - (1 << 32) if low >> 31 else low


def upstream_path(
    base: str | None, path: str, prefix: str, *, strip: bool
) -> str:
    """Return the path for the upstream, before it is escaped: the service's path and the rest of
    the request's."""
    base = base or "/"
    if not strip:
        return (
            base.removesuffix("/") + path
            if path != "/" or base == "/"
            else base
        )
    remainder = path[len(prefix) :]
    if remainder:
        return base.removesuffix("/") + "/" + remainder.removeprefix("/")
    bare = base.removesuffix("/")
    # The root alone adds no slash.
    ends_with_slash = path.endswith("/") and path != "/"
    is_root_of_folder = path == "/" and base.endswith("/")
    if not bare or ends_with_slash or is_root_of_folder:
        return bare + "/"
    return bare
