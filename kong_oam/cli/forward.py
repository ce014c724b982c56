"""`forward`: connect to Kong's Admin API with a client certificate, which Pulumi's provider cannot
present."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from kong_oam.cli.command import Command
from kong_oam.cli.console import Console
from kong_oam.cli.local_command import add_local_command

_DETAILS = """\
Runs a command that needs a client certificate for Kong's Admin API. Pulumi's Kong provider cannot
present a client certificate.

  python -m kong_oam forward --to https://kong-admin.example.net:8444 \\
      --certificate client.pem --key client.key [--ca authority.pem] -- pulumi up -s prod

While the command runs, `forward` listens on 127.0.0.1. It verifies Kong's certificate and sends the
requests on to `--to` over TLS, with the client certificate. It rejects connections from processes
of other users. The command gets the local address as KONG_ADMIN_ADDR. The state stores this address
and `pulumi destroy` uses it, so use the same `--port` each time.

Exit status: the command's status, or 2 if the command did not start.
"""


def _arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--to",
        required=True,
        metavar="URL",
        help="Kong's Admin API, https://HOST:PORT",
    )
    add(
        "--certificate",
        required=True,
        metavar="FILE",
        help="the client certificate, in PEM",
    )
    add(
        "--key",
        required=True,
        metavar="FILE",
        help="its private key, in PEM, without a passphrase",
    )
    add(
        "--ca",
        metavar="FILE",
        help="the authority of Kong's certificate (default: the system's authorities)",
    )
    add_local_command(parser, port=18444)


def _run(options: Namespace, _: Console) -> int:
    # Imported here, so that other verbs start faster.
    from kong_oam.kong.forward import ForwardError, forward, target

    try:
        return forward(
            target(options.to, options.certificate, options.key, options.ca),
            options.port,
            options.words,
        )
    except ForwardError as error:
        raise ForwardError(f"error: {error}") from None


COMMAND = Command(
    "forward",
    "run a command with a client certificate for Kong",
    _DETAILS,
    _arguments,
    _run,
)
