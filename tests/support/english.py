"""Check the English of pages, docstrings, comments, messages and names.

`english.yaml` lists the phrases and names to avoid, each with a plain replacement.

    python -m tests.support.english

prints each problem; the exit status is 1 if there are any. Arguments name files to check. With
`--statistics` it prints the lengths of the sentences in pages.
"""

from __future__ import annotations

import ast
import io
import re
import statistics
import subprocess
import sys
import tokenize
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import yaml
from markdown_it import MarkdownIt

from tests.support.repository import ROOT

LONGEST_SENTENCE = 25
LONGEST_MESSAGE = 300
MESSAGE_WORDS = 4
"""A string with fewer words is a key or a name, and no message."""
LISTED = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))
PHRASES = {re.compile(key): plain for key, plain in LISTED["phrases"].items()}
NAMES: dict[str, str] = LISTED["names"]

DEPLOYED = frozenset(LISTED["deployed"])
# Texts and names of a file come from one tree.
_tree = lru_cache(maxsize=1)(ast.parse)
_CODE = re.compile(r"``?[^`]*``?")
_WORD = re.compile(r"(?<!\S)[A-Za-z',.]{2,}(?!\S)")
_PARAGRAPH_END = re.compile(r"\n\s*\n")
_SENTENCE_END = re.compile(r"(?<=[.!?])[)\"'*_]*\s+(?=[A-Z`\"(*])")
_GENERATED = re.compile(r"<!-- reference: .*?<!-- end -->", re.DOTALL)


class Text(NamedTuple):
    """Words that people read, and the line on which they begin."""

    line: int
    words: str
    is_message: bool = False


def main(arguments: Sequence[str]) -> int:
    """Print the problems or the statistics. Return the exit status."""
    if "--statistics" in arguments:
        print(lengths(text for page in files("*.md") for text in texts(page)))
        return 0
    named = [Path(name).resolve() for name in arguments]
    found = [
        f"{file.relative_to(ROOT)}:{problem}"
        for file in named or files("*.md", "*.py", "*.lua")
        for problem in problems(file)
    ]
    print("\n".join(found) or "no problems")
    return 1 if found else 0


def files(*patterns: str) -> list[Path]:
    """Return the files of the repository with such names."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.check_output([*command, "--", *patterns], cwd=ROOT)
    paths = [ROOT / name for name in listed.decode().splitlines()]
    return [path for path in paths if path.exists()]


def problems(file: Path) -> Iterator[str]:
    """Yield each problem of a file as `line: problem`."""
    for text in texts(file):
        if text.words in DEPLOYED:
            continue
        for problem in problems_of(text.words):
            yield f"{text.line}: {problem}"
        if text.is_message and len(text.words) > LONGEST_MESSAGE:
            yield f"{text.line}: a message of {len(text.words)} characters"
    if file.suffix == ".py":
        for line, name in _bound_names(_tree(file.read_text("utf-8"))):
            if name in NAMES:
                yield f"{line}: the name '{name}': {NAMES[name]}"


def problems_of(words: str) -> Iterator[str]:
    """Yield the problems of a text."""
    for sentence in sentences(words):
        length = len(sentence.split())
        if length > LONGEST_SENTENCE:
            yield f"a sentence of {length} words: {sentence[:60]}"
        for pattern, plain in PHRASES.items():
            if match := pattern.search(sentence):
                yield f"'{match.group()}': {plain}"


def sentences(words: str) -> list[str]:
    """Return the sentences of a text. Code between backquotes counts as one word."""
    plain = _CODE.sub("`code`", words)
    found = []
    for paragraph in _PARAGRAPH_END.split(plain):
        found += _SENTENCE_END.split(" ".join(paragraph.split()))
    return [sentence for sentence in found if re.search(r"\w", sentence)]


def lengths(pages: Iterator[Text]) -> str:
    """Return the median and the 95th percentile of the words in a sentence."""
    counts = sorted(
        len(sentence.split())
        for text in pages
        for sentence in sentences(text.words)
        if len(sentence.split()) > 2  # headings and cells are no sentences
    )
    percentile = counts[len(counts) * 95 // 100]
    return (
        f"{len(counts)} sentences: median {statistics.median(counts):g} words, "
        f"95th percentile {percentile}, longest {counts[-1]}"
    )


def texts(file: Path) -> Iterator[Text]:
    """Yield the texts of a page, of Python or of Lua."""
    content = file.read_text("utf-8")
    if file.suffix == ".md":
        yield from _page_texts(content)
    elif file.suffix == ".lua":
        yield from _comments(
            (number, line.lstrip().lstrip("-"))
            for number, line in enumerate(content.splitlines(), 1)
            if line.lstrip().startswith("--")
        )
    else:
        is_test = "tests" in file.relative_to(ROOT).parts
        yield from _string_texts(_tree(content), has_messages=not is_test)
        yield from _comments(
            (token.start[0], token.string.lstrip("#"))
            for token in tokenize.generate_tokens(io.StringIO(content).readline)
            if token.type == tokenize.COMMENT
        )


def _page_texts(content: str) -> Iterator[Text]:
    """Yield paragraphs, items and cells. Blocks of code and generated blocks are left out."""
    by_hand = _GENERATED.sub(lambda block: "\n" * block[0].count("\n"), content)
    for token in MarkdownIt().enable("table").parse(by_hand):
        if token.type == "inline":
            parts = [
                "`code`"
                if child.type == "code_inline"
                else child.content or " "
                for child in token.children or ()
            ]
            yield Text((token.map or [0])[0] + 1, "".join(parts))


def _string_texts(tree: ast.Module, has_messages: bool) -> Iterator[Text]:
    """Yield docstrings, and messages if the file has any."""
    seen: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            value = node.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                seen.add(value)
                yield Text(node.lineno, value.value)
        elif isinstance(node, ast.JoinedStr):
            seen.update(node.values)
    if not has_messages:
        return
    for node in ast.walk(tree):
        words = "" if node in seen else _words(node)
        one_paragraph = "\n" not in words.strip()
        if one_paragraph and len(_WORD.findall(words)) >= MESSAGE_WORDS:
            yield Text(getattr(node, "lineno", 1), words, is_message=True)


def _words(node: ast.AST) -> str:
    """Return the words of a string, with `code` for each value of an f-string."""
    if isinstance(node, ast.JoinedStr):
        parts = [_words(part) or "`code`" for part in node.values]
        return "".join(parts)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return ""


def _comments(lines: Iterator[tuple[int, str]]) -> Iterator[Text]:
    """Yield comments; comments on consecutive lines are one text."""
    first, last, words = 0, 0, ""
    for number, line in lines:
        if number != last + 1:
            yield Text(first, words)
            first, words = number, ""
        words += f"{line}\n"
        last = number
    yield Text(first, words)


def _bound_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield variables, parameters and fields of classes with the lines that bind them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
