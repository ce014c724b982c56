"""Which format is written: the one that somebody says, or that a file's name ends on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kong_oam.cli.command import UsageError, quoted


def format_of(said: str | None, file: Path | None, endings: Mapping[str, str], default: str) -> str:
    """The format that is `said`, or else the one of `endings` that `file` ends on; `default` on standard output.

    Raises UsageError where the file's name says none.
    """
    if said or file is None:
        return said or default
    if form := endings.get(file.suffix.lower()):
        return form
    known = ", ".join(endings)
    raise UsageError(f"{quoted(str(file))} does not say which format: end it on {known}, or add --format")
