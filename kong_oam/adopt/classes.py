"""Classes of requests that an old Kong cannot distinguish.

Kong compares path texts, not elements. A class has a host class, and methods that no route tells
apart. Its path texts are exactly a declared text, or all texts that continue it and no longer
declared text.
Texts of a finite expression count as declared; of another expression, its literal prefix counts.
Then the answer to the class is unknown where the expression may match (`whole_class`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from kong_oam.access.data import Names
from kong_oam.adopt.entities import OldKong, OldRoute
from kong_oam.adopt.path_text import escaped, normalized
from kong_oam.adopt.requests import OldRequest
from kong_oam.adopt.router import (
    HostPattern,
    compared_texts,
    host_and_port,
)

# A method that represents all methods that nobody names.
OTHER_METHOD = "PROPFIND"
# Methods with a meaning of their own: preflights skip plugins, and GET of a rule includes HEAD.
_OWN = ("GET", "HEAD", "OPTIONS")
_OTHER_HOST = "other-host.invalid"
# Characters that continue a text in an example, none of which is part of a dot segment.
_CONTINUING = "xyzabcdefghijklmnopqrstuvwXYZABCDEFGHIJKLMNOPQRSTUVW0123456789-_~!$&'()*+,:;=@"
_USUAL_PORT = 443

# The key of a class: host patterns, text, whether exactly this text, and methods.
ClassKey = tuple[Names, str, bool, Names]


@dataclass(frozen=True, slots=True)
class HostClass:
    """Hosts that match the same host patterns. `example` is such a host."""

    patterns: Names
    example: str


@dataclass(frozen=True, slots=True)
class PathText:
    """Path texts with the same longest declared text.

    `text` is declared, in the form that the router compares. With `exact`, the class has only this
    text. Otherwise it has the texts that continue it and no longer declared text. `example` is a
    path of the class, as a client sends it.
    """

    text: str
    exact: bool
    example: str

    def __str__(self) -> str:
        return self.text if self.exact else f"{self.text}*"


@dataclass(frozen=True, slots=True)
class OldClass:
    """A class of requests: a host class, methods that no route tells apart, and path texts."""

    host: HostClass
    methods: Names
    path: PathText

    def request(self, method: str = "") -> OldRequest:
        """Return the example of the class, with its first method or another of its methods."""
        chosen = method or self.methods[0]
        return OldRequest(chosen, self.host.example, self.path.example)


class RequestClasses:
    """The classes of all requests to a Kong.

    Another side may divide them further by its methods, and by `declared`: pairs of host pattern
    and path text. An empty pattern is every host.
    """

    def __init__(
        self,
        old: OldKong,
        declared: Iterable[tuple[str, str]] = (),
        methods: Iterable[str] = (),
    ) -> None:
        self._routes = [route for route in old.routes if route.is_routed]
        self._texts = {route: _texts_of_route(route) for route in self._routes}
        self._declared = tuple(declared)
        self._named = {*methods, *_OWN}
        self._on_host: dict[Names, dict[str, None]] = {}

    @cached_property
    def _patterns(self) -> dict[str, HostPattern]:
        """All host patterns as declared, with their meaning."""
        hosts: dict[str, None] = {}
        for route in self._routes:
            hosts.update(dict.fromkeys(route.hosts))
        for host, _ in self._declared:
            if host:
                hosts[host] = None
        return {host: HostPattern.of(host) for host in hosts}

    @cached_property
    def hosts(self) -> tuple[HostClass, ...]:
        """The host classes, in the order of their patterns; hosts without a pattern come last."""
        classes: dict[Names, HostClass] = {}
        for example in (*_example_hosts(self._patterns.values()), _OTHER_HOST):
            patterns = self._matching(example)
            classes.setdefault(patterns, HostClass(patterns, example))
        return tuple(classes.values())

    def _matching(self, host: str | None) -> Names:
        name, port = host_and_port(host)
        matching = []
        for declared, pattern in self._patterns.items():
            if pattern.matches(name, port or _USUAL_PORT):
                matching.append(declared)
        return tuple(matching)

    @cached_property
    def methods(self) -> tuple[Names, ...]:
        """The methods in groups that no route tells apart."""
        named = {*self._named}
        for route in self._routes:
            named.update(route.methods)
        groups: dict[tuple[bool, ...], list[str]] = {}
        for method in (*sorted(named), OTHER_METHOD):
            groups.setdefault(self._method_key(method), []).append(method)
        return tuple(map(tuple, groups.values()))

    def _method_key(self, method: str) -> tuple[bool, ...]:
        key = [method in listed for listed in self._method_lists]
        own = [method == name for name in sorted(self._named)]
        return (*key, *own)

    @cached_property
    def _method_lists(self) -> tuple[Names, ...]:
        lists = {route.methods for route in self._routes if route.methods}
        return tuple(sorted(lists))

    def _texts_on(self, patterns: Names) -> dict[str, None]:
        """Return the declared texts on hosts with these patterns, sorted."""
        if patterns not in self._on_host:
            texts = {"/"}
            for route in self._routes:
                if not route.hosts or not {*route.hosts}.isdisjoint(patterns):
                    texts |= self._texts[route]
            for host, text in self._declared:
                if not host or host in patterns:
                    texts.add(text)
            with_slashes = set()
            for text in texts:
                with_slashes |= {text, _other_slash(text)}
            self._on_host[patterns] = dict.fromkeys(sorted(with_slashes))
        return self._on_host[patterns]

    def paths(self, host: HostClass) -> Iterator[PathText]:
        """Yield the path texts on a host class, in the order of their texts."""
        texts = self._texts_on(host.patterns)
        for text in texts:
            example = escaped(text)
            if _is_reachable(text):
                yield PathText(text, True, example)
            ending = _continuation(text, texts)
            if ending and _is_reachable(text + ending):
                yield PathText(text, False, escaped(text + ending))

    def __iter__(self) -> Iterator[OldClass]:
        """Yield all classes, in order."""
        for host in self.hosts:
            for path in self.paths(host):
                for methods in self.methods:
                    yield OldClass(host, methods, path)

    def key(self, request: OldRequest) -> ClassKey:
        """Return the key of the class of a request: host patterns, text, whether exactly this text,
        methods."""
        patterns = self._matching(request.host)
        texts = self._texts_on(patterns)
        path = normalized(request.path)
        ends = range(len(path), 0, -1)
        text = next((path[:end] for end in ends if path[:end] in texts), "/")
        return patterns, text, text == path, self._group(request.method)

    def _group(self, method: str) -> Names:
        for group in self.methods:
            if method in group:
                return group
        # A method that nobody names.
        return next(group for group in self.methods if OTHER_METHOD in group)


def key_of(of_class: OldClass) -> ClassKey:
    """Return the key of a class, as `RequestClasses.key` returns it for its requests."""
    path = of_class.path
    return of_class.host.patterns, path.text, path.exact, of_class.methods


def _texts_of_route(route: OldRoute) -> set[str]:
    """Return the texts at which answers of the route may change."""
    texts: set[str] = set()
    for path in route.paths:
        texts.update(compared_texts(path))
    return {text for text in texts if text.startswith("/")}


def _other_slash(text: str) -> str:
    """Return the text with a slash at its end, or without it."""
    if text.endswith("/"):
        return text[:-1] or "/"
    return f"{text}/"


def _is_reachable(text: str) -> bool:
    """Return whether a request can have this text after Kong has normalised its path."""
    return "?" not in text and normalized(escaped(text)) == text


def _continuation(text: str, texts: dict[str, None]) -> str:
    """Return an ending with which the text is no longer declared text; empty if there is none."""
    for ending in _CONTINUING:
        if text + ending not in texts:
            return ending
    return ""


def _example_hosts(patterns: Iterable[HostPattern]) -> Iterator[str]:
    """Yield a host for each pattern, and for pairs of an ending and a beginning: without a port,
    and with each declared port."""
    listed = list(patterns)
    names = []
    for pattern in listed:
        if pattern.kind == "ending":
            names.append(f"_any{pattern.text}")
        elif pattern.kind == "beginning":
            names.append(f"{pattern.text}_any")
        else:
            names.append(pattern.text)
    endings = [pattern for pattern in listed if pattern.kind == "ending"]
    beginnings = [pattern for pattern in listed if pattern.kind == "beginning"]
    for ending, beginning in product(endings, beginnings):
        names.append(f"{beginning.text}_any{ending.text}")
    ports = {pattern.port for pattern in listed if pattern.port is not None}
    for name in dict.fromkeys(names):
        yield name
        for port in sorted(ports):
            yield f"{name}:{port:g}"
