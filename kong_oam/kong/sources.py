"""The Lua of `lua/` and of the traits, as it is sent: every port has the same scripts, twice in the
state, so they go without what is only for people.

Comments go, and space that keeps nothing apart. Local variables get short names: all of one name
get one name, and no two names become the same, so each variable is in scope where it was, and hides
what it hid. Texts, fields and globals stay. Each function that has a name begins a line: the number
that Kong tells of an error tells the function.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from string import ascii_letters, digits

_KONG = Path(__file__).resolve().parent

# By name: those that all services share, and those of single traits.
FILES: Mapping[str, Path] = {
    file.stem: file
    for file in (*_KONG.glob("lua/*.lua"), *_KONG.parent.glob("traits/*/*.lua"))
}

_KEYWORDS = frozenset(
    """and break do else elseif end false for function goto if in local nil not or repeat return then true until
    while""".split()  # noqa: SIM905 - words, as Lua's manual lists them
)
_WORD = re.compile(
    r"""--.*|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\d+\.\d+|\w+|\.{2,3}|[=~<>]=|\S"""
)
"""What Lua reads as one. Long texts and long comments are in none of our scripts."""
_MERGED = re.compile(r"\w\w|\d\.|--|\[\[")
"""The last character of a word and the first of the next, where Lua would read the two as something
else."""


@cache
def sent(*names: str) -> str:
    """Return these files as one script, below a line that says where they can be read."""
    return (
        f"-- kong_oam/kong/lua: {', '.join(names)}\n{shortened(source(*names))}"
    )


def source(*names: str) -> str:
    """Return these files as they are."""
    return "".join(FILES[name].read_text("utf-8") for name in names)


def shortened(script: str) -> str:
    """A script in Lua 5.1. Raises ValueError for a function in a table constructor, where names are
    not told apart."""
    words: list[str] = []
    for line in script.splitlines():
        of_line = _WORD.findall(line)
        words += [word for word in of_line if not word.startswith("--")]
    variables = list(_variables(words))
    used = Counter(word for word in variables if word)
    declared = set(_declared(words))
    names = (
        name for name in _short_names() if name in declared or name not in used
    )
    short = {
        name: next(names) for name, _ in used.most_common() if name in declared
    }
    written = []
    for word, variable in zip(words, variables, strict=True):
        written.append(short.get(variable, word))
    return "".join(_spaced(written))


def _variables(words: Sequence[str]) -> Iterator[str]:
    """Yield each word that is the name of a variable, and an empty text for each other: not that of
    a field, before a value in a table or behind a dot."""
    brackets = [""]
    for before, word, after in _with_neighbours(words):
        if word in ("(", "[", "{"):
            brackets.append(word)
        elif word in (")", "]", "}"):
            brackets.pop()
        elif word == "function" and brackets[-1] == "{":
            raise ValueError(
                "a function in a table constructor: assign it to a local variable before"
            )
        is_entry = before in ("{", ",") and after == "="
        is_field = before in (".", ":") or (brackets[-1] == "{" and is_entry)
        is_name = word.isidentifier() and word not in _KEYWORDS
        yield word if is_name and not is_field else ""


def _declared(words: Sequence[str]) -> Iterator[str]:
    """Yields the names of local variables, of parameters, and of variables of loops."""
    for number, word in enumerate(words):
        if word == "local":
            yield from _names(
                words, number + (2 if words[number + 1] == "function" else 1)
            )
        elif word == "for":
            yield from _names(words, number + 1)
        elif word == "function":
            yield from _names(words, words.index("(", number) + 1)


def _names(words: Sequence[str], at: int) -> Iterator[str]:
    """Yields the names in a list of them that begins there."""
    while words[at].isidentifier():
        yield words[at]
        at += 2 if words[at + 1] == "," else 1
        if words[at - 1] != ",":
            return


def _short_names() -> Iterator[str]:
    yield from ascii_letters
    pairs = map("".join, product(ascii_letters, ascii_letters + digits))
    yield from (name for name in pairs if name not in _KEYWORDS)


def _spaced(words: Sequence[str]) -> Iterator[str]:
    """Yields the words, and between two of them what keeps them apart."""
    for before, word, after in _with_neighbours(words):
        is_named = word == "function" and after != "("
        is_before = word in ("local", "return") and after == "function"
        if before not in ("", "local") and (is_named or is_before):
            yield "\n"
        elif before and _MERGED.fullmatch(before[-1] + word[0]):
            yield " "
        yield word


def _with_neighbours(words: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yields each word between the one before it and the one after; nothing is before the first,
    nor after the last."""
    return zip(["", *words], words, [*words[1:], ""], strict=False)
