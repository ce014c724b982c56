"""Print who of one estate may call what of another, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypedDict

from kong_oam.access.diff.wording import methods, users
from kong_oam.access.matrix.table import where
from kong_oam.access.principals import ITSELF
from kong_oam.cli.console import Console
from kong_oam.cli.entries import (
    ConnectionEntry,
    PrincipalEntry,
    RowEntry,
    connection_entries,
    principal_entry,
    row_entry,
)
from kong_oam.diagnostics import printable, some

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


class CrossingCall(RowEntry, PrincipalEntry):
    """Requests of a principal that cross."""


class CrossingComponents(TypedDict):
    """The components where a group has roles, in both estates."""

    old: list[str]
    others: list[str]


class CrossingGroup(TypedDict):
    """A group with roles in both estates."""

    group: str
    provider: str
    components: CrossingComponents


class CrossingAnswer(TypedDict):
    """The calls between two estates."""

    calls: list[CrossingCall]
    groups: list[CrossingGroup]
    connections: list[ConnectionEntry]


def crossing_entry(found: Crossing) -> CrossingAnswer:
    """Return everything that crosses as JSON."""
    calls: list[CrossingCall] = [
        {
            **row_entry(call.row),
            **principal_entry(call.principal, call.condition),
        }
        for call in found.calls
    ]
    groups: list[CrossingGroup] = [
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
        "connections": connection_entries(found.connections),
    }
