"""Where everything of a picture goes: four columns from who calls to what is called, and a block per called component.

A component's roles, scopes and itself stand beside each other in its block, the blocks one below the other in order of
their names, so that a change moves little. Who calls stands beside what it calls most. All text is in boxes, and boxes
are as large as their text: nothing overlaps.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from statistics import fmean, median_low
from textwrap import wrap

from kong_oam.access.graph.graph import LAYER, LAYERS, SIGNS, Change, Edge, Graph, Node
from kong_oam.diagnostics import printable

NAME_WIDTH, LINE_WIDTH = 7.9, 6.7  # pixels of a character of a monospaced font, of a name (13px) and of a line (11px)
NAME_HEIGHT, LINE_HEIGHT, PADDING = 18, 15, 10
GAP, BLOCK_GAP, COLUMN_GAP = 10, 28, 56  # between boxes, blocks, columns
_LONGEST_NAME, _LONGEST_LINE, _MOST_LINES = 30, 36, 9  # in characters, and lines of a box
_DETAIL_LINES = 3
_STEP = 48  # columns grow by so much, so that most names move nothing


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A node as it is drawn. `y` is from the top of its block."""

    node: Node
    lines: tuple[Line, ...]
    x: float = 0
    y: float = 0
    width: float = 0

    @property
    def height(self) -> int:
        return NAME_HEIGHT + LINE_HEIGHT * (len(self.lines) - 1) + PADDING


@dataclass(frozen=True, slots=True)
class Wire:
    """An edge as it is drawn, from and to a point of the picture; `block`: the number of the one that it stays in."""

    edge: Edge
    start: tuple[float, float]
    end: tuple[float, float]
    block: int | None


@dataclass(frozen=True, slots=True)
class Block:
    y: float
    height: float
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """All in pixels. `columns` are their left edges and widths; one with nothing in it has none."""

    width: float
    height: float
    columns: tuple[tuple[float, float], ...]
    blocks: tuple[Block, ...]
    wires: tuple[Wire, ...]


