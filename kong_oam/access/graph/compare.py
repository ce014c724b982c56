"""The graph of a change: the union of two graphs, in which each node and edge is added, removed or
unchanged.

An edge with partly changed items becomes up to three edges: unchanged, added and removed items.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kong_oam.access.data import Names, without
from kong_oam.access.diff.change import CLOSING, OPENING, Difference
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.providers import with_provider_names
from kong_oam.access.diff.snapshot import dump_model, load_model
from kong_oam.access.diff.wording import label, relevant_changes, row
from kong_oam.access.graph.build import graph_of, request_lines
from kong_oam.access.graph.graph import (
    Change,
    Edge,
    Graph,
    Node,
    edges_in_order,
    in_order,
)


def graph_of_change(old: AccessModel, new: AccessModel, title: str) -> Graph:
    """Return the graph of the change from `old` to `new`. If either model was exported, both are
    drawn without role names."""
    old = with_provider_names(old, new)
    if _exported(old) or _exported(new):
        old = load_model(dump_model(old))
        new = load_model(dump_model(new))
    return merge_graphs(graph_of(old.estate), graph_of(new.estate), title)


def _exported(model: AccessModel) -> bool:
    components = model.estate.components.values()
    return any(not component.position.file for component in components)


def merge_graphs(old: Graph, new: Graph, title: str) -> Graph:
    """Return the union of both graphs, with details from `new` where possible."""
    nodes = {**old.by_id, **new.by_id}
    marked = (_marked(node, old, new) for node in nodes.values())
    before = {(edge.source, edge.target): edge for edge in old.edges}
    after = {(edge.source, edge.target): edge for edge in new.edges}
    edges: list[Edge] = []
    for key in {**before, **after}:
        edges += _edges(before.get(key), after.get(key))
    return Graph(title, in_order(marked), edges_in_order(edges))


def _marked(node: Node, old: Graph, new: Graph) -> Node:
    if node.id in old.by_id and node.id in new.by_id:
        groups = {*node.groups, *old.by_id[node.id].groups}
        return replace(node, groups=tuple(sorted(groups)))
    return replace(node, change="added" if node.id in new.by_id else "removed")


def _edges(old: Edge | None, new: Edge | None) -> Iterator[Edge]:
    if old is None or new is None:
        if edge := new or old:
            yield replace(edge, change="added" if new else "removed")
        return
    if {*old.items} == {*new.items}:
        yield new
        return
    changes: tuple[tuple[Change | None, list[str]], ...] = (
        (None, [*filter(old.items.__contains__, new.items)]),
        ("added", without(new.items, old.items)),
        ("removed", without(old.items, new.items)),
    )
    for change, items in changes:
        if items:
            label = tuple(items)
            # The lines of connections are their items.
            if not new.is_connection and new.target.startswith("component:"):
                label = request_lines(items)
            yield Edge(new.source, new.target, tuple(items), label, change)


def change_notes(changes: Sequence[Difference], scheme: str) -> Names:
    """Return the lines of `diff` for the same change, the worst first.

    The drawing alone shows neither changed settings nor the effect of a new path on a shorter path.
    """
    if not changes:
        return (
            "Every request gets the same answer as before (no change in diff).",
        )
    lines = [_line(change, scheme) for change in relevant_changes(changes)]
    return "The same change in diff:", *lines


def _line(change: Difference, scheme: str) -> str:
    callers, listed, place, _ = row(change, scheme)
    if listed:
        place = f"{listed} {place}"
    sign = "·"  # neither more nor less access
    if change.kind in OPENING and change.kind != "answered by":
        sign = "+"
    elif change.kind in CLOSING:
        sign = "−"  # noqa: RUF001 - a minus
    return f"{sign} {label(change)}: {callers}: {place}"
