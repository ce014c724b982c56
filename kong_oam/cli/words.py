"""The words of a command line, before they are parsed: an option that takes several paths takes all that follows it."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from kong_oam.oam.files import DEFINITIONS, is_glob


def operands_first(words: Sequence[str], options: Collection[str]) -> list[str]:
    """The words with operands in front of the options that would take them for paths. What follows one of `options` is
    a path up to the first word behind its own that can be none, such as a revision: `-f a.yaml main .` names a file."""
    ends = words.index("--") if "--" in words else len(words)
    starts = [number for number in range(ends) if words[number].startswith("-") and words[number] != "-"]
    left, paths = (
        [*words[: starts[0] if starts else ends]],
        list[str](),
    )  # these are the last options, if they take some
    for start, end in zip(starts, [*starts[1:], ends][: len(starts)], strict=True):
        option, *given = words[start:end]
        if option in options:
            taken = _paths(given)
            left += given[taken:]
            paths += [option, *given[:taken]]
        else:
            left += [*paths, option, *given]
            paths = []
    return [*left, *paths, *words[ends:]]


def _paths(words: Sequence[str]) -> int:
    """How many of the words an option takes: the first, whatever it is, and what can be a path after it."""
    later = enumerate(words[1:], 1)
    return next((number for number, word in later if not (is_file_name(word) or os.path.lexists(word))), len(words))


def is_file_name(word: str) -> bool:
    """Whether only a file can be meant, or some by a pattern: one of Applications, or of definitions."""
    return is_glob(word) or DEFINITIONS.takes(word)
