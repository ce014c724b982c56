"""`adopt kong`: write Applications, settings and a report for a Kong in use."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from kong_oam.cli.command import (
    FOUND,
    NAME,
    OK,
    UsageError,
    check_stack_name,
    quoted,
)
from kong_oam.cli.console import Console, print_note
from kong_oam.cli.old_kong import add_old_kong, old_kong
from kong_oam.cli.writing import write_all
from kong_oam.errors import KongOamError
from kong_oam.oam.position import Names

if TYPE_CHECKING:
    from kong_oam.adopt.entities import OldKong
    from kong_oam.adopt.writing.options import Options
    from kong_oam.adopt.writing.report import Report

KONG_DETAILS = """\
Reads decK files or a running Kong, and writes an Application, the settings of a stack and a report.
It sends only GET requests, and changes nothing in Kong. No credential is kept or written.

  python -m kong_oam adopt kong kong.yaml --host api.example.com --until 2027-03-31 -o adopted
  python -m kong_oam adopt kong --admin http://localhost:8001 --until 2027-03-31 -o adopted

Open routes become public rules until this day. ACL groups become roles, and consumers with keys or
passwords become clients that keep them until this day. The report lists the routes that stay in
Kong, each with its place and the reason. Our routes and the old routes fit into one Kong.

For a running Kong, KONG_ADMIN_TOKEN and KONG_API_KEY are the credentials.

Exit status: 0 if every route is adopted. 1 if some route stays or is closed. 2 if the command
failed; then it wrote nothing.
"""

_LONGEST_NAME = 63


class CountsEntry(TypedDict):
    """The number of old routes by fate."""

    adopted: int
    partly: int
    left: int
    closed: int


class AdoptedRoute(TypedDict):
    """An old route: its place, its fate, and why it is not adopted as a whole."""

    name: str
    place: str
    status: str
    reasons: list[str]


class ClosedRequests(TypedDict):
    """Requests that passed before and that are denied now. No callers mean everybody."""

    host: str
    path: str
    methods: list[str]
    callers: list[str]
    route: str
    place: str
    why: str


class NoteEntry(TypedDict):
    """An entity with a place, and a sentence about it."""

    name: str
    place: str
    text: str


class AdoptAnswer(TypedDict):
    """The written files, and everything that they do not say."""

    files: list[str]
    counts: CountsEntry
    sources: list[str]
    routes: list[AdoptedRoute]
    closed: list[ClosedRequests]
    consumers: list[NoteEntry]
    plugins: list[NoteEntry]
    authorities: list[str]
    placeholders: list[str]
    heads: int
    takes_http: bool
    components: int
    clients: int


def kong_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `adopt kong`."""
    add_old_kong(parser)
    parser.add_argument(
        "--host",
        action="append",
        default=[],
        help="a host of routes without a host (repeatable)",
    )
    parser.add_argument(
        "--until",
        required=True,
        metavar="DATE",
        help="the last day of public rules and old credentials",
    )
    parser.add_argument(
        "--as-of",
        metavar="DATE",
        help="the stack's current day (default: today)",
    )
    parser.add_argument(
        "--application",
        default="kong",
        metavar="NAME",
        help="the name of the Application (default: kong)",
    )
    parser.add_argument(
        "--stack",
        default="prod",
        metavar="NAME",
        help="the name of the stack (default: prod)",
    )
    parser.add_argument(
        "--owner",
        default="platform",
        metavar="TEAM",
        help="the team that owns the components (default: platform)",
    )
    parser.add_argument(
        "--issuer",
        default="",
        metavar="URL",
        help="the OpenID Connect issuer of tokens (default: a provider to fill in)",
    )
    parser.add_argument(
        "--ca",
        metavar="FILE",
        help="the CA certificates that verify services with https (PEM)",
    )
    parser.add_argument(
        "--scheme",
        choices=("https", "http"),
        default="https",
        help="the scheme of calls to the gateway (default: https)",
    )
    parser.add_argument(
        "--close",
        action="store_true",
        help="also expose paths that close other routes",
    )
    parser.add_argument(
        "--output",
        "-o",
        required=True,
        metavar="FOLDER",
        help="the folder of the written files",
    )


