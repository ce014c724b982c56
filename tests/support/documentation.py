"""Read the documentation for tests: pages, sections, blocks and links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.support.repository import ROOT

DOCS = ROOT / "docs"
README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
BESIDE = (CONTRIBUTING, ROOT / "CHANGELOG.md", ROOT / "SECURITY.md")
GENERATED = (
    DOCS / "reference" / "codes",
    *(DOCS / file.name.lower() for file in BESIDE),
)
"""Files that `make docs` writes: a page for each code, and copies of the pages beside docs/."""

PROMPT = "    $ .venv/bin/python -m kong_oam "


def pages() -> list[Path]:
    """Return every page written by hand: README, the pages beside it, and docs/."""
    written = (
        file
        for file in sorted(DOCS.rglob("*.md"))
        if not {*GENERATED} & {file, *file.parents}
    )
    return [README, *BESIDE, *written]


def page(name: str) -> str:
    """Return the text of a page of docs/."""
    return (DOCS / name).read_text("utf-8")


def below(text: str, words: str) -> str:
    """Return the text from these words to the next heading. Raise ValueError unless the words occur once."""
    _, found, rest = text.partition(words)
    if not found or words in rest:
        raise ValueError(f"{words!r} does not occur once")
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def table(text: str, header: str) -> list[str]:
    """Return the lines of the table with this header, without the header."""
    return below(text, header).partition("\n\n")[0].splitlines()[2:]


def block(text: str, kind: str) -> str:
    """Return the first fenced block of this kind."""
    return text.partition(f"```{kind}\n")[2].partition("```")[0]


def blocks(text: str, kind: str) -> list[str]:
    """Return all fenced blocks of this kind."""
    return [part.partition("```")[0] for part in text.split(f"```{kind}\n")[1:]]


def shown(text: str, command: str) -> tuple[list[str], list[str]]:
    """Return the arguments of a command that the text shows, and its output up to the next prompt.

    Blocks of steps are indented further.
    """
    before, prompt, rest = text.partition(PROMPT + command)
    assert prompt, f"no `{command}` is shown"
    indent = before.rpartition("\n")[2] + "    "
    line, _, output = (command + rest).replace("\\\n", " ").partition("\n")
    lines: list[str] = []
    for part in output.split("\n"):
        if part and (
            not part.startswith(indent) or part.startswith(f"{indent}$ ")
        ):
            break
        lines.append(part.removeprefix(indent))
    while lines and not lines[-1]:
        lines.pop()
    return shlex.split(line), lines


_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _prose(file: Path, *, code: bool = False) -> str:
    """Return the text without fenced blocks, and without inline code unless `code`."""
    text = re.sub(
        r"^( *)```.*?^\1```$",
        "",
        file.read_text("utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    return text if code else re.sub(r"`[^`\n]*`", "", text)


def links(file: Path) -> Iterator[tuple[Path, str]]:
    """Yield the path and the anchor, or an empty text, of each relative link."""
    for target in _LINK.findall(_prose(file)):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield ((file.parent / path).resolve() if path else file), anchor


def anchors(file: Path) -> list[str]:
    """Return the anchors of the headings, as code hosts and the site make them."""
    headings = [
        re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        for heading in _HEADING.findall(_prose(file, code=True))
    ]
    return [
        re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
        for heading in headings
    ]
