"""Build the matrix: its columns are principals, its rows are endpoints."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from operator import attrgetter

from kong_oam.access.callers import Callers, old_principals, principal_of
from kong_oam.access.internal import Connected
from kong_oam.access.matrix.rows import (
    Narrowing,
    called_from,
    everyone,
    only,
    rows,
)
from kong_oam.access.matrix.table import ANONYMOUS, Matrix, Row
from kong_oam.access.model import Estate
from kong_oam.access.principals import NOBODY


def matrix(
    estate: Estate,
    callers: Callers,
    principals: Collection[str] | None = None,
    components: Collection[str] | None = None,
    address: str | None = None,
) -> Matrix:
    """Return the matrix of the estate: rows of `components`, columns of `principals`, for calls
    from `address`.

    None stands for all. Principals are clients' components, anonymous, or callers inside the
    cluster. Rows that none of the principals may call are left out.
    """
    known = {*map(principal_of, estate.clients), *old_principals(estate)}
    selected = sorted(known)
    narrowed: Narrowing = everyone
    if principals is not None:
        selected = [
            principal
            for principal in selected
            if principal.client in principals
        ]
        narrowed = only(frozenset(selected))
    found = rows(estate, callers, called_from(address, narrowed))
    shown = _shown_rows(found, principals, components)
    if principals is None and components is not None:
        calling = {*chain.from_iterable(row.access.principals for row in shown)}
        selected = sorted(calling)
    # Without a client, a caller inside the cluster is anonymous at the gateway.
    anonymous = []
    if principals is None or ANONYMOUS in principals or not selected:
        anonymous = [None]
    # Rows of one component and host keep their order.
    return Matrix(
        estate.stack.name,
        estate.stack.scheme,
        (*anonymous, *selected),
        tuple(sorted(shown, key=attrgetter("component", "host"))),
        {key: component.owner for key, component in estate.components.items()},
        connections=tuple(_connections(estate, principals, components)),
    )


def _shown_rows(
    found: Sequence[Row],
    principals: Collection[str] | None,
    components: Collection[str] | None,
) -> Sequence[Row]:
    """Return the rows of these components. Leave out rows that none of the principals may call."""
    if components is not None:
        found = [row for row in found if row.component in components]
    if principals is not None:
        found = [row for row in found if row.access != NOBODY]
    return found


def _connections(
    estate: Estate,
    callers: Collection[str] | None,
    components: Collection[str] | None,
) -> Iterator[Connected]:
    """Yield the connections of these callers to these components. None stands for all."""
    for callee, connection in estate.connections:
        if callers is not None and connection.id not in callers:
            continue
        if components is None or callee in components:
            yield callee, connection
