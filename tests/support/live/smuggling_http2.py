"""The same attacks over HTTP/2, which the gateway translates to HTTP/1.1: names, values and lengths
that could be another request.

Recorded on a Kong 3.9.1 and a Kong 3.10.0, which answer alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.live.http2 import Headers
from tests.support.live.smuggling import HIDDEN, chunk

LENGTH = (b"content-length", b"%d" % len(HIDDEN))


@dataclass(frozen=True, slots=True)
class Http2Attack:
    """Headers behind the four that begin a request, or in place of some of them (None: left out).

    `status` is the expected status, None where the gateway resets the stream. `bounded` is the
    status of a component that bounds bodies, where it differs.
    """

    status: int | None
    headers: Headers = (LENGTH,)
    body: bytes | None = HIDDEN
    trailers: Headers = ()
    pseudo: Mapping[bytes, bytes | None] = field(default_factory=dict)
    bounded: int | None = None
    content: bytes = HIDDEN

    def all_headers(
        self, path: bytes, host: bytes, authorization: Headers
    ) -> Headers:
        """Return the headers with the request's path and host in place of `%path` and `%host`."""
        first: dict[bytes, bytes | None] = {
            b":method": b"POST",
            b":scheme": b"http",
            b":path": path,
            b":authority": host,
        }
        item = {**first, **self.pseudo}.items()
        found = [
            (name, value.replace(b"%path", path))
            for name, value in item
            if value is not None
        ]
        found += [
            (name, value.replace(b"%host", host))
            for name, value in self.headers
        ]
        return [*found, *authorization]


def http2_attacks() -> dict[str, Http2Attack]:
    """Return all attacks by name."""
    return {**_lengths(), **_of_connections(), **_bytes(), **_pseudo_headers()}


def _lengths() -> dict[str, Http2Attack]:
    unbounded = Http2Attack(200, (), bounded=411)
    found = {
        "a length": Http2Attack(200),
        "no length": unbounded,
        "neither length nor body": Http2Attack(
            200, (), None, bounded=411, content=b""
        ),
        "a length without a body": Http2Attack(400, body=None),
        "a length twice": Http2Attack(400, (LENGTH, LENGTH)),
        "two lengths": Http2Attack(400, (LENGTH, (b"content-length", b"0"))),
        "a length in another spelling": Http2Attack(
            400, ((b"content_length", b"1"),)
        ),
        "a long body with a length in another spelling": Http2Attack(
            400, ((b"content_length", b"1"),), bytes(15_000)
        ),
        "trailers": Http2Attack(
            None, trailers=((b"x-auth-client", b"forged"),)
        ),
        "trailers, one for the beginning": Http2Attack(
            None, trailers=((b":path", b"/orders/hidden"),)
        ),
    }
    for value in (b"0", b"5", b"500", b"-1", b"+5", b"%d, 5" % len(HIDDEN)):
        found[f"length {value!r}"] = Http2Attack(
            400, ((b"content-length", value),)
        )
    return found


def _of_connections() -> dict[str, Http2Attack]:
    """Return attacks with headers that HTTP/2 does not have."""
    found = {f"{named!r} in Connection": Http2Attack(400, (LENGTH, (b"connection", named))) for named in
             (b"content-length", b"x-auth-client", b"close, host")}  # fmt: skip
    for header in (
        *(
            (b"connection", b"close"),
            (b"keep-alive", b"timeout=5"),
            (b"proxy-connection", b"content-length"),
        ),
        *(
            (b"upgrade", b"websocket"),
            (b"te", b"trailers"),
            (b"te", b"gzip"),
            (b"expect", b"100-continue"),
        ),
    ):
        found[repr(header)] = Http2Attack(200, (LENGTH, header))
    coded = (b"transfer-encoding", b"chunked")
    for body in (HIDDEN, chunk(), b"0\r\n\r\n" + HIDDEN):
        found[f"chunked, {body[:9]!r}"] = Http2Attack(
            200, (coded,), body, bounded=411, content=body
        )
    found["chunked with a length"] = Http2Attack(400, (LENGTH, coded))
    found["another coding"] = Http2Attack(
        501, (LENGTH, (b"transfer-encoding", b"identity"))
    )
    found["a coding in another spelling"] = Http2Attack(
        400, (LENGTH, (b"transfer_encoding", b"chunked"))
    )
    return found


def _bytes() -> dict[str, Http2Attack]:
    """Return attacks with names and values that end a line of HTTP/1.1."""
    values = (
        b"a\r\ncontent-length: 0",
        b"a\ncontent-length: 0",
        b"a\r",
        b"a\x00b",
        b"a\r\n\r\n" + HIDDEN,
    )
    names = (
        b"x a",
        b"x:a",
        b"X-A",
        b":x",
        b"x\x00a",
        b"content-length ",
        b"x-a: b\r\nx-b",
        b"x-a\r\ncontent-length",
    )
    found = {
        f"value {value!r}": Http2Attack(400, (LENGTH, (b"x-a", value)))
        for value in values
    }
    return found | {
        f"name {name!r}": Http2Attack(400, (LENGTH, (name, b"0")))
        for name in names
    }


def _pseudo_headers() -> dict[str, Http2Attack]:
    """Return attacks with the pseudo-headers that become the request line and the Host header."""
    hidden = b" HTTP/1.1\r\nX-Auth-Client: forged\r\n\r\n"
    odd: dict[bytes, tuple[bytes | None, ...]] = {
        b":method": (
            b"GET /orders/hidden" + hidden + b"POST",
            b"POST /x",
            b"post",
            None,
        ),
        b":path": (
            b"%path" + hidden,
            b"%path HTTP/1.1",
            b"%path\rx",
            b"http://x%path",
            b"*",
            b"public",
            b"%path#x",
            None,
        ),
        b":authority": (b"x\r\nX-Auth-Client: forged", b"x/orders", None),
        b":scheme": (b"http\r\nx: y", b"http://x/orders?"),
    }
    found = {
        f"{name!r} is {value!r}": Http2Attack(400, pseudo={name: value})
        for name, values in odd.items()
        for value in values
    }
    found["a host as well"] = Http2Attack(400, (LENGTH, (b"host", b"%host")))
    found["another host as well"] = Http2Attack(
        400, (LENGTH, (b"host", b"evil.test"))
    )
    found["a host instead"] = Http2Attack(
        200, (LENGTH, (b"host", b"%host")), pseudo={b":authority": None}
    )
    for name, value in (
        (b":path", b"/orders/hidden"),
        (b":method", b"GET"),
        (b":authority", b"evil.test"),
    ):
        found[f"a second {name!r}"] = Http2Attack(400, (LENGTH, (name, value)))
    found["CONNECT of a websocket"] = Http2Attack(
        400,
        (LENGTH, (b":protocol", b"websocket")),
        pseudo={b":method": b"CONNECT"},
    )
    return found
