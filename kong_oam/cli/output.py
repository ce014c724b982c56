"""Files that commands write: their format, and findings as SARIF."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from kong_oam.access.lint import sarif
from kong_oam.cli.command import UsageError, quoted
from kong_oam.cli.console import Console
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
    options: argparse.Namespace,
    console: Console,
    endings: Texts,
    default: str,
) -> str:
    """Return the format of `--format`, or of the ending of `--output`. Without both, return
    `default`.

    Raises UsageError if the file's ending is unknown, and if the command prints JSON.
    """
    if console.json and (options.format or options.output):
        raise UsageError(
            "--json prints to standard output: leave --format and --output out"
        )
    file = options.output
    if options.format or file is None:
        return options.format or default
    if form := endings.get(file.suffix.lower()):
        return form
    known = "/".join(endings)  # there are only few endings
    raise UsageError(
        f"no format for {quoted(str(file))}: use the ending {known}, or add --format"
    )
