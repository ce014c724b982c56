"""The route that takes a request, as Kong's router `traditional_compatible` chooses it.

Kong splits a route by the lengths of its plain paths; all expressions of a route stay together.
Each part has a priority of 64 bits, and the highest priority that matches wins; then the highest
id. The numbers inside a priority are shifted in 32 bits, so they overlap (observed on Kong 3.10).

Sources: kong/router/transform.lua, atc.lua, fields.lua and utils.lua; recorded answers of a Kong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from uuid import UUID, uuid5

from kong_oam.access.data import Names
from kong_oam.adopt.entities import OldKong, OldRoute
from kong_oam.adopt.expressions import compiled, literal_prefix, texts_of
from kong_oam.adopt.path_text import is_utf8, normalized
from kong_oam.adopt.requests import OldRequest
from kong_oam.kong.entities import Entity
from kong_oam.kong.route_order import paths_by_priority, priority

# The namespace of the ids that Kong gives to the parts of a split route.
_PARTS = UUID("7f145bf9-0dce-4f91-98eb-debbce4b9f6b")
_PORTS = {"http": 80, "https": 443}
_TIE = (
    "another route has the same priority, and the ids that decide are unknown"
)
BEYOND_TEXTS = "it has a regular expression beyond a list of texts"
_UNSTABLE = "its regex_priority is over 1023 or negative, and such routes have no stable order"


@dataclass(frozen=True, slots=True)
class Matched:
    """A route that a request reaches. `prefix` is the path text that its path matched.

    `doubts`: why the router may choose another route; empty for a certain choice.
    """

    route: OldRoute
    prefix: str
    doubts: Names = ()

    @property
    def is_tie(self) -> bool:
        """Whether only the order of several matching routes is in doubt."""
        return self.doubts in ((_TIE,), (_UNSTABLE,))


@dataclass(frozen=True, slots=True)
class HostPattern:
    """A host of a route: an exact text, an ending (`*.a`) or a beginning (`a.*`), with a port."""

    kind: str
    text: str
    port: float | None

    @staticmethod
    def of(declared: str) -> HostPattern:
        """Return the meaning of a declared host."""
        name, port = host_and_port(declared)
        assert name is not None
        if name.startswith("*"):
            return HostPattern("ending", name[1:], port)
        if name.endswith("*"):
            return HostPattern("beginning", name[:-1], port)
        return HostPattern("exact", name, port)

    def matches(self, host: str | None, port: float) -> bool:
        """Return whether a host without its port, and the port, match."""
        if host is None or self.port not in (None, port):
            return False
        if self.kind == "ending":
            return host.endswith(self.text)
        if self.kind == "beginning":
            return host.startswith(self.text)
        return host == self.text


@dataclass(frozen=True, slots=True)
class _Part:
    """A route, or its paths of one kind and length."""

    priority: int
    id: str
    route: OldRoute
    hosts: tuple[HostPattern, ...]
    paths: Names
    doubts: Names
    is_unstable: bool

    @property
    def rank(self) -> int:
        """Its priority. All parts without a stable order have one rank."""
        return 2**64 if self.is_unstable else self.priority

    @property
    def order(self) -> tuple[int, str]:
        return self.priority, self.id


class OldRouter:
    """All HTTP routes of a Kong, in the order in which they are tried."""

    def __init__(self, old: OldKong) -> None:
        parts: list[_Part] = []
        for route in old.routes:
            if route.is_routed:
                parts += _parts(route)
        self._parts = sorted(parts, key=attrgetter("order"), reverse=True)
        # For each host and port, the parts by path text.
        self._on_host: dict[tuple[str | None, float], dict[str, list[int]]] = {}

    @cached_property
    def patterns(self) -> Names:
        """The declared hosts of all routes, each once, in order."""
        hosts: dict[str, None] = {}
        for part in self._parts:
            hosts.update(dict.fromkeys(part.route.hosts))
        return tuple(hosts)

    def match(
        self, request: OldRequest, *, whole_class: bool = False
    ) -> tuple[Matched, ...]:
        """Return the routes that may take the request, the first choice first; empty for 404.

        Several routes: the choice depends on conditions that the request does not show, or on
        unknown ids. With `whole_class`, an expression that is no finite list of texts may match
        every text that begins with its literal prefix.
        """
        path = normalized(request.path)
        if not is_utf8(path):
            return ()
        host, port = host_and_port(request.host)
        if port is None:
            port = request.port or _PORTS[request.scheme]
        matches: list[Matched] = []
        for _, parts in groupby(
            self._candidates(host, port, path), attrgetter("rank")
        ):
            found = list(_matches(request, path, parts, whole_class))
            matches += found
            if any(not match.doubts or match.is_tie for match in found):
                break
        return tuple(matches)

    def _candidates(
        self, host: str | None, port: float, path: str
    ) -> list[_Part]:
        """Return the parts that may take the path on the host, in order."""
        key = host, port
        if key not in self._on_host:
            self._on_host[key] = self._indexed(host, port)
        by_text = self._on_host[key]
        found = [*by_text.get("", ())]
        for end in range(1, len(path) + 1):
            found += by_text.get(path[:end], ())
        return [self._parts[index] for index in sorted(set(found))]

    def _indexed(self, host: str | None, port: float) -> dict[str, list[int]]:
        """Return the parts on a host by their plain paths; under "" the parts with expressions, and
        the parts without paths."""
        by_text: dict[str, list[int]] = {}
        for index, part in enumerate(self._parts):
            if part.hosts and not any(
                pattern.matches(host, port) for pattern in part.hosts
            ):
                continue
            is_plain = part.paths and not part.paths[0].startswith("~")
            for path in part.paths if is_plain else ("",):
                by_text.setdefault(as_bytes(path), []).append(index)
        return by_text


def _matches(
    request: OldRequest, path: str, parts: Iterator[_Part], whole_class: bool
) -> Iterator[Matched]:
    """Yield the matches of parts with one priority, up to the first certain match."""
    found: list[tuple[_Part, Matched]] = []
    for part in parts:
        match = _match(request, path, part, whole_class)
        if match is None:
            continue
        if found and part.route is found[-1][0].route:
            continue
        found.append((part, match))
        is_first = part.id and found[0][0].id and not part.is_unstable
        if is_first and not match.doubts:
            break
    certain = [part for part, match in found if not match.doubts]
    is_tie = len(certain) > 1 and not all(part.id for part in certain)
    for part, match in found:
        doubts = match.doubts
        if part.is_unstable and len(found) > 1:
            doubts = (*doubts, _UNSTABLE)
        elif is_tie and not doubts:
            doubts = (_TIE,)
        yield Matched(match.route, match.prefix, doubts)


def _match(
    request: OldRequest, path: str, part: _Part, whole_class: bool
) -> Matched | None:
    route = part.route
    if route.expression:
        return Matched(route, "", ("it has an expression",))
    if route.methods and request.method not in route.methods:
        return None
    doubts = list(part.doubts)
    if route.headers:
        if request.headers is None:
            doubts.append("it asks for headers")
        elif not _has_headers(route, request.headers):
            return None
    if route.snis and request.scheme == "https":
        doubts.append("it asks for an SNI")
    if not part.paths:
        return Matched(route, "", tuple(doubts))
    possible = None
    for declared in part.paths:
        matched = _path_match(declared, path, whole_class)
        if matched is None:
            continue
        prefix, doubt = matched
        if not doubt and (possible is None or not route.strip_path):
            return Matched(route, prefix, tuple(doubts))
        possible = possible or Matched(route, prefix, (*doubts, doubt))
    return possible


def _path_match(
    declared: str, path: str, whole_class: bool
) -> tuple[str, str] | None:
    """Return the matched text and a doubt, which is empty for a certain match."""
    if not declared.startswith("~"):
        text = as_bytes(declared)
        return (text, "") if path.startswith(text) else None
    expression = declared[1:]
    pattern = compiled(expression)
    if pattern is None or (whole_class and texts_of(expression) is None):
        prefix = as_bytes(literal_prefix(expression))
        if not path.startswith(prefix):
            return None
        return "", BEYOND_TEXTS
    match = pattern.match(path.encode("latin-1").decode())
    return (as_bytes(match[0]), "") if match else None


def as_bytes(text: str) -> str:
    """Return a text with one character for each of its bytes in UTF-8."""
    return text if text.isascii() else text.encode().decode("latin-1")


def compared_texts(path: str) -> Iterator[str]:
    """Yield the texts of a declared path that the router compares, as bytes.

    These are the plain path, the texts of a finite expression, or an expression's literal prefix.
    """
    if not path.startswith("~"):
        yield as_bytes(path)
        return
    listed = texts_of(path[1:])
    if listed is None:
        yield as_bytes(literal_prefix(path[1:]))
        return
    for each in listed:
        yield as_bytes(each.text)


def _has_headers(route: OldRoute, headers: Mapping[str, Names]) -> bool:
    """Return whether a request has all headers that a route asks for. Values are compared in small
    letters; `~*` begins an expression."""
    for name, wanted in route.headers.items():
        values = [value.lower() for value in headers.get(name, ())]
        if not any(_has_value(value, wanted) for value in values):
            return False
    return True


def _has_value(value: str, wanted: Names) -> bool:
    for text in wanted:
        if text.startswith("~*"):
            pattern = compiled(text[2:].lower())
            if pattern and pattern.search(value):
                return True
        elif value == text.lower():
            return True
    return False


_NUMBER = re.compile(
    r"[ \t\n\v\f\r]*[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)[ \t\n\v\f\r]*\Z"
)


def host_and_port(host: str | None) -> tuple[str | None, float | None]:
    """Split a Host at its first colon. Without a number after it, all of the text is the host.

    Kong converts the port with Lua's `tonumber`.
    """
    if host is None:
        return None, None
    name, colon, port = host.partition(":")
    if not colon or not _NUMBER.match(port):
        return host, None
    digits = port.strip().lower()
    return name, int(digits, 16) if "0x" in digits else float(digits)


def _parts(route: OldRoute) -> Iterator[_Part]:
    """Yield the parts of a route: one for its expressions, one for each length of its paths."""
    groups = paths_by_priority(as_entity(route))
    hosts = tuple(map(HostPattern.of, route.hosts))
    doubts = [
        f"its field '{name}' has a value that is not known"
        for name in route.unknown
    ]
    for number, paths in enumerate(groups, 1):
        order = _priority(route, paths)
        yield _Part(
            order,
            _part_id(route, number, len(groups)),
            route,
            hosts,
            tuple(paths),
            tuple(doubts),
            order >> 31 == (1 << 33) - 1,
        )


def _part_id(route: OldRoute, number: int, count: int) -> str:
    if not route.id or count < 2:
        return route.id
    return str(uuid5(_PARTS, f"{route.id}#{number}"))


def _priority(route: OldRoute, paths: list[str]) -> int:
    if route.expression:
        # Expressions come before all other routes.
        return 2**64 - 1
    return priority(as_entity(route), paths)


def as_entity(route: OldRoute) -> Entity:
    """Return the fields by which Kong orders the route."""
    return {
        "methods": route.methods,
        "hosts": route.hosts,
        "headers": route.headers,
        "snis": route.snis,
        "paths": route.paths,
        "regex_priority": route.regex_priority,
    }


def upstream_path(matched: Matched, path: str, service_path: str) -> str:
    """Return the path at the service for a normalised path, before its bytes are escaped.

    Kong joins the service's path and the rest after the matched text, without a doubled slash. The
    router `traditional_compatible` reads `path_handling: v1` as v0.
    """
    base = service_path or "/"
    if not matched.route.strip_path:
        if base.endswith("/"):
            return base + path[1:]
        return base if path == "/" else base + path
    rest = _without_dots(path[len(matched.prefix or "/") :])
    if not rest:
        return _joined_without_rest(base, path)
    if rest.startswith("/"):
        return base.removesuffix("/") + rest
    return base + rest if base.endswith("/") else f"{base}/{rest}"


def _joined_without_rest(base: str, path: str) -> str:
    """Return the service's path with the slash that the request's path ends with."""
    if base == "/":
        return base
    bare = base.removesuffix("/")
    has_slash = path.endswith("/") and (base.endswith("/") or len(path) > 1)
    return f"{bare}/" if has_slash else bare


def _without_dots(rest: str) -> str:
    """Return the rest of a path without a dot segment at its beginning."""
    if rest in (".", ".."):
        return ""
    for beginning in ("./", "../"):
        if rest.startswith(beginning):
            return rest[len(beginning) :]
    return rest
