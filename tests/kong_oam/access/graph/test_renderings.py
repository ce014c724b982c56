"""Mermaid and SVG of a graph: any name is plain text, and every part of the graph is drawn."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_oam.access.graph.build import graph_of
from kong_oam.access.graph.graph import SIGNS, Graph, Node
from kong_oam.access.graph.layout import (
    BOX_WIDTH,
    LINE_WIDTH,
    NAME_WIDTH,
    PADDING,
    WIDTH,
    cells,
    layout,
)
from kong_oam.access.graph.mermaid import MOST_CHARACTERS, MOST_EDGES, mermaid
from kong_oam.access.graph.svg import svg
from kong_oam.diagnostics import printable
from tests.support.diffs import API, SHOP
from tests.support.estates import estate
from tests.support.graphs import HOSTILE, graphs, read_mermaid
from tests.support.tiers import examples

OFTEN = settings(max_examples=examples(150), deadline=None)
SVG = "{http://www.w3.org/2000/svg}"
ORDINARY = st.text("abc/-.", min_size=1, max_size=40)


def sample() -> Graph:
    return graph_of(estate(API, SHOP), "Who may call what")


def large(components: int) -> Graph:
    """Return an estate of so many APIs, each called by users of a group."""
    texts = []
    for number in range(components):
        name = f"app{number:03}"
        texts.append(f"""
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: {name}, namespace: {name}}}
spec:
  components:
    - name: api
      type: webservice
      properties: {{image: x}}
      traits:
        - type: gateway
          properties: {{domain: {name}.example.com, http: {{/: 8080}}}}
        - type: access
          properties:
            owner: team
            scopes: {{{name}.read: Read}}
            rules: [{{paths: [/], methods: [GET], scopes: [{name}.read]}}]
            roles: {{viewer: {{scopes: [{name}.read], groups: [sales]}}}}
