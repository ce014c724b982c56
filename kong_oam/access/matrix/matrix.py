"""The matrix as a value: its columns are principals, its rows endpoints; one that nobody asks about
is left out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kong_oam.access.callers import Callers
from kong_oam.access.matrix.rows import (
    Narrowing,
    called_from,
    everyone,
    only,
    rows,
)
from kong_oam.access.matrix.table import ANONYMOUS, Matrix, Row
from kong_oam.access.model import Estate
from kong_oam.access.principals import NOBODY, principal_of


def matrix(
    estate: Estate,
    callers: Callers,
    principals: Collection[str] | None = None,
    components: Collection[str] | None = None,
    address: str | None = None,
) -> Matrix:
    """The matrix of the estate: rows of `components`, columns of `principals`, called from
    `address`. None: all.

    Principals are clients' components, or anonymous. Rows in which nobody of them may call are left
    out.
    """
    chosen = sorted(map(principal_of, estate.clients))
    narrowed: Narrowing = everyone
    if principals is not None:
        chosen = [one for one in chosen if one.client in principals]
        narrowed = only(frozenset(chosen))
    found: Sequence[Row] = rows(estate, callers, called_from(address, narrowed))
    if components is not None:
        found = [row for row in found if row.component in components]
    if principals is not None:
        found = [row for row in found if row.access != NOBODY]
    elif components is not None:
        chosen = sorted({one for row in found for one in row.access.principals})
    anonymous = [None] if principals is None or ANONYMOUS in principals else []
    owners = {key: component.owner for key, component in estate.components.items()}
    return Matrix(
        estate.stack.name,
        estate.stack.scheme,
        (*anonymous, *chosen),
        tuple(sorted(found, key=_place)),
        owners,
    )


def _place(row: Row) -> tuple[str, str]:
    """Rows of one component and host keep their order."""
    return row.component, row.host
