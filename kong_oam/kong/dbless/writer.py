"""Writes to nodes without a database: the first node judges, then the document is saved, then all
other nodes load it.

Writes that come at once become one load. A refused write changes nothing. If a node does not load
the document, all nodes and the saved document return to the state before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from kong_oam.kong.dbless.document import Document, DocumentError
from kong_oam.kong.dbless.nodes import Node, NodeError, Refusal
from kong_oam.kong.dbless.sent import SentFields
from kong_rules.entities import Entity, Snapshot, Table
from kong_rules.errors import (
    AnswerError,
    ViolationError,
    schema_violation,
)
from kong_rules.kinds import KINDS
from kong_rules.requests import NOT_FOUND, answer, split
from kong_rules.resources import Resources
from kong_rules.store import Store

_READS = ("GET", "HEAD", "OPTIONS")
_TIMES = ("created_at", "updated_at")
_NOT_UNIQUE = "uniqueness violation"
# Kong's status and body for a failed write that is no mistake of the caller.
_UNAVAILABLE = 503


class Place(Protocol):
    """Where a document is. Both methods raise DocumentError."""

    def load(self, stack: str) -> Document | None: ...

    def save(self, document: Document) -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the Admin API. `body` None: without a body."""

    status: int
    body: Any = None


@dataclass(eq=False, slots=True)
class _Write:
    """A write that waits for its answer."""

    method: str
    target: str
    content_type: str | None
    body: bytes
    answer: Future[Answer] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Applied:
    """A write in a document that no node has judged. `kind`, `identifier`: its entity."""

    write: _Write
    status: int
    kind: str
    identifier: str


class Writer:
    """The writable Admin API of some nodes. Not frozen: it holds the document."""

    def __init__(
        self, nodes: Sequence[Node], place: Place, document: Document
    ) -> None:
        self._nodes = nodes
        self._place = place
        self._document = document
        self._fields = fields = SentFields(nodes[0])
        # The fields that were sent, and the entities with the defaults of the first node.
        self._sent = Store(fields, time.time, time.monotonic, remembered=1)
        self._complete = Store(fields, time.time, time.monotonic, remembered=1)
        self._written = Resources(self._sent)
        self._read = Resources(self._complete)
        self._waiting: list[_Write] = []
        self._arrival = threading.Condition()
        self._is_open = True
        self._broken = ""
        self._pool = ThreadPoolExecutor(max_workers=len(nodes))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        """Save the document and load it into all nodes. Raises NodeError and DocumentError."""
        loaded = self._nodes[0].load(self._document.text())
        if isinstance(loaded, Refusal):
            raise DocumentError(
                f"the node {self._nodes[0]} refuses the document: {_in_words(loaded)}"
            )
        self._spread(self._document)
        self._hold(self._document, loaded)
        self._thread.start()

    def close(self) -> None:
        """Finish the waiting writes."""
        with self._arrival:
            self._is_open = False
            self._arrival.notify()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown()

    def stale_nodes(self, nodes: Iterable[Node]) -> list[str]:
        """Return the nodes that do not have the document, each with the reason."""
        expected = self._document.configuration_hash()
        stale = [self._broken] if self._broken else []
        for node in nodes:
            try:
                actual = node.configuration_hash()
            except NodeError as error:
                stale.append(str(error))
                continue
            if actual != expected:
                stale.append(f"the node {node} has another document")
        return stale

    def is_entity(self, target: str) -> bool:
        """Return whether a target is a path of entities. Raises AnswerError."""
        path, _ = split(target)
        if path == ["plugins", "enabled"]:
            return False
        return self._read.endpoint(path) is not None

    def answer(
        self, method: str, target: str, content_type: str | None, body: bytes
    ) -> Answer:
        """Return the answer to a request about entities."""
        if method in _READS:
            return _answered(self._read, method, target, content_type, body)
        write = _Write(method, target, content_type, body)
        with self._arrival:
            if not self._is_open:
                return _unavailable("the command has ended")
            if self._broken:
                return _unavailable(self._broken)
            self._waiting.append(write)
            self._arrival.notify()
        return write.answer.result()

    def _serve(self) -> None:
        while True:
            with self._arrival:
                self._arrival.wait_for(
                    lambda: self._waiting or not self._is_open
                )
                writes, self._waiting = self._waiting, []
            if not writes:
                return
            try:
                self._commit(writes)
            except Exception as error:  # noqa: BLE001 - each request gets an answer
                for write in writes:
                    if not write.answer.done():
                        write.answer.set_exception(error)

    def _commit(self, writes: Sequence[_Write]) -> None:
        """Apply writes in one load, and answer each."""
        waiting = [*writes]
        while waiting:
            applied, document = self._applied(waiting)
            if not applied:
                return
            try:
                loaded = self._nodes[0].load(document.text())
                if not isinstance(loaded, Refusal):
                    self._spread(document)
                    self._hold(document, loaded)
            except (DocumentError, NodeError) as error:
                self._return()
                _reply([change.write for change in applied], str(error))
                return
            if isinstance(loaded, Refusal):
                waiting = self._without_refused(applied, loaded)
                continue
            for change in applied:
                self._confirm(change)
            return

    def _applied(
        self, writes: Sequence[_Write]
    ) -> tuple[list[_Applied], Document]:
        """Apply writes to the sent entities. Answer those that break a rule."""
        self._sent.restore(self._document.snapshot)
        applied = []
        for write in writes:
            before = self._sent.current
            provisional = _answered(
                self._written,
                write.method,
                write.target,
                write.content_type,
                write.body,
            )
            if provisional.status >= 400 or self._sent.current is before:
                write.answer.set_result(provisional)
                continue
            identifier = (provisional.body or {}).get("id", "")
            kind = _changed_kind(before, self._sent.current, identifier)
            applied.append(
                _Applied(write, provisional.status, kind, identifier)
            )
        return applied, self._document.successor(self._sent.current.tables)

    def _without_refused(
        self, applied: Sequence[_Applied], refusal: Refusal
    ) -> list[_Write]:
        """Answer the writes whose entities the node refuses. Return those to try again."""
        culprits = [
            change for change in applied if change.identifier in refusal.by_id
        ]
        if not culprits and len(applied) > 1:
            # The node does not tell which write is wrong.
            for change in applied:
                self._commit([change.write])
            return []
        for change in culprits or applied:
            errors = refusal.by_id.get(change.identifier)
            change.write.answer.set_result(_refused(errors, refusal))
        return [
            change.write for change in applied if not change.write.answer.done()
        ]

    def _spread(self, document: Document) -> None:
        """Save the document, then load it into the other nodes."""
        # A node that restarts loads the saved document. An older document would reopen a path.
        self._place.save(document)
        for error in self._load(self._nodes[1:], document):
            raise error

    def _return(self) -> None:
        """Restore the document before a failed write. The end of the command names stale nodes."""
        try:
            self._place.save(self._document)
        except DocumentError as error:
            # The saved document may be newer than the nodes. Nothing may follow it.
            self._broken = str(error)
        self._load(self._nodes, self._document)

    def _load(
        self, nodes: Iterable[Node], document: Document
    ) -> list[Exception]:
        """Load a document into nodes at the same time. Return the failures."""
        text = document.text()

        def load(node: Node) -> NodeError | None:
            try:
                loaded = node.load(text)
            except NodeError as error:
                return error
            if isinstance(loaded, Refusal):
                return NodeError(
                    f"the node {node} refuses the document that the first node accepts: "
                    f"{_in_words(loaded)}; give all nodes the same version and plugins"
                )
            return None

        return [*filter(None, self._pool.map(load, nodes))]

    def _hold(self, document: Document, loaded: Mapping[str, Table]) -> None:
        """Keep a document that the nodes have, and its entities as the Admin API prints them.

        Raises NodeError if the first node does not print a schema. Then nothing is kept.
        """
        tables = {
            kind: {
                identifier: self._printed(
                    kind, entity, loaded.get(kind, {}).get(identifier, entity)
                )
                for identifier, entity in table.items()
            }
            for kind, table in document.tables.items()
        }
        self._document = document
        self._complete.restore(Snapshot(tables))

    def _printed(self, kind: str, entity: Entity, complete: Entity) -> Entity:
        """Return an entity with the node's defaults and the document's times."""
        times = {name: entity[name] for name in _TIMES if name in entity}
        return {**self._fields.shown(kind, complete), **times}

    def _confirm(self, change: _Applied) -> None:
        if not change.kind:
            change.write.answer.set_result(Answer(change.status))
            return
        entity = self._complete.current.tables[change.kind][change.identifier]
        if change.kind == "certificates":
            # A certificate shows the names of its SNIs.
            path = f"/certificates/{change.identifier}"
            entity = _answered(self._read, "GET", path, None, b"").body
        change.write.answer.set_result(Answer(change.status, entity))


