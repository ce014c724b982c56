"""Files that commands write: their format, and findings as SARIF."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from kong_oam.access.lint import sarif
from kong_oam.cli.command import UsageError, quoted
from kong_oam.diagnostics import Code, Diagnostic
from kong_oam.oam.position import Texts


def write_sarif(
    file: Path, diagnostics: Iterable[Diagnostic], codes: Mapping[str, Code]
) -> None:
    """Write findings with these codes as SARIF. Raises OSError."""
    file.write_text(
        json.dumps(sarif.document(diagnostics, Path.cwd(), codes), indent=2),
        "utf-8",
    )


def format_of(
    option: str | None,
    file: Path | None,
    endings: Texts,
    default: str,
) -> str:
    """Return the `option`, or the format of the file's ending. Without a file, return `default`.

    Raises UsageError if the file's ending is unknown.
    """
    if option or file is None:
        return option or default
    if form := endings.get(file.suffix.lower()):
        return form
    known = "/".join(endings)  # there are only few endings
    raise UsageError(
        f"no format for {quoted(str(file))}: use the ending {known}, or add --format"
    )