""")
    return graph_of(estate(*texts), "Many")


def lines_of(
    graph: Graph, longest: int
) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """Return the lines that a reader of Mermaid finds, each up to a number of characters."""

    def text(lines: list[str]) -> str:
        plain = [printable(line).strip() for line in lines]
        return "\n".join(
            line if len(line) <= longest else f"{line[: longest - 1]}…"
            for line in plain
        )

    nodes = {
        graph.slugs[n.id]: text([SIGNS[n.change] + n.name, *n.details])
        for n in graph.nodes
    }
    edges = [
        (
            graph.slugs[edge.source],
            graph.slugs[edge.target],
            text([SIGNS[edge.change] + line for line in edge.label or ("",)])
            if edge.label or edge.change
            else "",
        )
        for edge in graph.edges
    ]
    return nodes, edges


# Any name is text


@pytest.mark.deep
@OFTEN
@given(graphs())
def test_mermaid_has_the_graph_and_nothing_else(graph: Graph) -> None:
    """A strict reader knows every line, and the decoded lines agree with the graph."""
    text = mermaid(graph)
    read = read_mermaid(text)
    nodes, edges = lines_of(graph, 120)
    assert {
        name: shown for name, shown in read.nodes.items() if name != "notes"
    } == nodes
    assert list(read.edges) == edges
    assert text.isprintable() or set(text) - {"\n"} == set(
        filter(str.isprintable, text)
    )


@OFTEN
@given(graphs())
def test_svg_is_xml_with_the_graph_and_nothing_that_acts(graph: Graph) -> None:
    """There is no script, link, external image or foreign attribute; each box and edge has its
    text."""
    text = svg(graph)
    root = ElementTree.fromstring(text)
    names = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert names <= {
        "svg",
        "title",
        "desc",
        "style",
        "rect",
        "text",
        "g",
        "path",
        "circle",
    }
    attributes = {name for element in root.iter() for name in element.attrib}
    assert attributes <= {
        "width", "height", "viewBox", "role", "aria-labelledby", "lang", "id", "class", "x", "y", "rx", "d", "cx", "cy", "r",
        "transform",
    }  # fmt: skip
    values = [
        value for element in root.iter() for value in element.attrib.values()
    ]
    assert not [value for value in values if "url(" in value or "//" in value]
    (style,) = root.iter(f"{SVG}style")
    assert not re.search(r"url\(|@import|@font-face|//", style.text or "")
    titles = [title.text or "" for title in root.iter(f"{SVG}title")]
    for node in graph.nodes:
        assert any(
            title.startswith(f"{node.kind} {printable(node.name)}")
            for title in titles
        )
    assert len(
        [
            group
            for group in root.iter(f"{SVG}g")
            if group.get("class") == "wire"
        ]
    ) == len(graph.edges)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_means_harm_is_shown(name: str) -> None:
    """The text is unchanged if it is printable."""
    graph = Graph("t", (Node("group", name),), ())
    shown = printable(name).strip()
    assert (
        next(iter(read_mermaid(mermaid(graph)).nodes.values()))[:119]
        == shown[:119]
    )
    assert f"group {printable(name)}" in [
        title.text
        for title in ElementTree.fromstring(svg(graph)).iter(f"{SVG}title")
    ]


def test_mermaid_strikes_nothing_through() -> None:
    """Two tildes would be markup, even on different lines. A single tilde, as in a revision, stays."""
    title, node = "since git:HEAD~126", Node("group", "~a", details=("b~",))
    text = mermaid(Graph(title, (node,), ()))
    assert f"  accTitle: {title}\n" in text and f'["{title}"]' in text
    assert '"#126;a<br/>b#126;"' in text


def test_mermaid_makes_neither_formulas_nor_icons_of_names() -> None:
    """Mermaid looks for both after it has decoded its codes, so a separator is needed."""
    text = mermaid(Graph("t", (Node("group", "$$x$$ fa:fa-car"),), ()))
    assert (
        "#36;#8203;#36;#8203;x#36;#8203;#36;#8203; fa#58;#8203;fa-car" in text
    )


# Mermaid's limits


def test_mermaid_of_a_large_estate_stays_within_githubs_limits() -> None:
    """The first whole components are drawn; a note counts the omissions and names the options."""
    graph = large(300)
    assert len(graph.edges) > MOST_EDGES
    text = mermaid(graph)
    read = read_mermaid(text)
    assert len(text) <= MOST_CHARACTERS
    assert (
        MOST_EDGES * 0.9 < len(read.edges) <= MOST_EDGES
        or len(text) > MOST_CHARACTERS * 0.8
    )
    drawn = [name for name in read.nodes if name.startswith("component_")]
    left_out = (
        f"{len(graph.nodes) + 1 - len(read.nodes)} of {len(graph.nodes)} boxes"
    )
    note = f"Left out: {left_out}, all components from app{len(drawn):03}/api on. Mermaid cannot draw more."
    assert read.nodes["notes"].split("\n")[1] == note
    assert "--application NAME or --principal NAME" in read.nodes["notes"]


# The SVG's layout


@OFTEN
@given(graphs(st.one_of(ORDINARY, st.sampled_from(HOSTILE))))
def test_no_box_overlaps_another_and_each_holds_its_text(graph: Graph) -> None:
    """This holds for long names, and everything is inside the drawing."""
    placed = layout(graph)
    rectangles = [
        (box.x, box.y, box.x + BOX_WIDTH, box.y + box.height)
        for box in placed.boxes
    ]
    for first, second in combinations(rectangles, 2):
        assert (
            first[2] <= second[0]
            or second[2] <= first[0]
            or first[3] <= second[1]
            or second[3] <= first[1]
        )
    for start, top, right, bottom in rectangles:
        assert (
            start >= 0
            and top >= 0
            and right <= WIDTH
            and bottom <= placed.height
        )
    for box in placed.boxes:
        name, *lines = box.lines
        assert cells(name[0]) * NAME_WIDTH + 2 * PADDING <= BOX_WIDTH
        assert all(
            cells(text) * LINE_WIDTH + 2 * PADDING <= BOX_WIDTH
            for text, _ in lines
        )


def test_a_caller_stands_beside_the_middle_of_its_calls() -> None:
    """An example is a group in a role of each of many components."""
    placed = layout(large(30))
    (sales,) = [box for box in placed.boxes if box.node.name == "sales"]
    assert abs(sales.y - placed.height / 2) < 200


def test_the_drawing_suits_light_and_dark_and_explains_its_signs() -> None:
    """A sign and the kind of line mark a change, not only the colour."""
    graph = sample()
    edges = (
        replace(graph.edges[0], change="added"),
        replace(graph.edges[1], change="removed"),
        *graph.edges[2:],
    )
    text = svg(
        replace(graph, edges=edges, notes=("+ granted: x", "\u2212 revoked: y"))
    )
    assert "prefers-color-scheme: dark" in text
    assert "Thick and + : added. Dashed and \u2212 : removed." in text
    assert re.search(r'<path class="added".*>\+</text>', text) and re.search(
        r'<path class="removed".*>\u2212</text>', text
    )
    assert (
        ".wire path.removed, .removed .box { stroke: #cf222e; stroke-width: 2; stroke-dasharray"
        in text
    )
    assert "var(" not in text, "unknown outside of browsers"
    assert re.search(r'class="line added"[^>]*>\+ granted: x<', text)


# Colours

RSVG = shutil.which("rsvg-convert")


@pytest.mark.skipif(RSVG is None, reason="needs Debian's librsvg2-bin")
def test_a_program_outside_of_browsers_paints_each_colour() -> None:
    """Six kinds of boxes, names and lines. Black stands for a colour that the program cannot read,
    such as a variable of CSS."""
    command = [str(RSVG), "--format", "svg"]
    drawing = svg(sample()).encode()
    painted = subprocess.run(
        command, input=drawing, capture_output=True, timeout=60
    )
    text = painted.stdout.decode()
    assert len({*re.findall(r"fill: ?rgb[^;]+", text)}) == 8
    assert not re.search(r"fill: ?rgb\(0%, ?0%, ?0%\)", text)
