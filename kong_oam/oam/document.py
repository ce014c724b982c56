"""YAML documents with positions, read through libyaml, hardened against hostile input.

libyaml composes the node tree in C; one walk turns it into plain data, and the nodes are let go.
Positions cost nothing until somebody asks: a `SourcePosition` is a document and a path, and finds its line
when it is printed.

What is read is what Kubernetes reads: JSON's types. A timestamp stays the text it was. Tags and
merge keys are refused, since they would mean something else to another reader; aliases are
expanded, within bounds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kong_oam.diagnostics import Diagnostic, Diagnostics
from kong_oam.errors import InputError

MAX_BYTES = 1 << 20
"""A larger file is refused before it is parsed (etcd, where KubeVela keeps Applications, takes 1.5
MiB)."""
MAX_NODES = 50_000
"""Values of one file after aliases are expanded: an alias bomb stops here."""
MAX_DOCUMENTS = 1_000
MAX_ENTRIES = 1_000
"""The most entries of one mapping or list."""
MAX_DEPTH = 64
MAX_FINDINGS = 100
"""The most findings of one file: whoever has more reads no more than these before the next try."""

Path = tuple[str | int, ...]
Texts = Mapping[str, str]
"""Labels, annotations, or another table of texts by name."""
Fields = Mapping[str, Any]
"""The fields of a mapping in YAML or JSON, as they stand there: nobody has read them yet."""

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_TRUE = frozenset({"true", "yes", "on"})
_TAG = "tag:yaml.org,2002:"
_TEXT = f"{_TAG}str"
_IN_BLOCK = "while scanning a block scalar"
_SLOWLY_READ = 1 << 17
"""Characters of a file that PyYAML's own reader may go through: a second or two."""
_TABS = "a tab in the indentation; YAML takes spaces there"


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One YAML document, the `index`-th of its file: plain `data`, and the text that says where
    each part stands."""

    file: str
    text: str = field(repr=False)
    index: int
    data: Any = field(repr=False)
    positions: dict[tuple[Path, bool], tuple[int, int]] = field(
        default_factory=dict, repr=False
    )
    """Line and column of the places that somebody asked for."""

    @property
    def root(self) -> Node:
        return _roots(self.text)[self.index]

    def position(self, *path: str | int) -> SourcePosition:
        return SourcePosition(self, path)


@dataclass(frozen=True, slots=True, repr=False)
class SourcePosition:
    """A path into a document; `line` and `column` count from 1.

    Where the path leaves the document (a missing field), the nearest part above it stands in.
    """

    document: Document
    path: Path = ()
    on_key: bool = False
    moved: Mapping[Path, Path] = field(default_factory=dict, compare=False)
    """Where what one expects at a path stands instead: whatever a policy of the Application
    overrides stands there."""

    def at(self, *more: str | int) -> SourcePosition:
        path = self.path
        for step in more:
            path = (*path, step)
            path = self.moved.get(path, path)
        return SourcePosition(self.document, path, moved=self.moved)

    def key(self, name: str) -> SourcePosition:
        """Return the place of the key itself, for findings about the field and not its value."""
        return replace(self.at(name), on_key=True)

    @property
    def file(self) -> str:
        return self.document.file

    @property
    def line(self) -> int:
        return self._position()[0]

    @property
    def column(self) -> int:
        return self._position()[1]

    def _position(self) -> tuple[int, int]:
        known = self.document.positions
        key = (self.path, self.on_key)
        if key not in known:
            mark = self._node().start_mark
            known[key] = int(mark.line) + 1, int(mark.column) + 1
        return known[key]

    def _node(self) -> Node:
        node = self.document.root
        key_node = None
        for step in self.path:
            if isinstance(node, MappingNode):
                pair = next(
                    ((k, v) for k, v in node.value if k.value == step), None
                )
                if pair is None:
                    return node
                key_node, node = pair
            elif (
                isinstance(node, SequenceNode)
                and isinstance(step, int)
                and step < len(node.value)
            ):
                key_node = None
                node = node.value[step]
            else:
                return node
        return key_node if self.on_key and key_node is not None else node

    def excerpt(self) -> str:
        """Return the source line with a caret under the column."""
        return excerpt(self.document.text, self.line, self.column)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def __repr__(self) -> str:
        return f"SourcePosition({self})"


NOWHERE = Document("", "null", 0, None).position()
"""The place of what stands in no file: its `file` is empty."""


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A position in a file that could not be parsed, so that no document exists."""

    file: str
    line: int
    column: int
    text: str = field(default="", repr=False)

    def excerpt(self) -> str:
        """As that of a SourcePosition; nothing where no text is known."""
        return excerpt(self.text, self.line, self.column) if self.text else ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def excerpt(text: str, line: int, column: int) -> str:
    """Show a line as `   14 | source` with a caret below; long lines are cut, control characters
    shown as spaces."""
    lines = _lines(text)
    source = lines[line - 1] if 0 < line <= len(lines) else ""
    start = max(0, column - 100)
    shown = "".join(
        c if c.isprintable() else " " for c in source[start : start + 120]
    )
    return f"{line:5} | {shown}\n      | {' ' * (column - 1 - start)}^"


