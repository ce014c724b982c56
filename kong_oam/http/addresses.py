"""Safe addresses: which URLs may carry secrets, and how messages show them. Messages reach logs and
public comments."""

from __future__ import annotations

from urllib.parse import urlsplit

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_UNREADABLE = "(an unreadable address)"


def is_confidential(url: str) -> bool:
    """Return whether a request to the URL is private: it uses https or stays on this machine."""
    parts = urlsplit(url)
    is_here = parts.scheme == "http" and parts.hostname in LOOPBACK
    return parts.scheme == "https" or is_here


def without_secrets(url: str) -> str:
    """Return scheme, host, port and path of a URL, without possible secrets.

    User, password, query and fragment may be secrets. If an @ follows the host, a password was not
    percent-encoded, and the whole URL may be secret.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return _UNREADABLE
    host = parts.netloc.rpartition("@")[2]
    if not host or "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return _UNREADABLE
    return f"{parts.scheme}://{host}{parts.path}"
