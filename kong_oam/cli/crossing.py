"""Print who of one estate may call what of another, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kong_oam.access.diff.wording import methods, users
from kong_oam.access.matrix.table import where
from kong_oam.access.principals import ITSELF
from kong_oam.cli.console import Console
from kong_oam.cli.entries import (
    connections_entry,
    principal_entry,
    row_entry,
)
from kong_oam.diagnostics import printable, some
from kong_oam.oam.position import JsonObject

if TYPE_CHECKING:
    from kong_oam.access.merge.crossing import Crossing

_HEADER = ("CROSSING", "FROM", "TO", "METHODS", "WHERE")
_Line = tuple[str, str, str, str, str]


def print_crossing(found: Crossing, scheme: str, console: Console) -> None:
    """Print a table, or nothing if nothing crosses."""
    if found:
        console.print_table(_HEADER, _lines(found, scheme))


def _lines(found: Crossing, scheme: str) -> Iterator[_Line]:
    for call in found.calls:
        row = call.row
        client = call.principal.client
        if call.condition != ITSELF:
            client += f" for users in {users(call.condition)}"
        url = printable(f"{scheme}://{row.host}{where(row)}")
        caller = printable(client)
        yield "call", caller, row.component, methods(row.methods), url
    for group in found.groups:
        name = printable(f"{group.name} of {group.provider}")
        held = f"{some(group.ours)} and {some(group.others)}"
        yield "group", name, held, "", "roles"
    for callee, connection in found.connections:
        place = f"port {connection.at} inside the cluster"
        yield "connection", connection.by, callee, "", place


def crossing_entry(found: Crossing) -> JsonObject:
    """Return everything that crosses as JSON."""
    calls = [
        {
            **row_entry(call.row),
            **principal_entry(call.principal, call.condition),
        }
        for call in found.calls
    ]
    groups = [
        {
            "group": group.name,
            "provider": group.provider,
            "components": {
                "old": list(group.ours),
                "others": list(group.others),
            },
        }
        for group in found.groups
    ]
    return {
        "calls": calls,
        "groups": groups,
        "connections": [],
        **connections_entry(found.connections),
    }
