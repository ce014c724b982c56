"""Which addresses that somebody configured may be asked, and how they are shown: messages reach
logs, and comments that everybody reads."""

from __future__ import annotations

from urllib.parse import urlsplit

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_UNREADABLE = "(an address that cannot be read)"


def is_confidential(url: str) -> bool:
    """Return whether nobody on the way can read or change what is asked there: by https, or on this
    machine."""
    parts = urlsplit(url)
    is_here = parts.scheme == "http" and parts.hostname in LOOPBACK
    return parts.scheme == "https" or is_here


def shown(url: str) -> str:
    """Show scheme, host, port and path of a URL. User, password, query and fragment may be
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
