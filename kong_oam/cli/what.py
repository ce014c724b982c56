"""`what`: list the endpoints that a principal, or a user, may call."""

from __future__ import annotations

import argparse
import re
from itertools import chain
from typing import NotRequired, TypedDict

from kong_oam.access.callers import old_principals, principal_of
from kong_oam.access.diff.wording import methods, principal_words, users
from kong_oam.access.internal import Connected
from kong_oam.access.matrix.rows import called_from, for_a_user_in, only, rows
from kong_oam.access.matrix.table import ANONYMOUS, Row, where
from kong_oam.access.model import Client, Estate
from kong_oam.access.principals import (
    NOBODY,
    Access,
    Condition,
    Principal,
)
from kong_oam.cli.changes import full_command
from kong_oam.cli.command import OK, Command, UsageError, quoted
from kong_oam.cli.console import Console
from kong_oam.cli.entries import (
    ConnectionEntry,
    RowEntry,
    Unjudged,
    connection_entries,
    row_entry,
    sets,
    unjudged_entry,
)
from kong_oam.cli.estates import add_estate
from kong_oam.cli.requests import (
    add_address,
    add_groups,
    callers_of,
    check_groups,
    clients_of,
    estate_from,
    groups_of,
)

# A text that may mean a group: `group:` and `users in` are spellings of `graph` and `matrix`. A
# client's name has a `/`.
_GROUP = re.compile("(group:|users? in |(?!.*/))(.+)")

_DETAILS = """\
Lists every endpoint that a principal may call. A principal is a client (application/component), or
`anonymous` for callers without a token. With --user-in, it lists the endpoints for a user in
exactly these groups, through this client or through any client. For any component and for a
platform peer (peer:NAME) it also lists connections inside the cluster, which need no token.

It leaves out the endpoints that everybody may call, and counts them. `anonymous` and --public list
them.

  python -m kong_oam what shop/web
  python -m kong_oam what anonymous
  python -m kong_oam what --user-in sales
  python -m kong_oam what shop/web --user-in sales support
"""


class Through(TypedDict):
    """A client through which a user may call."""

    client: str
    provider: str


class CallCondition(TypedDict):
    """`usersIn`: the sets of groups whose users may call through the client. `through`: the clients
    of a user."""

    usersIn: NotRequired[list[list[str]]]
    through: NotRequired[list[Through]]


class CallableEntry(RowEntry, CallCondition):
    """An endpoint that the caller may call."""


class WhatAnswer(Unjudged):
    """The endpoints that a caller may call, and its connections inside the cluster. `public` counts
    the endpoints that everybody may call and that are left out."""

    endpoints: list[CallableEntry]
    public: int
    connections: list[ConnectionEntry]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "principal",
        metavar="PRINCIPAL",
        nargs="?",
        help="application/component, peer:NAME, or anonymous",
    )
    add_groups(parser)
    parser.add_argument(
        "--public",
        action="store_true",
        help="also list the endpoints that everybody may call",
    )
    add_address(parser)
    add_estate(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    if options.principal is None and options.groups is None:
        raise UsageError(
            "specify a principal: application/component, anonymous, or a user with --user-in GROUP"
        )
    estate = estate_from(options)
    all_rows = _endpoints(estate, options)
    has_public = options.public or options.principal == ANONYMOUS
    listed = [row for row in all_rows if has_public or not row.access.everybody]
    left_out = len(all_rows) - len(listed)
    # Pods connect, not users.
    caller = options.principal if options.groups is None else None
    connections = _connections(estate, caller)
    if console.json:
        answer: WhatAnswer = {
            "endpoints": [
                {**row_entry(row), **_condition(row, options)} for row in listed
            ],
            "public": left_out,
            "connections": connection_entries(connections),
            **unjudged_entry(estate.unjudged),
        }
        console.print_json(answer)
        return OK
    scheme = estate.stack.scheme
    in_words = _caller_in_words if options.groups is None else _through
    table = [
        (
            methods(row.methods),
            f"{scheme}://{row.host}{where(row)}",
            in_words(row.access),
            row.component,
        )
        for row in listed
    ]
    if table or not connections:
        console.print_table(("METHODS", "WHERE", "AS", "COMPONENT"), table)
    for callee, connection in connections:
        console.print(connection.words(callee))
    if left_out:
        console.print(
            f"{left_out} endpoint(s) that everybody may call are left out: --public lists them"
        )
    if options.groups is not None and not any(
        client.user_facing for client in estate.clients
    ):
        console.print(
            "no client signs users in: a user reaches only public endpoints"
        )
    return OK


def _condition(row: Row, options: argparse.Namespace) -> CallCondition:
    """Return the condition of a row as JSON. For a user, return the clients instead."""
    principals = row.access.principals
    if options.groups is None:
        groups = chain.from_iterable(map(sets, principals.values()))
        return {"usersIn": [*map(list, sorted({*map(tuple, groups)}))]}
    clients: list[Through] = [
        {"client": principal.client, "provider": principal.provider}
        for principal in sorted(principals)
    ]
    return {"through": clients}


def _caller_in_words(access: Access) -> str:
    if access.everybody:
        return "everybody"
    return " or ".join(
        _principal_in_words(access, principal, condition)
        for principal, condition in sorted(access.principals.items())
    )


def _principal_in_words(
    access: Access, principal: Principal, condition: Condition
) -> str:
    if principal.users:
        return f"users in {users(condition)}"
    until = access.until.get(principal, "")
    return f"itself{principal_words(principal, until)}"


def _through(access: Access) -> str:
    if access.everybody:
        return "everybody"
    clients = {principal.client for principal in access.principals}
    return f"user of {' or '.join(sorted(clients))}"


def _endpoints(estate: Estate, options: argparse.Namespace) -> list[Row]:
    """Return the rows of the principal. Raises UsageError for an unknown name, and for a client
    without users."""
    clients = _clients(estate, options)
    principals = {principal_of(client) for client in clients}
    if options.principal is not None and options.groups is None:
        principals.update(old_principals(estate, options.principal))
    if options.groups is None:
        access_filter = only(principals)
    else:
        if options.principal is not None and not any(
            client.user_facing for client in clients
        ):
            raise UsageError(
                f"{quoted(options.principal)} calls only as itself: leave --user-in out"
            )
        access_filter = for_a_user_in(
            frozenset(check_groups(estate, options.groups)), principals
        )
    access_filter = called_from(options.address, access_filter)
    listed = rows(estate, callers_of(estate), access_filter)
    return [row for row in listed if row.access != NOBODY]


def _connections(estate: Estate, caller: str | None) -> list[Connected]:
    """Return the connections that a caller may open inside the cluster."""
    return [pair for pair in estate.connections if pair[1].id == caller]


def _clients(estate: Estate, options: argparse.Namespace) -> list[Client]:
    key = options.principal
    if key is None:
        return list(estate.clients)
    clients = [client for client in estate.clients if client.component == key]
    is_known = key == ANONYMOUS or _connections(estate, key)
    if clients or is_known or [*old_principals(estate, key)]:
        return clients
    hint = ""
    group = _GROUP.fullmatch(key)
    if group and (group[1] or key in groups_of(estate)):
        (name,) = check_groups(estate, [group[2]])
        command = full_command(options, "what", "--user-in", name)
        hint = f"; for users in a group: `{command}`"
    return clients_of(estate, key, hint)


COMMAND = Command(
    "what",
    "list all endpoints that a principal may call",
    _DETAILS,
    _arguments,
    _run,
    WhatAnswer,
)