def run_kong(options: Namespace, console: Console) -> int:
    """Run `adopt kong`."""
    from kong_oam.adopt.stops import stops
    from kong_oam.adopt.writing.write import write

    wanted = _options(options)
    old = _old(options, wanted.hosts)
    written = write(old, wanted)
    folder = Path(options.output)
    texts = {str(folder / name): text for name, text in written.files.items()}
    for file in texts:
        if os.path.lexists(file):
            raise UsageError(
                f"{file} exists already; choose another folder by -o"
            )
    for file in texts:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    write_all(texts, {}, {})
    _print(written.report, sorted(texts), console)
    print_note(*stops(old, written.replaced))
    count = len(written.report.routes)
    return OK if written.report.count("adopted") == count else FOUND


def _options(options: Namespace) -> Options:
    # Imported here, so that other verbs start faster.
    from kong_oam.adopt.writing.hosts import is_adoptable
    from kong_oam.adopt.writing.options import Options

    today = options.as_of or date.today().isoformat()
    for name, value in (("--until", options.until), ("--as-of", today)):
        _check_date(name, value)
    if options.until < today:
        raise UsageError(
            f"--until {options.until} is before {today}; write a later day"
        )
    for host in options.host:
        if not is_adoptable(host):
            raise UsageError(
                f"--host {quoted(host)} is not a DNS name in lower case"
            )
    name = options.application
    if not NAME.match(name) or len(name) > _LONGEST_NAME:
        raise UsageError(
            f"invalid name {quoted(name)}: use lower-case letters, digits and dashes"
        )
    check_stack_name(options.stack)
    return Options(
        hosts=tuple(dict.fromkeys(options.host)),
        until=options.until,
        as_of=today,
        application=name,
        stack=options.stack,
        owner=options.owner,
        issuer=options.issuer,
        ca=_certificates(options.ca) if options.ca else "",
        scheme=options.scheme,
        admin_url=options.admin or "",
        closes=options.close,
        deck=_deck_files(options),
    )


def _deck_files(options: Namespace) -> Names:
    """Return the decK files, relative to the folder of the written files."""
    relative = (os.path.relpath(file, options.output) for file in options.files)
    return tuple(relative)


def _check_date(name: str, text: str) -> None:
    try:
        is_date = date.fromisoformat(text).isoformat() == text
    except ValueError:
        is_date = False
    if not is_date:
        raise UsageError(
            f"{name} {quoted(text)} is not a day; write YYYY-MM-DD"
        )


def _certificates(file: str) -> str:
    """Return the certificates of a file, without anything else in it. Raises UsageError."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from kong_oam.access.settings.certificates import certificates_in

    try:
        found = certificates_in(Path(file).read_text("utf-8"))
    except (KongOamError, ValueError) as error:
        raise UsageError(f"--ca {quoted(file)} {error}") from None
    pems = [each.public_bytes(Encoding.PEM).decode() for each in found]
    return "".join(pems)


def _old(options: Namespace, hosts: Names) -> OldKong:
    """Read the old Kong, and print findings. Raises UsageError and AdminError."""
    old = old_kong(options, "; nothing was written")
    needs_host = any(route.is_http and not route.hosts for route in old.routes)
    if needs_host and not hosts:
        raise UsageError("some routes have no host; name their hosts by --host")
    return old


def _print(report: Report, files: Iterable[str], console: Console) -> None:
    from kong_oam.adopt.writing.markdown import report_json

    if console.json:
        console.print_json({"files": [*files], **report_json(report)})
        return
    for file in files:
        console.print(f"{file}: new")
    counts = [
        f"{report.count(status)} {status}"
        for status in ("adopted", "partly", "left", "closed")
    ]
    console.print(
        f"{len(report.routes)} routes: {', '.join(counts)}; "
        f"{report.components} components, {report.clients} clients"
    )
