"""Read a request's path in the same way for the model, the gateway's routes and its gate.

Source: docs/explanation/design.md#one-reading-of-a-path.

The gateway denies a request target that two servers could read differently, before it looks at
rules. It reads other targets as Kong does before it routes. Dot segments and double slashes are
resolved, and percent-encoded unreserved characters are decoded (kong/tools/uri.lua, and observed on
Kong 3.10).

Some servers read more into an element. Windows drops dots and blanks at its end, and takes
`SECRET~1` and `secret::$DATA` for `secret`. Some servers take `<` or `"` for a wildcard
(FindFirstFile). Servers that normalize or fold Unicode (NFC, NFKC, case folding) take letters of
other alphabets for ASCII letters, and drop invisible characters. Databases that ignore accents, and
conversions to older character sets, have similar effects. The gateway cannot know which server is
behind it. So it denies an element that might be a dot segment, or several elements. `spelled` and
`meets` find an element that might be a rule's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from kong_oam.access.data import PathSegments
from kong_oam.errors import InputError

_UNREADABLE = re.compile(
    rb"[\x00-\x20\x7f\\;#]"  # control bytes, space, backslash, path parameters, fragment
    rb"|%(?![0-9A-Fa-f]{2})"  # a percent sign that encodes nothing
    rb"|%(?:0|1)[0-9A-Fa-f]|%7[Ff]"  # encoded control bytes
    rb"|%(?:2[Ff]|5[Cc]|3[BbFf]|25)"  # encoded / \ ; ? %
)
_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")

# Code points and ranges of code points, as in lua/path.lua. These characters may be read as `/`,
# `\`, `;`, `?`, `%` or `#`, or contain such a character: by NFKC, or in older character sets.
SEPARATING = (
    "A5 B4 BC-BF F7 37E 66A 2044-2049 20A9 2100-2101 2105-2106 214D 2150-215F 2189 2215-2216 "
    "2571-2572 27CB 27CD 29E3-29E5 29F5-29F9 33A7-33A8 33AE-33AF 33C6 33DE-33DF FE14-FE16 FE54 "
    "FE56 FE5F FE68 FE6A FF03 FF05 FF0F FF1B FF1F FF3C"
)

# Letters and digits that may be read as ASCII: by case folding, without accents, or in older
# character sets.
LETTERS = (
    "C0-2AF 393 398 3A3 3A6 3A9 3B1 3B4-3B5 3C0 3C3-3C4 3C6 4BB "
    "660-669 6F0-6F9 1E00-1EFF 2C60-2C7B"
)

# Other characters that may be read as one ASCII character, as several, or as none. They are
# compatibility characters, marks of Latin text, invisible characters (Unicode Standard Annex 15 and
# 44), and similar characters in older character sets.
LOOSE = (
    "80-BF 2B0-385 61C 115F-1160 1680 17B4-17B5 180B-180F 1AB0-1AFF 1D00-1DFF 1FBD-25FF 263A-266B "
    "2758 2776-2793 2A74-2C5F 2C7C-2C7F 3000-303F 3099-309C 3164 3200-33FF A700-A7FF AB30-AB6F "
    "FB00-FE7F FEFF-FF65 FF9E-FFFF 10780-107BF 1BCA0-1BCA3 1D173-1D7FF 1F100-1F1AC 1FBF0-1FBF9 "
    "E0000-E0FFF"
)


# Characters that may be read as a sign with a meaning on Windows.
LIKE = {
    **dict.fromkeys("\u0589\ufe13\ufe55\uff1a", ":"),
    **dict.fromkeys("\ufe69\uff04", "$"),
    **dict.fromkeys("\u223c\u301c\uff5e", "~"),
}


_LIKE = str.maketrans(LIKE)


def beginnings(path: PathSegments) -> Iterator[PathSegments]:
    """Yield all beginnings of a path, from the path itself to the root."""
    for length in range(len(path), -1, -1):
        yield path[:length]


def ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Parse code points and ranges of code points into pairs of first and last."""
    bounds = (entry.partition("-") for entry in text.split())
    return tuple(
        (int(first, 16), int(last or first, 16)) for first, _, last in bounds
    )


def _character_class(text: str) -> str:
    return "".join(
        f"{re.escape(chr(first))}-{re.escape(chr(last))}"
        for first, last in ranges(text)
    )


