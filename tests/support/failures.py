"""Shorten the text of a failure for readers."""

from __future__ import annotations

HEAD, TAIL, WIDEST = 60, 60, 300
"""Lines of a failure that are shown from its beginning and its end, and characters of a line; all of it with -vv."""


def readable(text: str) -> str:
    """The beginning and the end of a long text, and of each line."""
    lines = [
        line if len(line) <= WIDEST else f"{line[:WIDEST]} ..."
        for line in text.splitlines()
    ]
    if len(lines) > HEAD + TAIL:
        lines[HEAD:-TAIL] = [
            f"... {len(lines) - HEAD - TAIL} lines left out; pytest -vv shows them ..."
        ]
    return "\n".join(lines)
