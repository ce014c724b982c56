"""The saved form of a document: the text that the nodes load, compressed."""

from __future__ import annotations

import gzip
import zlib

from kong_oam.kong.dbless.document import Document, DocumentError, parsed


def compressed(document: Document) -> bytes:
    """Return the saved form. Equal documents have equal bytes."""
    # A time in it would make equal documents different.
    return gzip.compress(document.text().encode(), mtime=0)


def decompressed(content: bytes, stack: str, place: object) -> Document:
    """Return the stack's document. `place`: where it is, for messages. Raises DocumentError."""
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
        f"the document {place} is not usable: {problem}; restore its last good copy, or "
        "correct gateway.document"
    )
