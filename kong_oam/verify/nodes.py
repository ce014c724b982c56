"""Nodes without a database: compare each node with the saved document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import some
from kong_oam.engine.configuration import Configuration
from kong_oam.kong.account import (
    Account,
    account,
    command_prefix,
    is_read_only,
    node_account,
)
from kong_oam.kong.dbless.document import EMPTY_HASH, Document, DocumentError
from kong_oam.kong.dbless.nodes import Node, NodeError, unknown_entities
from kong_oam.kong.dbless.session import (
    known,
    loading,
    opened_nodes,
    outdated,
    place_of,
)


@dataclass(frozen=True, slots=True)
class StaleNode:
    """A node that does not have the saved document. `remedy`: a command, or empty if the text has
    the remedy. `may_be_newer`: it has a document that the saved document does not follow."""

    node: str
    text: str
    remedy: str = ""
    may_be_newer: bool = False


@dataclass(frozen=True, slots=True)
class Readable:
    """An account that can read the gateway, and the nodes with another document."""

    account: Account
    stale: tuple[StaleNode, ...] = ()


@contextmanager
def readable(
    settings: Settings, configuration: Configuration
) -> Iterator[Readable]:
    """Yield the account of the gateway, or of a node with the saved document.

    Raises the errors of `account`, DocumentError and NodeError.
    """
    dbless = settings.gateway.dbless
    if dbless is None or not is_read_only(settings):
        yield Readable(account(settings, configuration))
        return
    place = place_of(dbless)
    stack = settings.stack.name
    document = place.load(stack)
    if document is None:
        raise DocumentError(
            f"the document {place} is missing; correct gateway.document, or run "
            f"`{command_prefix(settings)}pulumi up -s {settings.engine_stack}`"
        )
    with opened_nodes(dbless, node_account(configuration)) as nodes:
        current = []
        stale = []
        for node in nodes:
            difference = _difference(node, document)
            if difference is None:
                current.append(node)
            else:
                stale.append(difference)
        if not current and any(node.may_be_newer for node in stale):
            raise outdated(document, place)
        if not current:
            lines = "\n  ".join(node.text for node in stale)
            raise NodeError(
                f"no node has the document {place}; repair them, then run "
                f"`{loading(stack)}`:\n  {lines}"
            )
        yield Readable(current[0].account, tuple(stale))


def _difference(node: Node, document: Document) -> StaleNode | None:
    """Return how a node differs from the document, or None."""
    name = str(node)
    try:
        actual = node.configuration_hash()
        if actual == document.configuration_hash():
            return None
        if document.follows(actual):
            older = "no" if actual == EMPTY_HASH else "an earlier"
            return StaleNode(
                name,
                f"the node {node} has {older} document",
                loading(document.stack),
            )
        unknown = unknown_entities(node, known(document, has_document=True))
    except NodeError as error:
        return StaleNode(name, str(error))
    return StaleNode(
        name,
        _other_document(name, unknown),
        loading(document.stack, replaces=bool(unknown)),
        may_be_newer=True,
    )


def _other_document(node: str, unknown: list[str]) -> str:
    text = f"the node {node} has another document"
    if unknown:
        text += f", with {some(unknown)}, which the saved document lacks"
    return text
