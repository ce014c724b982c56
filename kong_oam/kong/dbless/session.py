"""A session with nodes without a database: their Admin API is writable until it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from kong_oam.access.settings.dbless import DblessSettings
from kong_oam.errors import ProductError
from kong_oam.kong.account import Account
from kong_oam.kong.dbless import pods
from kong_oam.kong.dbless.document import (
    Document,
    DocumentError,
    imported,
)
from kong_oam.kong.dbless.file import DocumentFile
from kong_oam.kong.dbless.nodes import (
    Node,
    NodeError,
    require_no_database,
    unknown_entities,
)
from kong_oam.kong.dbless.secret import SecretDocument
from kong_oam.kong.dbless.server import serving
from kong_oam.kong.dbless.writer import Writer
from kong_oam.kong.entities import Entity
from kong_oam.kong.forward import require_owners
from kong_oam.kong.owners import OwnerLookup
from kong_oam.kubernetes.kubectl import KubectlError

# Seconds at the end for pods that start or end.
_PATIENCE = 30.0


class StaleNodesError(ProductError):
    """Nodes do not have the document at the end. The message names them."""


def place_of(dbless: DblessSettings) -> DocumentFile | SecretDocument:
    """Return the place of the document."""
    secret = dbless.secret
    if secret is None:
        return DocumentFile(Path(dbless.file))
    return SecretDocument(dbless.context, secret.namespace, secret.name)


@contextmanager
def opened_nodes(
    dbless: DblessSettings, account: Account
) -> Iterator[list[Node]]:
    """Yield all nodes, with open connections until the block ends. `account`: their credentials.

    Raises KubectlError and NodeError.
    """
    with ExitStack() as opened:
        addresses = dict.fromkeys(dbless.urls, "")
        if dbless.pods:
            forwarded = pods.forwarded(dbless.context, dbless.pods)
            addresses = opened.enter_context(forwarded)
        nodes = []
        for url, name in addresses.items():
            node = Node(replace(account, admin_url=url), name=name)
            opened.callback(node.close)
            nodes.append(node)
        yield nodes


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

    Raises DocumentError, NodeError, KubectlError and ForwardError, and StaleNodesError at the end.
    """
    require_owners()
    place = place_of(dbless)
    with ExitStack() as opened:
        opened.enter_context(place.locked(command))
        nodes = opened.enter_context(opened_nodes(dbless, account))
        saved = place.load(stack)
        if exported is None:
            document = saved or Document(stack)
        else:
            document = _exported(exported, stack, saved, place)
        for node in nodes:
            require_no_database(node)
        is_new = saved is None
        is_known = known(document, has_document=not is_new)
        # An ingress controller at a node is an error, whatever may be replaced.
        unknown = {node: unknown_entities(node, is_known) for node in nodes}
        if not replaces:
            _require_current(unknown, document, place, is_new=is_new)
        writer = Writer(nodes, place, document)
        opened.callback(writer.close)
        writer.start()
        with serving(writer, nodes[0], port) as address:
            yield address
        written = frozenset(map(str, nodes))
        stale = _stale_at_end(writer, dbless, account, written)
    if stale:
        lines = "\n  ".join(stale)
        raise StaleNodesError(
            f"not all nodes have the document {place}; repair them, then repeat the command:\n"
            f"  {lines}"
        )


def _require_current(
    unknown: Mapping[Node, Sequence[str]],
    document: Document,
    place: object,
    *,
    is_new: bool,
) -> None:
    """Check that the document follows the documents of the nodes. `is_new`: nothing is saved yet.

    `unknown`: the unknown entities of each node, in words. After an interrupted write, the first
    node may have a newer document. Raises NodeError.
    """
    hashes = {node: node.configuration_hash() for node in unknown}
    others = [
        node for node, actual in hashes.items() if not document.follows(actual)
    ]
    for node in others:
        if unknown[node]:
            has_none = is_new and not any(document.tables.values())
            lacking = f"; there is no document {place}, so restore it"
            if not has_none:
                lacking = " that the document lacks"
            shown = "\n  ".join(unknown[node])
            raise NodeError(
                f"the node {node} has entities{lacking}. --replace drops them:\n  {shown}"
            )
    if others and document.configuration_hash() not in hashes.values():
        raise outdated(document, place)


def outdated(document: Document, place: object) -> NodeError:
    """Return the error for a document that nodes may have a newer version of."""
    return NodeError(
        f"the document {place} may be out of date: no node has it or an earlier version of it; get "
        "its newest copy. After an interrupted command at a single node, run "
        f"`{loading(document.stack, replaces=True)}`"
    )


def loading(stack: str, *, replaces: bool = False) -> str:
    """Return the command that loads the document into all nodes."""
    replace = "--replace " if replaces else ""
    return f"python -m kong_oam dbless -s {stack} {replace}-- true"


def known(
    document: Document, *, has_document: bool
) -> Callable[[Entity], bool]:
    """Return a function that tells whether a node may have an entity.

    An entity of the stack that its document lacks comes from an interrupted write. Without a
    document, it comes from a lost document.
    """
    owners = OwnerLookup(document.stack, whole=True)
    identifiers: set[str] = set()
    for table in document.tables.values():
        identifiers.update(table)

    def is_known(entity: Entity) -> bool:
        if entity.get("id") in identifiers:
            return True
        return has_document and owners.owner(entity).kind == "ours"

    return is_known


def _exported(
    file: Path, stack: str, saved: Document | None, place: object
) -> Document:
    """Return the first document. Raises DocumentError if there is a document."""
    if saved is not None:
        raise DocumentError(
            f"the document {place} exists; remove it, or run the command without --from"
        )
    try:
        return imported(file.read_text("utf-8"), stack)
    except (OSError, ValueError, DocumentError) as error:
        raise DocumentError(
            f"--from {file} is not usable: {error}; write it with `kong config db_export`"
        ) from None


def _stale_at_end(
    writer: Writer,
    dbless: DblessSettings,
    account: Account,
    written: frozenset[str],
) -> list[str]:
    """Return the nodes that do not have the document at the end, each with the reason.

    `written`: the names of the nodes of this session. Pods may have come and gone since it began. A
    pod that starts or ends gets some time.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with opened_nodes(dbless, account) as nodes:
                stale = writer.stale_nodes(nodes)
            if dbless.pods:
                stale += pods.unsettled(dbless.context, dbless.pods, written)
        except (KubectlError, NodeError) as error:
            stale = [str(error)]
        if not stale or not dbless.pods or time.monotonic() >= deadline:
            return stale
        time.sleep(1)
