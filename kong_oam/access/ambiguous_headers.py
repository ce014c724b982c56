"""Headers that two servers could read differently. Requests with such a header are denied.

Proxies, Kong included, delete every header that Connection names (RFC 9110, 7.6.1). A caller could
delete the gate's own headers that way. It could also delete the length of a body, whose bytes then
become a request of their own. If the gateway rewrites a header, another spelling may be the same
header to one server and a different header to another.
"""

from __future__ import annotations

from collections.abc import Iterable

Header = tuple[str, str]

# Options of the connection itself. HTTP2-Settings belongs to an offer of HTTP/2, which Kong does
# not forward.
_CONNECTION_OPTIONS = frozenset(
    {"close", "http2-settings", "keep-alive", "te", "upgrade"}
)

_REWRITTEN = frozenset(
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


def ambiguity(headers: Iterable[Header]) -> str | None:
    """Return the problem of the first ambiguous header; None if there is none.

    Names with characters other than letters, digits, `-` and `_` never arrive: nginx drops such
    headers.
    """
    for name, value in headers:
        small = name.lower() if name.isascii() else name
        folded = small.replace("_", "-")
        if small != folded and folded in _REWRITTEN:
            return f"servers may read its header {name} as {folded}"
        if small == "connection" and (named := _deleted_header(value)):
            return f"its Connection header names {named}"
    return None


def _deleted_header(connection: str) -> str | None:
    """Return the first name in a Connection header that is not an option of the connection."""
    for part in connection.split(","):
        name = part.strip(" \t")
        is_option = name.isascii() and name.lower() in _CONNECTION_OPTIONS
        if name and not is_option:
            return name
    return None