@lru_cache(maxsize=64)
def _lines(text: str) -> list[str]:
    return text.splitlines()


def read(file: str, raw: bytes) -> tuple[tuple[Document, ...], Diagnostics]:
    """Parse every document of one file. Shape: bytes in, documents and findings out; never raises
    for bad input.

    An empty document (a stray `---`) is no document.
    """
    if len(raw) > MAX_BYTES:
        return (), (too_large(file, len(raw)),)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        why = f"not UTF-8 (byte {raw[error.start]:#04x}); save it as UTF-8"
        return (), (_unreadable(file, why, line),)
    documents: list[Document] = []
    findings: list[Diagnostic] = []
    try:
        _construct(file, text, documents, findings)
    except _FileTooLargeError as refused:
        return (), (refused.finding(file, text),)
    except yaml.MarkedYAMLError as error:
        findings.append(_misread(file, text, error))
    except yaml.YAMLError as error:
        why = " ".join(str(error).split()).replace(' in "<unicode string>"', "")
        findings.append(_unreadable(file, why, text=text))
    return tuple(documents), tuple(findings)


def _construct(
    file: str, text: str, documents: list[Document], findings: list[Diagnostic]
) -> None:
    """Put the documents of a text, and what is wrong with others, into the lists. Raises
    _FileTooLargeError."""
    construction = _Construction(file, text, findings)
    for index, root in enumerate(_compose(text)):
        if index == MAX_DOCUMENTS:
            message = (
                f"more than {MAX_DOCUMENTS} documents in one file; split it"
            )
            raise _FileTooLargeError(root, message)
        try:
            data = construction.value(root, 0)
        except _FileTooLargeError:
            raise
        except _NodeError as refused:
            findings.append(refused.finding(file, text))
            continue
        if data is not None:
            documents.append(Document(file, text, index, data))


def _misread(file: str, text: str, error: yaml.MarkedYAMLError) -> Diagnostic:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    why = f"{error.problem or error.context}"
    if _indented_by_tab(text, line):
        why = _TABS
    return _unreadable(file, why, line, column, text)


def _indented_by_tab(text: str, line: int) -> bool:
    """Tell whether a tab is what the reader stumbled over: it says so in several ways, and in some
    not at all."""
    rows = text.split("\n")[line - 1 : line]
    return any("\t" in row[: len(row) - len(row.lstrip())] for row in rows)


def too_large(file: str, size: int) -> Diagnostic:
    """Return the finding about a file of more than MAX_BYTES; `size` is in bytes."""
    return _unreadable(
        file,
        f"{size} bytes; a file may have {MAX_BYTES}. Split it by application",
    )


class _Loader(yaml.CSafeLoader):
    """PyYAML's, but for what it asks of each node at length: whether the path of a node says what
    it is. No path does here."""

    def resolve(
        self, kind: type[Node], value: str, implicit: tuple[bool, bool]
    ) -> str:
        """Return the tag of a node without one; `implicit`: whether a text may be no text."""
        if kind is not ScalarNode:
            return _TAG + ("map" if kind is MappingNode else "seq")
        # A loop: this is asked of each text of each file.
        for tag, pattern in (
            self.yaml_implicit_resolvers.get(value[:1], ())
            if implicit[0]
            else ()
        ):
            if pattern.match(value):
                return str(tag)
        return _TEXT

    def descend_resolver(self, _above: object, _index: object) -> None: ...

    def ascend_resolver(self) -> None: ...


def _compose(text: str) -> Iterator[Node]:
    """Yield the documents' nodes. libyaml refuses a block of text whose first line begins with a
    tab, which YAML has and Go's reader takes: from there PyYAML's own goes on, as far as its
    slowness lets it."""
    count = 0
    try:
        for root in yaml.compose_all(text, Loader=_Loader):
            yield root
            count += 1
    except yaml.scanner.ScannerError as error:
        if error.context != _IN_BLOCK or len(text) > _SLOWLY_READ:
            raise
        yield from islice(
            yaml.compose_all(text, Loader=yaml.SafeLoader), count, None
        )


