"""One reading of a request's path, for the model, the gateway's routes and its gate alike.

Source: docs/explanation/design.md#one-reading-of-a-path.

A request target that two servers could read differently is refused before any rule is looked at.
What is left is read as Kong does before it routes: dot segments and doubled slashes resolved,
percent-encoded unreserved characters decoded (kong/tools/uri.lua, and observed on Kong 3.10).

Some servers read more into an element. One that keeps files on Windows drops dots and blanks at its
end, and takes `SECRET~1` and `secret::$DATA` for `secret`; some take `<` or `"` for a joker
(FindFirstFile). One that normalizes or folds Unicode (NFC, NFKC, case folding), that compares
without accents as databases do, or that converts to an older character set takes letters of other
alphabets for ASCII ones, and leaves characters out that cannot be seen. Nobody can say from outside
which one stands behind a gate. So an element that might be taken for a dot segment, or for several
elements, is refused; and where it might be taken for that of a rule, `spelled` and `meets` say so.
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

# Code points and ranges of them, as lua/path.lua has them.
# Characters that may be read as `/`, `\`, `;`, `?`, `%` or `#`, or hold one: by NFKC, or in older
# character sets.
SEPARATING = (
    "A5 B4 BC-BF F7 37E 66A 2044-2049 20A9 2100-2101 2105-2106 214D 2150-215F 2189 2215-2216 "
    "2571-2572 27CB 27CD 29E3-29E5 29F5-29F9 33A7-33A8 33AE-33AF 33C6 33DE-33DF FE14-FE16 FE54 "
    "FE56 FE5F FE68 FE6A FF03 FF05 FF0F FF1B FF1F FF3C"
)

# Letters and digits that may be read as ASCII ones: by case folding, without accents, or in older
# character sets.
LETTERS = "C0-2AF 393 398 3A3 3A6 3A9 3B1 3B4-3B5 3C0 3C3-3C4 3C6 4BB 660-669 6F0-6F9 1E00-1EFF 2C60-2C7B"

# Other characters that may be read as ASCII ones, as several, or as none: compatibility
# characters, marks of Latin text, those that cannot be seen (Unicode Standard Annex 15 and 44), and
# likenesses that older character sets take.
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
    """Yield all beginnings of a path, the longest first: the path itself."""
    for length in range(len(path), -1, -1):
        yield path[:length]


def ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Parse code points and ranges of them into pairs of the first and the last."""
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
    r'[ .?*<>"]+\Z'  # what cannot be seen, or stands for anything
    r'|[ .?*<>"]*:.*\$'  # a stream of a folder
    r"|\([A-Za-z]\(.*\)\)\Z"  # what ASP.NET takes for a session
)

_ELEMENT = r"[A-Za-z0-9\-._~!$&'()+,=@][A-Za-z0-9\-._~!$&'()+,:=@]*"  # no `*` and no `:id`: others read patterns
_RULE_PATH = re.compile(rf"/(?:{_ELEMENT}(?:/{_ELEMENT})*/?)?\Z")
_RESERVED_IN_RULES = "!$&'()+,:=@"


class AmbiguousPathError(InputError):
    """The path could be read in more than one way. The message says why."""


def read(target: bytes) -> PathSegments:
    """Parse a raw request target into segments (`/orders//7?x=1` -> ("orders", "7")). Raises
    AmbiguousPathError."""
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
                f"contains {separator.group()!a}, which some servers take for a separator"
            )
        if element not in (".", "..") and _is_none(element):
            raise AmbiguousPathError(
                f"has the element {element!a}, which some servers take for none"
            )
    return resolve(elements)


def _signs(element: str) -> str:
    """The element with a sign for each character that another server may read as another one: \\x01
    for letters."""
    return _LOOSE.sub("?", _LETTER.sub("\x01", element.translate(_LIKE)))


def _is_none(element: str) -> bool:
    """Whether some server reads no element here, or a dot segment."""
    signs = _signs(element)
    before = signs.partition("#")[0]  # some cut what they decoded at a fragment
    bare = re.sub(
        r"[^\x00-\x7f]|[\x01?]", "", before
    )  # dots beside what is no ASCII
    is_dots = bare != signs and "." in bare and not bare.strip(" .")
    return is_dots or any(map(_NO_ELEMENT.match, (signs, before)))


