"""`graph`: draw who may call what."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, NotRequired, TypedDict

from kong_oam.access.data import NameSets
from kong_oam.access.diff.compare import diff_from_any
from kong_oam.access.graph.build import graph_of
from kong_oam.access.graph.compare import change_notes, graph_of_change
from kong_oam.access.graph.graph import LAYER, Edge, Graph, Node
from kong_oam.access.graph.mermaid import mermaid
from kong_oam.access.graph.svg import svg
from kong_oam.access.graph.view import of_application, of_changes, of_principal
from kong_oam.access.matrix.table import ANONYMOUS
from kong_oam.cli.command import OK, Command, check_known
from kong_oam.cli.console import Console, print_note
from kong_oam.cli.estates import add_estate, assumption_notes
from kong_oam.cli.operands import sides
from kong_oam.cli.output import format_of
from kong_oam.cli.requests import estate_from

_DETAILS = """\
Draws who may call what. Groups and clients lead to their roles, roles to scopes, and scopes to the
component that requires them, with the requests that each scope opens. The box `anybody` leads to
public endpoints. If any valid token is enough, all clients that can get a token lead to the
component. A dotted line allows nothing; its label says why. A connection inside the cluster, which
needs no token, leads from pods to the component: dash-dotted, or in Mermaid with a circle. A client
with an old key or password has a box of its own, with the last day at its line.

With --since, it draws the changes and the lines that explain them. Added lines are green, thick and
marked +. Removed lines are red, dashed (in Mermaid they end in a cross) and marked -. REVISION
takes the forms of OLD in `diff`. The changes that `diff` lists are written below the picture.

GitHub draws at most 500 lines and 50,000 characters of Mermaid. A larger graph is cut to that size,
with a note.

  python -m kong_oam graph
  python -m kong_oam graph --output access.svg
  python -m kong_oam graph --application shop
  python -m kong_oam graph --principal group:sales --output sales.svg
  python -m kong_oam graph --since main --output change.svg
