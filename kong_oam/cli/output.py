"""Files that commands write: their format, and findings as SARIF."""

from __future__ import annotations

import json
from argparse import Namespace
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


def format_of(options: Namespace, endings: Texts, default: str) -> str:
    """Return `--format`, or the format of the file's ending. Without a file, return `default`.

    Raises UsageError if the file's ending is unknown, or for `--json` with one of these options.
    """
    form: str | None = options.format
    file: Path | None = options.output
    if options.json and (form or file):
        raise UsageError(
            "--json prints to standard output: leave --format and --output out"
        )
    if form or file is None:
        return form or default
    if form := endings.get(file.suffix.lower()):
        return form
    known = "/".join(endings)  # there are only few endings
    raise UsageError(
        f"no format for {quoted(str(file))}: use the ending {known}, or add --format"
    )
