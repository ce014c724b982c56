"""Where everything of a picture goes: four columns from who calls to what is called, and a strip
per called component.

A component's roles, scopes and itself stand beside each other in its strip, the strips one below
the other in order of their names, so that a change moves little. Who calls stands beside the middle
one of those that it calls. All text is in boxes, which are as wide as the longest line: nothing
overlaps.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap

from kong_oam.access.graph.graph import (
    LAYER,
    LAYERS,
    SIGNS,
    Change,
    Edge,
    Graph,
    Node,
)
from kong_oam.diagnostics import printable

# Pixels of a character of a monospaced font, of a name (13px) and of a line (11px).
NAME_WIDTH = 7.9
LINE_WIDTH = 6.7
NAME_HEIGHT = 18
LINE_HEIGHT = 15
PADDING = 10
BOX_WIDTH = 264
COLUMN = BOX_WIDTH + 56  # with the gap behind it
WIDTH = COLUMN * len(LAYERS) - 56
_GAP, _STRIP_GAP = 10, 18  # between boxes, and besides between strips
_LONGEST_NAME, _LONGEST_LINE = 30, 36  # in characters
_MOST_LINES, _MOST_OF_A_TEXT = 9, 3  # lines of a box, and of one text in it


Line = tuple[str, Change | None]


@dataclass(frozen=True, slots=True)
class Box:
    """A node as it is drawn, with its left upper corner."""

    node: Node
    lines: tuple[Line, ...]
    x: int
    y: int

    @property
    def height(self) -> int:
        return NAME_HEIGHT + LINE_HEIGHT * (len(self.lines) - 1) + PADDING


@dataclass(frozen=True, slots=True)
class Layout:
    """All in pixels. `strips` are the upper edges of the strips."""

    height: int
    strips: tuple[int, ...]
    boxes: tuple[Box, ...]


def cells(text: str) -> int:
    """How many characters of a monospaced font the text is wide."""
    return sum(
        2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def cut(text: str, longest: int) -> str:
    """The text on one line; of a long one its beginning and its end."""
    text = printable(text)
    if cells(text) <= longest:
        return text
    half = (longest - 1) // (2 if text.isascii() else 4)
    return f"{text[:half]}…{text[-half:]}"


def layout(graph: Graph) -> Layout:
    """Lay the graph out. The same graph is laid out the same."""
    columns_by_strip: dict[str, tuple[list[Node], ...]] = {}
    for node in graph.nodes:
        strip = _strip(graph, node)
        columns = columns_by_strip.setdefault(strip, ([], [], [], []))
        columns[LAYER[node.kind]].append(node)
    strips = []
    boxes = []
    top = below = 0
    for _, columns in sorted(columns_by_strip.items()):
        strips.append(top)
        for number, nodes in enumerate(columns):
            y = top
            for node in nodes:
                boxes.append(Box(node, _lines(graph, node), number * COLUMN, y))
                y += boxes[-1].height + _GAP
            below = max(below, y)
        top = below + _STRIP_GAP
    return Layout(below, tuple(strips), tuple(boxes))


# The strip of what belongs to no component: any token of a provider, and who calls nothing.
_LAST = "~"


def _strip(graph: Graph, node: Node) -> str:
    """The component beside which a node stands. Any token of a provider has none, nor has what it
    alone opens."""
    if node.kind == "component":
        sources = [
            graph.by_id[edge.source] for edge in graph.entering.get(node.id, ())
        ]
        has_own = not sources or any(source.component for source in sources)
        return node.component if has_own else _LAST
    if LAYER[node.kind]:
        return node.component or _LAST
    edges = graph.leaving.get(node.id)
    if not edges:
        return _LAST
    middle = edges[len(edges) // 2]
    return _strip(graph, graph.by_id[middle.target])


def _lines(graph: Graph, node: Node) -> tuple[Line, ...]:
    lines: list[Line] = [
        (cut(SIGNS[node.change] + node.name, _LONGEST_NAME), node.change)
    ]
    for text, change in box_lines(graph, node):
        wrapped = wrap(
            printable(text),
            _LONGEST_LINE,
            subsequent_indent="  ",
            max_lines=_MOST_OF_A_TEXT,
            placeholder="…",
        )
        lines += [(cut(part, _LONGEST_LINE), change) for part in wrapped]
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES - 1 :] = [
            (f"and {len(lines) - _MOST_LINES + 1} more", None)
        ]
    return tuple(lines)


def box_lines(graph: Graph, node: Node) -> Iterator[Line]:
    """The details of a node, and what lines of the picture say, in the box that they lead to or
    come from."""
    for detail in node.details:
        yield detail, None
    for edge in graph.entering.get(node.id, ()):
        source = graph.by_id[edge.source]
        if node.kind in ("role", "token"):
            yield from _label_lines(edge, f"{source.name}: ")
        elif source.kind == "token":
            yield from _label_lines(edge)
    if node.kind in ("scope", "public"):
        for edge in graph.leaving.get(node.id, ()):
            yield from _label_lines(edge)


def _label_lines(edge: Edge, source: str = "") -> Iterator[Line]:
    for line in edge.label:
        yield f"{SIGNS[edge.change]}{source}{line}", edge.change
