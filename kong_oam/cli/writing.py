"""Write files, but overwrite no file that changed in the meantime."""

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
    """Write the texts by file. Files of `before` are overwritten; other files must not exist, not
    even as a link.

    If a file differs from `before`, nothing is written. `real` has the resolved paths of existing
    files, so that links stay. Raises UsageError and OSError.
    """
    # Check all files before the first write, so that all are written or none.
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
        with path.open("wb" if file in before else "xb") as output:
            output.write(text.encode())


def _is_as_before(path: Path, text: str) -> bool:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_bytes().decode("utf-8-sig") == text
    return False
