"""Send a request over HTTP/2 with raw headers and frames, which no client library would send."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress

Headers = Sequence[tuple[bytes, bytes]]

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_END_STREAM, _END_HEADERS = 1, 4
_INDEXED = {
    0x88: 200,
    0x89: 204,
    0x8A: 206,
    0x8B: 304,
    0x8C: 400,
    0x8D: 404,
    0x8E: 500,
}
"""Statuses with their own place in the static table (RFC 7541, appendix A)."""


def status_over_http2(
    proxy: tuple[str, int],
    headers: Headers,
    body: bytes | None = None,
    trailers: Headers = (),
) -> int | None:
    """Return the status of the answer to one request. Its body ends the stream, or its trailers do.

    None: the gateway reset the stream, or closed the connection, without an answer.
    """
    sent = _PREFACE + _frame(_SETTINGS, 0, 0, b"")
    sent += _frame(
        _HEADERS,
        _END_HEADERS | (_END_STREAM if body is None and not trailers else 0),
        1,
        _block(headers),
    )
    if body is not None:
        sent += _frame(_DATA, 0 if trailers else _END_STREAM, 1, body)
    if trailers:
        sent += _frame(
            _HEADERS, _END_HEADERS | _END_STREAM, 1, _block(trailers)
        )
    with (
        socket.create_connection(proxy, timeout=5) as connection,
        suppress(OSError),
    ):
        connection.sendall(sent)
        for kind, payload in _frames(connection):
            if kind == _HEADERS:
                return _status(payload)
            if kind in (_RESET, _GOAWAY):
                return None
    return None


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return (
        struct.pack(">I", len(payload))[1:]
        + bytes([kind, flags])
        + struct.pack(">I", stream)
        + payload
    )


def _block(headers: Headers) -> bytes:
    """Encode each header as a literal that is not indexed, without Huffman's coding (RFC 7541,
    6.2.2)."""
    return b"".join(
        b"\0" + _text(name) + _text(value) for name, value in headers
    )


def _text(text: bytes) -> bytes:
    if len(text) < 127:
        return bytes([len(text)]) + text
    length, coded = len(text) - 127, b"\x7f"
    while length >= 128:
        coded += bytes([length % 128 + 128])
        length //= 128
    return coded + bytes([length]) + text


def _frames(connection: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Yield kind and payload of each received frame."""
    with connection.makefile("rb") as stream:
        while len(head := stream.read(9)) == 9:
            length = int.from_bytes(head[:3], "big")
            yield head[3], stream.read(length)


def _status(block: bytes) -> int | None:
    """Return the status, which nginx writes first."""
    while block and block[0] & 0xE0 == 0x20:  # a size of the table
        block = block[1:]
    if block and block[0] in _INDEXED:
        return _INDEXED[block[0]]
    found = re.match(rb"[\x08\x48]\x03([0-9]{3})", block)
    return int(found[1]) if found else None
