"""`graph`: who may call what, as a picture."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from kong_oam.access.diff.compare import diff_from_any
from kong_oam.access.graph.build import graph_of
from kong_oam.access.graph.compare import change_notes, graph_of_change
from kong_oam.access.graph.graph import LAYER, Graph
from kong_oam.access.graph.mermaid import mermaid
from kong_oam.access.graph.svg import svg
from kong_oam.access.graph.view import of_application, of_changes, of_principal
from kong_oam.access.matrix.table import ANONYMOUS
from kong_oam.cli.command import OK, Command, UsageError, quoted
from kong_oam.cli.console import Console, remark
from kong_oam.cli.estates import add_estate, assumed_of
from kong_oam.cli.operands import Operand, unjudged
from kong_oam.cli.output import format_of
from kong_oam.cli.requests import estate_from
from kong_oam.diagnostics import suggestion
from kong_oam.oam.position import JsonObject

_DETAILS = """\
Draws who may call what: groups and clients lead to the roles that they hold, roles to scopes, scopes to the component
that asks for them, with the requests that each opens. Where no token is needed, anybody stands before the component;
where any token will do, all who can have one lead to it. A line on which nothing passes is dotted, and says why.

With --since it draws what changed, and what explains it: added in green, thick, with +; taken away in red, dashed (in
Mermaid with a cross at its end), with -. REVISION is what `diff` takes for OLD. Below stands what `diff` says of it.

Mermaid is for GitHub, which draws at most 500 lines and 50,000 characters: of more it has what fits, and says so.

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
_GROUP = "group:"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=[*_FORMATS],
        help="(default: by the ending of --output's FILE, or else mermaid)",
    )
    parser.add_argument(
        "--output",
        "-o",
        type=Path,
        metavar="FILE",
        help="write to FILE: .mmd, .md (as a block of Mermaid) or .svg",
    )
    parser.add_argument(
        "--application",
        metavar="NAME",
        help="only this Application: who calls it, and what it calls",
    )
    parser.add_argument(
        "--principal",
        metavar="NAME",
        help="only what this one reaches: application/component, group:NAME, or anonymous",
    )
    parser.add_argument(
        "--since", metavar="REVISION", help="only what changed since then"
    )
    add_estate(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    if console.json and (options.format or options.output):
        raise UsageError("--json, or --format and --output, not both")
    form = format_of(options.format, options.output, _ENDINGS, "mermaid")
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


def _state(options: argparse.Namespace) -> Graph:
    estate = estate_from(options)
    graph = _narrowed(
        graph_of(estate, _title("Who may call what", options)), options
    )
    notes = [assumed_of(estate.unjudged)] if estate.unjudged else []
    if not graph.edges:
        notes.append("Nobody may call anything here.")
    if options.principal not in (None, ANONYMOUS):
        notes.append(
            "What needs no token is not drawn: --principal anonymous has it."
        )
    return replace(graph, notes=tuple(notes))


def _change(options: argparse.Namespace) -> Graph:
    judged = options.stack, options.applications, options.definitions
    old = Operand("--since", options.since, *judged).models()
    new, *_ = Operand("what is here", ".", *judged).models()
    title = _title(
        f"What changed since {options.since} in who may call what", options
    )
    graph = of_changes(_narrowed(graph_of_change(old[0], new, title), options))
    notes = [] if graph.nodes else ["Nothing that is drawn changed."]
    if len(old) > 1:
        notes.append(
            "A run has left gates of two kinds: drawn against the first; diff compares with both."
        )
    if absent := unjudged([*old, new]):
        notes.append(assumed_of(absent))
        remark(assumed_of(absent))
    if options.application or options.principal:
        notes.append("What follows is of all Applications.")
    notes += change_notes(diff_from_any(old, new), new.estate.stack.scheme)
    return replace(graph, notes=tuple(notes))


def _title(subject: str, options: argparse.Namespace) -> str:
    title = f"{subject}: stack {options.stack}"
    if options.application:
        title += f", Application {options.application}"
    if options.principal:
        title += f", {options.principal}"
    return title


def _narrowed(graph: Graph, options: argparse.Namespace) -> Graph:
    """Return the part of it that somebody asked for. Raises UsageError where there is no such name."""
    part = graph
    if options.application is not None:
        names = {node.application for node in graph.nodes} - {""}
        if options.application not in names:
            known = suggestion(options.application, names)
            raise UsageError(
                f"no Application {quoted(options.application)} calls or is called{known}"
            )
        part = of_application(part, options.application)
    if options.principal is not None:
        ids = _principal(graph, options.principal)
        part = of_principal(
            part, [node for node in part.nodes if node.id in ids]
        )
    return part


def _principal(graph: Graph, name: str) -> set[str]:
    """Return the ids of the nodes that a principal is in the graph."""
    if name == ANONYMOUS:
        return {node.id for node in graph.nodes if node.kind == "public"}
    named = {
        _GROUP * (node.kind == "group") + node.name: node
        for node in graph.nodes
        if not LAYER[node.kind]
    }
    if name not in named:
        raise UsageError(
            f"no client and no group {quoted(name)}{suggestion(name, [*named, ANONYMOUS])}"
        )
    return {named[name].id}


def _document(graph: Graph) -> JsonObject:
    return {
        "title": graph.title,
        "notes": list(graph.notes),
        "nodes": [
            {
                "id": node.id,
                "kind": node.kind,
                "name": node.name,
                "component": node.component or None,
                "details": list(node.details),
                "change": node.change,
            }
            for node in graph.nodes
        ],
        "edges": [asdict(edge) for edge in graph.edges],
    }


COMMAND = Command(
    "graph",
    "draw who may call what, or what changed",
    _DETAILS,
    _arguments,
    _run,
)
