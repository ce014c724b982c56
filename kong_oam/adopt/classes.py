"""Classes of requests that an old Kong cannot distinguish."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kong_oam.adopt.entities import OldKong
from kong_oam.adopt.requests import OldRequest


@dataclass(frozen=True, slots=True)
class HostClass:
    """Hosts that match the same host patterns. `example` is one of them."""

    patterns: tuple[str, ...]
    example: str


@dataclass(frozen=True, slots=True)
class PathText:
    """Path texts with the same longest declared text.

    `text` is declared, in the form that the router compares. With `exact`, the class has only this
    text. Otherwise it has the texts that continue it and no longer declared text. `example` is a
    path of the class.
    """

    text: str
    exact: bool
    example: str


@dataclass(frozen=True, slots=True)
class OldClass:
    """A class of requests: a host class, methods that no route tells apart, and path texts."""

    host: HostClass
    methods: tuple[str, ...]
    path: PathText

    def request(self) -> OldRequest:
        """Return the example of the class."""
        return OldRequest(self.methods[0], self.host.example, self.path.example)


def request_classes(
    old: OldKong,
    hosts: Iterable[str] = (),
    paths: Iterable[str] = (),
    methods: Iterable[str] = (),
) -> tuple[OldClass, ...]:
    """Return the classes of all requests, in order.

    `hosts` (patterns), `paths` (texts) and `methods` of another side divide the classes further.
    """
    raise NotImplementedError
