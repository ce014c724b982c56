"""Origins whose pages may read a component's answers: CORS, as the Fetch standard defines it.

CORS gives no access: only rules do. A page of an unlisted origin can send simple requests, but
cannot read the answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kong_oam.access.data import Names, PathSegments, Scopes
from kong_oam.access.model import METHODS, Client, Component, Estate
from kong_oam.traits.cors.value import CORS

# Readable methods by the path that owns requests.
Reach = Mapping[PathSegments, Names]


def readable_requests(
    estate: Estate, component: Component
) -> Mapping[str, Reach] | None:
    """Return the readable requests of a component by origin; None if the gateway does not handle
    its CORS.

    Pages of a browser client may read the calls that its scopes allow, and public requests. Origins
    of the cors trait may read all requests that a rule lists; each call still needs its own token.
    Pages on every host of the component need no CORS.
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
    """Return whether all hosts of the component belong to the origin, so that its calls are not
    cross-origin."""
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
    """Yield the browser clients with granted calls to the component."""
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
    """Add the requests that these scopes allow, or all requests (None)."""
    for path, rules in component.owned.items():
        for rule in rules:
            if scopes is None or rule.public or scopes.issuperset(rule.scopes):
                reach.setdefault(path, set()).update(
                    filter(rule.lists, METHODS)
                )
