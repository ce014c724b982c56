"""YAML documents, and positions in them.

A `SourcePosition` is a document and a path. It finds its line only when somebody asks, so positions
are cheap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Path = tuple[str | int, ...]
# Names in order.
Names = tuple[str, ...]
# A table of texts by name, such as labels or annotations.
Texts = Mapping[str, str]
# The unread fields of a YAML or JSON mapping.
#
# This type marks the edge of input: files, API responses, outputs of a run, and parts of Kubernetes
# objects.
Fields = Mapping[str, Any]
# A JSON object to write.
#
# This type marks the edge of output: printed results, API requests, files and state.
JsonObject = dict[str, Any]

TAG = "tag:yaml.org,2002:"
TEXT = f"{TAG}str"
MAPPING = f"{TAG}map"
LIST = f"{TAG}seq"
_IN_BLOCK = "while scanning a block scalar"
# The longest text that the slow reader of PyYAML may read: one or two seconds.
_SLOW_READER_LIMIT = 1 << 17


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One YAML document, the `index`-th of its file: plain `data`, and the text for positions."""

    file: str
    text: str = field(repr=False)
    index: int
    data: Any = field(repr=False)
    # Lines and columns found so far.
    positions: dict[tuple[Path, bool], tuple[int, int]] = field(
        default_factory=dict, repr=False
    )

    @property
    def root(self) -> Node:
        return _roots(self.text)[self.index]

    def position(self, *path: str | int) -> SourcePosition:
        return SourcePosition(self, path)


@dataclass(slots=True, unsafe_hash=True, repr=False)
class SourcePosition:
    """A path in a document; `line` and `column` count from 1.

    A missing field has the position of the nearest part above it. Nothing changes a position. The
    class is not `frozen`, which would double the time of `at`.
    """

    document: Document
    path: Path = ()
    on_key: bool = False
    # Other positions of parts that a policy overrides, by path.
    moved: Mapping[Path, Path] = field(default_factory=dict, compare=False)

    def at(self, *more: str | int, on_key: bool = False) -> SourcePosition:
        path = (*self.path, *more)
        if self.moved:
            path = self.path
            for step in more:
                path = (*path, step)
                path = self.moved.get(path, path)
        return SourcePosition(self.document, path, on_key, self.moved)

    def key(self, name: str) -> SourcePosition:
        """Return the position of the key, for findings about the field instead of its value."""
        return self.at(name, on_key=True)

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


# The position of parts without a file: its `file` is empty.
NO_POSITION = Document("", "null", 0, None).position()


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A position in a file without a parsed document."""

    file: str
    line: int
    column: int
    text: str = field(default="", repr=False)

    def excerpt(self) -> str:
        """Return the source line with a caret under the column; empty if the text is unknown."""
        return excerpt(self.text, self.line, self.column) if self.text else ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def excerpt(text: str, line: int, column: int) -> str:
    """Return a line as `   14 | source` with a caret below. Cut long lines, and show control
    characters as spaces."""
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


class _Loader(yaml.CSafeLoader):
    """PyYAML's loader without resolvers by path, which cost time and have no use here."""

    def resolve(
        self, kind: type[Node], value: str, implicit: tuple[bool, bool]
    ) -> str:
        """Return the tag of a node without a tag. `implicit`: whether other types are possible."""
        if kind is not ScalarNode:
            return MAPPING if kind is MappingNode else LIST
        # A loop, since this runs for each text of each file.
        for tag, pattern in (
            self.yaml_implicit_resolvers.get(value[:1], ())
            if implicit[0]
            else ()
        ):
            if pattern.match(value):
                return str(tag)
        return TEXT

    def descend_resolver(self, _above: object, _index: object) -> None: ...

    def ascend_resolver(self) -> None: ...


def compose(text: str) -> Iterator[Node]:
    """Yield the nodes of the documents.

    libyaml rejects a block of text whose first line starts with a tab; YAML and Go's reader allow
    it. PyYAML's slower reader then continues, if the text is short enough.
    """
    count = 0
    try:
        for root in yaml.compose_all(text, Loader=_Loader):
            yield root
            count += 1
    except yaml.scanner.ScannerError as error:
        if error.context != _IN_BLOCK or len(text) > _SLOW_READER_LIMIT:
            raise
        yield from islice(
            yaml.compose_all(text, Loader=yaml.SafeLoader), count, None
        )


@lru_cache(maxsize=64)
def _roots(text: str) -> tuple[Node, ...]:
    """Return the nodes again, up to the first unreadable document. Few documents need positions."""
    roots = []
    with suppress(yaml.YAMLError):
        for root in compose(text):
            roots.append(root)
    return tuple(roots)
