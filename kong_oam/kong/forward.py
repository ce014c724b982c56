"""Presents a client certificate to Kong's Admin API, which the provider plugin cannot do by itself.

For as long as a command runs, what this user's processes send to 127.0.0.1 goes on to Kong by TLS,
with the client certificate, once Kong's own certificate was verified. Processes of other users are
turned away. The command finds the address as KONG_ADMIN_ADDR.
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

from kong_oam.errors import ProductError
from kong_oam.http.addresses import without_secrets

_CONNECTIONS = Path("/proc/net/tcp")
_LOOPBACK = "127.0.0.1"
_TIMEOUT = 10.0


class ForwardError(ProductError):
    """Forwarding to Kong is not possible. The message says why and what to change."""


@dataclass(frozen=True, slots=True)
class Target:
    """The address of Kong's Admin API, and the TLS by which it lets in."""

    host: str
    port: int
    tls: ssl.SSLContext

    def __str__(self) -> str:
        return f"https://{self.host}:{self.port}"


def target(
    url: str, certificate: str, key: str, authority: str | None
) -> Target:
    """Makes the target of a URL and files in PEM; without `authority`, the system's. Raises
    ForwardError."""
    parts = urlsplit(url)
    if (
        parts.scheme != "https"
        or not parts.hostname
        or parts.path not in ("", "/")
    ):
        raise ForwardError(
            f"--to {without_secrets(url)}: it is the address of Kong's Admin API, https://HOST:PORT"
        )
    try:
        tls = ssl.create_default_context(cafile=authority)
        # A key with a passphrase fails here; without `password` it would ask the terminal.
        tls.load_cert_chain(certificate, key, password=lambda: b"")
    except OSError as error:
        raise ForwardError(
            f"--certificate, --key or --ca cannot be used: {error}; each is a file in PEM"
        ) from None
    return Target(parts.hostname, parts.port or 443, tls)


def check(kong: Target) -> None:
    """Asks Kong once for anything, so that an error is told here and not by every resource. Raises
    ForwardError."""
    connection = http.client.HTTPSConnection(
        kong.host, kong.port, timeout=_TIMEOUT, context=kong.tls
    )
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        body = answer.read().decode("utf-8", "replace")
    except ssl.SSLCertVerificationError as error:
        raise ForwardError(
            f"the certificate of {kong} is not trusted ({error.verify_message}); give its "
            "authority with --ca"
        ) from None
    except (
        ssl.SSLError,
        ConnectionResetError,
        BrokenPipeError,
        http.client.HTTPException,
    ) as error:
        raise ForwardError(
            f"{kong} refuses the client certificate ({error}); is its authority the right one?"
        ) from None
    except OSError as error:
        raise ForwardError(
            f"{kong} does not answer ({error}); check --to"
        ) from None
    finally:
        connection.close()
    # Nginx says so after the handshake.
    if answer.status == http.client.BAD_REQUEST and "SSL certificate" in body:
        raise ForwardError(
            f"{kong} refuses the client certificate ({answer.status}); is its authority the right "
            "one?"
        )


def forward(kong: Target, port: int, command: Sequence[str]) -> int:
    """Runs the command while what is sent to `port` goes on to `kong`, which was asked once before;
    gives its exit status. Raises ForwardError."""
    if not _CONNECTIONS.exists():
        raise ForwardError(
            "this system does not tell whose a connection is, and so cannot turn others away: use "
            "Linux"
        )
    check(kong)
    return asyncio.run(run(kong, port, command))


async def run(kong: Target, port: int, command: Sequence[str]) -> int:
    """Runs the command while what is sent to `port` goes on to `kong`; gives its exit status.
    Raises ForwardError."""
    try:
        server = await asyncio.start_server(
            lambda *streams: _serve(kong, port, *streams), _LOOPBACK, port
        )
    except OSError as error:
        raise ForwardError(
            f"port {port} cannot be had ({error.strerror}); is another run under way?"
        ) from None
    try:
        environment = {
            **os.environ,
            "KONG_ADMIN_ADDR": f"http://{_LOOPBACK}:{port}",
        }
        process = await asyncio.create_subprocess_exec(
            *command, env=environment
        )
        loop = asyncio.get_running_loop()
        # The terminal has told the command as well: it winds up.
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        loop.add_signal_handler(signal.SIGTERM, process.terminate)
        return await process.wait()
    except OSError as error:
        raise ForwardError(
            f"{command[0]} cannot be run: {error.strerror}"
        ) from None
    finally:
        server.close()


def owner(port: int, peer: int) -> int | None:
    """The user id of the process that connected from port `peer` of this machine to `port`; None
    where none is known.

    Source: proc(5), /proc/net/tcp: addresses in hexadecimal, as the machine orders bytes.
    """
    address = (
        f"{int.from_bytes(socket.inet_aton(_LOOPBACK), sys.byteorder):08X}"
    )
    ends = [f"{address}:{peer:04X}", f"{address}:{port:04X}"]
    for line in _CONNECTIONS.read_text("ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1:3] == ends:
            return int(fields[7])
    return None


async def _serve(
    kong: Target,
    port: int,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    with contextlib.closing(writer), contextlib.suppress(OSError):
        if owner(port, writer.get_extra_info("peername")[1]) != os.getuid():
            return
        from_kong, to_kong = await asyncio.open_connection(
            kong.host, kong.port, ssl=kong.tls
        )
        with contextlib.closing(to_kong):
            ways = {
                asyncio.create_task(_pump(reader, to_kong)),
                asyncio.create_task(_pump(from_kong, writer)),
            }
            _, waiting = await asyncio.wait(
                ways, return_when=asyncio.FIRST_COMPLETED
            )
            for way in waiting:
                way.cancel()


async def _pump(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter
) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
