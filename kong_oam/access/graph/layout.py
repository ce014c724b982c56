"""Layout of a drawing: four columns from callers to components, and a strip for each called
component.

A strip has a component with its roles and scopes. The strips are sorted by name, so that a change
moves little. A caller stands beside the middle component of its calls. All text is inside boxes as
wide as the longest line, so nothing overlaps.
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

# Pixels of a character in a monospaced font: in a name (13px) and in a line (11px).
NAME_WIDTH = 7.9
LINE_WIDTH = 6.7
NAME_HEIGHT = 18
LINE_HEIGHT = 15
PADDING = 10
BOX_WIDTH = 264
COLUMN = BOX_WIDTH + 56  # with the gap after it
WIDTH = COLUMN * len(LAYERS) - 56
_GAP, _STRIP_GAP = 10, 18  # between boxes, and additionally between strips
_LONGEST_NAME, _LONGEST_LINE = 30, 36  # in characters
_MOST_LINES, _MOST_OF_A_TEXT = 9, 3  # lines of a box, and of each text in it


Line = tuple[str, Change | None]


@dataclass(frozen=True, slots=True)
class Box:
    """A drawn node, with its upper left corner."""

    node: Node
    lines: tuple[Line, ...]
    x: int
    y: int

    @property
    def height(self) -> int:
        return NAME_HEIGHT + LINE_HEIGHT * (len(self.lines) - 1) + PADDING


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout in pixels. `strips` are the upper edges of the strips."""

    height: int
    strips: tuple[int, ...]
    boxes: tuple[Box, ...]


def cells(text: str) -> int:
    """Return the width of a text in characters of a monospaced font."""
    return sum(
        2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def cut(text: str, longest: int) -> str:
    """Return the text on one line; if it is too long, its beginning and its end."""
    text = printable(text)
    if cells(text) <= longest:
        return text
    half = (longest - 1) // (2 if text.isascii() else 4)
    return f"{text[:half]}…{text[-half:]}"


def layout(graph: Graph) -> Layout:
    """Return the layout of a graph. Equal graphs have equal layouts."""
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


# The last strip: any token of a provider, and callers without calls.
_LAST = "~"


def _strip(graph: Graph, node: Node) -> str:
    """Return the component whose strip has the node. Any token, and components that only any token
    opens, are in the last strip."""
    if node.kind == "component":
        sources = [
            graph.by_id[edge.source] for edge in graph.entering.get(node.id, ())
        ]
        has_own = not sources or any(
            source.component or source.kind != "token" for source in sources
        )
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
    """Yield the details of a node, and the labels of edges that are printed in its box."""
    for detail in node.details:
        yield detail, None
    for edge in graph.entering.get(node.id, ()):
        source = graph.by_id[edge.source]
        if node.kind in ("role", "token") or edge.is_connection:
            yield from _label_lines(edge, f"{source.name}: ")
        elif source.kind == "token":
            yield from _label_lines(edge)
    if node.kind in ("scope", "public"):
        for edge in graph.leaving.get(node.id, ()):
            yield from _label_lines(edge)


def _label_lines(edge: Edge, source: str = "") -> Iterator[Line]:
    for line in edge.label:
        yield f"{SIGNS[edge.change]}{source}{line}", edge.change
