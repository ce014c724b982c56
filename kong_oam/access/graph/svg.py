"""A graph as SVG: one file for light and dark mode, without scripts, fonts or other external files.

Colours are literal: programs that draw SVG outside browsers ignore CSS variables.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from kong_oam.access.graph.graph import SIGNS, Change, Edge, Graph, Kind, Node
from kong_oam.access.graph.layout import (
    BOX_WIDTH,
    COLUMN,
    LINE_HEIGHT,
    LINE_WIDTH,
    NAME_HEIGHT,
    PADDING,
    WIDTH,
    Box,
    Line,
    box_lines,
    cut,
    layout,
)
from kong_oam.diagnostics import printable

_MARGIN = 24
_HEAD = 74
_LONGEST_TITLE = int(
    WIDTH / 9.8
)  # the width of a character of the title (16px)
_LONGEST_NOTE = int(WIDTH / LINE_WIDTH)
_HEADERS = ("Who calls", "Role", "Scope", "Component")
_ROUND: dict[Kind, int] = {
    "group": 14,
    "client": 8,
    "pods": 8,
    "peer": 8,
    "consumer": 8,
    "role": 4,
    "token": 4,
    "scope": 4,
    "public": 4,
    "component": 0,
}
_WORDS: dict[Change, str] = {"added": "added", "removed": "removed"}
# Added and removed items are drawn beside the unchanged edge.
_BESIDE = {None: 0, "added": -5, "removed": 5}

_STYLE = """
svg { background: #ffffff }
text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", \
"DejaVu Sans Mono", monospace;
  font-size: 11px; fill: #59636e; white-space: pre }
.paper, .sign circle { fill: #ffffff }
.title { font-size: 16px; font-weight: 600; fill: #1f2328 }
.head { font-weight: 600 }
.name { font-size: 13px; font-weight: 600; fill: #1f2328 }
.rule { stroke: #d8dee4; stroke-width: 1 }
.box { stroke: #8c959f }
.group .box { fill: #fff1e5 }
.client .box, .consumer .box { fill: #ddf4ff }
.role .box, .token .box { fill: #f6f0ff }
.scope .box { fill: #f6f8fa }
.public .box { fill: #fff8c5 }
.component .box { fill: #ffffff; stroke-width: 2 }
.wire path { fill: none; stroke: #8c959f; stroke-width: 1.2 }
.wire .idle { stroke-dasharray: 1.5 4 }
.wire path.added, .added .box { stroke: #1a7f37; stroke-width: 2.6 }
.wire path.removed, .removed .box { stroke: #cf222e; stroke-width: 2; stroke-dasharray: 7 4 }
text.added { fill: #1a7f37 }
text.removed { fill: #cf222e }
.sign text { font-size: 14px; font-weight: 700; text-anchor: middle }
.wire:hover path { stroke: #1f2328; stroke-width: 3 }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117 }
  text { fill: #9198a1 }
  .paper, .sign circle { fill: #0d1117 }
  .title, .name { fill: #e6edf3 }
  .rule { stroke: #30363d }
  .box { stroke: #6e7681 }
  .group .box { fill: #3d2515 }
  .client .box, .consumer .box { fill: #0c2d4b }
  .role .box, .token .box { fill: #2b1f47 }
  .scope .box { fill: #161b22 }
  .public .box { fill: #3a2e0b }
  .component .box { fill: #0d1117 }
  .wire path { stroke: #6e7681 }
  .wire path.added, .added .box { stroke: #3fb950 }
  .wire path.removed, .removed .box { stroke: #ff7b72 }
  text.added { fill: #3fb950 }
  text.removed { fill: #ff7b72 }
  .wire:hover path { stroke: #e6edf3 }
}
"""

# Only for graphs with connections.
_CONNECTION_STYLE = """
.pods .box, .peer .box { fill: #dafbe1 }
.wire .connection { stroke-dasharray: 9 3 2 3 }
@media (prefers-color-scheme: dark) {
  .pods .box, .peer .box { fill: #12261e }
}
"""


def svg(graph: Graph) -> str:
    """Return the graph as an SVG document, with a text for screen readers at each box and edge."""
    return "\n".join((*_document(graph), ""))


def _document(graph: Graph) -> Iterator[str]:
    placed = layout(graph)
    notes = [*_legend(graph), *graph.notes]
    below = _HEAD + placed.height + LINE_HEIGHT
    width = WIDTH + 2 * _MARGIN
    height = below + LINE_HEIGHT * len(notes) + _MARGIN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 '
        f'{width} {height}" '
        'role="graphics-document" aria-labelledby="access-title access-notes" lang="en">'
    )
    yield f'<title id="access-title">{_text(graph.title)}</title>'
    yield f'<desc id="access-notes">{_text(" ".join(graph.notes))}</desc>'
    connection_style = _CONNECTION_STYLE if _has_connections(graph) else ""
    yield f"<style>{_STYLE}{connection_style}</style>"
    yield f'<rect class="paper" width="{width}" height="{height}"/>'
    yield (
        f'<text class="title" x="{_MARGIN}" y="36">{_text(cut(graph.title, _LONGEST_TITLE))}</text>'
    )
    for number, name in enumerate(_HEADERS):
        yield f'<text class="head" x="{_MARGIN + number * COLUMN}" y="{_HEAD - 10}">{name}</text>'
    yield f'<g transform="translate({_MARGIN} {_HEAD})">'
    for top in placed.strips[1:]:
        yield f'<path class="rule" d="M0 {top - 14}H{WIDTH}"/>'
    boxes = {box.node.id: box for box in placed.boxes}
    for edge in graph.edges:
        yield _wire(edge, boxes[edge.source], boxes[edge.target])
    for box in placed.boxes:
        yield from _box(graph, box)
    yield "</g>"
    for number, note in enumerate(notes):
        sign = {"+": " added", "−": " removed"}.get(note[:1], "")  # noqa: RUF001 - a minus
        text = _text(cut(note, _LONGEST_NOTE))
        yield (
            f'<text class="line{sign}" x="{_MARGIN}" '
            f'y="{below + LINE_HEIGHT * number}">{text}</text>'
        )
    yield "</svg>"


def _has_connections(graph: Graph) -> bool:
    return any(edge.is_connection for edge in graph.edges)


def _legend(graph: Graph) -> Iterator[str]:
    if any(node.groups for node in graph.nodes):
        yield (
            "Users call through a client of one of their groups, with the scopes that both the "
            "client and their groups have."
        )
    if any(edge.idle for edge in graph.edges):
        yield "Dotted: no effect."
    if _has_connections(graph):
        yield "Dash-dotted: a connection inside the cluster, past the gateway."
    changes = {node.change for node in graph.nodes}
    changes.update(edge.change for edge in graph.edges)
    if changes - {None}:
        yield (
            "Thick and + : added. Dashed and − : removed. "  # noqa: RUF001
            "All else: unchanged."
        )


def _box(graph: Graph, box: Box) -> Iterator[str]:
    node = box.node
    yield (
        f'<g class="{node.kind} {node.change or ""}">'
        f"<title>{_text(_description(graph, node))}</title>"
    )
    size = f'width="{BOX_WIDTH}" height="{box.height}"'
    yield f'<rect class="box" x="{box.x}" y="{box.y}" {size} rx="{_ROUND[node.kind]}"/>'
    x = box.x + PADDING
    y = box.y + NAME_HEIGHT
    name, *lines = box.lines
    yield _line("name", name, x, y)
    for number, line in enumerate(lines, 1):
        yield _line("line", line, x, y + LINE_HEIGHT * number)
    yield "</g>"


def _line(kind: str, line: Line, x: int, y: int) -> str:
    text, change = line
    return f'<text class="{kind} {change or ""}" x="{x}" y="{y}">{_text(text)}</text>'


def _description(graph: Graph, node: Node) -> str:
    """Return the full text of a box, for tooltips and screen readers."""
    change = [_WORDS[node.change]] if node.change else []
    lines = [
        f"{node.kind} {node.name}",
        *change,
        *(text for text, _ in box_lines(graph, node)),
    ]
    return "\n".join(map(printable, lines))


def _wire(edge: Edge, source: Box, target: Box) -> str:
    beside = _BESIDE[edge.change]
    x = source.x + BOX_WIDTH
    y = source.y + source.height // 2 + beside
    to_x = target.x
    to_y = target.y + target.height // 2 + beside
    middle = (x + to_x) // 2
    kind = edge.change or (
        "idle" * edge.idle or "connection" * edge.is_connection
    )
    named = f' class="{kind}"' if kind else ""
    drawn = f'<path{named} d="M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}"/>'
    sign = _sign(edge, middle, (y + to_y) // 2) if edge.change else ""
    return (
        f'<g class="wire"><title>{_text(_passing(edge, source, target))}</title>'
        f"{drawn}{sign}</g>"
    )


def _sign(edge: Edge, x: int, y: int) -> str:
    sign = SIGNS[edge.change].strip()
    text = f'<text class="{edge.change}" x="{x}" y="{y + 5}">{sign}</text>'
    return f'<g class="sign"><circle cx="{x}" cy="{y}" r="7"/>{text}</g>'


def _passing(edge: Edge, source: Box, target: Box) -> str:
    change = f"{_WORDS[edge.change]}: " if edge.change else ""
    return (
        f"{change}{source.node.name} to {target.node.name}: "
        f"{', '.join(edge.items or edge.label)}"
    )


def _text(text: str) -> str:
    """Return a text for XML, with its line breaks."""
    return escape("\n".join(map(printable, text.split("\n"))), quote=False)
