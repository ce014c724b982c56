"""Edit a YAML file. Comments, order and style of everything else stay.

Positions are libyaml's, in characters. Each edit is read back. Return None if the result differs
from the wanted data, or if the text uses aliases.
"""

from __future__ import annotations

import copy
import difflib
import json
import re
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.nodes import (
    CollectionNode,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
)

from kong_oam.errors import KongOamError
from kong_oam.oam.document import read
from kong_oam.oam.position import Document, Path, SourcePosition

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*\Z")
_COMMA = re.compile(r"\s*,\s*\Z")
_BLOCK_STYLES = ("|", ">")
# Begins each further document of a file.
_SEPARATOR = "---"

# The first and last node of an entry: key and value, or an item twice.
Entry = tuple[Node, Node]


class _UncertainEditError(KongOamError):
    """The edit may have another meaning than wanted. Only this module catches it."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A new text for the value at a path, or for the key of that value."""

    path: Path
    text: str
    on_key: bool = False


@dataclass(frozen=True, slots=True)
class Added:
    """New entries of the mapping at a path: keys and values, both YAML on one line."""

    path: Path
    entries: tuple[tuple[str, str], ...]


Edit = Renamed | Added

# A part of a file's text, from an index to an index, and the text in its place. The depth of the
# edited collection decides the order of entries that are added at one index.
_Replacement = tuple[int, int, int, str]


def with_edits(
    file: str, text: str, edits: Mapping[int, Sequence[Edit]]
) -> str | None:
    """Return a file's text with all edits, by the index of their document. None if a result would
    differ from the wanted data, or if the text uses aliases."""
    if _has_aliases(text):
        return None
    documents, _ = read(file, text.encode())
    expected = []
    replacements: list[_Replacement] = []
    try:
        for document in documents:
            of_document = edits.get(document.index, ())
            expected.append(_edited_data(document.data, of_document))
            for edit in of_document:
                replacements.append(_replacement(document, edit))
    except _UncertainEditError:
        return None
    edited = text
    # From the end, so that earlier indexes stay valid. At one index, the entry of an outer mapping
    # is inserted first, and so follows the entries of inner mappings.
    for start, end, _, new in sorted(
        replacements, key=lambda item: (-item[0], -item[1], item[2])
    ):
        edited = edited[:start] + new + edited[end:]
    after, findings = read(file, edited.encode())
    is_meant = [parsed.data for parsed in after] == expected
    return edited if is_meant and not findings else None


def _edited_data(data: Any, edits: Sequence[Edit]) -> Any:
    """Return a copy of a document's data with the edits. Keys change last, because paths have the
    old keys."""
    wanted = copy.deepcopy(data)
    keys = []
    for edit in edits:
        if isinstance(edit, Added):
            for key, value in edit.entries:
                value_at(wanted, edit.path)[_parsed(key)] = _parsed(value)
        elif edit.on_key:
            keys.append(edit)
        else:
            value_at(wanted, edit.path[:-1])[edit.path[-1]] = edit.text
    for edit in sorted(keys, key=lambda edit: -len(edit.path)):
        parent = value_at(wanted, edit.path[:-1])
        parent[edit.text] = parent.pop(edit.path[-1])
    return wanted


def _replacement(document: Document, edit: Edit) -> _Replacement:
    depth = len(edit.path)
    if isinstance(edit, Added):
        rows = [f"{key}: {value}" for key, value in edit.entries]
        is_flow = _collection(document, edit.path).flow_style
        entry = (", " if is_flow else "\n").join(rows)
        index, added = _insertion(document, edit.path, entry)
        return index, index, depth, added
    first, last = _entry_at(document, edit.path)
    node = first if edit.on_key else last
    if not isinstance(node, ScalarNode):
        raise _UncertainEditError
    start = int(node.start_mark.index)
    end = _end(document.text, node)
    return start, end, depth, _rewritten(document.text[start:end], node, edit)


def _rewritten(written: str, node: ScalarNode, edit: Renamed) -> str:
    """Return the new text of a scalar in the style of the old text."""
    if node.style in _BLOCK_STYLES:
        lines = zip(
            node.value.splitlines(), edit.text.splitlines(), strict=False
        )
        for old, new in lines:
            if old != new:
                written = written.replace(old, new)
        return written
    if node.style == "'":
        return "'" + edit.text.replace("'", "''") + "'"
    if node.style == '"':
        return json.dumps(edit.text, ensure_ascii=False)
    return scalar(edit.text)


def without(position: SourcePosition) -> str | None:
    """Return the file's text without the key or item at `position`. Remove collections that become
    empty, too."""
    document = position.document
    path = position.path
    while len(path) > 1 and len(value_at(document.data, path[:-1])) == 1:
        path = path[:-1]
    wanted = copy.deepcopy(document.data)
    del value_at(wanted, path[:-1])[path[-1]]
    return _checked(document, wanted, lambda: _without_entry(document, path))


