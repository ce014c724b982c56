"""The matrix as a value: its columns are principals, its rows endpoints; one that nobody asks about
is left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kong_oam.access.diff.wording import path
from kong_oam.access.matrix.rows import (
    Narrowing,
    Row,
    called_from,
    everyone,
    only,
    rows,
)
from kong_oam.access.model import Estate
from kong_oam.access.networks import only_from
from kong_oam.access.principals import NOBODY, Callers, Principal, principal_of
from kong_oam.diagnostics import printable

ANONYMOUS = "anonymous"
"""Who has no token, in the place of a principal's name."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Who may call what. `principals` are the columns; None is anonymous. `owners` are those of
    components, by key.

    Rows are sorted by component, host, path and method. A principal may call what its row lists
    under its condition, and what everybody may.
    """

    stack: str
    scheme: str
    principals: tuple[Principal | None, ...]
    rows: tuple[Row, ...]
    owners: Mapping[str, str | None]

    def names(self) -> tuple[str, ...]:
        """The columns' names: `shop/web`, or `shop/web at okta` where there are several identity
        providers."""
        several = len({one.provider for one in self.principals if one}) > 1
        return tuple(
            ANONYMOUS
            if one is None
            else printable(f"{one.client} at {one.provider}" if several else one.client)
            for one in self.principals
        )


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


def where(row: Row) -> str:
    """Paths in words, and where from alone: `/orders but not /orders/health, from 192.0.2.0/24
    only`."""
    declared = exceptions(row)
    but = f" but not {', '.join(declared)}" if declared else ""
    return path(row.region.subtree) + but + only_from(row.access.networks, ",")


def exceptions(row: Row) -> list[str]:
    """The parts of the region that other rows have, or nobody. Other spellings are refused, and not
    listed."""
    return [
        path(subtree)
        for subtree in row.region.exceptions
        if not subtree.spelled_otherwise
    ]
