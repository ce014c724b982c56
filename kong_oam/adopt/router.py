"""The route that takes a request, as Kong's router `traditional_compatible` chooses it."""

from __future__ import annotations

from dataclasses import dataclass

from kong_oam.adopt.entities import OldKong, OldRoute
from kong_oam.adopt.requests import OldRequest


@dataclass(frozen=True, slots=True)
class Matched:
    """A route that a request reaches, and the path text that `strip_path` removes.

    `doubts`: why the router may choose another route; empty for a certain choice.
    """

    route: OldRoute
    prefix: str
    doubts: tuple[str, ...] = ()


class OldRouter:
    """All routes of a Kong, in the order in which they are tried."""

    def __init__(self, old: OldKong) -> None:
        raise NotImplementedError

    def match(self, request: OldRequest) -> tuple[Matched, ...]:
        """Return the routes that may take the request, the first choice first; empty for 404.

        More than one route means that the choice depends on conditions that the request does not
        show, or on unknown ids.
        """
        raise NotImplementedError


def upstream_path(matched: Matched, path: str) -> str:
    """Return the path that the service gets for a normalised request path, escaped."""
    raise NotImplementedError
