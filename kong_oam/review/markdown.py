"""Foreign text in a comment: as code, as a block, or as a link to a line, but never as markup.

Source: GitHub Flavored Markdown. Control characters of terminals are replaced too, because the
comment is also printed.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from urllib.parse import quote

from kong_oam.diagnostics import printable

_MENTION = re.compile(
    r"@[A-Za-z0-9][A-Za-z0-9-]{0,38}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,99})?"
)


@dataclass(frozen=True, slots=True)
class SourcePosition:
    """A place in a file, as the commands print it: relative to the project, counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Links:
    """The address of files: `base` is the address of a commit, and `folder` is the project's folder
    there."""

    base: str
    folder: str = ""

    def to(self, position: SourcePosition) -> str | None:
        """Return the address of a line; None if its file is outside the repository."""
        path = posixpath.normpath(posixpath.join(self.folder, position.file))
        if path.startswith(("/", "../")):
            return None
        return f"{self.base}/{quote(path, errors='surrogateescape')}#L{position.line}"


def linked(position: SourcePosition, links: Links | None) -> str:
    """Return the place as code, with a link if possible."""
    address = links.to(position) if links else None
    return (
        f"[{code(str(position))}]({address})"
        if address
        else code(str(position))
    )


def code(text: str) -> str:
    """Return text as code, so that no part of it acts as markup or ends a table or line."""
    return (
        "`"
        + printable(" ".join(text.split()))
        .replace("`", "'")
        .replace("|", "\\|")
        + "`"
    )


def mention(owner: str) -> str:
    """Return an owner as a mention, which notifies them, if it has the form of a GitHub user or
    team: `@acme/team-orders`. Return other owners as code."""
    return owner if _MENTION.fullmatch(owner) else code(owner)


def fenced(text: str, kind: str = "") -> str:
    """Return several lines as a block of code, so that no part of them acts as markup."""
    lines = (
        printable(line).replace("```", "'''") for line in text.splitlines()
    )
    return "\n".join((f"```{kind}", *lines, "```"))


def folded(summary: str, text: str) -> list[str]:
    """Return lines that are hidden below a summary. `summary` must not be foreign text."""
    return [
        f"<details><summary>{summary}</summary>",
        "",
        text,
        "",
        "</details>",
        "",
    ]
