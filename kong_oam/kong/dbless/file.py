"""The file of a document, and its lock.

The file holds the text that the nodes load, compressed. A file beside it locks it for one command.
"""

from __future__ import annotations

import gzip
import json
import os
import socket
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kong_oam.kong.dbless.document import Document, DocumentError, parsed


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """The place of a document: a file. Raises DocumentError."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def load(self, stack: str) -> Document | None:
        """Return the stack's document, or None without a file."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DocumentError(
                f"the document {self.path} cannot be read ({error.strerror}); correct "
                "gateway.document"
            ) from None
        try:
            document = parsed(gzip.decompress(content).decode())
        except DocumentError as error:
            problem = str(error)
        except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
            problem = f"it cannot be decompressed ({error})"
        else:
            if document.stack == stack:
                return document
            problem = f"it belongs to the stack '{document.stack}'"
        raise DocumentError(
            f"the document {self.path} is not usable: {problem}; restore its last good copy, or "
            "correct gateway.document"
        )

    def save(self, document: Document) -> None:
        """Replace the file in one step. Only its owner may read it, because it has private keys.

        The bytes are on the disk before the file has its name, so that a crash leaves a whole
        document.
        """
        # A time in the file would make equal documents different.
        content = gzip.compress(document.text().encode(), mtime=0)
        try:
            _replace(self.path, content)
        except OSError as error:
            raise DocumentError(
                f"the document {self.path} cannot be saved ({error.strerror}); correct "
                "gateway.document"
            ) from None

    @property
    def _lock(self) -> Path:
        return self.path.with_name(f"{self.path.name}.lock")

    @contextmanager
    def locked(self, command: str) -> Iterator[None]:
        """Hold the document for one command. `command`: its words, for messages."""
        holder = {
            "command": command,
            "host": socket.gethostname(),
            "process": os.getpid(),
        }
        try:
            with self._lock.open("x") as file:
                json.dump(holder, file)
        except FileExistsError:
            raise DocumentError(
                f"the document {self.path} is in use by {_words(self.holder())}; wait until it "
                "ends. If it is dead, free the document with `recover`"
            ) from None
        except OSError as error:
            raise DocumentError(
                f"the document {self.path} cannot be locked ({error.strerror}); correct "
                "gateway.document"
            ) from None
        try:
            yield
        finally:
            self._lock.unlink(missing_ok=True)

    def holder(self) -> Mapping[str, object]:
        """Return the command, the host and the process that hold the document, or nothing."""
        try:
            holder = json.loads(self._lock.read_text())
        except (OSError, ValueError):
            return {}
        return holder if isinstance(holder, dict) else {}

    def free(self) -> str | None:
        """Remove the lock of a dead command, and return its words, or None without a lock.

        Only a process of this host can be seen. Raises DocumentError if the command may live.
        """
        if not self._lock.exists():
            return None
        holder = self.holder()
        if holder.get("host") != socket.gethostname() or _lives(holder):
            raise DocumentError(
                f"the document {self.path} is in use by {_words(holder)}, which may still run; "
                f"end it, then remove {self._lock}"
            )
        self._lock.unlink(missing_ok=True)
        return _words(holder)


def _words(holder: Mapping[str, object]) -> str:
    if not holder:
        return "an unknown command"
    return (
        f"'{holder.get('command')}' (process {holder.get('process')} on "
        f"{holder.get('host')})"
    )


def _lives(holder: Mapping[str, object]) -> bool:
    process = holder.get("process")
    if not isinstance(process, int):
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _replace(file: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(
        prefix=f".{file.name}.", dir=file.parent
    )
    try:
        with os.fdopen(descriptor, "wb") as temporary:
            temporary.write(content)
            temporary.flush()
            os.fsync(temporary.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    # The new name is durable only after the folder is.
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
