"""How an address is shown that somebody configured: messages reach logs, and comments that
everybody reads."""

from __future__ import annotations

from urllib.parse import urlsplit

_UNREADABLE = "(an address that cannot be read)"


def shown(url: str) -> str:
    """Shows scheme, host, port and path of a URL. User, password, query and fragment may be
    secrets; so may all of it where an @ does not stand before the host, as in a password that is
    not percent-encoded."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return _UNREADABLE
    host = parts.netloc.rpartition("@")[2]
    if not host or "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return _UNREADABLE
    return f"{parts.scheme}://{host}{parts.path}"