_SEPARATING = re.compile(f"[{_character_class(SEPARATING)}]")
_LETTER = re.compile(f"[{_character_class(LETTERS)}]")
_LOOSE = re.compile(f"[{_character_class(LOOSE)}]")
_NO_ELEMENT = re.compile(
    r'[ .?*<>"]+\Z'  # invisible, or a wildcard
    r'|[ .?*<>"]*:.*\$'  # a stream of a folder
    r"|\([A-Za-z]\(.*\)\)\Z"  # a session id for ASP.NET
)

# `*` and `:id` are not allowed: other servers read them as patterns.
_ELEMENT = r"[A-Za-z0-9\-._~!$&'()+,=@][A-Za-z0-9\-._~!$&'()+,:=@]*"
_RULE_PATH = re.compile(rf"/(?:{_ELEMENT}(?:/{_ELEMENT})*/?)?\Z")
_RESERVED_IN_RULES = "!$&'()+,:=@"


class AmbiguousPathError(InputError):
    """Raised for a path that could be read in more than one way. The message says why."""


def read(target: bytes) -> PathSegments:
    """Parse a raw request target into segments: `/orders//7?x=1` is ("orders", "7").

    Raises AmbiguousPathError.
    """
    return resolve(_readable_elements(target))


def read_text(target: bytes) -> PathSegments:
    """Parse as `read`, but keep a slash at the end: `/orders/` is ("orders", "").

    `written` returns the text of the path that the gateway decides on. Raises AmbiguousPathError.
    """
    elements = _readable_elements(target)
    path = resolve(elements)
    ends_with_slash = elements[-1] in ("", ".", "..")
    return (*path, "") if path and ends_with_slash else path


def _readable_elements(target: bytes) -> list[str]:
    """Return the decoded elements of a target, before they are resolved."""
    path = target.partition(b"?")[0]
    if not path.startswith(b"/"):
        raise AmbiguousPathError("does not start with a slash")
    if unreadable := _UNREADABLE.search(path):
        raise AmbiguousPathError(
            f"contains {unreadable.group().decode('latin-1')!r} at {unreadable.start()}"
        )
    decoded = _ENCODED.sub(lambda match: bytes([int(match.group(1), 16)]), path)
    try:
        text = decoded.decode("utf-8")
    except UnicodeDecodeError:
        raise AmbiguousPathError("is not UTF-8") from None
    elements = text.split("/")
    for element in elements:
        separator = _SEPARATING.search(element)
        if separator:
            raise AmbiguousPathError(
                f"contains {separator.group()!a}, which some servers read as a separator"
            )
        if element not in (".", "..") and _is_dropped(element):
            raise AmbiguousPathError(
                f"has the element {element!a}, which some servers drop"
            )
    return elements


def _lookalikes(element: str) -> str:
    """Return the element with a sign for each character that another server may read differently.

    Letters become \\x01.
    """
    return _LOOSE.sub("?", _LETTER.sub("\x01", element.translate(_LIKE)))


def _is_dropped(element: str) -> bool:
    """Return whether some server reads no element here, or a dot segment."""
    signs = _lookalikes(element)
    # Some servers cut the decoded text at a fragment.
    before = signs.partition("#")[0]
    # Dots beside characters that are not ASCII.
    bare = re.sub(r"[^\x00-\x7f]|[\x01?]", "", before)
    is_dots = bare != signs and "." in bare and not bare.strip(" .")
    return is_dots or any(map(_NO_ELEMENT.match, (signs, before)))


@lru_cache(maxsize=4096)
def spelled(element: str) -> str:
    """Return a pattern of the readings of an element: small letters, and `*` for any characters or
    none."""
    pattern = _lookalikes(element).encode().lower().decode()
    # A short name does not show the long name.
    if re.search(r"~[0-9?]", pattern):
        return "*"
    # Some servers cut the decoded text at a fragment.
    pattern = pattern.partition("#")[0]
    name, _, stream = pattern.partition(":")
    if "$" in stream:  # Windows reads a stream of a file
        pattern = name
    # Some servers drop characters that are not ASCII.
    if re.search(r"[a-z0-9]", pattern):
        pattern = re.sub(r"[^\x00-\x7f]+", "*", pattern)
    pattern = re.sub(r'[<>"?\x01]', "*", pattern)
    stripped = pattern.lstrip(" *")
    core = stripped.rstrip(" .*")
    leading = pattern[: len(pattern) - len(stripped)]
    trailing = stripped[len(core) :]
    before = "*" if "*" in leading else ""
    after = "*" if "*" in trailing else ""
    return re.sub(r"\*+", "*", f"{before}{core}{after}")