@lru_cache(maxsize=4096)
def spelled(element: str) -> str:
    """A pattern of what other servers may read in an element: small letters, and `*` for any
    characters or none."""
    pattern = _signs(element).encode().lower().decode()
    # A short name, which says nothing of the long one.
    if re.search(r"~[0-9?]", pattern):
        return "*"
    pattern = pattern.partition("#")[
        0
    ]  # some cut what they decoded at a fragment
    name, _, stream = pattern.partition(":")
    if "$" in stream:  # Windows reads a stream of a file
        pattern = name
    if re.search(r"[a-z0-9]", pattern):  # some drop what is no ASCII
        pattern = re.sub(r"[^\x00-\x7f]+", "*", pattern)
    pattern = re.sub(r'[<>"?\x01]', "*", pattern)
    unled = pattern.lstrip(" *")
    core = unled.rstrip(" .*")
    leading = pattern[: len(pattern) - len(unled)]
    trailing = unled[len(core) :]
    before = "*" if "*" in leading else ""
    after = "*" if "*" in trailing else ""
    return re.sub(r"\*+", "*", f"{before}{core}{after}")


def meets(pattern: str, element: str) -> bool:
    """Whether another server may read what is `spelled` like `pattern` as the element of a rule, in
    small letters."""
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
    """Apply `spelled` to each element of a path: a declared one is the same in small letters."""
    return tuple(map(spelled, path))


def may_be_longer(
    path: PathSegments, length: int, rules: Collection[PathSegments]
) -> bool:
    """Whether another server may read in `path` one of `rules`, each `folded`, that has more
    elements than `length`."""
    patterns = folded(path)
    if "*" not in "".join(patterns):
        ends = range(length + 1, len(patterns) + 1)
        return any(patterns[:end] in rules for end in ends)
    return any(
        length < len(rule) <= len(patterns) and all(map(meets, patterns, rule))
        for rule in rules
    )


def resolve(elements: Iterable[str]) -> PathSegments:
    """Resolve empty and dot elements: empty and `.` ones vanish, `..` removes the one before it
    (RFC 3986, 5.2.4; Kong merges slashes).

    Raises AmbiguousPathError for a path that climbs above the root: RFC 3986 lets it stay there, nginx
    answers 400.
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
    """Parse a path in an Application into segments. Raises AmbiguousPathError where it is not written in
    its one plain form."""
    if not _RULE_PATH.match(path):
        raise AmbiguousPathError(
            "write it as /element/element, unencoded, of letters, digits and -._~!$&'()+,:=@; no "
            "patterns"
        )
    elements = tuple(path.split("/"))[1:]
    if "." in elements or ".." in elements:
        raise AmbiguousPathError(
            "contains a dot segment; write the path that it stands for"
        )
    for element in elements:
        if spelled(element) != element.lower():
            raise AmbiguousPathError(
                f"has the element '{element}', which Windows takes for another one; choose another "
                "name"
            )
    return elements if elements[-1] else elements[:-1]


def within(path: PathSegments, base: PathSegments) -> bool:
    """Whether `base` owns `path`: element by element, so that /orders never owns
    /orders-internal."""
    return path[: len(base)] == base


def written(path: PathSegments) -> str:
    """Write a path as text: `/orders/7`; `/` for no elements."""
    return "/" + "/".join(path)


def unwritten(text: str) -> PathSegments:
    """Parse what `written` wrote into elements."""
    return tuple(filter(None, text.split("/")))


def pattern(path: PathSegments) -> str:
    """A regular expression, anchored by the router at its start, for all that `path` owns.

    Kong keeps reserved characters encoded where the client encoded them (in upper case), so both
    spellings match. The root is the bare slash, with which everything starts.
    """
    if not path:
        return "/"
    elements = ("".join(map(_character_pattern, element)) for element in path)
    return f"/{'/'.join(elements)}(?:/|$)"


def _character_pattern(character: str) -> str:
    if character in _RESERVED_IN_RULES:
        return f"(?:{re.escape(character)}|%{ord(character):02X})"
    return re.escape(character) if character == "." else character
