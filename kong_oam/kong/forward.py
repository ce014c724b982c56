"""A local forwarder to Kong's Admin API with a client certificate, which the provider plugin lacks.

It runs as long as a command. Requests of this user's processes to 127.0.0.1 go to Kong by TLS with
the client certificate, after Kong's own certificate was verified. Processes of other users are
rejected. The command finds the address in KONG_ADMIN_ADDR.
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
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kong_oam.errors import ProductError
from kong_oam.http.addresses import without_secrets

_CONNECTIONS = Path("/proc/net/tcp")
_LOOPBACK = "127.0.0.1"
_TIMEOUT = 10.0


class ForwardError(ProductError):
    """Forwarding to Kong failed. The message names the cause and the remedy."""


@dataclass(frozen=True, slots=True)
class Target:
    """The address of Kong's Admin API and the TLS context with the client certificate."""

    host: str
    port: int
    tls: ssl.SSLContext

    def __str__(self) -> str:
        return f"https://{self.host}:{self.port}"


def target(
    url: str, certificate: str, key: str, authority: str | None
) -> Target:
    """Return the target for a URL and PEM files. `authority` None: the system's. Raises
    ForwardError."""
    parts = urlsplit(url)
    if (
        parts.scheme != "https"
        or not parts.hostname
        or parts.path not in ("", "/")
    ):
        raise ForwardError(
            f"--to {without_secrets(url)} is not https://HOST:PORT; "
            "write the address of Kong's Admin API"
        )
    try:
        tls = ssl.create_default_context(cafile=authority)
        # A key with a passphrase fails here. Without `password`, the load would prompt on the
        # terminal.
        tls.load_cert_chain(certificate, key, password=lambda: b"")
    except OSError as error:
        raise ForwardError(
            f"--certificate, --key or --ca cannot be read ({error}); each must be a PEM file"
        ) from None
    return Target(parts.hostname, parts.port or 443, tls)


def check(kong: Target) -> None:
    """Send one request to Kong, so that an error appears once and not for every resource. Raises
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
            f"the certificate of {kong} is not trusted ({error.verify_message}); pass its CA with "
            "--ca"
        ) from None
    except (
        ssl.SSLError,
        ConnectionResetError,
        BrokenPipeError,
        http.client.HTTPException,
    ) as error:
        raise ForwardError(
            f"{kong} rejects the client certificate ({error}); check --certificate and its CA"
        ) from None
    except OSError as error:
        raise ForwardError(
            f"{kong} does not answer ({error}); check --to"
        ) from None
    finally:
        connection.close()
    # Nginx rejects a client certificate after the handshake.
    if answer.status == http.client.BAD_REQUEST and "SSL certificate" in body:
        raise ForwardError(
            f"{kong} rejects the client certificate ({answer.status}); check --certificate and "
            "its CA"
        )


def forward(kong: Target, port: int, command: Sequence[str]) -> int:
    """Check Kong, run the command while `port` forwards to `kong`, and return its exit status.
    Raises ForwardError."""
    require_owners()
    check(kong)
    return asyncio.run(run(kong, port, command))


async def run(kong: Target, port: int, command: Sequence[str]) -> int:
    """Run the command while `port` forwards to `kong`, and return its exit status. Raises
    ForwardError."""
    try:
        server = await asyncio.start_server(
            lambda *streams: _serve(kong, port, *streams), _LOOPBACK, port
        )
    except OSError as error:
        raise ForwardError(
            f"port {port} is not available ({error.strerror}); is another run in progress?"
        ) from None
    try:
        return await run_command(command, f"http://{_LOOPBACK}:{port}")
    finally:
        server.close()


async def run_command(command: Sequence[str], address: str) -> int:
    """Run a command with an address of the Admin API, and return its exit status. Raises
    ForwardError."""
    environment = {**os.environ, "KONG_ADMIN_ADDR": address}
    try:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment
        )
    except OSError as error:
        raise ForwardError(
            f"{command[0]} cannot be run: {error.strerror}"
        ) from None
    loop = asyncio.get_running_loop()
    # The terminal interrupts the command too, and it shuts down.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    loop.add_signal_handler(signal.SIGTERM, process.terminate)
    status = await process.wait()
    # A shell reports a command that a signal ended in this way.
    return status if status >= 0 else 128 - status


def require_owners() -> None:
    """Check that this system shows the user of a connection. Raises ForwardError."""
    if not _CONNECTIONS.exists():
        raise ForwardError(
            "this system does not show the user of a connection, so others could use it; run on "
            "Linux"
        )


def owner(port: int, peer: int) -> int | None:
    """Return the user id of the local process that connected from port `peer` to `port`, or None.

    Source: proc(5), /proc/net/tcp: addresses in hexadecimal, in the machine's byte order.
    """
    address = (
        f"{int.from_bytes(socket.inet_aton(_LOOPBACK), sys.byteorder):08X}"
    )
    ends = f" {address}:{peer:04X} {address}:{port:04X} "
    # A busy machine has many thousand connections. So only the found line is split.
    connections = _CONNECTIONS.read_text("ascii")
    start = connections.find(ends)
    if start < 0:
        return None
    fields = connections[start:].split(maxsplit=7)
    return int(fields[6])


async def _serve(
    kong: Target,
    port: int,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    async with _closing(writer):
        if owner(port, writer.get_extra_info("peername")[1]) != os.getuid():
            return
        from_kong, to_kong = await asyncio.open_connection(
            kong.host, kong.port, ssl=kong.tls
        )
        async with _closing(to_kong):
            ways = {
                asyncio.create_task(_pump(reader, to_kong)),
                asyncio.create_task(_pump(from_kong, writer)),
            }
            _, waiting = await asyncio.wait(
                ways, return_when=asyncio.FIRST_COMPLETED
            )
            for way in waiting:
                way.cancel()


@contextlib.asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Close a connection, and wait until its socket is closed. Ignores a lost connection."""
    with contextlib.suppress(OSError):
        try:
            yield
        finally:
            writer.close()
            await writer.wait_closed()


async def _pump(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter
) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
