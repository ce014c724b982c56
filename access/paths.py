"""One reading of a request's path, for the model, the gateway's routes and its gate alike (design section 3.1).

A request target that two servers could read differently is refused before any rule is looked at. What is left is read
as Kong does before it routes: dot segments and doubled slashes resolved, percent-encoded unreserved characters decoded
(kong/tools/uri.lua, and observed on Kong 3.10).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from access.model import Elements

_UNREADABLE = re.compile(
    rb"[\x00-\x20\x7f\\;#]"  # control bytes, space, backslash, path parameters, fragment
    rb"|%(?![0-9A-Fa-f]{2})"  # a percent sign that encodes nothing
    rb"|%(?:0|1)[0-9A-Fa-f]|%7[Ff]"  # encoded control bytes
    rb"|%(?:2[Ff]|5[Cc]|3[BbFf]|25)"  # encoded / \ ; ? %
)
_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")

_ELEMENT = r"[A-Za-z0-9\-._~!$&'()+,=@][A-Za-z0-9\-._~!$&'()+,:=@]*"  # no `*` and no `:id`: others read patterns
_RULE_PATH = re.compile(rf"/(?:{_ELEMENT}(?:/{_ELEMENT})*/?)?\Z")
_RESERVED_IN_RULES = "!$&'()+,:=@"


class Unreadable(ValueError):  # noqa: N818 - names what the path is
    """The path could be read in more than one way. The message says why."""


def read(target: bytes) -> Elements:
    """Elements of a raw request target (`/orders//7?x=1` -> ("orders", "7")). Raises Unreadable."""
    path = target.partition(b"?")[0]
    if not path.startswith(b"/"):
        raise Unreadable("does not start with a slash")
    if found := _UNREADABLE.search(path):
        raise Unreadable(f"contains {found.group().decode('latin-1')!r} at {found.start()}")
    decoded = _ENCODED.sub(lambda match: bytes([int(match.group(1), 16)]), path)
    try:
        text = decoded.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("is not UTF-8") from None
    return resolve(text.split("/"))


def resolve(elements: Iterable[str]) -> Elements:
    """Empty and `.` elements vanish, `..` takes the one before it away (RFC 3986, 5.2.4; Kong merges slashes).

    Raises Unreadable for a path that climbs above the root: RFC 3986 lets it stay there, nginx answers 400.
    """
    result: list[str] = []
    for element in elements:
        if element == "..":
            if not result:
                raise Unreadable("climbs above the root")
            result.pop()
        elif element not in ("", "."):
            result.append(element)
    return tuple(result)


def declared(path: str) -> Elements:
    """Elements of a path in an Application. Raises Unreadable where it is not written in its one plain form."""
    if not _RULE_PATH.match(path):
        raise Unreadable("write it as /element/element, unencoded, of letters, digits and -._~!$&'()+,:=@; no patterns")
    elements = tuple(path.split("/"))[1:]
    if "." in elements or ".." in elements:
        raise Unreadable("contains a dot segment; write the path that it stands for")
    return elements if elements[-1] else elements[:-1]


def within(path: Elements, base: Elements) -> bool:
    """Whether `base` owns `path`: element by element, so that /orders never owns /orders-internal."""
    return path[: len(base)] == base


def written(path: Elements) -> str:
    """`/orders/7`; `/` for no elements."""
    return "/" + "/".join(path)


def pattern(path: Elements) -> str:
    """A regular expression, anchored by the router at its start, for all that `path` owns.

    Kong keeps reserved characters encoded where the client encoded them (in upper case), so both spellings match.
    The root is the bare slash, with which everything starts.
    """
    if not path:
        return "/"
    return "".join("/" + "".join(_character(c) for c in element) for element in path) + "(?:/|$)"


def _character(character: str) -> str:
    if character in _RESERVED_IN_RULES:
        return f"(?:{re.escape(character)}|%{ord(character):02X})"
    return re.escape(character) if character == "." else character
