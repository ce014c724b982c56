"""A graph as SVG: one file without scripts, fonts or anything else from elsewhere, in light and in dark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from kong_oam.access.graph.graph import SIGNS, Edge, Graph, Kind, Node
from kong_oam.access.graph.layout import (
    COLUMN_GAP,
    LINE_HEIGHT,
    LINE_WIDTH,
    NAME_HEIGHT,
    NAME_WIDTH,
    PADDING,
    Block,
    Box,
    Line,
    Wire,
    cells,
    cut,
    layout,
    said,
)
from kong_oam.diagnostics import printable

_MARGIN, _HEAD, _WIDEST_TEXT = 24, 74, 960
_TITLE_WIDTH = 9.8  # pixels of a character of the title (16px)
_HEADERS = ("Who calls", "Role", "Scope", "Component")
_ROUND: dict[Kind, int] = {"group": 18, "client": 8, "role": 4, "token": 4, "scope": 4, "public": 4, "component": 0}

_STYLE = """
svg { --paper: #ffffff; --ink: #1f2328; --faint: #59636e; --line: #8c959f; --rule: #d8dee4;
  --added: #1a7f37; --removed: #cf222e; --group: #fff1e5; --client: #ddf4ff; --role: #f6f0ff; --scope: #f6f8fa;
  --public: #fff8c5; --component: #ffffff; color-scheme: light dark; background: var(--paper) }
@media (prefers-color-scheme: dark) { svg { --paper: #0d1117; --ink: #e6edf3; --faint: #9198a1; --line: #6e7681;
  --rule: #30363d; --added: #3fb950; --removed: #ff7b72; --group: #3d2515; --client: #0c2d4b; --role: #2b1f47;
  --scope: #161b22; --public: #3a2e0b; --component: #0d1117 } }
text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace;
  font-size: 11px; fill: var(--faint); white-space: pre }
.paper { fill: var(--paper) }
.title { font-size: 16px; font-weight: 600; fill: var(--ink) }
.head { font-weight: 600 }
.name { font-size: 13px; font-weight: 600; fill: var(--ink) }
.rule { stroke: var(--rule); stroke-width: 1 }
.box { stroke: var(--line) }
.group .box { fill: var(--group) }
.client .box { fill: var(--client) }
.role .box, .token .box { fill: var(--role) }
.scope .box { fill: var(--scope) }
.public .box { fill: var(--public) }
.component .box { fill: var(--component); stroke-width: 2 }
.wire path { fill: none; stroke: var(--line); stroke-width: 1.2 }
.wire .idle { stroke-dasharray: 1.5 4 }
.wire path.added, .added .box { stroke: var(--added); stroke-width: 2.6 }
.wire path.removed, .removed .box { stroke: var(--removed); stroke-width: 2; stroke-dasharray: 7 4 }
text.added { fill: var(--added) }
text.removed { fill: var(--removed) }
.sign circle { fill: var(--paper) }
.sign text { font-size: 14px; font-weight: 700; text-anchor: middle }
.wire:hover path { stroke: var(--ink); stroke-width: 3 }
"""


def svg(graph: Graph) -> str:
    """The graph as an SVG document, with a text for screen readers at each box and each line."""
    return "".join(f"{line}\n" for line in _document(graph))


def _document(graph: Graph) -> Iterator[str]:
    placed = layout(graph)
    legend = [*_legend(graph)]
    notes = [*legend, *([""] if legend and graph.notes else []), *graph.notes]
    texts = max([cells(graph.title) * _TITLE_WIDTH, *(cells(note) * LINE_WIDTH for note in notes)])
    width = round(max(placed.width, min(texts, _WIDEST_TEXT)) + 2 * _MARGIN)
    characters = int((width - 2 * _MARGIN) / LINE_WIDTH)
    top = _HEAD if graph.edges or graph.nodes else _HEAD - LINE_HEIGHT
    below = round(top + placed.height + 2 * LINE_HEIGHT)
    height = below + LINE_HEIGHT * len(notes) + _MARGIN - LINE_HEIGHT // 2
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'role="graphics-document" aria-labelledby="access-title access-notes" lang="en">'
    )
    yield f'<title id="access-title">{_text(graph.title)}</title>'
    yield f'<desc id="access-notes">{_text(" ".join(graph.notes))}</desc>'
    yield f"<style>{_STYLE}</style>"
    yield f'<rect class="paper" width="{width}" height="{height}"/>'
    title = _text(cut(graph.title, int(characters * LINE_WIDTH / _TITLE_WIDTH)))
    yield f'<text class="title" x="{_MARGIN}" y="36">{title}</text>'
    for name, (x, filled) in zip(_HEADERS, placed.columns, strict=True):
        if filled:
            yield f'<text class="head" x="{_number(_MARGIN + x)}" y="{_HEAD - 10}">{name}</text>'
    yield f'<g transform="translate({_MARGIN} {top})">'
    inside: dict[int | None, list[Wire]] = {}
    for wire in placed.wires:
        inside.setdefault(wire.block, []).append(wire)
    yield from (_wire(graph, wire, 0) for wire in inside.get(None, ()))
    for number, block in enumerate(placed.blocks):
        yield from _block(graph, block, inside.get(number, ()), placed.width)
    yield "</g>"
    for number, note in enumerate(notes):
        sign = {"+": " added", "−": " removed"}.get(note[:1], "")  # noqa: RUF001 - a minus
        text = _text(cut(note, characters))
        yield f'<text class="line{sign}" x="{_MARGIN}" y="{below + LINE_HEIGHT * number}">{text}</text>'
    yield "</svg>"


def _legend(graph: Graph) -> Iterator[str]:
    if any(node.groups for node in graph.nodes):
        yield "Users call through an application that is for a group of theirs, with the scopes that both have."
    if any(edge.idle for edge in graph.edges):
        yield "Dotted: nothing passes."
    if graph.since and graph.edges:
        yield "Thick and + : added. Dashed and − : taken away. All else: as before."  # noqa: RUF001 - a minus


def _block(graph: Graph, block: Block, wires: Iterable[Wire], width: float) -> Iterator[str]:
    """A block in a group of its own, so that one that moves changes one line of the file."""
    yield f'<g transform="translate(0 {_number(block.y)})">'
    if block.y:
        yield f'<path class="rule" d="M0 -14H{_number(width)}"/>'
    yield from (_wire(graph, wire, block.y) for wire in wires)
    for box in block.boxes:
        yield from _box(graph, box)
    yield "</g>"


def _box(graph: Graph, box: Box) -> Iterator[str]:
    node = box.node
    change = f" {node.change}" if node.change else ""
    yield f'<g class="{node.kind}{change}"><title>{_text(_told(graph, node))}</title>'
    yield (
        f'<rect class="box" x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" '
        f'height="{box.height}" rx="{_ROUND[node.kind]}"/>'
    )
    y = box.y + PADDING / 2 + 13
    for number, line in enumerate(box.lines):
        yield _line(line, box.x + PADDING, y, named=number == 0)
        y += NAME_HEIGHT - 2 if number == 0 else LINE_HEIGHT
    yield "</g>"


def _line(line: Line, x: float, y: float, *, named: bool) -> str:
    classes = f"{'name' if named else 'line'}{f' {line.change}' if line.change else ''}"
    # A font may lack letters, and those of another are as wide as they like.
    width = cells(line.text) * (NAME_WIDTH if named else LINE_WIDTH)
    fitted = "" if line.text.isascii() else f' textLength="{_number(width)}" lengthAdjust="spacingAndGlyphs"'
    return f'<text class="{classes}" x="{_number(x)}" y="{_number(y)}"{fitted}>{_text(line.text)}</text>'


def _told(graph: Graph, node: Node) -> str:
    """All that the box says, uncut: what a pointer shows, and a screen reader reads."""
    change = {"added": "added", "removed": "taken away", None: ""}[node.change]
    lines = [f"{node.kind} {node.name}", change, *node.details, *(text for text, _ in said(graph, node))]
    return "\n".join(map(printable, filter(None, lines)))


def _wire(graph: Graph, wire: Wire, top: float) -> str:
    edge, x, y, to_x, to_y = wire.edge, wire.start[0], wire.start[1] - top, wire.end[0], wire.end[1] - top
    bend = max((to_x - x) / 2, COLUMN_GAP / 2)
    kind = f' class="{edge.change or "idle"}"' if edge.change or edge.idle else ""
    path = f"M{_number(x)} {_number(y)}C{_number(x + bend)} {_number(y)} {_number(to_x - bend)} {_number(to_y)}"
    drawn = f'<path{kind} d="{path} {_number(to_x)} {_number(to_y)}"/>'
    sign = _sign(edge, (x + to_x) / 2, (y + to_y) / 2) if edge.change else ""
    return f'<g class="wire"><title>{_text(_passing(graph, edge))}</title>{drawn}{sign}</g>'


def _sign(edge: Edge, x: float, y: float) -> str:
    return (
        f'<g class="sign"><circle cx="{_number(x)}" cy="{_number(y)}" r="7"/>'
        f'<text class="{edge.change}" x="{_number(x)}" y="{_number(y + 5)}">{SIGNS[edge.change].strip()}</text></g>'
    )


def _passing(graph: Graph, edge: Edge) -> str:
    ends = f"{graph.by_id[edge.source].name} to {graph.by_id[edge.target].name}"
    change = {"added": "added: ", "removed": "taken away: ", None: ""}[edge.change]
    return f"{change}{ends}: {', '.join(edge.items or edge.label)}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _text(text: str) -> str:
    """A text to stand between tags, of characters that XML has; lines stay lines."""
    return escape("\n".join(map(printable, text.split("\n"))), quote=False)
