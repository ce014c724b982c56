"""HTTP/1.1 at the level of bytes: requests parsed as nginx parses them, answers, and a threaded
server.

`http.server` merges leading slashes and accepts requests that nginx rejects, so this module parses
them. Names, values and targets are latin-1 text: one character is one byte. Limits are nginx's
defaults under Kong: a line of 8 KiB, four such buffers in all, 1,000 headers. A listener may start
with TLS. Source: nginx's documentation (large_client_header_buffers, ignore_invalid_headers,
underscores_in_headers), recorded answers of a Kong 3.10 (step bad-request).
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import BinaryIO

from sandbox.kong.uri import refused_by_nginx

LINE = 8192
HEADERS = 32768
HEADER_COUNT = 1000
BODY = 10 * 1024 * 1024
LARGEST_LENGTH = 2**63 - 1
IDLE = 60.0

_REQUEST_LINE = re.compile(
    r"([A-Z_-]+) +([^ \x00-\x1f\x7f]+) +HTTP/(\d)\.(\d)\Z"
)
_ABSOLUTE = re.compile(r"[A-Za-z]+://([^/?#]*)")
_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
# Headers that nginx takes only once (ngx_http_process_unique_header_line).
_UNIQUE = frozenset(
    [
        "authorization",
        "content-length",
        "content-range",
        "expect",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "transfer-encoding",
    ]
)
_BAD_HOST = re.compile(r"[\x00-\x20\x7f/\\]|^$|^\.|\.\.")

Header = tuple[str, str]


class InvalidRequestError(Exception):
    """nginx answers this request itself and closes; `accept` is known when the headers were
    read."""

    def __init__(
        self, status: int, accept: str | None = None, *, text: str | None = None
    ) -> None:
        super().__init__(status)
        self.status = status
        self.accept = accept
        self.text = text


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: raw target, headers in order and spelling of the wire, body without its
    framing.

    `line` is the request line as it was sent; `peer` is the address of the connection.
    `server_name` is the name in the client's TLS handshake (None: no name, or no TLS).
    """

    method: str
    target: str
    minor: int
    headers: tuple[Header, ...]
    body: bytes
    host: str
    server_name: str | None = None
    line: str = ""
    peer: str = "127.0.0.1"

    def header(self, name: str) -> str | None:
        """Return the first value of a header (name in small letters)."""
        return next(
            (value for key, value in self.headers if key.lower() == name), None
        )

    @property
    def keeps_alive(self) -> bool:
        wanted = (self.header("connection") or "").lower()
        return "close" not in wanted if self.minor else "keep-alive" in wanted


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; the framing headers (Content-Length, Connection) are added when it is sent."""

    status: int
    headers: tuple[Header, ...]
    body: bytes = b""


def read_request(
    stream: BinaryIO, proceed: Callable[[], None] | None = None
) -> Request | None:
    """Return the next request of a connection, None at its end. Raises InvalidRequestError.
    `proceed` sends `100 Continue`."""
    first = stream.read(1)
    while first in (b"\r", b"\n"):
        first = stream.read(1)
    if not first:
        return None
    if not re.match(b"[A-Z_-]", first):
        raise InvalidRequestError(
            400
        )  # check at once: a client that sends no method may never send a line
    line = first.decode() + (_line(stream, 414) or "")
    parts = _REQUEST_LINE.match(line)
    if not parts:
        raise InvalidRequestError(400)
    method = parts[1]
    target = parts[2]
    major = int(parts[3])
    minor = int(parts[4])
    if major != 1:
        raise InvalidRequestError(505)
    absolute = _ABSOLUTE.match(target)
    if absolute:
        target = target[absolute.end() :]
        target = target if target.startswith("/") else "/" + target
    if not target.startswith("/"):
        raise InvalidRequestError(400)
    if refused_by_nginx(target.partition("?")[0]):
        raise InvalidRequestError(400)
    headers = _headers(stream)
    host = _host(headers, int(minor), absolute[1] if absolute else None)
    body = _body(stream, headers, int(minor), proceed)
    return Request(
        method, target, minor, headers, body, host, line=line.rstrip("\r\n")
    )


def _line(stream: BinaryIO, too_long: int) -> str | None:
    raw = stream.readline(LINE + 1)
    if not raw:
        return None
    if not raw.endswith(b"\n"):
        raise InvalidRequestError(too_long if len(raw) > LINE else 400)
    text = raw[:-1].decode("latin-1")
    return text[:-1] if text.endswith("\r") else text


def _headers(stream: BinaryIO) -> tuple[Header, ...]:
    headers: list[Header] = []
    seen: set[str] = set()
    size = 0
    while True:
        line = _line(stream, 494)
        if line is None:
            raise InvalidRequestError(400)
        if line == "":
            return tuple(headers)
        size += len(line)
        if size > HEADERS or len(headers) >= HEADER_COUNT:
            raise InvalidRequestError(494)
        # Without a colon it is an empty header (seen on a Kong 3.10).
        name, _, value = line.partition(":")
        if (
            not name
            or re.search(r"[\x00-\x20\x7f]", name)
            or "\x00" in value
            or "\r" in value
        ):
            raise InvalidRequestError(400)
        if not _NAME.match(name):
            continue  # ignore_invalid_headers is on: such a header is ignored
        key = name.lower()
        if key in _UNIQUE and key in seen:
            raise InvalidRequestError(400)
        seen.add(key)
        headers.append(
            (name, value.strip(" ") if key != "host" else value.strip(" \t"))
        )


def _host(headers: Sequence[Header], minor: int, absolute: str | None) -> str:
    """Return the requested host name: small letters, without a port."""
    accept = next(
        (value for name, value in headers if name.lower() == "accept"), None
    )
    header = next(
        (value for name, value in headers if name.lower() == "host"), None
    )
    if header is None and minor >= 1:
        raise InvalidRequestError(400, accept)
    name = absolute or header or ""
    if header is not None and _BAD_HOST.search(header):
        raise InvalidRequestError(400, accept)
    name = name.lower()
    return (
        name[: name.index("]") + 1]
        if name.startswith("[") and "]" in name
        else name.partition(":")[0]
    )


def _body(
    stream: BinaryIO,
    headers: Sequence[Header],
    minor: int,
    proceed: Callable[[], None] | None,
) -> bytes:
    by_name = {name.lower(): value for name, value in headers}
    coding = by_name.get("transfer-encoding")
    length = by_name.get("content-length")
    if coding is not None:
        _check_coding(coding, length, minor)
    elif length is None:
        return b""
    elif not re.fullmatch("[0-9]+", length):
        raise InvalidRequestError(400)
    if proceed and by_name.get("expect", "").lower() == "100-continue":
        proceed()
    if length is None:
        return _chunks(stream)
    size = int(length)
    if size > LARGEST_LENGTH:
        raise InvalidRequestError(400)
    if size > BODY:
        raise InvalidRequestError(413)
    body = stream.read(size)
    if len(body) < size:
        raise InvalidRequestError(400)
    return body


def _check_coding(coding: str, length: str | None, minor: int) -> None:
    if minor == 0:
        raise InvalidRequestError(400)
    if coding.lower() != "chunked":
        raise InvalidRequestError(501)
    # Two lengths in one request are how requests are smuggled.
    if length is not None:
        raise InvalidRequestError(400)


def _chunks(stream: BinaryIO) -> bytes:
    body = b""
    while True:
        line = _line(stream, 400)
        text = (line or "").partition(";")[0].rstrip(" \t")
        if not re.fullmatch("[0-9A-Fa-f]{1,8}", text):
            raise InvalidRequestError(400)
        size = int(text, 16)
        if len(body) + size > BODY:
            raise InvalidRequestError(413)
        if size == 0:
            break
        body += stream.read(size)
        if _line(stream, 400) != "":
            raise InvalidRequestError(400)
    while _line(stream, 400):
        continue  # trailers are not forwarded
    return body


def reason(status: int) -> str:
    """Return nginx's reason phrase of a status; empty for a status that nginx does not know."""
    if status in (418, 451):
        return ""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def wire(response: Response, *, head: bool, keep_alive: bool) -> bytes:
    """Return the bytes of an answer. An answer to HEAD, 204 and 304 have no body."""
    headers = list(response.headers)
    names = {name.lower() for name, _ in headers}
    closes = ("connection", "close") in {
        (name.lower(), value) for name, value in headers
    }
    if not closes:
        headers.append(("Connection", "keep-alive" if keep_alive else "close"))
    if "content-length" not in names and response.status not in (204, 304):
        headers.append(("Content-Length", str(len(response.body))))
    lines = [
        f"HTTP/1.1 {response.status} {reason(response.status)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    body = b"" if head or response.status in (204, 304) else response.body
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def _linger(connection: socket.socket) -> None:
    """Read the rest of the request, because closing earlier could destroy the answer."""
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(1.0)
    for _ in range(64):
        if not connection.recv(65536):
            return


class TlsConnection(ssl.SSLSocket):
    """A connection with the server name that the client sent; the listener's context sets it."""

    server_name: str | None = None


def _speaks_tls(connection: socket.socket) -> bool:
    """nginx's guess from the first byte: a handshake record (22), or the hello of an SSL 2 long
    gone."""
    first = connection.recv(1, socket.MSG_PEEK)
    return not first or first[0] == 22 or first[0] >= 128


class Server:
    """A listener on 127.0.0.1 with a thread per connection; `answer` turns a request or an error
    into a response.

    With a context in `tls`, connections begin with a handshake, and plain HTTP is rejected (nginx's
    status 497).
    """

    def __init__(
        self,
        port: int,
        answer: Callable[[Request | InvalidRequestError], Response | None],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._answer = answer
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._stopped = False
        self._acceptor = threading.Thread(
            target=self._accept, name=f"kong-stand-in:{self.port}", daemon=True
        )
        self._acceptor.start()

    def stop(self) -> None:
        """Close every connection and wait for their threads."""
        with self._lock:
            self._stopped = True
            connections = list(self._open)
            threads = list(self._threads)
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in [self._acceptor, *threads]:
            thread.join(timeout=5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._stopped:
                    connection.close()
                    return
                thread = threading.Thread(
                    target=self._serve, args=(connection,), daemon=True
                )
                self._open.add(connection)
                self._threads.add(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(IDLE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection:
                if self._tls is None:
                    self._converse(connection)
                elif _speaks_tls(connection):
                    # A second handle of the socket: the first one stays for `stop`.
                    handle = connection.dup()
                    with self._tls.wrap_socket(
                        handle, server_side=True, do_handshake_on_connect=False
                    ) as secured:
                        secured.do_handshake()
                        self._converse(secured)
                else:
                    self._refuse(connection, InvalidRequestError(497))
        except OSError:
            pass  # the other side went away, or the stand-in was stopped
        finally:
            with self._lock:
                self._open.discard(connection)
                self._threads.discard(threading.current_thread())

    def _converse(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while self._one(connection, stream):
                pass

    def _refuse(
        self, connection: socket.socket, refused: InvalidRequestError
    ) -> None:
        response = self._answer(refused)
        if response is not None:
            connection.sendall(wire(response, head=False, keep_alive=False))
            _linger(connection)

    def _one(self, connection: socket.socket, stream: BinaryIO) -> bool:
        try:
            request = read_request(
                stream,
                lambda: connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n"),
            )
        except InvalidRequestError as refused:
            self._refuse(connection, refused)
            return False
        if request is None:
            return False
        request = replace(request, peer=connection.getpeername()[0])
        if isinstance(connection, TlsConnection):
            request = replace(request, server_name=connection.server_name)
        response = self._answer(request)
        if response is None:
            return False
        keep_alive = (
            request.keeps_alive
            and ("Connection", "close") not in response.headers
        )
        connection.sendall(
            wire(response, head=request.method == "HEAD", keep_alive=keep_alive)
        )
        return keep_alive
