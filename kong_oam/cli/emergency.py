"""`emergency`: open one path to everybody for a limited time, without `pulumi up`, and close it."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kong_oam.access.settings.values import Settings
from kong_oam.cli.audit_record import (
    add_signing,
    check_signing,
    sign_record,
)
from kong_oam.cli.command import FOUND, OK, Command, UsageError
from kong_oam.cli.console import Console
from kong_oam.cli.estates import settings_of
from kong_oam.errors import KongOamError
from kong_oam.kong.table import LONGEST_OPENING
from kong_oam.oam.position import JsonObject

if TYPE_CHECKING:
    from kong_oam.emergency.changes import Opening
    from kong_oam.kong.admin import AdminApi
    from kong_oam.kong.proxy import Proxy

_DETAILS = """\
Opens one path to everybody for a limited time when `pulumi up` cannot run, and closes it.

  python -m kong_oam emergency -s STACK          lists all openings
  python -m kong_oam emergency -s STACK open APPLICATION/COMPONENT PATH \\
      --reason TEXT [--methods GET] [--minutes 60]
  python -m kong_oam emergency -s STACK close    closes all openings now

It needs only Kong's Admin API: no identity provider, state or cluster. If Kong has no database, the
command changes the document and all nodes, and each node must answer.

PATH is the path of a rule. Other methods of the rule, and rules for longer or shorter paths, stay
unchanged. Each gate stores the opening with its end and reason, and closes the path itself at the
end.
`python -m kong_oam verify` reports the opening until then. The next `pulumi up --refresh` removes
it, and so does an update of the component's rules.

After `open` and `close`, the command sends a request without a token to the public address of the
path, to confirm the change. If this address does not reach the gateway from here, set
KONG_PROXY_ADDR to the address of Kong's proxy.

If the stack's file sets kong-oam:evidence, `open` and `close` write a record into that folder.
With --sign, they also sign the record. Commit the record.

