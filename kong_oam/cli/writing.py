"""Writes over files that were read, and over none that somebody changed meanwhile."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from kong_oam.cli.command import UsageError
from kong_oam.oam.position import Texts


def write_all(
    texts: Texts,
    before: Texts,
    real: Mapping[str, Path],
) -> None:
    """Write the texts, by file: over the files of `before`, and else only where nothing is, not
    even a link.

    Where a file is not as it was `before`, nothing is written. `real` says where the files lie that
    are there: a link stays. Raises UsageError and OSError.
    """
    # All files are looked at before the first is written: all are written, or none.
    for file in sorted(texts):
        if file not in before:
            if os.path.lexists(file):
                raise UsageError(
                    f"{file} exists already; new does not overwrite files"
                )
        elif file not in real or not _is_as_before(real[file], before[file]):
            raise UsageError(
                f"{file} changed during the command; nothing was written: run the command again"
            )
    for file, text in texts.items():
        path = real[file] if file in before else Path(file)
        with path.open("wb" if file in before else "xb") as written:
            written.write(text.encode())


def _is_as_before(path: Path, text: str) -> bool:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_bytes().decode("utf-8-sig") == text
    return False
