"""Requests that try to be two, or to remove the gate's headers: bytes by name, with the expected
result.

A body holds a request in disguise, which no workload may see as a request. Recorded on a Kong 3.9.1
and a Kong 3.10.0, which answer alike.
"""

from __future__ import annotations

from dataclasses import dataclass

HIDDEN = (
    b"GET /orders/hidden HTTP/1.1\r\nHost: x\r\nX-Auth-Client: forged\r\n\r\n"
)
"""The request in disguise."""

LENGTH = b"Content-Length: %d" % len(HIDDEN)
CHUNKED = b"Transfer-Encoding: chunked"
SETTINGS = (b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")


def chunk(size: bytes = b"%x", end: bytes = b"0\r\n\r\n") -> bytes:
    """Return the request in disguise as one chunk, with its size in this form, and the end of the
    chunks."""
    return size % len(HIDDEN) + b"\r\n" + HIDDEN + b"\r\n" + end


@dataclass(frozen=True, slots=True)
class Attack:
    """Header lines and the body after them. `statuses` are the statuses of all answers; the last
    answer is to a further request for a public path. `content` is the body that arrives of an
    allowed request."""

    lines: tuple[bytes, ...]
    body: bytes
    statuses: tuple[int, ...]
    content: bytes = HIDDEN
    method: bytes = b"POST"
    version: bytes = b"HTTP/1.1"

    def raw(
        self, path: bytes, host: bytes, authorization: tuple[bytes, ...]
    ) -> bytes:
        """Return the bytes of the attack alone."""
        line = b" ".join((self.method, path, self.version))
        return (
            b"\r\n".join(
                [line, b"Host: " + host, *authorization, *self.lines, b"", b""]
            )
            + self.body
        )


PASSED, REFUSED, BROKEN, UNKNOWN = (200, 200), (400, 200), (400,), (501,)
"""Allowed; denied by admission, after which the connection continues; rejected by nginx, which
closes it (twice)."""


def attacks() -> dict[str, Attack]:
    """Return all attacks by name."""
    found = {
        **_in_connection(),
        **_beside(),
        **_lengths(),
        **_codings(),
        **_chunks(),
        **_methods_and_versions(),
    }
    assert len(found) > 140
    return found


def _both(
    name: str,
    lines: tuple[bytes, ...],
    statuses: tuple[int, ...],
    **more: bytes,
) -> dict[str, Attack]:
    """Return the same lines with a length, and with chunks."""
    return {
        f"{name}, length": Attack((LENGTH, *lines), HIDDEN, statuses, **more),
        f"{name}, chunks": Attack((CHUNKED, *lines), chunk(), statuses, **more),
    }


def _in_connection() -> dict[str, Attack]:
    """Return attacks with names that Connection may not have, and with names that it may have."""
    filling = tuple(b"X-Filling-%d: 1" % number for number in range(120))
    refused: dict[str, tuple[bytes, ...]] = {
        "Connection names the length": (b"Connection: Content-Length",),
        "in capitals and small letters": (b"cOnNeCtIoN: cONTENT-lENGTH",),
        "behind an option": (b"Connection: keep-alive, Content-Length",),
        "between empty names": (b"Connection: ,,Content-Length,",),
        "in a second Connection": (
            b"Connection: keep-alive",
            b"Connection: Content-Length",
        ),
        "in the first of two": (
            b"Connection: Content-Length",
            b"Connection: keep-alive",
        ),
        "before many headers": (b"Connection: Content-Length", *filling),
        "behind many headers": (*filling, b"Connection: Content-Length"),
        "Connection names the coding": (b"Connection: Transfer-Encoding",),
        "Connection names who calls": (
            b"Connection: X-Auth-Client, X-Auth-Subject",
        ),
        "Connection names the token": (b"Connection: Authorization",),
        "Connection names the host": (b"Connection: Host",),
        "Connection names the upgrade and more": (
            b"Connection: Upgrade, X-Auth-Client",
            b"Upgrade: websocket",
        ),
    }
    passed: dict[str, tuple[bytes, ...]] = {
        "no Connection": (),
        "Connection is empty": (b"Connection:",),
        "keep-alive": (b"Connection: Keep-Alive",),
        "keep-alive and Upgrade": (
            b"Connection: keep-alive, Upgrade",
            b"Upgrade: websocket",
        ),
        "an offer of HTTP/2": (
            b"Connection: Upgrade, HTTP2-Settings",
            *SETTINGS,
        ),
        "TE": (b"Connection: TE", b"TE: trailers"),
    }
    found: dict[str, Attack] = {}
    for name, lines in refused.items():
        found |= _both(name, lines, REFUSED)
    for name, lines in passed.items():
        found |= _both(name, lines, PASSED)
    found |= _both(
        "close names the length as well",
        (b"Connection: close,\tContent-Length",),
        BROKEN,
    )
    return found | _both("close", (b"Connection: close",), (200,))


def _beside() -> dict[str, Attack]:
    """Return attacks with other headers of a connection, other spellings, and continued headers."""
    harmless = (
        *(
            b"Proxy-Connection: Content-Length",
            b"Keep-Alive: Content-Length",
            b"TE: Content-Length",
            b"TE: trailers",
        ),
        *(
            b"TE: trailers, Content-Length",
            b"Trailer: Content-Length",
            b"Upgrade: Content-Length",
            b"Upgrade: h2c",
        ),
        *(
            b"Upgrade: websocket",
            b"Proxy: Content-Length",
            b"Connection-X: Content-Length",
            b"Expect: something",
        ),
        *(b"Connection_: Content-Length", b"Content.Length: 0"),
    )
    misspelled = (
        *(
            b"Content_Length: 0",
            b"Transfer_Encoding: chunked",
            b"Keep_Alive: 1",
            b"Proxy_Connection: close",
        ),
        *(
            b"X_Forwarded_For: 192.0.2.9",
            b"X-Forwarded_Host: evil.test",
            b"X_Real-IP: 192.0.2.9",
        ),
        *(b"x_forwarded_proto: https", b"X_Kong_Request_Id: 1"),
    )
    broken = (
        *(
            b"X-A: b\r\n Content-Length: 0",
            b"X-A: b\r\n\tTransfer-Encoding: chunked",
            b"X-A: b\rContent-Length: 0",
        ),
        *(
            b"Content-Length : 0",
            b"Transfer-Encoding : chunked",
            b"\x0bTransfer-Encoding: chunked",
        ),
        *(b"Transfer-Encoding\x00: chunked", b"X-A: b\nContent-Length: 0"),
    )
    found: dict[str, Attack] = {}
    for lines, statuses in (
        (harmless, PASSED),
        (misspelled, REFUSED),
        (broken, BROKEN),
    ):
        for line in lines:
            found |= _both(repr(line), (line,), statuses)
    return found | _both(
        "a body that waits", (b"Expect: 100-continue",), (100, *PASSED)
    )


def _lengths() -> dict[str, Attack]:
    """Return attacks with lengths that two servers could read differently."""
    odd = (
        b"+5",
        b"5,5",
        b"5, 5",
        b"0x5",
        b"5 5",
        b"-1",
        b"5\t",
        b"5;x",
        b"",
        b"18446744073709551621",
        b"5.0",
        b"5e0",
    )
    found = {
        f"length {value!r}": Attack(
            (b"Content-Length: " + value,), b"hello" + HIDDEN, BROKEN, b"hello"
        )
        for value in odd
    }
    found["length with zeros"] = Attack(
        (b"Content-Length: 000000000000000000005",),
        b"hello" + HIDDEN,
        (200, 404, 200),
        b"hello",
    )
    found["length twice"] = Attack((LENGTH, LENGTH), HIDDEN, BROKEN)
    found["two lengths"] = Attack(
        (LENGTH, b"Content-Length: 0"), HIDDEN, BROKEN
    )
    return found


def _codings() -> dict[str, Attack]:
    """Return attacks with codings that two servers could read differently, also beside a length."""
    odd = (
        *(
            b"xchunked",
            b"chunked, identity",
            b"gzip, chunked",
            b"\x0bchunked",
            b"chunked,",
            b", chunked",
            b"chunked\t",
        ),
        *(b"identity", b'"chunked"', b"chunked;q=1", b""),
    )
    found = {
        f"coding {value!r}": Attack(
            (b"Transfer-Encoding: " + value,), chunk(), UNKNOWN
        )
        for value in odd
    }
    found |= {
        f"coding {value!r}": Attack(
            (b"Transfer-Encoding: " + value,), chunk(), PASSED
        )
        for value in (b"CHUNKED", b"chunked ")
    }
    found["coding twice"] = Attack((CHUNKED, CHUNKED), chunk(), BROKEN)
    found["two codings"] = Attack(
        (CHUNKED, b"Transfer-Encoding: identity"), chunk(), BROKEN
    )
    for length in (
        LENGTH,
        b"Content-Length: 0",
        b"Content-Length: %d" % len(chunk()),
    ):
        found[f"{length!r}, then chunks"] = Attack(
            (length, CHUNKED), chunk(), BROKEN
        )
        found[f"chunks, then {length!r}"] = Attack(
            (CHUNKED, length), chunk(), BROKEN
        )
    return found


def _chunks() -> dict[str, Attack]:
    """Return attacks with chunks that two servers could read differently. Behind a body that ends
    early follows another request of the caller, to an unknown host."""
    own = (200, 404, 200)
    forged = b"0\r\nX-Auth-Client: forged\r\nContent-Length: 0\r\n\r\n"
    bodies: dict[str, tuple[bytes, tuple[int, ...], bytes]] = {
        "an extension": (chunk(size=b"%x;a=b"), PASSED, HIDDEN),
        "an extension with a line feed": (
            b"5;\nxx\r\nhello\r\n0\r\n\r\n" + HIDDEN,
            BROKEN,
            b"",
        ),
        "a quoted line end": (chunk(size=b'%x;a="\r\n"'), BROKEN, b""),
        "blanks": (chunk(size=b"%x  "), PASSED, HIDDEN),
        "a blank before": (chunk(size=b" %x"), BROKEN, b""),
        "zeros before": (chunk(size=b"0000%x"), PASSED, HIDDEN),
        "0x": (chunk(size=b"0x%x"), BROKEN, b""),
        "less than none": (b"-1\r\n" + HIDDEN, BROKEN, b""),
        "more than fits": (b"FFFFFFFFFFFFFFFF1\r\n" + HIDDEN, BROKEN, b""),
        "a bare line feed": (
            chunk().replace(b"\r\n", b"\n", 1),
            PASSED,
            HIDDEN,
        ),
        "a bare carriage return": (
            chunk().replace(b"\r\n", b"\r", 1),
            BROKEN,
            b"",
        ),
        "no line end": (
            b"%x\r\n" % len(HIDDEN) + HIDDEN + b"0\r\n\r\n",
            BROKEN,
            b"",
        ),
        "trailers": (chunk(end=forged), PASSED, HIDDEN),
        "trailers that are none": (
            chunk(end=b"0\r\nX Y\r\n\r\n"),
            PASSED,
            HIDDEN,
        ),
        "nothing, then a request": (b"0\r\n\r\n" + HIDDEN, own, b""),
        "zeros, then a request": (b"000\r\n\r\n" + HIDDEN, own, b""),
        "a chunk, then a request": (chunk() + HIDDEN, own, HIDDEN),
    }
    return {
        f"chunks: {name}": Attack((CHUNKED,), *item)
        for name, item in bodies.items()
    }


def _methods_and_versions() -> dict[str, Attack]:
    """Return attacks with methods that give a body no meaning, and with HTTP/1.0."""
    found: dict[str, Attack] = {}
    for method in (b"GET", b"HEAD"):
        found |= _both(f"{method!r} with a body", (), PASSED, method=method)
        found |= _both(
            f"{method!r} names the length",
            (b"Connection: Content-Length",),
            REFUSED,
            method=method,
        )
    old = {"version": b"HTTP/1.0"}
    named, kept = b"Connection: Content-Length", b"Connection: keep-alive"
    found["HTTP/1.0"] = Attack((LENGTH,), HIDDEN, (200,), **old)
    found["HTTP/1.0, kept"] = Attack((LENGTH, kept), HIDDEN, PASSED, **old)
    found["HTTP/1.0 in chunks"] = Attack((CHUNKED,), chunk(), BROKEN, **old)
    found["HTTP/1.0 without a length"] = Attack((), HIDDEN, (200,), b"", **old)
    found["HTTP/1.0 names the length"] = Attack(
        (LENGTH, named), HIDDEN, BROKEN, **old
    )
    found["HTTP/1.0, kept, names the length"] = Attack(
        (LENGTH, kept, named), HIDDEN, REFUSED, **old
    )
    return found
