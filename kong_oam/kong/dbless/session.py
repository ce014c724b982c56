"""A session with nodes without a database: their Admin API is writable until it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from kong_oam.access.settings.dbless import DblessSettings
from kong_oam.errors import ProductError
from kong_oam.kong.account import Account
from kong_oam.kong.dbless.document import (
    Document,
    DocumentError,
    imported,
)
from kong_oam.kong.dbless.file import DocumentFile
from kong_oam.kong.dbless.nodes import Node, require_free
from kong_oam.kong.dbless.server import serving
from kong_oam.kong.dbless.writer import Writer
from kong_oam.kong.forward import require_owners


class StaleNodesError(ProductError):
    """Nodes do not have the document at the end. The message names them."""


def place_of(dbless: DblessSettings) -> DocumentFile:
    """Return the place of the document."""
    return DocumentFile(Path(dbless.file))


@contextmanager
def session(
    stack: str,
    dbless: DblessSettings,
    account: Account,
    command: str,
    port: int,
    *,
    replaces: bool = False,
    exported: Path | None = None,
) -> Iterator[str]:
    """Make the Admin API of all nodes writable. Yield its address.

    `stack`: the stack that owns the document. `account`: the credentials for each node. `command`:
    its words, for the lock. `replaces`: drop entities that the document lacks. `exported`: the
    first document, from `kong config db_export`. At the end, each node has the document.

    Raises DocumentError, NodeError and ForwardError, and StaleNodesError at the end.
    """
    require_owners()
    place = place_of(dbless)
    with ExitStack() as opened:
        opened.enter_context(place.locked(command))
        nodes = []
        for url in dbless.urls:
            node = Node(replace(account, admin_url=url))
            opened.callback(node.close)
            nodes.append(node)
        document = _document(place, stack, exported)
        known: set[str] = set()
        for table in document.tables.values():
            known.update(table)
        for node in nodes:
            require_free(node, frozenset(known), replaces=replaces)
        place.save(document)
        writer = Writer(nodes, place, document)
        opened.callback(writer.close)
        writer.start()
        with serving(writer, nodes[0], port) as address:
            yield address
        stale = writer.stale_nodes()
    if stale:
        lines = "\n  ".join(stale)
        raise StaleNodesError(
            f"not all nodes have the document {place}; repair them, then repeat the command:\n"
            f"  {lines}"
        )


def _document(
    place: DocumentFile, stack: str, exported: Path | None
) -> Document:
    document = place.load(stack)
    if exported is None:
        return document or Document(stack)
    if document is not None:
        raise DocumentError(
            f"the document {place} exists; remove it, or run the command without --from"
        )
    try:
        return imported(exported.read_text("utf-8"), stack)
    except (OSError, ValueError) as error:
        problem = str(error)
    except DocumentError as error:
        problem = str(error)
    raise DocumentError(
        f"--from {exported} is not usable: {problem}; write it with `kong config db_export`"
    )
