"""The matrix as one page of HTML, which asks the network for nothing.

The page is a fixed text but for its data, which stand in it as JSON that no text in them can leave.
The script sets every one of them as text, and the page's Content-Security-Policy lets nothing but
this script and this style run.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Hashable, Iterable
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Any, TypeVar

from kong_oam.access.diff.wording import path, users
from kong_oam.access.matrix.table import Matrix, Row, exceptions
from kong_oam.access.model import METHODS, Public
from kong_oam.access.networks import only_from
from kong_oam.access.principals import ITSELF, Condition
from kong_oam.diagnostics import printable

T = TypeVar("T", bound=Hashable)

_EVERYBODY = -1
_IN_A_SCRIPT = {ord(c): f"\\u{ord(c):04x}" for c in "<>&"}
_FOLDER = Path(__file__).parent


def page(matrix: Matrix) -> str:
    """The page, with all that is in the matrix. Names are on one line each, without what could
    steer a terminal."""
    style, script = (
        _FOLDER.joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js")
    )
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    # ASCII alone.
    written = json.dumps(_data(matrix), separators=(",", ":")).translate(_IN_A_SCRIPT)
    template = Template(_FOLDER.joinpath("page.html").read_text("utf-8"))
    return template.substitute(policy=policy, style=style, script=script, data=written)


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _data(matrix: Matrix) -> dict[str, Any]:
    """What the script reads: rows name components, accesses, principals and conditions by their
    numbers."""
    conditions = _numbered(
        [ITSELF, *(c for row in matrix.rows for c in row.access.principals.values())]
    )
    principals = {
        principal: number for number, principal in enumerate(matrix.principals)
    }
    components = _numbered(row.component for row in matrix.rows)
    accesses: dict[tuple[tuple[int, int], ...], int] = {}
    rows = []
    for row in matrix.rows:
        met = row.access.principals.items()
        cells = tuple(
            sorted((principals[one], conditions[condition]) for one, condition in met)
        )
        number = (
            _EVERYBODY
            if row.access.everybody
            else accesses.setdefault(cells, len(accesses))
        )
        rows.append(_row(row, components[row.component], number))
    return {
        "stack": printable(matrix.stack),
        "scheme": matrix.scheme,
        "methods": METHODS,
        "principals": [
            {"name": name, "users": bool(one and one.users), "anonymous": one is None}
            for one, name in zip(matrix.principals, matrix.names(), strict=True)
        ],
        "components": [
            {"name": key, "owner": printable(matrix.owners.get(key) or "")}
            for key in components
        ],
        "hosts": sorted({row.host for row in matrix.rows}),
        "groups": sorted(
            {
                printable(name)
                for condition in conditions
                for groups in condition
                for name in groups
            }
        ),
        "conditions": [_condition(condition) for condition in conditions],
        "accesses": list(accesses),
        "rows": rows,
    }


def _row(row: Row, component: int, access: int) -> dict[str, Any]:
    return {
        "component": component,
        "host": row.host,
        "path": printable(
            path(row.region.subtree) + only_from(row.access.networks, ",")
        ),
        "except": [printable(part) for part in exceptions(row)],
        "methods": row.methods,
        "access": access,
        "reasons": [_reason(public) for public in row.public],
    }


def _reason(public: Public) -> str:
    return printable(
        public.reason + (f" (until {public.until})" if public.until else "")
    )


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "words": "as itself" if condition == ITSELF else f"users in {users(condition)}",
        "groups": sorted({printable(name) for groups in condition for name in groups}),
    }


def _numbered(values: Iterable[T]) -> dict[T, int]:
    return {value: number for number, value in enumerate(dict.fromkeys(values))}
