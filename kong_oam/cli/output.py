"""Files that commands write beside what they print: which format, and findings as SARIF."""

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
    said: str | None,
    file: Path | None,
    endings: Texts,
    default: str,
) -> str:
    """The format that is `said`, or else the one of `endings` that `file` ends on; `default` on
    standard output.

    Raises UsageError where the file's name says none.
    """
    if said or file is None:
        return said or default
    if form := endings.get(file.suffix.lower()):
        return form
    known = "/".join(endings)  # the code has few of them
    raise UsageError(
        f"no format for {quoted(str(file))}: use the ending {known}, or add --format"
    )
