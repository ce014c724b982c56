"""`matrix`: print all principals by all endpoints."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Literal, NotRequired, TypedDict

from kong_oam import __version__
from kong_oam.access.callers import old_principals
from kong_oam.access.matrix.matrix import matrix
from kong_oam.access.matrix.page import page
from kong_oam.access.matrix.sheet import sheet
from kong_oam.access.matrix.table import ANONYMOUS, Matrix
from kong_oam.access.matrix.text import plain, text
from kong_oam.access.model import Estate
from kong_oam.access.principals import Principal
from kong_oam.access.settings.assumed import GROUPS
from kong_oam.access.settings.project import STACKS
from kong_oam.cli.command import OK, Command, check_known
from kong_oam.cli.console import Console
from kong_oam.cli.entries import (
    ConnectionEntry,
    EndpointEntry,
    Unjudged,
    connection_entries,
    endpoint_entry,
    unjudged_entry,
)
from kong_oam.cli.estates import add_estate, selected_settings
from kong_oam.cli.output import format_of
from kong_oam.cli.requests import add_address, callers_of, estate_from
from kong_oam.cli.revisions import revision_of
from kong_oam.diagnostics import printable
from kong_oam.render.project import FOLDER

_FORMATS: Mapping[str, Callable[[Matrix], str]] = {
    "text": plain,
    "csv": sheet,
    "html": page,
}
_ENDINGS = {".txt": "text", ".csv": "csv", ".html": "html", ".htm": "html"}

_DETAILS = """\
Prints a table of all principals by all endpoints. Principals are clients as themselves, clients
with users of certain groups, and `anonymous`. Connections inside the cluster follow the table.
The HTML page has search and filters, and works offline. A file also has the stack, the date, the
git revision and the version of Kong-OAM.

  python -m kong_oam matrix
  python -m kong_oam matrix --output matrix.html
  python -m kong_oam matrix --component orders/api --format csv
"""


class ColumnEntry(TypedDict):
    """A principal: a client as itself, or its users. `by`: the kind of an old credential."""

    client: str
    provider: str
    users: bool
    by: NotRequired[str]
    consumer: NotRequired[str]


class MatrixAnswer(Unjudged):
    """All principals by all endpoints, and connections inside the cluster."""

    stack: str
    principals: list[ColumnEntry | Literal["anonymous"]]
    endpoints: list[EndpointEntry]
    connections: list[ConnectionEntry]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=_FORMATS,
        help="the format (default: by the ending of --output's FILE, or text)",
    )
    parser.add_argument(
        "--output",
        "-o",
        type=Path,
        metavar="FILE",
        help="write to FILE: .txt, .csv or .html",
    )
    endpoints = {
        "--principal": "that this principal may call: application/component, peer:NAME, or "
        "anonymous",
        "--component": "of application/component",
        "--application": "of the Application",
    }
    for option, words in endpoints.items():
        parser.add_argument(
            option,
            action="append",
            default=[],
            metavar="NAME",
            help=f"only endpoints {words} (repeatable)",
        )
    add_address(parser)
    add_estate(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    form = format_of(options, _ENDINGS, "text")
    estate = estate_from(options)
    _check_names(estate, options)
    table = matrix(
        estate,
        callers_of(estate),
        options.principal or None,
        _components(estate, options),
        options.address,
    )
    if console.json:
        console.print_json({**_entry(table), **unjudged_entry(estate.unjudged)})
    elif options.output:
        whole = replace(table, source=_source(options, estate))
        options.output.write_bytes(
            _FORMATS[form](whole).encode("utf-8", "backslashreplace")
        )
        connected = len(table.connections)
        also = f", {connected} connection(s)" if connected else ""
        console.print(
            f"{options.output}: {len(table.rows)} endpoint(s), "
            f"{len(table.principals)} principal(s){also}"
        )
    elif form == "text":
        console.print(*text(table, lambda line: console.paint("bold", line)))
    else:
        console.out.write(_FORMATS[form](table))
    return OK


def _source(options: argparse.Namespace, estate: Estate) -> str:
    """Return the stack, the date, the revision of the files and the version of the program."""
    files = files_revision(options)
    return printable(
        f"stack {estate.stack.name}, {date.today()}, {files}, Kong-OAM {__version__}"
    )


def files_revision(options: argparse.Namespace) -> str:
    """Return the revision of the Applications, the definitions and the stack's files, in words."""
    settings = selected_settings(options)
    applications = options.applications or settings.applications
    project = (STACKS, FOLDER, "Pulumi.yaml", GROUPS)
    return revision_of((*applications, *settings.definitions, *project))


def _check_names(estate: Estate, options: argparse.Namespace) -> None:
    """Raise UsageError for an unknown name."""
    known = {
        "principal": {
            ANONYMOUS,
            *(client.component for client in estate.clients),
            *(principal.client for principal in old_principals(estate)),
            *(connection.id for _, connection in estate.connections),
        },
        "component": estate.components,
        "Application": {
            application.name for application in estate.applications
        },
    }
    for kind, names in known.items():
        for name in getattr(options, kind.lower()):
            check_known(kind, name, names)


def _components(estate: Estate, options: argparse.Namespace) -> set[str] | None:
    """Return the selected components, or None for all."""
    keys = set(options.component)
    for key, component in estate.components.items():
        if component.application in options.application:
            keys.add(key)
    return keys if options.component or options.application else None


def _principal_entry(
    principal: Principal | None,
) -> ColumnEntry | Literal["anonymous"]:
    if principal is None:
        return "anonymous"
    entry: ColumnEntry = {
        "client": principal.client,
        "provider": principal.provider,
        "users": principal.users,
    }
    if principal.by:
        entry["by"] = principal.by
        entry["consumer"] = principal.consumer
    return entry


def _entry(table: Matrix) -> MatrixAnswer:
    """Return the matrix as JSON."""
    return {
        "stack": table.stack,
        "principals": [*map(_principal_entry, table.principals)],
        "endpoints": [endpoint_entry(row) for row in table.rows],
        "connections": connection_entries(table.connections),
    }


COMMAND = Command(
    "matrix",
    "print all principals by all endpoints",
    _DETAILS,
    _arguments,
    _run,
    MatrixAnswer,
)
