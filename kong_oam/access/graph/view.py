"""Parts of a graph: what one principal reaches, what concerns one Application, what changed and
what explains it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from kong_oam.access.graph.graph import Edge, Graph, Node, users_in


def of_application(graph: Graph, application: str) -> Graph:
    """The components of an Application with all who may call them, or hold a role of theirs that
    gives them nothing, and its clients with all that they may call."""
    own = [node for node in graph.nodes if node.application == application]
    edges = set()
    for node in own:
        entering = graph.entering.get(node.id, ())
        if node.kind == "client":
            edges |= _reached(graph, node)
        elif node.kind == "component":
            edges |= _closed(graph, entering, forward=False)
        elif node.kind == "role":
            edges.update(edge for edge in entering if edge.idle)
    return _part(graph, own, edges)


def of_principal(graph: Graph, nodes: Iterable[Node]) -> Graph:
    """What the nodes reach: a client or a group, with those whom users need besides; `public` nodes
    are anybody."""
    own = list(nodes)
    edges = {*chain.from_iterable(_reached(graph, node) for node in own)}
    return _part(graph, own, edges)


def of_changes(graph: Graph) -> Graph:
    """What changed, and each way from who calls to what is called on which something changed."""
    changed = {edge for edge in graph.edges if edge.change}
    edges = _closed(graph, changed, forward=True)
    edges |= _closed(graph, changed, forward=False)
    for edge in changed:
        following = _closed(graph, [edge], forward=True)
        edges |= _with_other_halves(graph, graph.by_id[edge.source], following)
    return _part(graph, (node for node in graph.nodes if node.change), edges)


def of_components(graph: Graph, components: Iterable[Node]) -> Graph:
    """These components with all who may call them."""
    own = list(components)
    entering: list[Edge] = []
    for node in own:
        entering += graph.entering.get(node.id, ())
    return _part(graph, own, _closed(graph, entering, forward=False))


def _reached(graph: Graph, node: Node) -> set[Edge]:
    """All lines on ways that begin at the node, and for users those of the other half: their
    groups, or clients."""
    leaving = list(graph.leaving.get(node.id, ()))
    if node.kind == "group":
        for client in _other_halves(graph, node):
            for edge in graph.leaving.get(client.id, ()):
                if users_in(node.name) in edge.items:
                    leaving.append(edge)
    return _with_other_halves(
        graph, node, _closed(graph, leaving, forward=True)
    )


def _other_halves(graph: Graph, node: Node) -> list[Node]:
    """Those that users need besides: of a group the clients that sign it in, of a client that signs
    users in every group, since of two groups of theirs one may sign them in and the other have the
    scope."""
    if node.kind == "group":
        return [client for client in graph.nodes if node.name in client.groups]
    if node.groups:
        return graph.of_kind("group")
    return []


def _with_other_halves(graph: Graph, node: Node, edges: set[Edge]) -> set[Edge]:
    """With how the other halves get the same scopes: by the roles of these edges where they have
    them so."""
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
        ways = [way for way in _ways(graph, other) if way[1].target in scopes]
        by_these = {
            granting.target
            for holding, granting in ways
            if holding.target in roles
        }
        for holding, granting in ways:
            if holding.target in roles or granting.target not in by_these:
                result |= {holding, granting}
    return result


def _ways(graph: Graph, holder: Node) -> Iterator[tuple[Edge, Edge]]:
    """Yield each way from a holder to a role, and on to what the role grants."""
    for holding in graph.leaving.get(holder.id, ()):
        for granting in _after(graph, holding):
            yield holding, granting


def _closed(graph: Graph, edges: Iterable[Edge], *, forward: bool) -> set[Edge]:
    """The edges, and all that follow them, or lead to them."""
    closed = set(edges)
    waiting = list(edges)
    while waiting:
        edge = waiting.pop()
        near = _after(graph, edge) if forward else _before(graph, edge)
        waiting += [following for following in near if following not in closed]
        closed.update(near)
    return closed


def _after(graph: Graph, edge: Edge) -> list[Edge]:
    """The edges by which what passes goes on."""
    leaving = graph.leaving.get(edge.target, ())
    return [
        following for following in leaving if _passes(graph, edge, following)
    ]


def _before(graph: Graph, edge: Edge) -> list[Edge]:
    entering = graph.entering.get(edge.source, ())
    return [before for before in entering if _passes(graph, before, edge)]


def _passes(graph: Graph, edge: Edge, following: Edge) -> bool:
    """Whether something passes both: of a role only the scopes that its holder gets."""
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
