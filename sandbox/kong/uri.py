"""Kong's parsing of a request's path: paths that nginx rejects, and the normal form for matching
routes.

All text is latin-1: one character is one byte of the wire.

Sources: Kong's documentation of path normalisation (RFC 3986 section 6, percent-decoding except
reserved characters), nginx's parsing of request targets, recorded exchanges of a
Kong 3.10.
"""

from __future__ import annotations

import re

RESERVED = frozenset("!*'();:@&=+$,/?%#[]")
_TRIPLET = re.compile(r"%([0-9A-Fa-f]{2})")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_TO_ESCAPE = re.compile(r"[^!#$&'()*+,/:;=?@\[\]A-Za-z0-9\-_.~%]")


def refused_by_nginx(path: str) -> bool:
    """Return whether nginx answers 400 to a request for this path (a target without its query)
    before Kong sees it.

    nginx decodes every percent-encoding once, and is stricter than Kong. An encoded slash
    separates, and dot segments may not climb above the root. nginx stops reading at a bare `#`.
    """
    path = path.partition("#")[0]
    if _BAD_PERCENT.search(path) or "%00" in path:
        return True
    depth = 0
    for segment in _TRIPLET.sub(
        lambda triplet: chr(int(triplet[1], 16)), path
    ).split("/"):
        if segment == "..":
            depth -= 1
            if depth < 0:
                return True
        elif segment not in ("", "."):
            depth += 1
    return False


def _decoded(triplet: re.Match[str]) -> str:
    character = chr(int(triplet[1], 16))
    return triplet[0].upper() if character in RESERVED else character


def normalized(path: str) -> str:
    """Return the path that routes match: unreserved bytes decoded, `//` merged, dot segments
    resolved (the root stays)."""
    path = _TRIPLET.sub(_decoded, path)
    if "//" not in path and "." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")
    for position, segment in enumerate(segments):
        last = position == len(segments) - 1
        if segment == "..":
            if kept:
                kept.pop()
        elif segment not in ("", "."):
            kept.append(segment)
        if last and segment in ("", ".", ".."):
            kept.append("")
    return "/" + "/".join(kept)


def escaped(path: str) -> str:
    """Return the path for the upstream: bytes that are invalid in a target are percent-encoded
    again."""
    return _TO_ESCAPE.sub(lambda character: f"%{ord(character[0]):02X}", path)


def invalid_percent(path: str) -> str | None:
    """Return the first malformed percent-encoding of a path (`%zz`), or None."""
    percent = _BAD_PERCENT.search(path)
    return path[percent.start() : percent.start() + 3] if percent else None
