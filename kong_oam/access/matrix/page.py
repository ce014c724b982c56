"""Write the matrix as one HTML page that loads nothing from the network."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from itertools import chain
from typing import TypeVar

from kong_oam.access.data import JsonObject
from kong_oam.access.diff.wording import path
from kong_oam.access.matrix.html import as_json, html_page, part
from kong_oam.access.matrix.table import Matrix, Row, caller_words, exceptions
from kong_oam.access.model import METHODS, Public
from kong_oam.access.networks import only_from
from kong_oam.access.principals import ITSELF, Condition, Principal
from kong_oam.diagnostics import printable

T = TypeVar("T", bound=Hashable)

_EVERYBODY = -1


def page(matrix: Matrix) -> str:
    """Return the page with all data of the matrix. Names are printable and on one line each."""
    script = part("elements.js") + part("page.js")
    if matrix.connections:
        script += part("connections.js")
    data = as_json(_data(matrix))
    return html_page(part("page.html"), part("page.css"), script, data)


def _data(matrix: Matrix) -> JsonObject:
    """Return the script's data: rows refer to components, accesses, principals and conditions by
    number."""
    met_conditions = [ITSELF]
    for row in matrix.rows:
        met_conditions += row.access.principals.values()
    conditions = _numbered(met_conditions)
    principals = _numbered(matrix.principals)
    components = _numbered(row.component for row in matrix.rows)
    accesses: dict[tuple[tuple[int, int], ...], int] = {}
    rows = []
    for row in matrix.rows:
        number = _EVERYBODY
        if not row.access.everybody:
            cells = tuple(
                sorted(
                    (principals[principal], conditions[condition])
                    for principal, condition in row.access.principals.items()
                )
            )
            number = accesses.setdefault(cells, len(accesses))
        rows.append(_row(row, components[row.component], number))
    connections = [
        [callee, printable(connection.by), connection.words(callee)]
        for callee, connection in matrix.connections
    ]
    return {
        "stack": printable(matrix.stack),
        "source": matrix.source,
        "scheme": matrix.scheme,
        "methods": METHODS,
        "principals": [*map(_column, matrix.principals, matrix.names())],
        "components": [
            {"name": key, "owner": printable(matrix.owners.get(key) or "")}
            for key in components
        ],
        "conditions": [*map(_condition, conditions)],
        "accesses": list(accesses),
        "rows": rows,
        **({"connections": connections} if connections else {}),
    }


def _column(principal: Principal | None, name: str) -> JsonObject:
    return {
        "name": name,
        "users": principal is not None and principal.users,
    }


def _row(row: Row, component: int, access: int) -> JsonObject:
    return {
        "component": component,
        "host": row.host,
        "path": printable(
            path(row.region.subtree) + only_from(row.access.networks, ",")
        ),
        "except": [*map(printable, exceptions(row))],
        "methods": row.methods,
        "access": access,
        "reasons": [*map(_reason, row.public)],
    }


def _reason(public: Public) -> str:
    reason = public.reason
    if public.until:
        reason += f" (until {public.until})"
    return printable(reason)


def _condition(condition: Condition) -> JsonObject:
    return {
        "words": caller_words(condition),
        "groups": sorted({*map(printable, chain.from_iterable(condition))}),
    }


def _numbered(values: Iterable[T]) -> dict[T, int]:
    return {value: number for number, value in enumerate(dict.fromkeys(values))}
