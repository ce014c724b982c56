"""Writes over files that were read: all of them or none, and none that somebody changed meanwhile."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from kong_oam.cli.command import UsageError


def write_all(texts: Mapping[str, str], before: Mapping[str, str], real: Mapping[str, Path]) -> None:
    """Writes the texts, by file: over the files of `before`, where these are as they were then, and else only where
    there is nothing, not even a link. All are written or, as far as the disk lets, none.

    `real` says where the files of `before` lie that are there: a link to one stays. Raises UsageError.
    """
    new = {Path(file): text for file, text in texts.items() if file not in before}
    with ExitStack() as stack:
        drafts, contents = dict[Path, Path](), dict[Path, bytes]()
        for file in texts.keys() & before.keys():
            if file not in real:
                raise _changed(file)
            drafts[real[file]] = _draft(real[file], texts[file], stack)
        for file in sorted(texts.keys() & before.keys()):
            contents[real[file]] = _as_before(file, real[file], before[file])
        with ExitStack() as undoing:
            for path, text in new.items():
                _create(path, text, undoing)
            for path, draft in drafts.items():
                try:
                    draft.replace(path)
                except OSError as error:
                    raise _unwritten(path, error) from None
                undoing.callback(_restore, path, contents[path])
            undoing.pop_all()


def _draft(path: Path, text: str, stack: ExitStack) -> Path:
    """A file beside `path` with the text and its mode, which goes with the stack."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as draft:
            stack.callback(Path(draft.name).unlink, missing_ok=True)
            draft.write(text.encode())
        Path(draft.name).chmod(path.stat().st_mode)
    except OSError as error:
        raise _unwritten(path, error) from None
    return Path(draft.name)


def _as_before(file: str, path: Path, text: str) -> bytes:
    """The file's content, where it is the text. Raises UsageError."""
    with suppress(OSError, UnicodeDecodeError):
        content = path.read_bytes()
        if content.decode("utf-8-sig") == text:
            return content
    raise _changed(file)


def _create(path: Path, text: str, undoing: ExitStack) -> None:
    try:
        with path.open("xb") as new:
            undoing.callback(path.unlink, missing_ok=True)
            new.write(text.encode())
    except FileExistsError:
        raise UsageError(f"{path} exists; nothing is overwritten") from None
    except OSError as error:
        raise _unwritten(path, error) from None


def _restore(path: Path, content: bytes) -> None:
    with suppress(OSError):
        path.write_bytes(content)


def _changed(file: str) -> UsageError:
    return UsageError(f"{file} was changed after it had been read; nothing was written: run it again")


def _unwritten(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path} cannot be written: {error.strerror}")