def without_entries(
    file: str, text: str, gone: Mapping[int, Iterable[Path]]
) -> str | None:
    """Return a file's text without the entries at the paths `gone`, by the index of their document.
    Remove collections that become empty, too."""
    for index, paths in gone.items():
        whole = set(paths)
        outer = [path for path in whole if not _is_below(path, whole)]
        # The last entries go first, so that the indexes of the others stay.
        for path in sorted(outer, key=_by_index, reverse=True):
            documents, _ = read(file, text.encode())
            (document,) = (each for each in documents if each.index == index)
            edited = without(document.position(*path))
            if edited is None:
                return None
            text = edited
    return text


def changed(
    document: Document, gone: Iterable[Path], values: Mapping[Path, str]
) -> str | None:
    """Return the file's text without the entries at the paths `gone`, and with other scalars.

    `values`: YAML on one line by path. Collections that become empty go, too. For block style only.
    """
    wanted = copy.deepcopy(document.data)
    for path, value in values.items():
        value_at(wanted, path[:-1])[path[-1]] = _parsed(value)
    removed = _with_emptied(wanted, gone)
    # The last entries go first, so that the indexes of the others stay.
    for path in sorted(removed, key=_by_index, reverse=True):
        del value_at(wanted, path[:-1])[path[-1]]
    return _checked(
        document, wanted, lambda: _with_changes(document, removed, values)
    )


def _by_index(path: Path) -> tuple[tuple[bool, str | int], ...]:
    return tuple((isinstance(step, int), step) for step in path)


def _with_emptied(data: Any, gone: Iterable[Path]) -> set[Path]:
    """Return the paths, each collection that becomes empty in place of its entries."""
    paths = set(gone)
    while True:
        by_parent: dict[Path, set[Path]] = {}
        for path in paths:
            by_parent.setdefault(path[:-1], set()).add(path)
        emptied = {
            parent: entries
            for parent, entries in by_parent.items()
            if parent and len(value_at(data, parent)) == len(entries)
        }
        if not emptied:
            return {path for path in paths if not _is_below(path, paths)}
        for parent, entries in emptied.items():
            paths = paths - entries | {parent}


def _is_below(path: Path, others: Collection[Path]) -> bool:
    return any(path[:length] in others for length in range(1, len(path)))


def _with_changes(
    document: Document, gone: Iterable[Path], values: Mapping[Path, str]
) -> str:
    text = document.text
    cuts: list[tuple[int, int, str]] = []
    for path in gone:
        parent = _collection(document, path[:-1])
        if parent.flow_style:
            raise _UncertainEditError
        first, last = _entry_at(document, path)
        cuts.append((_line_start(text, first), _line_end(text, last), ""))
    for path, value in values.items():
        _, node = _entry_at(document, path)
        cuts.append((node.start_mark.index, _end(text, node), value))
    for start, end, value in sorted(cuts, reverse=True):
        text = text[:start] + value + text[end:]
    return text


def with_key(position: SourcePosition, key: str, value: str) -> str | None:
    """Return the file's text with `key` appended to the mapping at `position`. `value` is YAML on
    one line."""
    wanted = copy.deepcopy(position.document.data)
    value_at(wanted, position.path)[key] = _parsed(value)
    return _checked(
        position.document,
        wanted,
        lambda: _with_entry(position, f"{key}: {value}"),
    )


def with_item(position: SourcePosition, item: str) -> str | None:
    """Return the file's text with `item` appended to the sequence at `position`. `item` is YAML; on
    one line for a flow sequence."""
    wanted = copy.deepcopy(position.document.data)
    value_at(wanted, position.path).append(_parsed(item))
    return _checked(
        position.document, wanted, lambda: _with_entry(position, item)
    )


def with_entry(position: SourcePosition, key: str, entry: str) -> str | None:
    """Return the file's text with `entry` in the list `key` of the mapping at `position`. Add the
    list if it is missing."""
    if key in value_at(position.document.data, position.path):
        return with_item(position.at(key), entry)
    return with_key(position, key, f"[{entry}]")


def lines_of(document: Document, path: Path) -> range:
    """Return the numbers of the lines on which the value at a path stands, from 1."""
    _, node = _entry_at(document, path)
    end = _end(document.text, node)
    last = document.text.count("\n", 0, max(end - 1, 0)) + 1
    return range(node.start_mark.line + 1, last + 1)


def scalar(text: str) -> str:
    """Write `text` as one YAML scalar: plain if every reader takes it for text, else in double
    quotes."""
    plain = _PLAIN.match(text) and _parsed(text) == text
    return text if plain else json.dumps(text, ensure_ascii=False)


def unified(
    file: str,
    before: str,
    after: str,
    prefixes: tuple[str, str] = ("", ""),
    context: int = 3,
) -> str | None:
    """Return a unified diff for `patch -p0` and `git apply -p0`. None if nothing changed, or if a
    diff cannot hold the file's name.

    With the prefixes `a/` and `b/`, it is a diff for `git apply` without options. `context`:
    unchanged lines around each change.
    """
    if not file.isprintable() or before == after:
        return None
    name = f"{file}\t" if " " in file else file
    old, new = prefixes
    return "".join(_diff(before, after, old + name, new + name, context))


