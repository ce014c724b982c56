"""Path texts as Kong reads them: nginx's checks, the normal form, and paths of old formats.

All text is latin-1: one character is one byte of the wire. Sources: kong/tools/uri.lua,
kong/db/migrations/migrate_path_280_300.lua, answers of a Kong 3.10.
"""

from __future__ import annotations

import re

# Kong does not decode these characters.
_RESERVED = frozenset("!*'();:@&=+$,/?%#[]")
_TRIPLET = re.compile(r"%([0-9A-Fa-f]{2})")
_BROKEN_TRIPLET = re.compile(r"%(?![0-9A-Fa-f]{2})")
_TO_ESCAPE = re.compile(r"[^!#$&'()*+,/:;=?@\[\]A-Za-z0-9\-_.~%]")
# A target may be a whole URL. Kong routes it by the Host header.
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
# A path of these characters is plain in the formats before 3.0.
_PLAIN = re.compile(r"[a-zA-Z0-9.\-_~/%]*\Z")
_METACHARACTERS = frozenset(".^-{}\\|")
_CONTROLS = re.compile(r"[\x00-\x20\x7f]")


def is_rejected(path: str) -> bool:
    """Return whether nginx answers 400 to the path, before Kong sees the request.

    nginx decodes each path once, up to a `#`. Its dot segments must not climb above the root.
    """
    path = _without_authority(path)
    if not path.startswith("/") or _CONTROLS.search(path):
        return True
    before = path.partition("#")[0]
    if _BROKEN_TRIPLET.search(before) or "%00" in before:
        return True
    depth = 0
    for element in _TRIPLET.sub(_decoded_byte, before).split("/"):
        if element == "..":
            depth -= 1
        elif element not in ("", "."):
            depth += 1
        if depth < 0:
            return True
    return False


def _without_authority(path: str) -> str:
    match = _AUTHORITY.match(path)
    return path[match.end() :] if match else path


def _decoded_byte(triplet: re.Match[str]) -> str:
    return chr(int(triplet[1], 16))


def _decoded_unreserved(triplet: re.Match[str]) -> str:
    character = _decoded_byte(triplet)
    return triplet[0].upper() if character in _RESERVED else character


def normalized(path: str) -> str:
    """Return the path that Kong's router compares.

    Characters that are not reserved are decoded, `//` is one slash, and dot segments are resolved.
    A `..` at the root is dropped.
    """
    path = _without_authority(path)
    if path in ("", "/"):
        return path
    text = _TRIPLET.sub(_decoded_unreserved, path)
    if "." not in text and "//" not in text:
        return text
    elements = text.split("/")
    result: list[str] = []
    for element in elements:
        if element == "..":
            del result[-1:]
        elif element not in ("", "."):
            result.append(element)
    # A path that ends with a slash or a dot segment keeps a slash.
    is_folder = elements[-1] in ("", ".", "..")
    ending = "/" if is_folder and result else ""
    return "/" + "/".join(result) + ending


def escaped(path: str) -> str:
    """Return the path as Kong sends it to a service."""
    return _TO_ESCAPE.sub(_triplet, path)


def _triplet(character: re.Match[str]) -> str:
    return f"%{ord(character[0]):02X}"


def migrated(path: str) -> str:
    """Return a path of the formats 1.1 and 2.1 as format 3.0 writes it.

    A path with other characters than letters, digits and `.-_~/%` is a regular expression.
    """
    if _PLAIN.match(path):
        return normalized(path)
    return "~" + _TRIPLET.sub(_decoded_in_expression, path)


def _decoded_in_expression(triplet: re.Match[str]) -> str:
    character = _decoded_byte(triplet)
    if character in _RESERVED:
        return triplet[0].upper()
    if character in _METACHARACTERS:
        return f"\\{character}"
    return character


def is_utf8(path: str) -> bool:
    """Return whether the bytes of a path are UTF-8. Kong's router matches no other path."""
    try:
        path.encode("latin-1").decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return False
    return True
