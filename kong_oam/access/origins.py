"""Which pages of other origins may read what a component answers: CORS, as the Fetch standard has
browsers do it.

Nothing is opened by it: who may call what, the rules say. A page of an origin that is not here can
send simple requests all the same, and cannot read an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kong_oam.access.data import Names, PathSegments, Scopes
from kong_oam.access.model import METHODS, Client, Component, Estate
from kong_oam.traits.cors.value import CORS

# Methods by the path that owns requests.
Reach = Mapping[PathSegments, Names]


def readers(estate: Estate, component: Component) -> Mapping[str, Reach] | None:
    """What pages may read of a component, by their origin; None where the gateway has nothing to do
    with it.

    Pages of a browser client: what it may call with the scopes that it was granted there, and what
    is public. Foreign ones, which the trait lists: all that a rule lists; each call needs a token
    of its own. Pages that share every host of the component need none of this.
    """
    held = estate.granted_at(component, users=True)
    by_origin: dict[str, dict[PathSegments, set[str]]] = {}
    for client in _of_pages(estate, component):
        scopes = frozenset(held[client.component])
        for origin in client.origins:
            if not _is_alone_on(component, estate.stack.scheme, origin):
                _add(by_origin.setdefault(origin, {}), component, scopes)
    cors = component.traits.get(CORS)
    for origin in cors.origins if cors else ():
        _add(by_origin.setdefault(origin, {}), component, None)
    if not by_origin and cors is None:
        return None
    return {origin: _in_order(reach) for origin, reach in by_origin.items()}


def _is_alone_on(component: Component, scheme: str, origin: str) -> bool:
    """Whether all hosts of the component are the origin's, so that its pages call their own."""
    return all(
        f"{scheme}://{endpoint.host}" == origin
        for endpoint in component.exposure.endpoints
    )


def _in_order(reach: Mapping[PathSegments, set[str]]) -> Reach:
    return {
        path: tuple(filter(methods.__contains__, METHODS))
        for path, methods in reach.items()
    }


def _of_pages(estate: Estate, component: Component) -> Iterator[Client]:
    """The browser clients whose calls to the component are granted."""
    held = estate.granted_at(component, users=True)
    for client in estate.clients:
        called = (
            client.provider == component.identity.provider
            and client.component in held
        )
        if called and client.origins:
            yield client


def _add(
    reach: dict[PathSegments, set[str]],
    component: Component,
    scopes: Scopes | None,
) -> None:
    """Add what may be called with these scopes, or with whatever scopes there are (None)."""
    for path, rules in component.owned.items():
        for rule in rules:
            if scopes is None or rule.public or scopes.issuperset(rule.scopes):
                reach.setdefault(path, set()).update(
                    filter(rule.lists, METHODS)
                )
