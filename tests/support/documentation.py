"""The documentation as tests read it: pages, sections, blocks and links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
BESIDE = (CONTRIBUTING, ROOT / "CHANGELOG.md", ROOT / "SECURITY.md")
GENERATED = (
    DOCS / "reference" / "codes",
    *(DOCS / file.name.lower() for file in BESIDE),
)
"""What `make docs` writes among them: a page a code, and copies of what lies beside them."""

PROMPT = "    $ .venv/bin/python -m kong_oam "


def pages() -> list[Path]:
    """Every page that somebody wrote, README and what lies beside it among them."""
    written = (
        file
        for file in sorted(DOCS.rglob("*.md"))
        if not {*GENERATED} & {file, *file.parents}
    )
    return [README, *BESIDE, *written]


def page(name: str) -> str:
    """The text of a page of docs/."""
    return (DOCS / name).read_text("utf-8")


def below(text: str, words: str) -> str:
    """What comes after these words, up to the next heading. Raises ValueError where they do not stand there once."""
    _, found, rest = text.partition(words)
    if not found or words in rest:
        raise ValueError(f"{words!r} does not stand there once")
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def table(text: str, header: str) -> list[str]:
    """The lines of the table that begins so, without its head."""
    return below(text, header).partition("\n\n")[0].splitlines()[2:]


def block(text: str, kind: str) -> str:
    """The first fenced block of that kind."""
    return text.partition(f"```{kind}\n")[2].partition("```")[0]


def blocks(text: str, kind: str) -> list[str]:
    """All fenced blocks of that kind."""
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
    for one in output.split("\n"):
        if one and (
            not one.startswith(indent) or one.startswith(f"{indent}$ ")
        ):
            break
        lines.append(one.removeprefix(indent))
    while lines and not lines[-1]:
        lines.pop()
    return shlex.split(line), lines


_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _prose(file: Path, *, code: bool = False) -> str:
    """Without fenced blocks, and without inline code unless `code`."""
    text = re.sub(
        r"^( *)```.*?^\1```$",
        "",
        file.read_text("utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    return text if code else re.sub(r"`[^`\n]*`", "", text)


def links(file: Path) -> Iterator[tuple[Path, str]]:
    """Where its relative links lead: a path, and the anchor in it or an empty text."""
    for target in _LINK.findall(_prose(file)):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield ((file.parent / path).resolve() if path else file), anchor


def anchors(file: Path) -> list[str]:
    """Of its headings, as code hosts and the site make them."""
    headings = [
        re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", one)
        for one in _HEADING.findall(_prose(file, code=True))
    ]
    return [
        re.sub(r"[^\w -]", "", one.lower()).strip().replace(" ", "-")
        for one in headings
    ]