def _diff(
    before: str, after: str, old: str, new: str, context: int
) -> Iterator[str]:
    for line in difflib.unified_diff(
        _lines(before), _lines(after), old, new, n=context
    ):
        yield (
            line
            if line.endswith("\n")
            else f"{line}\n\\ No newline at end of file\n"
        )


def _lines(text: str) -> list[str]:
    """Return lines as `patch` counts them: only line feeds end a line."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _parsed(text: str) -> Any:
    documents, _ = read("", text.encode())
    return documents[0].data if documents else None


def value_at(data: Any, path: Path) -> Any:
    """Return the value at a path in a document's data."""
    for step in path:
        data = data[step]
    return data


def _checked(
    document: Document, wanted: Any, edit: Callable[[], str]
) -> str | None:
    """Return the edited text if only this document changed, and only as wanted."""
    text = document.text
    if _has_aliases(text):
        return None
    try:
        edited = edit()
    except _UncertainEditError:
        return None
    expected = {document.index: document.data}
    # Most files have one document, and reading costs time.
    if _SEPARATOR in text:
        before, _ = read(document.file, text.encode())
        expected = {parsed.index: parsed.data for parsed in before}
    after, findings = read(document.file, edited.encode())
    expected[document.index] = wanted
    is_meant = [parsed.data for parsed in after] == [*expected.values()]
    return edited if is_meant and not findings else None


def _has_aliases(text: str) -> bool:
    if "*" not in text:
        return False
    events = yaml.parse(text, Loader=yaml.CSafeLoader)
    return any(isinstance(event, yaml.AliasEvent) for event in events)


def _collection(document: Document, path: Path) -> CollectionNode:
    node = _entry_at(document, path)[1] if path else document.root
    if not isinstance(node, CollectionNode):
        raise _UncertainEditError
    return node


def _entry_at(document: Document, path: Path) -> Entry:
    entry = document.root, document.root
    for step in path:
        entry = next(found for key, found in _entries(entry[1]) if key == step)
    return entry


def _entries(node: Node) -> list[tuple[str | int, Entry]]:
    if isinstance(node, MappingNode):
        return [(key.value, (key, value)) for key, value in node.value]
    if isinstance(node, SequenceNode):
        return [(index, (item, item)) for index, item in enumerate(node.value)]
    return []


def _without_entry(document: Document, path: Path) -> str:
    text = document.text
    parent = _collection(document, path[:-1])
    entries = _entries(parent)
    index = [key for key, _ in entries].index(path[-1])
    first, last = entries[index][1]
    start = first.start_mark.index
    end = _end(text, last)
    if not parent.flow_style:
        return text[: _line_start(text, first)] + text[_line_end(text, last) :]
    if index + 1 < len(entries):
        following = int(entries[index + 1][1][0].start_mark.index)
        comma = text[end:following]
        end = following
    else:
        previous = _end(text, entries[index - 1][1][1])
        comma = text[previous:start]
        start = previous
    if not _COMMA.match(comma):
        raise _UncertainEditError
    return text[:start] + text[end:]


def _with_entry(position: SourcePosition, entry: str) -> str:
    text = position.document.text
    index, added = _insertion(position.document, position.path, entry)
    return text[:index] + added + text[index:]


def _insertion(document: Document, path: Path, entry: str) -> tuple[int, str]:
    """Return the index of a new last entry in the collection at a path, and the text to insert."""
    text = document.text
    parent = _collection(document, path)
    entries = _entries(parent)
    if parent.flow_style:
        if not entries:
            return parent.start_mark.index + 1, entry
        return _end(text, entries[-1][1][1]), f", {entry}"
    first = entries[0][1][0]
    last = entries[-1][1][1]
    indent = " " * first.start_mark.column
    lead = indent
    if isinstance(parent, SequenceNode):
        lead = text[_line_start(text, first) : first.start_mark.index]
    end = _line_end(text, last)
    row, *rows = entry.splitlines()
    added = "" if text[:end].endswith("\n") else "\n"
    added += f"{lead or indent}{row}\n"
    for row in rows:
        added += f"{(indent + row).rstrip()}\n"
    return end, added


def _line_start(text: str, node: Node) -> int:
    return text.rfind("\n", 0, node.start_mark.index) + 1


def _line_end(text: str, node: Node) -> int:
    """Return the index after the line on which `node` ends."""
    return text.find("\n", _end(text, node)) + 1 or len(text)


def _end(text: str, node: Node) -> int:
    """Return the index after the last character of `node`. libyaml ends block collections and block
    scalars at the next token."""
    if isinstance(node, ScalarNode):
        end = int(node.end_mark.index)
        return len(text[:end].rstrip()) if node.style in _BLOCK_STYLES else end
    entries = (
        []
        if isinstance(node, CollectionNode) and node.flow_style
        else _entries(node)
    )
    return (
        _end(text, entries[-1][1][1]) if entries else int(node.end_mark.index)
    )
