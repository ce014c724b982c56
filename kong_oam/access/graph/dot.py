"""A graph as DOT, for Graphviz and what reads its files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from kong_oam.access.graph.graph import LAYERS, SIGNS, Change, Edge, Graph, Kind
from kong_oam.diagnostics import printable

_SHAPES: Mapping[Kind, str] = {
    "group": "oval",
    "client": "box, style=rounded",
    "role": "hexagon",
    "token": "hexagon",
    "scope": "box",
    "public": "parallelogram",
    "component": "box, peripheries=2",
}
_CHANGED: Mapping[Change, str] = {
    "added": 'color="#1a7f37", fontcolor="#1a7f37", penwidth=3',
    "removed": 'color="#cf222e", fontcolor="#cf222e", style=dashed',
}


def dot(graph: Graph) -> str:
    """The graph as one digraph, left to right, with a rank for each layer."""
    return "".join(f"{line}\n" for line in _lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    yield "digraph access {"
    yield "  rankdir=LR"
    yield f"  label={_text([graph.title, *graph.notes], end='l')}"
    yield (
        '  labeljust=l; fontname="sans-serif"; node [fontname="sans-serif"]; edge '
        '[fontname="sans-serif"]'
    )
    for node in graph.nodes:
        label = _text([SIGNS[node.change] + node.name, *node.details])
        more = f", {_CHANGED[node.change]}" if node.change else ""
        yield f"  {graph.slugs[node.id]} [label={label}, shape={_SHAPES[node.kind]}{more}]"
    for kinds in LAYERS:
        if same := [graph.slugs[node.id] for node in graph.nodes if node.kind in kinds]:
            yield f"  {{ rank=same; {'; '.join(same)} }}"
    for edge in graph.edges:
        yield f"  {graph.slugs[edge.source]} -> {graph.slugs[edge.target]}{_attributes(edge)}"
    yield "}"


def _attributes(edge: Edge) -> str:
    attributes = [_CHANGED[edge.change]] if edge.change else ["style=dotted"] if edge.idle else []
    if edge.label or edge.change:
        attributes.insert(
            0, f"label={_text(SIGNS[edge.change] + line for line in edge.label or ('',))}"
        )
    return f" [{', '.join(attributes)}]" if attributes else ""


def _text(lines: Iterable[str], end: str = "n") -> str:
    """A quoted string. Graphviz reads backslashes and entities of HTML in it, but for those
    here."""
    escaped = (
        printable(line).strip().replace("\\", "\\\\").replace("&", "&amp;").replace('"', '\\"')
        for line in lines
    )
    return '"' + "".join(f"{line}\\{end}" for line in escaped).removesuffix("\\n") + '"'
