"""The readable part of a failure."""

from __future__ import annotations

HEAD, TAIL, WIDEST = 60, 60, 300
"""The number of lines from a failure's beginning and end, and characters of a line; -vv shows all.
"""


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
