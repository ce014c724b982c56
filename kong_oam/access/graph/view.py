"""Parts of a graph: the reach of a principal, the surroundings of an Application, or the changed
nodes with their context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from kong_oam.access.graph.graph import (
    OF_COMPONENTS,
    Edge,
    Graph,
    Node,
    users_in,
)


def of_application(graph: Graph, application: str) -> Graph:
    """Return the components of an Application with all their callers, and its clients with all
    their calls. Role holders without effect are included."""
    own = [node for node in graph.nodes if node.application == application]
    edges = set()
    for node in own:
        entering = graph.entering.get(node.id, ())
        if node.kind in OF_COMPONENTS:
            edges |= _edges_reached(graph, node)
        elif node.kind == "component":
            edges |= _connected(graph, entering, forward=False)
        elif node.kind == "role":
            edges.update(edge for edge in entering if edge.idle)
    return _part(graph, own, edges)


def of_principal(graph: Graph, nodes: Iterable[Node]) -> Graph:
    """Return the reach of nodes: a client or a group, with the groups or clients that its users
    need. `public` nodes stand for anybody."""
    own = list(nodes)
    edges = {*chain.from_iterable(_edges_reached(graph, node) for node in own)}
    return _part(graph, own, edges)


def of_changes(graph: Graph) -> Graph:
    """Return the changed nodes and edges, and every path from a caller to a component with a change
    on it."""
    changed = {edge for edge in graph.edges if edge.change}
    edges = _connected(graph, changed, forward=True)
    edges |= _connected(graph, changed, forward=False)
    for edge in changed:
        following = _connected(graph, [edge], forward=True)
        edges |= _with_other_halves(graph, graph.by_id[edge.source], following)
    return _part(graph, (node for node in graph.nodes if node.change), edges)


def of_components(graph: Graph, components: Iterable[Node]) -> Graph:
    """Return these components with all their callers."""
    own = list(components)
    entering: list[Edge] = []
    for node in own:
        entering += graph.entering.get(node.id, ())
    return _part(graph, own, _connected(graph, entering, forward=False))


def _edges_reached(graph: Graph, node: Node) -> set[Edge]:
    """Return all edges on paths from the node. For users, include the edges of their other half:
    groups or clients."""
    leaving = list(graph.leaving.get(node.id, ()))
    if node.kind == "group":
        for client in _other_halves(graph, node):
            for edge in graph.leaving.get(client.id, ()):
                if users_in(node.name) in edge.items:
                    leaving.append(edge)
    return _with_other_halves(
        graph, node, _connected(graph, leaving, forward=True)
    )


def _other_halves(graph: Graph, node: Node) -> list[Node]:
    """Return the nodes that users need besides: for a group, the clients that sign it in; for a
    client with users, all groups.

    All groups count, because one of a user's groups may sign the user in while another has the
    scope.
    """
    if node.kind == "group":
        return [client for client in graph.nodes if node.name in client.groups]
    if node.groups:
        return graph.of_kind("group")
    return []


def _with_other_halves(graph: Graph, node: Node, edges: set[Edge]) -> set[Edge]:
    """Return the edges, with the edges by which the other halves get the same scopes. The roles of
    these edges are preferred."""
    scopes = {
        edge.target
        for edge in edges
        if graph.by_id[edge.target].kind == "scope"
    }
    if not scopes:
        return edges
    roles = {edge.source for edge in edges if edge.target in scopes}
    result = set(edges)
    for other in _other_halves(graph, node):
        ways = [way for way in _paths(graph, other) if way[1].target in scopes]
        by_these = {
            granting.target
            for holding, granting in ways
            if holding.target in roles
        }
        for holding, granting in ways:
            if holding.target in roles or granting.target not in by_these:
                result |= {holding, granting}
    return result


def _paths(graph: Graph, holder: Node) -> Iterator[tuple[Edge, Edge]]:
    """Yield each pair of edges from a holder to a role, and from the role to a scope."""
    for holding in graph.leaving.get(holder.id, ()):
        for granting in _after(graph, holding):
            yield holding, granting


def _connected(
    graph: Graph, edges: Iterable[Edge], *, forward: bool
) -> set[Edge]:
    """Return the edges, and all edges after them, or before them."""
    closed = set(edges)
    waiting = list(edges)
    while waiting:
        edge = waiting.pop()
        near = _after(graph, edge) if forward else _before(graph, edge)
        waiting += [following for following in near if following not in closed]
        closed.update(near)
    return closed


def _after(graph: Graph, edge: Edge) -> list[Edge]:
    """Return the following edges that share an item with an edge."""
    leaving = graph.leaving.get(edge.target, ())
    return [
        following for following in leaving if _passes(graph, edge, following)
    ]


def _before(graph: Graph, edge: Edge) -> list[Edge]:
    entering = graph.entering.get(edge.source, ())
    return [before for before in entering if _passes(graph, before, edge)]


def _passes(graph: Graph, edge: Edge, following: Edge) -> bool:
    """Return whether both edges have an effect together: after a role, only the scopes that the
    holder gets."""
    return graph.by_id[edge.target].kind != "role" or not {
        *edge.items
    }.isdisjoint(following.items)


def _part(graph: Graph, nodes: Iterable[Node], edges: set[Edge]) -> Graph:
    kept = {node.id for node in nodes}
    for edge in edges:
        kept |= {edge.source, edge.target}
    return replace(
        graph,
        nodes=tuple(node for node in graph.nodes if node.id in kept),
        edges=tuple(filter(edges.__contains__, graph.edges)),
    )
