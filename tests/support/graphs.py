"""Graphs for tests: with hostile names, and small strict readers of Mermaid and of DOT."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from kong_oam.access.graph.graph import (
    Change,
    Edge,
    Graph,
    Kind,
    Node,
    edges_in_order,
    in_order,
)

HOSTILE = (
    '"]; click a "javascript:alert(1)"',
    "</text><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "]]></style>&lt;&#60;#60;",
    'a" label="b',
    "a\\",
    "\\N\\G\\l\\",
    'x\\" -> y',
    "%%{init: {}}%%",
    "```\n# heading",
    "---\ntitle: x\n---",
    "end",
    "1. first",
    "- list",
    "fa:fa-car",
    "$$x^2$$",
    "ﬂ°°60¶ß",
    "\u202egnp.exe",
    "\ud800",
    "\x00\x1b[31m\x07",
    "漢字" * 40,
    "a" * 300,
    "{x}|y|;z",
    "a<br/>b",
)
"""Texts with a meaning in one of the three forms, or in a terminal."""

_NAMES = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30))
_CHANGES: st.SearchStrategy[Change | None] = st.sampled_from(
    (None, None, "added", "removed")
)
_LAYERED: tuple[tuple[Kind, Kind], ...] = (
    ("group", "role"),
    ("client", "role"),
    ("client", "token"),
    ("role", "scope"),
    ("scope", "component"),
    ("public", "component"),
    ("token", "component"),
    ("pods", "component"),
    ("peer", "component"),
    ("consumer", "role"),
)


@st.composite
def graphs(draw: st.DrawFn, names: st.SearchStrategy[str] = _NAMES) -> Graph:
    """Draw a graph of up to some twenty nodes with such names everywhere, changed or not."""
    keys = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    nodes: dict[str, Node] = {}
    for kind in dict.fromkeys(kind for pair in _LAYERED for kind in pair):
        for name in draw(st.lists(names, max_size=3, unique=True)):
            component = (
                ""
                if kind
                in ("group", "client", "token", "pods", "peer", "consumer")
                else name
                if kind == "component"
                else keys[0]
            )
            details = tuple(draw(st.lists(names, max_size=2)))
            node = Node(kind, name, component, details, change=draw(_CHANGES))
            nodes[node.id] = node
    edges: dict[tuple[str, str, Change | None], Edge] = {}
    for source, target in _LAYERED:
        pairs = [
            (a.id, b.id)
            for a in nodes.values()
            if a.kind == source
            for b in nodes.values()
            if b.kind == target
        ]
        for start, end in (
            draw(st.lists(st.sampled_from(pairs), max_size=4)) if pairs else ()
        ):
            items, label, change = (
                draw(st.lists(names, max_size=2)),
                draw(st.lists(names, max_size=2)),
                draw(_CHANGES),
            )
            edges[start, end, change] = Edge(
                start, end, tuple(items), tuple(label), change
            )
    title, notes = draw(names), tuple(draw(st.lists(names, max_size=3)))
    return Graph(
        title, in_order(nodes.values()), edges_in_order(edges.values()), notes
    )


@dataclass(frozen=True)
class ParsedGraph:
    """A parsed graph: texts of nodes by name, and lines as source, target and text, in order."""

    nodes: Mapping[str, str]
    edges: Sequence[tuple[str, str, str]]


_TEXT = r'"((?:[^"<>{}\[\]|;&#`*$%\\]|#\d+;|<br/>)*)"'
_MERMAID_NODE = re.compile(
    rf"  (\w+)(?:\(\[|\(|\{{\{{|\[\[|\[/|\[){_TEXT}(?:\]\)|\)|\}}\}}|\]\]|/\]|\])(?::::\w+)?"
)
_MERMAID_EDGE = re.compile(
    rf"  (\w+) (?:-->|-\.->|==>|--x|--o)(?:\|{_TEXT}\|)? (\w+)"
)
_MERMAID_STYLE = re.compile(r"  (?:classDef \w+|linkStyle [\d,]+) [\w:#,\- ]+")


def read_mermaid(text: str) -> ParsedGraph:
    """Read a flowchart. Raises ValueError at any line with an unknown form."""
    first, kind, title, *lines = text.removesuffix("\n").split("\n")
    if (first, kind) != (
        '%%{init: {"flowchart": {"wrappingWidth": 480}}}%%',
        "flowchart LR",
    ):
        raise ValueError(first)
    if not re.fullmatch(
        r"  accTitle: (?:[^\"<>{}\[\]|;&#`*$%\\]|#\d+;)*", title
    ):
        raise ValueError(title)
    nodes: dict[str, str] = {}
    edges: list[tuple[str, str, str]] = []
    for line in lines:
        if node := _MERMAID_NODE.fullmatch(line):
            nodes[node[1]] = _decoded(node[2])
        elif edge := _MERMAID_EDGE.fullmatch(line):
            edges.append((edge[1], edge[3], _decoded(edge[2] or "")))
        elif not _MERMAID_STYLE.fullmatch(line):
            raise ValueError(line)
    return ParsedGraph(nodes, edges)


def _decoded(text: str) -> str:
    """Return the drawn text without the zero-width spaces that separate characters."""
    apart = (
        text.replace("#36;#8203;", "#36;")
        .replace("#58;#8203;", "#58;")
        .replace("<br/>", "\n")
    )
    return re.sub(r"#(\d+);", lambda code: chr(int(code[1])), apart)