def meets(pattern: str, element: str) -> bool:
    """Return whether a pattern of `spelled` may be read as a rule's element in small letters."""
    first, *literals = pattern.split("*")
    if not literals:
        return pattern == element
    if not element.startswith(first):
        return False
    *between, last = literals
    at = len(first)
    for literal in between:
        if (start := element.find(literal, at)) < 0:
            return False
        at = start + len(literal)
    return len(element) - at >= len(last) and element.endswith(last)


def folded(path: PathSegments) -> PathSegments:
    """Apply `spelled` to each element. A declared path stays the same in small letters."""
    return tuple(map(spelled, path))


def may_be_longer(
    path: PathSegments, length: int, rules: Collection[PathSegments]
) -> bool:
    """Return whether another server may read `path` as a `folded` rule with more than `length`
    elements."""
    patterns = folded(path)
    if "*" not in "".join(patterns):
        ends = range(length + 1, len(patterns) + 1)
        return any(patterns[:end] in rules for end in ends)
    return any(
        length < len(rule) <= len(patterns) and all(map(meets, patterns, rule))
        for rule in rules
    )


def resolve(elements: Iterable[str]) -> PathSegments:
    """Resolve elements: drop empty elements and `.`; let `..` remove the previous element.

    Source: RFC 3986, 5.2.4; Kong merges slashes. Raises AmbiguousPathError for a path that climbs
    above the root: RFC 3986 lets it stay there, nginx answers 400.
    """
    result: list[str] = []
    for element in elements:
        if element == "..":
            if not result:
                raise AmbiguousPathError("climbs above the root")
            result.pop()
        elif element not in ("", "."):
            result.append(element)
    return tuple(result)


def declared(path: str) -> PathSegments:
    """Parse a path of an Application into segments.

    Raises AmbiguousPathError if the path is not in its plain form.
    """
    if not _RULE_PATH.match(path):
        raise AmbiguousPathError(
            "is not plain; write /element/element, unencoded, of letters, digits and "
            "-._~!$&'()+,:=@, without patterns"
        )
    elements = tuple(path.split("/"))[1:]
    if "." in elements or ".." in elements:
        raise AmbiguousPathError(
            "contains a dot segment; write the resolved path"
        )
    for element in elements:
        if spelled(element) != element.lower():
            raise AmbiguousPathError(
                f"has the element '{element}', which Windows reads as another name; choose another "
                "name"
            )
    return elements if elements[-1] else elements[:-1]


def within(path: PathSegments, base: PathSegments) -> bool:
    """Return whether `base` owns `path`, by elements: /orders never owns /orders-internal."""
    return path[: len(base)] == base


def written(path: PathSegments) -> str:
    """Return a path as text: `/orders/7`; `/` for no elements."""
    return "/" + "/".join(path)


def unwritten(text: str) -> PathSegments:
    """Parse a text of `written` into elements."""
    return tuple(filter(None, text.split("/")))


def pattern(path: PathSegments) -> str:
    """Return a regular expression for all that `path` owns. The router anchors it at the start.

    Kong keeps reserved characters encoded if the client encoded them (in upper case), so both
    spellings match. The root is a single slash, which starts every path.
    """
    return f"{_pattern(path)}(?:/|$)" if path else "/"


def pattern_of_exactly(path: PathSegments) -> str:
    """Return a regular expression for `path` alone, as `pattern`."""
    return f"{_pattern(path)}$"


def _pattern(path: PathSegments) -> str:
    elements = ("".join(map(_character_pattern, element)) for element in path)
    return f"/{'/'.join(elements)}"


def _character_pattern(character: str) -> str:
    if character in _RESERVED_IN_RULES:
        return f"(?:{re.escape(character)}|%{ord(character):02X})"
    return re.escape(character) if character == "." else character
