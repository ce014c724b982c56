"""A client certificate for Kong's Admin API, which the provider plugin cannot present by itself.

    python -m kong_oam.kong.forward --to https://kong-admin.example.net:8444 \\
        --certificate client.pem --key client.key [--ca authority.pem] -- pulumi up -s prod

For as long as the command runs, what this user's processes send to 127.0.0.1 goes on to `--to` by TLS, with the client
certificate, once Kong's own certificate was verified. Processes of other users are turned away. The command finds the
address as KONG_ADMIN_ADDR. The state keeps that address, and `pulumi destroy` uses it: so always say the same `--port`.

Exit status: the command's, or 2 where it was not started.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
import socket
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kong_oam.cli import module as command
from kong_oam.errors import ProductError

_CONNECTIONS = Path("/proc/net/tcp")
_HERE = "127.0.0.1"
_TIMEOUT = 10.0


class ForwardError(ProductError):
    """Nothing can be forwarded. The message says why and what to change."""


@dataclass(frozen=True, slots=True)
class Target:
    """Kong's Admin API, and how to be let in there."""

    host: str
    port: int
    tls: ssl.SSLContext

    def __str__(self) -> str:
        return f"https://{self.host}:{self.port}"


def target(url: str, certificate: str, key: str, authority: str | None) -> Target:
    """The target from a URL and files in PEM; without `authority`, the system's. Raises ForwardError."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/"):
        raise ForwardError(f"--to {url}: it is the address of Kong's Admin API, https://HOST:PORT")
    try:
        tls = ssl.create_default_context(cafile=authority)
        # A key with a passphrase fails here; without `password` it would ask the terminal.
        tls.load_cert_chain(certificate, key, password=lambda: b"")
    except OSError as error:
        raise ForwardError(f"--certificate, --key or --ca cannot be used: {error}; each is a file in PEM") from None
    return Target(parts.hostname, parts.port or 443, tls)


def check(kong: Target) -> None:
    """Asks once for anything, so that what is wrong is said here and not by every resource. Raises ForwardError."""
    connection = http.client.HTTPSConnection(kong.host, kong.port, timeout=_TIMEOUT, context=kong.tls)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        body = answer.read().decode("utf-8", "replace")
    except ssl.SSLCertVerificationError as error:
        raise ForwardError(
            f"the certificate of {kong} is not trusted ({error.verify_message}); give its authority with --ca"
        ) from None
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError, http.client.HTTPException) as error:
        raise ForwardError(
            f"{kong} refuses the client certificate ({error}); is its authority the right one?"
        ) from None
    except OSError as error:
        raise ForwardError(f"{kong} does not answer ({error}); check --to") from None
    finally:
        connection.close()
    if answer.status == http.client.BAD_REQUEST and "SSL certificate" in body:  # nginx says so after the handshake
        raise ForwardError(f"{kong} refuses the client certificate ({answer.status}); is its authority the right one?")


async def run(kong: Target, port: int, command: Sequence[str]) -> int:
    """Runs the command while what is sent to `port` goes on to `kong`; gives its exit status. Raises ForwardError."""
    try:
        server = await asyncio.start_server(lambda *streams: _serve(kong, port, *streams), _HERE, port)
    except OSError as error:
        raise ForwardError(f"port {port} cannot be had ({error.strerror}); is another run under way?") from None
    try:
        environment = {**os.environ, "KONG_ADMIN_ADDR": f"http://{_HERE}:{port}"}
        process = await asyncio.create_subprocess_exec(*command, env=environment)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, lambda: None)  # the terminal has told the command as well: it winds up
        loop.add_signal_handler(signal.SIGTERM, process.terminate)
        return await process.wait()
    except OSError as error:
        raise ForwardError(f"{command[0]} cannot be run: {error.strerror}") from None
    finally:
        server.close()


def owner(port: int, peer: int) -> int | None:
    """The user id of the process that connected from port `peer` of this machine to `port`; None where none is known.

    Source: proc(5), /proc/net/tcp: addresses in hexadecimal, as the machine orders bytes.
    """
    address = f"{int.from_bytes(socket.inet_aton(_HERE), sys.byteorder):08X}"
    ends = [f"{address}:{peer:04X}", f"{address}:{port:04X}"]
    for line in _CONNECTIONS.read_text("ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1:3] == ends:
            return int(fields[7])
    return None


async def _serve(kong: Target, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.closing(writer), contextlib.suppress(OSError):
        if owner(port, writer.get_extra_info("peername")[1]) != os.getuid():
            return
        there, back = await asyncio.open_connection(kong.host, kong.port, ssl=kong.tls)
        with contextlib.closing(back):
            ways = {asyncio.create_task(_pump(reader, back)), asyncio.create_task(_pump(there, writer))}
            _, waiting = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in waiting:
                way.cancel()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    parser = command.parser("kong_oam.kong.forward", __doc__)
    parser.add_argument("--to", required=True, metavar="URL", help="Kong's Admin API, https://HOST:PORT")
    parser.add_argument("--certificate", required=True, metavar="FILE", help="the client certificate, in PEM")
    parser.add_argument("--key", required=True, metavar="FILE", help="its private key, in PEM, without a passphrase")
    parser.add_argument(
        "--ca", metavar="FILE", help="who signed Kong's certificate (default: the system's authorities)"
    )
    parser.add_argument("--port", type=int, default=18444, help="where to listen on 127.0.0.1 (default: %(default)s)")
    parser.add_argument("command", nargs="+", help="what to run, after --")
    options = parser.parse_args(arguments)
    try:
        if not _CONNECTIONS.exists():
            raise ForwardError(
                "this system does not tell whose a connection is, and so cannot turn others away: use Linux"
            )
        kong = target(options.to, options.certificate, options.key, options.ca)
        check(kong)
        return asyncio.run(run(kong, options.port, options.command))
    except ForwardError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
