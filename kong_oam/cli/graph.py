"""`graph`: draw who may call what."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from kong_oam.access.data import NameSets
from kong_oam.access.diff.compare import diff_from_any
from kong_oam.access.graph.build import graph_of
from kong_oam.access.graph.compare import change_notes, graph_of_change
from kong_oam.access.graph.graph import LAYER, Graph
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
from kong_oam.oam.position import JsonObject

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
        console.print_json(_document(graph))
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


def _document(graph: Graph) -> JsonObject:
    return {
        "title": graph.title,
        "notes": graph.notes,
        "nodes": [
            {
                "id": node.id,
                "kind": node.kind,
                "name": node.name,
                "component": node.component or None,
                "details": node.details,
                "change": node.change,
            }
            for node in graph.nodes
        ],
        "edges": [
            asdict(edge)
            | ({"kind": "connection"} if edge.is_connection else {})
            for edge in graph.edges
        ],
    }


COMMAND = Command(
    "graph",
    "draw access, or changes of access, as a graph",
    _DETAILS,
    _arguments,
    _run,
)