def cells(text: str) -> int:
    """How many characters of a monospaced font the text is wide."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def cut(text: str, longest: int = _LONGEST_LINE) -> str:
    """The text on one line; of a long one its beginning and its end."""
    text = printable(text)
    if cells(text) <= longest:
        return text
    half = (longest - 1) // (2 if text.isascii() else 4)
    return f"{text[:half]}…{text[-half:]}"


def layout(graph: Graph) -> Layout:
    """Lays the graph out. The same graph is laid out the same."""
    rows = _rows(graph)
    callers = _callers(graph, rows)
    drafts = []
    for key in [*rows, *([_NOWHERE] if callers[_NOWHERE] else [])]:
        columns_of_block = rows.get(key, [[]] * len(LAYERS[1:]))
        drafts.append([[_box(graph, node) for node in column] for column in (callers[key], *columns_of_block)])
    columns, width = _columns(drafts)
    blocks: list[Block] = []
    for draft in drafts:
        blocks.append(_block(draft, columns, blocks[-1].y + blocks[-1].height + BLOCK_GAP if blocks else 0))
    height = blocks[-1].y + blocks[-1].height if blocks else 0
    return Layout(width, height, tuple(columns), tuple(blocks), tuple(_wires(graph, blocks)))


def _rows(graph: Graph) -> dict[str, list[list[Node]]]:
    """By block, the nodes of the columns behind the first, each in an order in which few lines cross."""
    keys = {node.id: _block_key(graph, node) for node in graph.nodes if LAYER[node.kind]}
    rows: dict[str, list[list[Node]]] = {key: [[] for _ in LAYERS[1:]] for key in sorted({*keys.values()})}
    for id_, key in keys.items():
        node = graph.by_id[id_]
        rows[key][LAYER[node.kind] - 1].append(node)
    for roles, scopes, _ in rows.values():
        for _ in range(2):
            _untangle(roles, scopes, graph.leaving, lambda edge: edge.target)
            _untangle(scopes, roles, graph.entering, lambda edge: edge.source)
    return rows


def _block_key(graph: Graph, node: Node) -> str:
    """Components at which any token of a provider will do are one block, which comes after all others."""
    tokens = [edge.source for edge in graph.entering.get(node.id, ()) if graph.by_id[edge.source].kind == "token"]
    if node.kind == "token" and not node.component:
        return f"~{node.id}"
    alone = tokens and len(graph.entering[node.id]) == len(tokens)
    return _block_key(graph, graph.by_id[tokens[0]]) if node.kind == "component" and alone else node.component


def _untangle(
    nodes: list[Node], others: Sequence[Node], edges: Mapping[str, tuple[Edge, ...]], end: Callable[[Edge], str]
) -> None:
    """Sorts nodes by the mean place of those that they are connected with (the barycenter heuristic)."""
    places = {node.id: number for number, node in enumerate(others)}

    def mean(node: Node) -> float:
        near = [places[end(edge)] for edge in edges.get(node.id, ()) if end(edge) in places]
        return fmean(near) if near else len(others)

    nodes.sort(key=mean)


def _callers(graph: Graph, rows: Mapping[str, list[list[Node]]]) -> dict[str, list[Node]]:
    """Who calls, by the block that it stands beside: the middle one of those that its lines lead to."""
    drawn = [(node.id, key) for key, row in rows.items() for column in row for node in column]
    places = {id_: (number, key) for number, (id_, key) in enumerate(drawn)}
    callers: dict[str, list[tuple[float, Node]]] = {key: [] for key in (*rows, _NOWHERE)}
    for node in graph.nodes:
        if LAYER[node.kind]:
            continue
        ends = sorted(places[edge.target] for edge in graph.leaving.get(node.id, ()))
        key = median_low(ends)[1] if ends else _NOWHERE
        callers[key].append((fmean(number for number, _ in ends) if ends else 0, node))
    return {key: [node for _, node in sorted(beside, key=itemgetter(0))] for key, beside in callers.items()}


_NOWHERE = "~~"
"""The block of those who call nothing."""


def _box(graph: Graph, node: Node) -> Box:
    lines = [Line(cut(SIGNS[node.change] + node.name, _LONGEST_NAME), node.change)]
    lines += [Line(cut(part)) for detail in node.details for part in _wrapped(detail)]
    lines += [Line(cut(part), change) for text, change in said(graph, node) for part in _parted(text)]
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES - 1 :] = [Line(f"and {len(lines) - _MOST_LINES + 1} more")]
    return Box(node, tuple(lines))


def _wrapped(text: str) -> Iterator[str]:
    """A description, or a list of groups, on as many lines as there is room for."""
    lines = wrap(printable(text), _LONGEST_LINE, break_long_words=False, break_on_hyphens=False)
    yield from lines[:_DETAIL_LINES]
    if len(lines) > _DETAIL_LINES:
        yield "…"


def _parted(text: str) -> Iterator[str]:
    """What a request needs besides, on a line of its own where one is not long enough."""
    request, needing, others = text.partition(" with ")
    yield from (request, f"  with {others}") if needing and cells(text) > _LONGEST_LINE else (text,)


def said(graph: Graph, node: Node) -> Iterator[tuple[str, Change | None]]:
    """What lines of the picture say, in the box that they lead to or come from."""
    for edge in graph.entering.get(node.id, ()):
        source = graph.by_id[edge.source]
        if node.kind in ("role", "token"):
            yield from ((f"{SIGNS[edge.change]}{source.name}: {line}", edge.change) for line in edge.label)
        elif source.kind == "token":
            yield from ((SIGNS[edge.change] + line, edge.change) for line in edge.label)
    if node.kind in ("scope", "public"):
        for edge in graph.leaving.get(node.id, ()):
            yield from ((SIGNS[edge.change] + line, edge.change) for line in edge.label)


def _columns(drafts: Iterable[list[list[Box]]]) -> tuple[list[tuple[float, float]], float]:
    """The left edge and the width of each column, and the width of all."""
    widths = [0.0] * len(LAYERS)
    for draft in drafts:
        for number, boxes in enumerate(draft):
            widths[number] = max([widths[number], *map(_width, boxes)])
    columns, x = [], 0.0
    for width in widths:
        columns.append((x, width))
        x += width + COLUMN_GAP if width else 0
    return columns, max(x - COLUMN_GAP, 0)


def _width(box: Box) -> float:
    name, *lines = box.lines
    needed = max([cells(name.text) * NAME_WIDTH, *(cells(line.text) * LINE_WIDTH for line in lines)]) + 2 * PADDING
    return -(-needed // _STEP) * _STEP


def _block(draft: Sequence[Sequence[Box]], columns: Sequence[tuple[float, float]], top: float) -> Block:
    heights = [sum(box.height + GAP for box in boxes) - GAP for boxes in draft]
    height, placed = max(heights), []
    for boxes, own, (x, width) in zip(draft, heights, columns, strict=True):
        y = (height - own) / 2
        for box in boxes:
            placed.append(replace(box, x=x, y=y, width=width))
            y += box.height + GAP
    return Block(top, height, tuple(placed))


def _wires(graph: Graph, blocks: Iterable[Block]) -> Iterator[Wire]:
    boxes = {box.node.id: (number, block, box) for number, block in enumerate(blocks) for box in block.boxes}
    for edge in graph.edges:
        number, block, box = boxes[edge.source]
        other_number, other_block, other = boxes[edge.target]
        # What changed on a line is drawn beside what is left of it.
        beside = {None: 0, "added": -_BESIDE, "removed": _BESIDE}[edge.change]
        start = box.x + box.width, block.y + box.y + box.height / 2 + beside
        end = other.x, other_block.y + other.y + other.height / 2 + beside
        yield Wire(edge, start, end, number if number == other_number else None)


_BESIDE = 5
