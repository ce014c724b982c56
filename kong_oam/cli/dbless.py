"""`dbless`: run a command that writes to a Kong without a database."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path

from kong_oam.cli.command import Command
from kong_oam.cli.console import Console
from kong_oam.cli.estates import settings_of
from kong_oam.cli.local_command import add_local_command
from kong_oam.errors import KongOamError, OperationError

_DETAILS = """\
Runs a command that writes to a Kong without a database, for example:

  python -m kong_oam dbless -s prod -- pulumi up -s prod

While the command runs, `dbless` listens on 127.0.0.1 and answers as a writable Admin API. It keeps
all entities in gateway.document, and loads the document into each node of gateway.nodes after each
write. The first node judges a write: a refused write changes nothing. Then the document is saved,
and then all other nodes load it. If a node does not answer, the write fails and nothing changes.

If no node has the document or an earlier version of it, the document may be out of date. Then the
command does not start, because an old document would open closed paths again.

A node must load the saved document when it starts. The command gets the local address as
KONG_ADMIN_ADDR. The state stores this address, so use the same `--port` each time. Only processes
of the same user may connect. One command at a time holds the document; `recover` frees it after a
dead command.

If the nodes are pods, kubectl forwards local ports to them. On a machine with other users, these
users may connect to such a port. Pods may come and go: each pod must have the document at the end.

Exit status: the command's status; 2 if the command did not start, or if not all nodes have the
document at its end.
"""


class DblessError(OperationError):
    """The command did not start, or not all nodes have the document. The message has the cause."""


def _arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--stack", "-s", required=True, help="the stack of the gateway")
    add(
        "--replace",
        action="store_true",
        help="load the document even if nodes may have a newer document; drop entities that it "
        "lacks",
    )
    add(
        "--from",
        dest="exported",
        type=Path,
        metavar="FILE",
        help="the first document: the output of `kong config db_export`, or the text `config` in a "
        "node's GET /config",
    )
    add_local_command(parser, port=18445)


def _run(options: Namespace, _: Console) -> int:
    # Imported here, so that other verbs start faster.
    import asyncio

    from kong_oam.engine.stack_configuration import stack_configuration
    from kong_oam.kong.account import node_account
    from kong_oam.kong.dbless.session import session
    from kong_oam.kong.forward import run_command

    status = OperationError.exit_code
    try:
        settings = settings_of(options.stack)
        dbless = settings.gateway.dbless
        if dbless is None:
            raise DblessError(
                f"the stack '{options.stack}' has no gateway.nodes; set nodes and document, or run "
                "the command without `dbless`"
            )
        with session(
            settings.stack.name,
            dbless,
            node_account(stack_configuration(options.stack)),
            shlex.join(options.words),
            options.port,
            replaces=options.replace,
            exported=options.exported,
        ) as address:
            status = asyncio.run(run_command(options.words, address))
    except KongOamError as error:
        raise DblessError(f"error: {error}") from None
    return status


COMMAND = Command(
    "dbless",
    "run a command that writes to a Kong without a database",
    _DETAILS,
    _arguments,
    _run,
)
