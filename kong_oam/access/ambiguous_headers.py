"""Headers that two servers could read differently, so that a request that has one is refused.

Proxies delete every header that Connection names (RFC 9110, 7.6.1), Kong among them. A caller could
so delete the gate's own headers, or the length of a body, whose bytes are then a request of their
own. Of headers that the gateway reads and writes anew, another spelling may be the same header to
one server and none to another.
"""

from __future__ import annotations

from collections.abc import Iterable

Header = tuple[str, str]

# How the connection itself is used. HTTP2-Settings comes with an offer of HTTP/2, which Kong does
# not hand on.
_CONNECTION_OPTIONS = frozenset(
    {"close", "http2-settings", "keep-alive", "te", "upgrade"}
)

_WRITTEN_ANEW = frozenset(
    {
        "content-length",
        "transfer-encoding",
        "keep-alive",
        "proxy-connection",
        "x-real-ip",
        "x-kong-request-id",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-path",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
    }
)


def why_ambiguous(headers: Iterable[Header]) -> str | None:
    """What is wrong with the first header that servers could read differently; None where there is
    none.

    Names with other signs than letters, digits, `-` and `_` never get as far: nginx drops such
    headers.
    """
    for name, value in headers:
        small = name.lower() if name.isascii() else name
        folded = small.replace("_", "-")
        if small != folded and folded in _WRITTEN_ANEW:
            return f"servers may take its header {name} for {folded}"
        if small == "connection" and (named := _named_by(value)):
            return f"its Connection header names {named}"
    return None


def _named_by(connection: str) -> str | None:
    """The first name in a value of Connection that is more than an option of the connection."""
    for part in connection.split(","):
        name = part.strip(" \t")
        is_option = name.isascii() and name.lower() in _CONNECTION_OPTIONS
        if name and not is_option:
            return name
    return None