"""

_FORMATS: Mapping[str, Callable[[Graph], str]] = {
    "mermaid": mermaid,
    "svg": svg,
}
_ENDINGS = {
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".md": "mermaid",
    ".svg": "svg",
}
# The kinds that precede a name in --principal. A component has no such prefix.
_PREFIXED = ("group", "peer")


class NodeEntry(TypedDict):
    """A box of the picture. `component` owns a role, a scope or an API."""

    id: str
    kind: str
    name: str
    component: str | None
    details: list[str]
    change: str | None


class EdgeEntry(TypedDict):
    """A line of the picture, by the ids of its ends. Without `items` it allows nothing, and `label`
    says why."""

    source: str
    target: str
    items: list[str]
    label: list[str]
    change: str | None
    kind: NotRequired[Literal["connection"]]


class GraphAnswer(TypedDict):
    """The picture, with the text above and below it."""

    title: str
    notes: list[str]
    nodes: list[NodeEntry]
    edges: list[EdgeEntry]


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=[*_FORMATS],
        help="the format (default: by the ending of --output's FILE, or mermaid)",
    )
    parser.add_argument(
        "--output",
        "-o",
        type=Path,
        metavar="FILE",
        help="write to FILE: .mmd, .md (in a Mermaid code block) or .svg",
    )
    parser.add_argument(
        "--application",
        metavar="NAME",
        help="only this Application, with its callers and calls",
    )
    parser.add_argument(
        "--principal",
        metavar="NAME",
        help="only the part that this principal reaches: application/component, group:NAME, "
        "peer:NAME, or anonymous",
    )
    parser.add_argument(
        "--since",
        metavar="REVISION",
        help="only the changes since this revision",
    )
    add_estate(parser)


def _run(options: Namespace, console: Console) -> int:
    form = format_of(options, _ENDINGS, "mermaid")
    graph = _change(options) if options.since is not None else _state(options)
    if console.json:
        console.print_json(_document(graph, console.limit))
    elif options.output:
        text = _FORMATS[form](graph)
        fenced = options.output.suffix.lower() == ".md" and form == "mermaid"
        options.output.write_text(
            f"```mermaid\n{text}```\n" if fenced else text,
            "utf-8",
            newline="\n",
        )
        console.print(
            f"{options.output}: {len(graph.nodes)} boxes, {len(graph.edges)} lines"
        )
    else:
        console.print(*_FORMATS[form](graph).removesuffix("\n").split("\n"))
    return OK


def _state(options: Namespace) -> Graph:
    estate = estate_from(options)
    graph = _selected_part(
        graph_of(estate, _title("Access graph", options)), options
    )
    notes = assumption_notes(estate, estate.unjudged)
    if not graph.edges:
        notes.append("Nobody may call anything here.")
    if options.principal not in (None, ANONYMOUS):
        notes.append(
            "Public endpoints are not drawn: --principal anonymous draws them."
        )
    return replace(graph, notes=tuple(notes))


def _change(options: Namespace) -> Graph:
    since = "--since", options.since
    old, new, absent = sides(options, since, ("what is here", "."))
    title = _title(f"Access changes since {options.since}", options)
    graph = of_changes(
        _selected_part(graph_of_change(old[0], new, title), options)
    )
    notes = [] if graph.nodes else ["No change in the picture."]
    if len(old) > 1:
        notes.append(
            "An interrupted run left two versions of gates: this picture uses the first version; "
            "diff uses both."
        )
    remarks = assumption_notes(new.estate, absent)
    print_note(*remarks)
    notes += remarks
    if options.application or options.principal:
        notes.append("The following list has the changes of all Applications.")
    notes += change_notes(diff_from_any(old, new), new.estate.stack.scheme)
    return replace(graph, notes=tuple(notes))


def _title(subject: str, options: Namespace) -> str:
    title = f"{subject}: stack {options.stack}"
    if options.application:
        title += f", Application {options.application}"
    if options.principal:
        title += f", {options.principal}"
    return title


def _selected_part(graph: Graph, options: Namespace) -> Graph:
    """Return the part of the graph that the options select. Raises UsageError."""
    part = graph
    if options.application is not None:
        names = {node.application for node in graph.nodes} - {""}
        check_known("Application", options.application, names)
        part = of_application(part, options.application)
    if options.principal is not None:
        ids = _principal(graph, options.principal)
        part = of_principal(
            part, [node for node in part.nodes if node.id in ids]
        )
    return part


def _principal(graph: Graph, name: str) -> set[str]:
    """Return the ids of the nodes of a principal."""
    if name == ANONYMOUS:
        return {node.id for node in graph.nodes if node.kind == "public"}
    named: NameSets = {}
    for node in graph.nodes:
        if not LAYER[node.kind]:
            prefix = f"{node.kind}:" if node.kind in _PREFIXED else ""
            named.setdefault(prefix + node.name, set()).add(node.id)
    check_known("principal", name, {*named, ANONYMOUS})
    return named[name]


def _document(graph: Graph, limit: int | None) -> GraphAnswer:
    nodes = graph.nodes
    if limit:
        # A cut keeps the first entries of each list, so the ends of the first edges come first.
        ends = [
            end for edge in graph.edges for end in (edge.source, edge.target)
        ]
        place = {end: number for number, end in reversed([*enumerate(ends)])}
        nodes = tuple(
            sorted(nodes, key=lambda node: place.get(node.id, len(ends)))
        )
    return {
        "title": graph.title,
        "notes": [*graph.notes],
        "nodes": [*map(_node_entry, nodes)],
        "edges": [*map(_edge_entry, graph.edges)],
    }


def _node_entry(node: Node) -> NodeEntry:
    return {
        "id": node.id,
        "kind": node.kind,
        "name": node.name,
        "component": node.component or None,
        "details": [*node.details],
        "change": node.change,
    }


def _edge_entry(edge: Edge) -> EdgeEntry:
    entry: EdgeEntry = {
        "source": edge.source,
        "target": edge.target,
        "items": [*edge.items],
        "label": [*edge.label],
        "change": edge.change,
    }
    if edge.is_connection:
        entry["kind"] = "connection"
    return entry


COMMAND = Command(
    "graph",
    "draw access, or changes of access, as a graph",
    _DETAILS,
    _arguments,
    _run,
    GraphAnswer,
)
