"""Read YAML documents with positions through libyaml, hardened against hostile input.

libyaml composes the node tree in C; one walk turns the tree into plain data.

The reader accepts JSON's types, as Kubernetes does. A timestamp stays text. Tags and merge keys are
rejected, since other readers interpret them differently. Aliases are expanded within limits.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from kong_oam.diagnostics import Diagnostic, Diagnostics, Report
from kong_oam.errors import InputError
from kong_oam.oam.position import (
    LIST,
    MAPPING,
    TAG,
    TEXT,
    Document,
    Fields,
    FilePlace,
    JsonObject,
    Texts,
    compose,
)

# A larger file is rejected before parsing. (etcd, which stores KubeVela's Applications, takes 1.5
# MiB.)
MAX_BYTES = 1 << 20
# The limit of values in one file after aliases are expanded; it stops alias bombs.
MAX_NODES = 50_000
MAX_DOCUMENTS = 1_000
# The limit of entries in one mapping or list.
MAX_ENTRIES = 1_000
MAX_DEPTH = 64
# The limit of findings for one file.
MAX_FINDINGS = 100

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_TRUE = frozenset({"true", "yes", "on"})
_TABS = "a tab in the indentation; replace it with spaces"


def read(file: str, raw: bytes) -> tuple[tuple[Document, ...], Diagnostics]:
    """Parse every document of one file. Findings describe bad input; nothing raises.

    Empty documents (a stray `---`) are skipped.
    """
    if len(raw) > MAX_BYTES:
        return (), (too_large(file, len(raw)),)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        why = f"the file is not UTF-8 (byte {raw[error.start]:#04x}); save it as UTF-8"
        return (), (_unreadable(file, why, line),)
    documents: list[Document] = []
    findings: Report = []
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
    file: str, text: str, documents: list[Document], findings: Report
) -> None:
    """Append the documents of a text, and the findings, to the lists. Raise _FileTooLargeError."""
    construction = _Construction(file, text, findings)
    for index, root in enumerate(compose(text)):
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
    """Tell whether a line is indented with a tab. libyaml describes this error differently."""
    rows = text.split("\n")[line - 1 : line]
    return any("\t" in row[: len(row) - len(row.lstrip())] for row in rows)


def too_large(file: str, size: int) -> Diagnostic:
    """Return the finding about a file of more than MAX_BYTES; `size` is in bytes."""
    return _unreadable(
        file,
        f"{size} bytes; the limit is {MAX_BYTES}. Split the file by "
        "Application",
    )


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
    """A limit that rejects the whole file."""


class _Construction:
    """The walk from nodes to plain data. It counts nodes; it finds duplicate keys, cycles, tags."""

    __slots__ = ("file", "findings", "nodes", "text")

    def __init__(self, file: str, text: str, findings: Report) -> None:
        self.file = file
        self.text = text
        self.findings = findings
        self.nodes = 0

    def value(self, node: Node, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            message = (
                f"more than {MAX_NODES} values after aliases are expanded; "
                "write the file without aliases, or split it"
            )
            raise _FileTooLargeError(node, message)
        if type(node) is ScalarNode:
            return node.value if node.tag == TEXT else _scalar(node)
        if depth > MAX_DEPTH:
            message = (
                f"nested deeper than {MAX_DEPTH} levels, or an alias that "
                "contains itself; flatten it"
            )
            raise _NodeError(node, message)
        if len(node.value) > MAX_ENTRIES:
            message = f"more than {MAX_ENTRIES} entries in one mapping or list; split it"
            raise _FileTooLargeError(node, message)
        if type(node) is MappingNode:
            return self._mapping(node, depth)
        if node.tag != LIST:
            raise _not_allowed(node)
        return [self.value(item, depth + 1) for item in node.value]

    def _mapping(self, node: MappingNode, depth: int) -> Fields:
        if node.tag != MAPPING:
            raise _not_allowed(node)
        result: JsonObject = {}
        for key, value in node.value:
            if type(key) is not ScalarNode:
                raise _NodeError(key, "a key is no plain text; quote it")
            if key.tag != TEXT:
                _check_key(key)
            if key.value in result and len(self.findings) < MAX_FINDINGS:
                mark = key.start_mark
                position = FilePlace(
                    self.file, mark.line + 1, mark.column + 1, self.text
                )
                message = f"key '{key.value}' occurs twice in one mapping; rename or remove one"
                self.findings.append(Diagnostic("OAM106", message, position))
            result[key.value] = self.value(value, depth + 1)
        return result


def _scalar(node: ScalarNode) -> Any:
    text = node.value
    kind = node.tag.removeprefix(TAG)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in _TRUE
    if kind == "int":
        # Octal, sexagesimal and underscored integers mean different numbers to different readers.
        if not _INT.match(text) or len(text) > 18:
            message = (
                f"number '{text[:40]}' is not plain decimal; quote it if it is "
                "text"
            )
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
        message = (
            f"number '{node.value[:40]}' has no JSON form; quote it if it is "
            "text"
        )
        raise _NodeError(node, message)
    return number


def _check_key(node: ScalarNode) -> None:
    if node.tag == TAG + "merge":
        message = (
            "merge keys (<<) have different meanings in different readers; "
            "write the fields out"
        )
        raise _NodeError(node, message)
    _scalar(node)


def _not_allowed(node: Node) -> _NodeError:
    tag = node.tag.replace(TAG, "!!")[:60]
    return _NodeError(node, f"tag '{tag}' is not allowed; remove it")


def as_mapping(value: Any) -> Fields:
    """Return the value if it is a mapping, else an empty mapping."""
    return value if isinstance(value, dict) else {}


def as_texts(value: Any) -> Texts:
    """Return the texts of a mapping by name. Other values are left out."""
    return {
        name: text
        for name, text in as_mapping(value).items()
        if isinstance(text, str)
    }


def as_text(value: Any) -> str:
    """Return the value if it is a text, else an empty text."""
    return value if isinstance(value, str) else ""
