"""A graph as Mermaid for GitHub: within Mermaid's limits, and without text read as markup."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from kong_oam.access.graph.graph import SIGNS, Change, Edge, Graph, Kind
from kong_oam.access.graph.view import of_components
from kong_oam.diagnostics import printable

# Mermaid's default limits (maxTextSize, counted in units of UTF-16; maxEdges). Beyond them Mermaid
# shows an error instead of a drawing.
MOST_CHARACTERS = 50_000
MOST_EDGES = 500

_SHAPES: Mapping[Kind, tuple[str, str]] = {
    "group": ("([", "])"),
    "client": ("(", ")"),
    "pods": ("(", ")"),
    "peer": ("(", ")"),
    "consumer": ("(", ")"),
    "role": ("{{", "}}"),
    "token": ("{{", "}}"),
    "scope": ("[", "]"),
    "public": ("[/", "/]"),
    "component": ("[[", "]]"),
}
_COLOURS: Mapping[Change, str] = {"added": "#1a7f37", "removed": "#cf222e"}
_ROOM = 500  # characters reserved for the note about omissions
_LINE = 120  # characters of a line
# Characters that Mermaid, or its Markdown or HTML labels, may read as markup. All other characters
# stay, the minus too.
_MARKUP = re.compile(r"[^\w /,.:()?=…·−~-]|:(?=fa)|^-|(?<=\d)\.(?= |$)")  # noqa: RUF001

# A space without width: Mermaid looks for formulas (`$$`) and icons (`fa:fa-x`) after it has
# decoded codes.
_ZERO_WIDTH_SPACE = "#8203;"


def mermaid(graph: Graph) -> str:
    """Return the graph as a flowchart. A graph that is too large is reduced to its first
    components, with a note about the omissions."""
    if _fits(text := _flowchart(graph), graph):
        return text
    components = graph.of_kind("component")

    def is_too_large(count: int) -> bool:
        part = of_components(graph, components[:count])
        return not _fits(_flowchart(part), part, _ROOM)

    fitting = (
        bisect_left(range(len(components)), True, lo=1, key=is_too_large) - 1
    )
    part = of_components(graph, components[:fitting])
    which = ""
    if components:
        which = f", all components from {components[fitting].name} on"
    left_out = (
        f"Left out: {len(graph.nodes) - len(part.nodes)} of {len(graph.nodes)} boxes{which}. "
        "Mermaid cannot draw more.",
        "Draw a part with --application NAME or --principal NAME, or use --format svg, which has "
        "no limit.",
    )
    return _flowchart(replace(part, notes=(*left_out, *graph.notes)))


def _fits(text: str, graph: Graph, room: int = 0) -> bool:
    characters = len(text.encode("utf-16-le")) // 2
    return (
        characters + room <= MOST_CHARACTERS and len(graph.edges) <= MOST_EDGES
    )


def _flowchart(graph: Graph) -> str:
    return "\n".join((*_lines(graph), ""))


def _lines(graph: Graph) -> Iterator[str]:
    yield '%%{init: {"flowchart": {"wrappingWidth": 480}}}%%'
    yield "flowchart LR"
    yield f"  accTitle: {_encoded(graph.title)}"
    for node in graph.nodes:
        opening, closing = _SHAPES[node.kind]
        text = _text([SIGNS[node.change] + node.name, *node.details])
        style = f":::{node.change}" if node.change else ""
        yield f"  {graph.slugs[node.id]}{opening}{text}{closing}{style}"
    for edge in graph.edges:
        text = _text(
            [SIGNS[edge.change] + line for line in edge.label or ("",)]
        )
        label = f"|{text}|" if edge.label or edge.change else ""
        yield f"  {graph.slugs[edge.source]} {_line(edge)}{label} {graph.slugs[edge.target]}"
    yield f"  notes[{_text([graph.title, *graph.notes])}]:::notes"
    yield from _styles(graph)


def _line(edge: Edge) -> str:
    """Return the arrow of an edge: thick if added, with a cross if removed, dotted if without
    effect. A connection inside the cluster ends in a circle."""
    if edge.change:
        return "==>" if edge.change == "added" else "--x"
    if edge.is_connection:
        return "--o"
    return "-.->" if edge.idle else "-->"


def _styles(graph: Graph) -> Iterator[str]:
    yield "  classDef notes text-align:left,stroke-dasharray:2 4"
    for change, colour in _COLOURS.items():
        dashes = ",stroke-dasharray:6 4" if change == "removed" else ""
        if any(node.change == change for node in graph.nodes):
            yield f"  classDef {change} stroke:{colour},stroke-width:3px{dashes}"
        numbers = [
            str(number)
            for number, edge in enumerate(graph.edges)
            if edge.change == change
        ]
        if numbers:
            yield f"  linkStyle {','.join(numbers)} stroke:{colour}{dashes}"


def _text(lines: Iterable[str]) -> str:
    """Return a label. Text between two tildes would be struck through, but a single tilde, as in
    HEAD~1, stays."""
    text = "<br/>".join(map(_encoded, lines))
    if text.count("~") > 1:
        text = text.replace("~", "#126;")
    return f'"{text}"'


def _encoded(text: str) -> str:
    """Return the text on one line, with Mermaid's codes for markup characters."""
    text = printable(text).strip()
    if len(text) > _LINE:
        text = f"{text[: _LINE - 1]}…"
    return _MARKUP.sub(_code, text)


def _code(match: re.Match[str]) -> str:
    character = match[0]
    apart = _ZERO_WIDTH_SPACE if character in "$:" else ""
    return f"#{ord(character)};{apart}"
