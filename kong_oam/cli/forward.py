"""`forward`: a client certificate for Kong's Admin API, which the provider plugin cannot present by
itself."""

from __future__ import annotations

import argparse

from kong_oam.cli.command import Command
from kong_oam.cli.console import Console

_DETAILS = """\
Runs a command that reaches Kong's Admin API with a client certificate, which the provider plugin cannot present by
itself.

  python -m kong_oam forward --to https://kong-admin.example.net:8444 \\
      --certificate client.pem --key client.key [--ca authority.pem] -- pulumi up -s prod

For as long as the command runs, what this user's processes send to 127.0.0.1 goes on to `--to` by TLS, with the client
certificate, once Kong's own certificate was verified. Processes of other users are turned away. The command finds the
address as KONG_ADMIN_ADDR. The state keeps that address, and `pulumi destroy` uses it: so always say the same `--port`.

Exit status: the command's, or 2 where it was not started.
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    say = parser.add_argument
    say(
        "--to",
        required=True,
        metavar="URL",
        help="Kong's Admin API, https://HOST:PORT",
    )
    say(
        "--certificate",
        required=True,
        metavar="FILE",
        help="the client certificate, in PEM",
    )
    say(
        "--key",
        required=True,
        metavar="FILE",
        help="its private key, in PEM, without a passphrase",
    )
    say(
        "--ca",
        metavar="FILE",
        help="who signed Kong's certificate (default: the system's authorities)",
    )
    say(
        "--port",
        type=int,
        default=18444,
        help="where to listen on 127.0.0.1 (default: %(default)s)",
    )
    say("words", nargs="+", metavar="command", help="what to run, after --")


def _run(options: argparse.Namespace, _: Console) -> int:
    # The other verbs start without what listens and speaks TLS.
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
    "give a command Kong by a client certificate",
    _DETAILS,
    _arguments,
    _run,
    json=False,
)