def _answered(
    resources: Resources,
    method: str,
    target: str,
    content_type: str | None,
    body: bytes,
) -> Answer:
    try:
        path, query = split(target)
        methods = resources.endpoint(path)
        if methods is None:
            return Answer(404, NOT_FOUND)
        return Answer(*answer(methods, method, query, content_type, body))
    except ViolationError as violation:
        return Answer(violation.status, violation.body)
    except AnswerError as early:
        return Answer(early.status, early.body)
    except NodeError as error:
        return _unavailable(str(error))


def _changed_kind(before: Snapshot, after: Snapshot, identifier: str) -> str:
    """Return the kind of a changed entity. Entities of several kinds may have the same id."""
    for kind in KINDS:
        entity = after.tables[kind].get(identifier)
        if entity is not before.tables[kind].get(identifier):
            return kind
    return ""


def _refused(errors: Mapping[str, Any] | None, refusal: Refusal) -> Answer:
    if errors is None:
        return Answer(
            400,
            {"code": 14, "name": "refused", "message": _in_words(refusal)},
        )
    for message in errors.get("@entity", ()):
        if str(message).startswith(_NOT_UNIQUE):
            return Answer(
                409,
                {
                    "code": 5,
                    "name": "unique constraint violation",
                    "message": message,
                },
            )
    violation = schema_violation(dict(errors))
    return Answer(violation.status, violation.body)


def _in_words(refusal: Refusal) -> str:
    if not refusal.by_id:
        return refusal.message
    lines = [
        f"{identifier}: {schema_violation(dict(errors))}"
        for identifier, errors in refusal.by_id.items()
    ]
    return "; ".join(lines)


def _reply(writes: Iterable[_Write], message: str) -> None:
    for write in writes:
        write.answer.set_result(_unavailable(message))


def _unavailable(message: str) -> Answer:
    return Answer(_UNAVAILABLE, {"message": message})
