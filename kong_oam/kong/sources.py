"""The Lua of `lua/` and of the traits, shortened for deployment.

The state holds the scripts twice for every port, so text for people is removed. Comments and
needless space go. Local variables get short names: equal names stay equal, and different names stay
different, so scopes do not change. Texts, fields and globals stay. Each named function begins a
line, so the line number in a Kong error identifies the function.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from string import ascii_letters, digits

_KONG = Path(__file__).resolve().parent

# Lua files by name: of all services, and of single traits.
FILES = {
    file.stem: file
    for file in (*_KONG.glob("lua/*.lua"), *_KONG.parent.glob("traits/*/*.lua"))
}

# Names of files in deployed scripts that differ from today's. A new name would update every port.
_DEPLOYED_NAMES = {"request_headers": "told", "response_headers": "marked"}

# Code that only ports with tools have. Other ports do not pay for it, and keep their scripts.
_WITH_TOOLS = re.compile(
    r"^ *-- With tools:\n(.*?)^ *-- End of tools\.\n", re.MULTILINE | re.DOTALL
)

_KEYWORDS = frozenset(
    """and break do else elseif end false for function goto if in local nil not or repeat return
    then true until while""".split()  # noqa: SIM905 - words, as Lua's manual lists them
)
# The tokens of Lua. Our scripts contain no long strings and no long comments.
_WORD = re.compile(
    r"""--.*|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\d+\.\d+|\w+|\.{2,3}|[=~<>]=|\S"""
)
# The last character of a token and the first of the next, where Lua would read a single token.
_MERGED = re.compile(r"\w\w|\d\.|--|\[\[")


def deployed_name(name: str) -> str:
    """Return the name of a file in deployed scripts."""
    return _DEPLOYED_NAMES.get(name, name)


@cache
def deployed_script(*names: str, tools: bool = False) -> str:
    """Return these files as one short script, below a line with their names.

    `tools`: with the code for ports with tools.
    """
    listed = ", ".join(map(deployed_name, names))
    text = _WITH_TOOLS.sub(r"\1" if tools else "", source(*names))
    return f"-- kong_oam/kong/lua: {listed}\n{shortened(text)}"


def source(*names: str) -> str:
    """Return the unchanged text of these files."""
    return "".join(FILES[name].read_text("utf-8") for name in names)


def shortened(script: str) -> str:
    """Return a script of Lua 5.1 in its short form. Raises ValueError for a function in a table
    constructor."""
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
    """Yield each word that names a variable, and an empty text for each other word.

    The name of a field, before a value in a table or behind a dot, is no variable.
    """
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
    """Yield the names of local variables, parameters and loop variables."""
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
    """Yield the names of a comma-separated list that begins at `at`."""
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
    """Yield the words, with the necessary space between them."""
    for before, word, after in _with_neighbours(words):
        is_named = word == "function" and after != "("
        is_before = word in ("local", "return") and after == "function"
        if before not in ("", "local") and (is_named or is_before):
            yield "\n"
        elif before and _MERGED.fullmatch(before[-1] + word[0]):
            yield " "
        yield word


def _with_neighbours(words: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield each word with its neighbours; empty before the first and after the last."""
    return zip(["", *words], words, [*words[1:], ""], strict=False)
