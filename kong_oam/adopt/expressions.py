"""Regular expressions in paths of routes: as Kong's router matches them, and as plain texts.

Kong's router uses Rust's crate `regex`. An expression is anchored at the start only. `compiled`
writes it for Python; `texts_of` describes it by texts, if it is finite.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from kong_oam.errors import InputError

# `begins`: the text and all texts that continue it. `longer`: only the texts that continue it.
Form = Literal["begins", "exactly", "longer"]

# The most texts of one expression.
MAX_TEXTS = 64
_META = frozenset(".^$*+?()[]{}|\\")
_GROUP = re.compile(
    r"\(\?(?P<flags>[a-zA-Z-]*)(?P<end>[:)])|\(\?P?<[A-Za-z_]\w*>"
)
_FLAGS = re.compile(r"[ims]*(?:-[ims]+)?\Z")
# Escapes that mean the same in both languages: classes, controls, borders, punctuation.
_SAME_ESCAPE = re.compile(r"[dDwWsSbBAtnrfv!-/:;=?@\[-`{-~]")


@dataclass(frozen=True, slots=True)
class Text:
    """Path texts that a route takes, by one declared text."""

    text: str
    form: Form


@lru_cache(maxsize=4096)
def compiled(expression: str) -> re.Pattern[str] | None:
    """Return the expression (without `~`) for Python's `match`, or None if it cannot be written.

    Texts are Unicode, as Rust reads them.
    """
    try:
        return re.compile(_for_python(expression.replace("?<", "?P<")))
    except (_UnknownSyntaxError, re.error, RecursionError):
        return None


class _UnknownSyntaxError(InputError):
    """Syntax with another meaning in Python, or without a meaning in Rust."""


def _for_python(expression: str) -> str:
    """Return an expression in Python's syntax. Raises _UnknownSyntaxError."""
    result: list[str] = []
    # For each open group, the number of groups that inline flags opened inside it.
    opened = [0]
    at = 0
    while at < len(expression):
        character = expression[at]
        if character == "\\":
            piece, at = _escape(expression, at)
        elif character == "[":
            piece, at = _character_class(expression, at)
        elif character == "(":
            piece, at = _group(expression, at, opened)
        elif character == ")":
            piece = ")" * (opened.pop() + 1)
            if not opened:
                raise _UnknownSyntaxError
            at += 1
        elif character == "|" and opened[-1]:
            # Rust's flags count for the further alternatives, too.
            raise _UnknownSyntaxError
        elif character in "*+?}" and expression[at + 1 : at + 2] in ("+", "*"):
            # Python reads `a++` as possessive; Rust repeats the repetition.
            raise _UnknownSyntaxError
        else:
            piece = r"\Z" if character == "$" else character
            at += 1
        result.append(piece)
    return "".join(result) + ")" * opened[0]


def _escape(expression: str, at: int) -> tuple[str, int]:
    character = expression[at + 1 : at + 2]
    if character == "z":
        return r"\Z", at + 2
    if not _SAME_ESCAPE.match(character or " ") or character in "<>":
        raise _UnknownSyntaxError
    return expression[at : at + 2], at + 2


def _character_class(expression: str, at: int) -> tuple[str, int]:
    start = at
    at += 1
    if expression[at : at + 1] == "^":
        at += 1
    if expression[at : at + 1] == "]":
        at += 1
    while expression[at : at + 1] != "]":
        character = expression[at : at + 1]
        pair = expression[at : at + 2]
        # Rust has sets inside sets, and operations on sets.
        if character in ("", "[") or pair in ("&&", "--", "~~"):
            raise _UnknownSyntaxError
        if character == "\\":
            _escape(expression, at)
            at += 1
        at += 1
    return expression[start : at + 1], at + 1


def _group(expression: str, at: int, opened: list[int]) -> tuple[str, int]:
    if expression[at : at + 2] != "(?":
        opened.append(0)
        return "(", at + 1
    match = _GROUP.match(expression, at)
    if not match:
        raise _UnknownSyntaxError
    flags = match["flags"]
    if flags is None or match["end"] == ":":
        opened.append(0)
    if flags is not None and not _FLAGS.match(flags):
        raise _UnknownSyntaxError
    if flags is not None and "m" in flags:
        # `$` would match at the end of each line.
        raise _UnknownSyntaxError
    if match["end"] != ")":
        return match[0], match.end()
    # Flags for the rest of the group: Python needs a group of their own.
    opened[-1] += 1
    return f"(?{flags}:", match.end()


