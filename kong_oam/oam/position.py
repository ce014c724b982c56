"""YAML documents, and positions in them, as values.

Positions cost nothing until somebody asks: a `SourcePosition` is a document and a path, and finds
its line when it is printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Path = tuple[str | int, ...]
Texts = Mapping[str, str]
"""Labels, annotations, or another table of texts by name."""
Fields = Mapping[str, Any]
"""The fields of a mapping in YAML or JSON, as they stand there: nobody has read them yet.

The edge of what comes in: files, answers of APIs, outputs of a run, and parts of Kubernetes objects
that were read."""
JsonObject = dict[str, Any]
"""An object of JSON that is about to be written.

The edge of what goes out: what a verb prints, an API is sent, or a file or the state keeps."""

TAG = "tag:yaml.org,2002:"
TEXT = f"{TAG}str"
_IN_BLOCK = "while scanning a block scalar"
_SLOWLY_READ = 1 << 17
"""Characters of a file that PyYAML's own reader may go through: a second or two."""


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


class _Loader(yaml.CSafeLoader):
    """PyYAML's, but for what it asks of each node at length: whether the path of a node says what
    it is. No path does here."""

    def resolve(
        self, kind: type[Node], value: str, implicit: tuple[bool, bool]
    ) -> str:
        """Return the tag of a node without one; `implicit`: whether a text may be no text."""
        if kind is not ScalarNode:
            return TAG + ("map" if kind is MappingNode else "seq")
        # A loop: this is asked of each text of each file.
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
        for root in compose(text):
            roots.append(root)
    return tuple(roots)