@lru_cache(maxsize=64)
def _roots(text: str) -> tuple[Node, ...]:
    """Return the nodes again, for the few documents of which somebody wants a position: up to what
    cannot be read."""
    roots: list[Node] = []
    with suppress(yaml.YAMLError):
        for root in _compose(text):
            roots.append(root)
    return tuple(roots)


def _unreadable(
    file: str, why: str, line: int = 1, column: int = 1, text: str = ""
) -> Diagnostic:
    return Diagnostic("OAM101", why, FilePlace(file, line, column, text))


class _NodeError(InputError):
    def __init__(self, node: Node, message: str) -> None:
        super().__init__(message)
        self._mark = node.start_mark

    def finding(self, file: str, text: str) -> Diagnostic:
        line = self._mark.line + 1
        column = self._mark.column + 1
        return _unreadable(file, str(self), line, column, text)


class _FileTooLargeError(_NodeError):
    """The file is refused as a whole."""


class _Construction:
    """The walk from nodes to plain data: counts nodes, finds duplicate keys, cycles, tags."""

    __slots__ = ("file", "findings", "nodes", "text")

    def __init__(
        self, file: str, text: str, findings: list[Diagnostic]
    ) -> None:
        self.file = file
        self.text = text
        self.findings = findings
        self.nodes = 0

    def value(self, node: Node, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            message = (
                f"more than {MAX_NODES} values once aliases are expanded; write it without "
                "aliases, or split it"
            )
            raise _FileTooLargeError(node, message)
        if type(node) is ScalarNode:
            return _scalar(node)
        if depth > MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH} levels (or an alias that contains itself)"
            raise _NodeError(node, message)
        if len(node.value) > MAX_ENTRIES:
            message = f"more than {MAX_ENTRIES} entries in one mapping or list; split it"
            raise _FileTooLargeError(node, message)
        if type(node) is MappingNode:
            return self._mapping(node, depth)
        _check_tag(node, "seq")
        return [self.value(item, depth + 1) for item in node.value]

    def _mapping(self, node: MappingNode, depth: int) -> dict[str, Any]:
        _check_tag(node, "map")
        result: dict[str, Any] = {}
        for key, value in node.value:
            if type(key) is not ScalarNode:
                raise _NodeError(key, "a key must be a plain text")
            if key.tag == _TAG + "merge":
                message = "merge keys (<<) are not read alike everywhere; write the fields out"
                raise _NodeError(key, message)
            if key.tag != _TEXT:
                _scalar(
                    key
                )  # which refuses what other readers take for another key
            if key.value in result and len(self.findings) < MAX_FINDINGS:
                mark = key.start_mark
                position = FilePlace(
                    self.file, mark.line + 1, mark.column + 1, self.text
                )
                message = f"key '{key.value}' stands twice in one mapping"
                self.findings.append(Diagnostic("OAM106", message, position))
            result[key.value] = self.value(value, depth + 1)
        return result


def _scalar(node: ScalarNode) -> Any:
    tag = node.tag
    text = node.value
    if tag == _TEXT:
        return text
    kind = tag.removeprefix(_TAG)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in _TRUE
    if kind == "int":
        # Octal, sexagesimal and underscored integers mean different numbers to different readers.
        if not _INT.match(text) or len(text) > 18:
            message = f"number '{text[:40]}' is not plain decimal; quote it if it is a text"
            raise _NodeError(node, message)
        return int(text)
    if kind == "float":
        return _float(node)
    if kind in ("timestamp", "value"):
        return text
    raise _not_allowed(node)


def _float(node: ScalarNode) -> float:
    try:
        number = float(node.value)
    except ValueError:
        number = float("nan")
    if not math.isfinite(number):
        message = f"number '{node.value[:40]}' has no JSON form; quote it if it is a text"
        raise _NodeError(node, message)
    return number


def _check_tag(node: Node, kind: str) -> None:
    if node.tag != _TAG + kind:
        raise _not_allowed(node)


def _not_allowed(node: Node) -> _NodeError:
    tag = node.tag.replace(_TAG, "!!")[:60]
    return _NodeError(node, f"tag '{tag}' is not allowed; remove it")


def as_mapping(value: Any) -> Fields:
    """Return the value where it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_text(value: Any) -> str:
    """Return the value where it is a text, else an empty one."""
    return value if isinstance(value, str) else ""