@dataclass(frozen=True, slots=True)
class _Part:
    """A text that an expression may match. `tail`: what follows: more text, anything, the end."""

    text: str
    tail: Literal["open", "anything", "something", "end"] = "open"


@lru_cache(maxsize=4096)
def texts_of(expression: str) -> tuple[Text, ...] | None:
    """Return the texts that the expression (without `~`) takes, or None if they are not finite.

    `/a(?:/|$)` takes exactly /a, and the texts that begin with /a/.
    """
    try:
        parser = _Parser(expression.removeprefix("^"))
        parts = parser.alternatives()
        if parser.at != len(expression.removeprefix("^")):
            return None
    except _UnknownSyntaxError:
        return None
    forms: dict[str, Form] = {
        "open": "begins",
        "anything": "begins",
        "something": "longer",
        "end": "exactly",
    }
    texts = {Text(part.text, forms[part.tail]): None for part in parts}
    return tuple(texts)


class _Parser:
    """Expand an expression of literals, groups, `?`, `$` and `.*` into its texts."""

    def __init__(self, expression: str) -> None:
        self._text = expression
        self.at = 0

    def alternatives(self) -> list[_Part]:
        """Parse up to `)` or the end. The first alternative wins, but all are texts."""
        parts = self._sequence()
        while self._next() == "|":
            self.at += 1
            parts += self._sequence()
        return parts

    def _next(self) -> str:
        return self._text[self.at : self.at + 1]

    def _sequence(self) -> list[_Part]:
        parts = [_Part("")]
        while self._next() not in ("", "|", ")"):
            parts = _joined(parts, self._item())
            if len(parts) > MAX_TEXTS:
                raise _UnknownSyntaxError
        return parts

    def _item(self) -> list[_Part]:
        parts = self._atom()
        if self._next() == "?":
            self.at += 1
            # A lazy `??` would leave less text in the match.
            if self._next() == "?":
                raise _UnknownSyntaxError
            parts = [*parts, _Part("")]
        if self._next() and self._next() in "*+{?":
            raise _UnknownSyntaxError
        return parts

    def _atom(self) -> list[_Part]:
        character = self._next()
        self.at += 1
        if character == "$":
            return [_Part("", "end")]
        if character == "." and self._next() in ("*", "+"):
            repeated = self._next()
            self.at += 1
            return [_Part("", "anything" if repeated == "*" else "something")]
        if character == "(":
            return self._in_group()
        if character == "\\":
            character = self._next()
            self.at += 1
            if not character or character.isalnum() or character in "<>":
                raise _UnknownSyntaxError
        elif character in _META:
            raise _UnknownSyntaxError
        return [_Part(character)]

    def _in_group(self) -> list[_Part]:
        match = re.compile(r"\?:|\?P?<[A-Za-z_]\w*>").match(self._text, self.at)
        if match:
            self.at = match.end()
        elif self._next() == "?":
            raise _UnknownSyntaxError
        parts = self.alternatives()
        if self._next() != ")":
            raise _UnknownSyntaxError
        self.at += 1
        return parts


def _joined(before: list[_Part], after: list[_Part]) -> list[_Part]:
    """Return each text before with each text after it."""
    joined = []
    for first in before:
        for second in after:
            part = _followed(first, second)
            if part is not None:
                joined.append(part)
    return joined


def _followed(first: _Part, second: _Part) -> _Part | None:
    """Return two parts as one; None if nothing can match both."""
    if first.tail == "open":
        return _Part(first.text + second.text, second.tail)
    if second == _Part(""):
        return first
    if second == _Part("", "end"):
        return first
    if first.tail == "end":
        # `.*` also matches nothing.
        return first if second == _Part("", "anything") else None
    # Text after `.*` may be anywhere.
    raise _UnknownSyntaxError


def literal_prefix(expression: str) -> str:
    """Return the text with which every match begins; empty if it is unknown."""
    text = expression.removeprefix("^")
    if "|" in re.sub(r"\([^()]*\)", "", text) or text.startswith("(?"):
        return ""
    literal: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character == "\\" and not text[at + 1 : at + 2].isalnum():
            character = text[at + 1 : at + 2]
            at += 1
        elif character in _META:
            break
        literal.append(character)
        at += 1
    # A repeated character may be missing.
    if text[at : at + 1] in ("?", "*", "{"):
        literal = literal[:-1]
    return "".join(literal)
