"""Text of others in a comment: as code, as a block, or as a link to the line of a file; never as
markup.

Source: GitHub Flavored Markdown. A character that steers a terminal is replaced as well: the
comment is printed, too.
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
    """A place in a file, as the commands name it: relative to the project, counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Links:
    """Where the lines of files can be seen: at `base`, which is a commit, in the project's `folder`
    there."""

    base: str
    folder: str = ""

    def to(self, position: SourcePosition) -> str | None:
        """Return the address of a line; None where its file is not in the repository."""
        path = posixpath.normpath(posixpath.join(self.folder, position.file))
        if path.startswith(("/", "../")):
            return None
        return f"{self.base}/{quote(path, errors='surrogateescape')}#L{position.line}"


def linked(position: SourcePosition, links: Links | None) -> str:
    """Return the place as code, and as a link where there is one."""
    address = links.to(position) if links else None
    return (
        f"[{code(str(position))}]({address})"
        if address
        else code(str(position))
    )


def code(text: str) -> str:
    """Text as code, so that none of it is read as markup, and no table or line ends in it."""
    return (
        "`"
        + printable(" ".join(text.split()))
        .replace("`", "'")
        .replace("|", "\\|")
        + "`"
    )


def mention(owner: str) -> str:
    """An owner as code; as a mention, of which GitHub tells them, where it is written as GitHub
    writes a user or a team: `@acme/team-orders`."""
    return owner if _MENTION.fullmatch(owner) else code(owner)


def fenced(text: str, kind: str = "") -> str:
    """Several lines as a block of code, so that none of it is read as markup."""
    lines = (
        printable(line).replace("```", "'''") for line in text.splitlines()
    )
    return "\n".join((f"```{kind}", *lines, "```"))


def folded(summary: str, text: str) -> list[str]:
    """Lines that stand below a line to be opened. `summary` is our own words."""
    return [
        f"<details><summary>{summary}</summary>",
        "",
        text,
        "",
        "</details>",
        "",
    ]
