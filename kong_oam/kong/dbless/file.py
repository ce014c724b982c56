"""The file of a document, and its lock.

The file holds the text that the nodes load, compressed. A file beside it locks it for one command.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kong_oam.kong.dbless.compressed import compressed, decompressed
from kong_oam.kong.dbless.document import Document, DocumentError
from kong_oam.kong.dbless.holder import Holder, holder_of, in_words, may_live


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
        return decompressed(content, stack, self)

    def save(self, document: Document) -> None:
        """Replace the file in one step, with the mode that it has. Only its owner may read a new
        file, because it has private keys.

        The bytes are on the disk before the file has its name, so that a crash leaves a whole
        document.
        """
        try:
            _replace(self._file, compressed(document))
        except OSError as error:
            raise DocumentError(
                f"the document {self.path} cannot be saved ({error.strerror}); correct "
                "gateway.document"
            ) from None

    @property
    def _file(self) -> Path:
        """The file itself. A link to it stays a link."""
        return self.path.resolve()

    @property
    def _lock(self) -> Path:
        return self._file.with_name(f"{self._file.name}.lock")

    @contextmanager
    def locked(self, command: str) -> Iterator[None]:
        """Hold the document for one command. `command`: its words, for messages."""
        try:
            self._lock_for(command)
        except FileExistsError:
            raise DocumentError(
                f"the document {self.path} is in use by {in_words(self.holder())}; wait until it "
                "ends. If it is dead, free the document with `recover --remove`"
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

    def _lock_for(self, command: str) -> None:
        with self._lock.open("x") as file:
            try:
                json.dump(holder_of(command), file)
                file.flush()
            except OSError:
                # The disk is full. A lock without a holder could not be freed.
                self._lock.unlink()
                raise

    def holder(self) -> Holder:
        """Return the command that holds the document, or nothing."""
        try:
            holder = json.loads(self._lock.read_text())
        except (OSError, ValueError):
            return {}
        return holder if isinstance(holder, dict) else {}

    def dead_holder(self) -> str | None:
        """Return the dead command that holds the document, in words, or None without a lock.

        Raises DocumentError if the command may live.
        """
        if not self._lock.exists():
            return None
        holder = self.holder()
        if may_live(holder):
            raise DocumentError(
                f"the document {self.path} is in use by {in_words(holder)}, which may still run; "
                f"end it, then remove {self._lock}"
            )
        return in_words(holder)

    def free(self) -> str | None:
        """Remove the lock of a dead command, and return the command, as `dead_holder` does."""
        holder = self.dead_holder()
        if holder:
            self._lock.unlink(missing_ok=True)
        return holder


def _replace(file: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(
        prefix=f".{file.name}.", dir=file.parent
    )
    try:
        with os.fdopen(descriptor, "wb") as temporary:
            if file.exists():
                # Kong's user may need to read the file through its group.
                os.fchmod(descriptor, stat.S_IMODE(file.stat().st_mode))
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