Exit status: 0 if the change is done and confirmed at the gateway, or no opening is active. 1 if
listed openings are active. 2 if the command failed, is incomplete, or is not confirmed at the
gateway. Also 2 if the gateway runs scripts of another origin, whose openings are unknown.
"""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--stack", "-s", required=True, help="the stack of the gateway"
    )
    verbs = parser.add_subparsers(
        dest="verb", metavar="VERB", help="(default: list the openings)"
    )
    opening = verbs.add_parser("open", help="open one rule's path to everybody")
    opening.add_argument(
        "component",
        metavar="APPLICATION/COMPONENT",
        help="the component with the rule",
    )
    opening.add_argument(
        "path",
        metavar="PATH",
        help="the path of a rule, as the Application writes it",
    )
    opening.add_argument(
        "--reason",
        required=True,
        help="the reason and the incident's number; stored at the gateway",
    )
    opening.add_argument(
        "--methods",
        default="GET",
        help="comma-separated; GET includes HEAD (default: GET)",
    )
    opening.add_argument(
        "--minutes",
        type=int,
        default=60,
        help=f"the duration: 1 to {LONGEST_OPENING} (default: 60)",
    )
    add_signing(opening)
    add_signing(verbs.add_parser("close", help="close all openings now"))


def _run(options: Namespace, console: Console) -> int:
    # Imported here, so that other verbs start faster.
    from kong_oam.emergency.changes import (
        EmergencyError,
        OpeningRequest,
        open_path,
        openings,
    )
    from kong_oam.emergency.confirmation import show_at_gateway
    from kong_oam.kong.proxy import ADDRESS, Proxy

    try:
        settings = settings_of(options.stack)
        proxy = Proxy(settings.stack.scheme, os.environ.get(ADDRESS))
        with _admin_api(settings, options.stack) as admin:
            if options.verb:
                _check_evidence(settings, options.sign)
            if options.verb == "open":
                opening_request = OpeningRequest(
                    options.component,
                    options.path,
                    options.methods,
                    options.minutes,
                    options.reason,
                )
                opening = open_path(admin, settings, opening_request)
                console.print(f"{opening}; {_effective_when(admin, settings)}")
                _record(
                    settings,
                    "open",
                    {opening.component: opening},
                    options.sign,
                    console,
                )
                console.print(
                    f"To close it earlier: python -m kong_oam emergency -s {options.stack} close"
                )
                console.print(
                    *show_at_gateway(
                        admin, settings, [opening], proxy, is_open=True
                    )
                )
                return OK
            if options.verb == "close":
                _close(admin, settings, proxy, options.sign, console)
                return OK
            listed = openings(admin, settings)
    except KongOamError as error:
        raise EmergencyError(f"error: {error}") from None
    console.print(*listed.openings)
    if listed.unknown:
        raise EmergencyError("error: " + "\n  ".join(listed.unknown))
    if not listed.openings:
        console.print(_NO_OPENINGS)
    return OK if all(opening.is_over for opening in listed.openings) else FOUND


@contextmanager
def _admin_api(settings: Settings, stack: str) -> Iterator[AdminApi]:
    """Yield a writable Admin API. Nodes without a database have it until the block ends."""
    from kong_oam.engine.stack_configuration import stack_configuration
    from kong_oam.kong.account import (
        Account,
        account,
        is_read_only,
        node_account,
    )
    from kong_oam.kong.admin import AdminApi
    from kong_oam.kong.dbless.session import session

    configuration = stack_configuration(stack)
    dbless = settings.gateway.dbless
    if dbless is None or not is_read_only(settings):
        with AdminApi(account(settings, configuration)) as admin:
            yield admin
        return
    nodes = node_account(configuration)
    command = f"kong-oam emergency -s {stack}"
    # The system chooses a free port.
    opened = session(settings.stack.name, dbless, nodes, command, port=0)
    with opened as address, AdminApi(Account(address)) as admin:
        yield admin


def _close(
    admin: AdminApi,
    settings: Settings,
    proxy: Proxy,
    key: Path | None,
    console: Console,
) -> None:
    """Close all openings, print the result and confirm it at the gateway. Raises EmergencyError
    with all failures."""
    from kong_oam.emergency.changes import EmergencyError, StillOpenError, close
    from kong_oam.emergency.confirmation import show_at_gateway

    failures = []
    try:
        closed = close(admin, settings)
    except StillOpenError as error:
        closed = error.closed
        failures.append(str(error))
    timing = _effective_when(admin, settings) if closed else ""
    console.print(*(f"closed: {component}; {timing}" for component in closed))
    if closed:
        _record(settings, "close", closed, key, console)
    elif not failures:
        console.print(_NO_OPENINGS)
    openings_closed = [opening for opening in closed.values() if opening]
    try:
        console.print(
            *show_at_gateway(
                admin, settings, openings_closed, proxy, is_open=False
            )
        )
    except KongOamError as error:
        failures.append(str(error))
    if failures:
        raise EmergencyError("\n".join(failures))


def _check_evidence(settings: Settings, key: Path | None) -> None:
    """Check that a record can be written and signed, before the change. Raises HistoryError,
    SignatureError, UsageError."""
    from kong_oam.audit.history.write import check_folder

    if settings.evidence:
        check_folder(Path(settings.evidence))
        check_signing(key)
    elif key:
        raise UsageError(
            "--sign needs a record: set kong-oam:evidence in the stack's file"
        )


def _record(
    settings: Settings,
    kind: Literal["open", "close"],
    changed: Mapping[str, Opening | None],
    key: Path | None,
    console: Console,
) -> None:
    """Write a record of opened or closed paths, if the stack keeps records. `changed`: the opening
    of each component; None if unknown. `key` signs the record. Raises HistoryError."""
    from kong_oam.audit.history.write import write_record

    if not settings.evidence:
        return
    openings = [
        _opening_fields(component, opening)
        for component, opening in changed.items()
    ]
    fields = {"openings": openings}
    file = write_record(
        Path(settings.evidence), kind, settings.stack.name, fields
    )
    console.print(f"{file}: the record; commit it")
    console.print(*sign_record(file, key))


def _opening_fields(component: str, opening: Opening | None) -> JsonObject:
    if opening is None:
        return {"component": component}
    ends = datetime.fromtimestamp(opening.ends, UTC)
    return {
        "component": component,
        "path": opening.path,
        "methods": [*opening.methods],
        "ends": f"{ends:%FT%TZ}",
        "reason": opening.reason,
        "networks": [*opening.networks],
    }


def _effective_when(admin: AdminApi, settings: Settings) -> str:
    """Return in words when Kong's workers apply a change. The time is unknown for data planes,
    which poll for snapshots, and if Kong does not answer."""
    from kong_oam.kong.admin import AdminError
    from kong_oam.kong.preflight import settle

    if settings.gateway.dbless:
        return "all nodes have the change"
    try:
        seconds = settle(admin, settings.gateway)
    except AdminError:
        seconds = 0.0
    return (
        f"effective at all nodes within about {ceil(seconds)} seconds"
        if seconds
        else "effective at each node after its next configuration update"
    )


_NO_OPENINGS = "no emergency opening exists"

COMMAND = Command(
    "emergency",
    "open one path to everybody for a limited time",
    _DETAILS,
    _arguments,
    _run,
)
