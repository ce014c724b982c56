"""Shorten the text of a failure for readers."""

from __future__ import annotations

HEAD, TAIL, WIDEST = 60, 60, 300
"""The lines at the beginning and the end of a failure, and the characters of a line, that are
shown; -vv shows all."""


def readable(text: str) -> str:
    """Return the beginning and the end of a long text, and of each line."""
    lines = [
        line if len(line) <= WIDEST else f"{line[:WIDEST]} ..."
        for line in text.splitlines()
    ]
    if len(lines) > HEAD + TAIL:
        lines[HEAD:-TAIL] = [
            f"... {len(lines) - HEAD - TAIL} lines left out; pytest -vv shows them ..."
        ]
    return "\n".join(lines)
