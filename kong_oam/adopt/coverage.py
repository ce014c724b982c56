"""The requests of an old route that routes of an estate take over, and the requests that are left.

A request belongs to the estate if a host and a path of an endpoint match it. Kong compares path
texts, and the estate compares elements, so `/orders` of an old route also takes `/ordersX`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kong_oam.access.data import Names, PathSegments
from kong_oam.access.hosts import hosts_above
from kong_oam.access.methods import METHODS
from kong_oam.access.model import Estate
from kong_oam.access.paths import unwritten, within
from kong_oam.adopt.entities import OldRoute
from kong_oam.adopt.expressions import Text, literal_prefix, texts_of
from kong_oam.adopt.router import as_entity
from kong_oam.kong.route_order import paths_by_priority, priority
from kong_oam.kong.routes import own_priority


@dataclass(frozen=True, slots=True)
class Coverage:
    """The part of an old route that the estate's routes take over.

    `missing`: why the route has to stay, in words; empty if all its requests are covered but those
    in `left`. `other_hosts`, `other_methods`, `longer`: requests that only the old route takes:
    other hosts than the known hosts, other methods, and texts that continue a path.
    """

    missing: str = ""
    other_hosts: bool = False
    other_methods: bool = False
    longer: Names = ()

    @property
    def left(self) -> Names:
        """The requests that only the old route takes, in words."""
        words = []
        if self.other_hosts:
            words.append("other hosts")
        if self.other_methods:
            words.append("other methods")
        words += [f"paths that continue {text}" for text in self.longer]
        return tuple(words)


class Exposed:
    """The hosts and paths that an estate exposes.

    `hosts`: the hosts of routes without a host, in small letters; empty for all hosts of the
    estate.
    """

    def __init__(self, estate: Estate, hosts: Names = ()) -> None:
        self._paths: dict[str, set[PathSegments]] = {}
        for component in estate.exposed:
            for endpoint in component.exposure.endpoints:
                paths = self._paths.setdefault(endpoint.host, set())
                paths.add(endpoint.path)
        self.hosts = hosts or tuple(sorted(self._paths))

    def coverage(self, route: OldRoute) -> Coverage:
        """Return the part of a route that the estate takes over."""
        if reason := _unknown(route):
            return Coverage(reason)
        hosts = [host.partition(":")[0].lower() for host in route.hosts]
        if not hosts and not self.hosts:
            return Coverage("the Applications expose no host")
        longer: dict[str, None] = {}
        for host in hosts or self.hosts:
            for text in _texts(route):
                own = self._covering(host, text)
                if not own:
                    where = f"{host}{text.text or '/'}"
                    return Coverage(f"the Applications do not expose {where}")
                if max(priorities(route)) >= max(own.values()):
                    return Coverage("Kong may try it before our routes")
                shortest = min(map(len, own))
                is_whole = shortest == len(unwritten(text.text))
                if _is_continued(text) and is_whole:
                    longer[text.text] = None
        is_listed = route.methods and set(route.methods) <= set(METHODS)
        return Coverage("", not hosts, not is_listed, tuple(longer))

    def _covering(self, host: str, text: Text) -> dict[PathSegments, int]:
        """Return the exposed paths that match the texts, or all texts but continuations, with the
        priorities of our routes."""
        elements = unwritten(text.text)
        if text.form == "longer" and not text.text.endswith("/"):
            elements = elements[:-1]
        found: dict[PathSegments, int] = {}
        for pattern in hosts_above(host):
            for path in self._paths.get(pattern, ()):
                if within(elements, path):
                    found.setdefault(path, own_priority(pattern, len(path)))
        return found


def _unknown(route: OldRoute) -> str:
    """Return why the requests of a route are unknown, or an empty text."""
    if not route.is_http:
        return "it takes no HTTP requests"
    if route.expression:
        return "it has an expression"
    if route.unknown:
        return f"its field '{route.unknown[0]}' is not understood"
    for host in route.hosts:
        if "*" in host and not host.startswith("*."):
            return f"the host {host} has no counterpart in Applications"
    return ""


def _texts(route: OldRoute) -> Iterator[Text]:
    """Yield the texts that a route takes. An infinite expression begins with its literal text."""
    for path in route.paths or ("/",):
        if not path.startswith("~"):
            yield Text(path, "begins")
            continue
        texts = texts_of(path[1:])
        if texts is None:
            prefix = literal_prefix(path[1:])
            yield Text(prefix[: prefix.rfind("/") + 1], "begins")
        else:
            yield from texts


def _is_continued(text: Text) -> bool:
    """Return whether the texts continue the last element."""
    return text.form == "begins" and not text.text.endswith("/")


def priorities(route: OldRoute) -> list[int]:
    """Return the priorities of a route in Kong's router, one for each kind and length of paths."""
    entity = as_entity(route)
    return [priority(entity, paths) for paths in paths_by_priority(entity)]
