"""Parts of a graph: what one principal reaches, what concerns one Application, what changed and
what explains it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kong_oam.access.graph.graph import Edge, Graph, Node, users_in


def of_application(graph: Graph, application: str) -> Graph:
    """The components of an Application with all who may call them, or hold a role of theirs that
    gives them nothing, and its clients with all that they may call."""
    own = [node for node in graph.nodes if node.application == application]
    edges: set[Edge] = set()
    for node in own:
        if node.kind == "client":
            edges |= _reached(graph, node)
        elif node.kind == "component":
            edges |= _closed(graph, graph.entering.get(node.id, ()), forward=False)
        elif node.kind == "role":
            edges |= {edge for edge in graph.entering.get(node.id, ()) if edge.idle}
    return _part(graph, own, edges)


def of_principal(graph: Graph, nodes: Iterable[Node]) -> Graph:
    """What the nodes reach: a client or a group, with those whom users need besides; `public` nodes
    are anybody."""
    own = list(nodes)
    edges: set[Edge] = set()
    return _part(graph, own, edges.union(*(_reached(graph, node) for node in own)))


def of_changes(graph: Graph) -> Graph:
    """What changed, and each way from who calls to what is called on which something changed."""
    changed = {edge for edge in graph.edges if edge.change}
    edges = _closed(graph, changed, forward=True) | _closed(
        graph, changed, forward=False
    )
    for edge in changed:
        edges |= _with_other_halves(
            graph, graph.by_id[edge.source], _closed(graph, [edge], forward=True)
        )
    return _part(graph, (node for node in graph.nodes if node.change), edges)


def of_components(graph: Graph, components: Iterable[Node]) -> Graph:
    """These components with all who may call them."""
    own = list(components)
    entering = [edge for node in own for edge in graph.entering.get(node.id, ())]
    return _part(graph, own, _closed(graph, entering, forward=False))


def _reached(graph: Graph, node: Node) -> set[Edge]:
    """All lines on ways that begin at the node, and for users those of the other half: their
    groups, or clients."""
    leaving = list(graph.leaving.get(node.id, ()))
    if node.kind == "group":
        leaving += [
            edge
            for other in _other_halves(graph, node)
            for edge in _with_any_token(graph, node, other)
        ]
    return _with_other_halves(graph, node, _closed(graph, leaving, forward=True))


def _with_any_token(graph: Graph, group: Node, client: Node) -> list[Edge]:
    return [
        edge
        for edge in graph.leaving.get(client.id, ())
        if users_in(group.name) in edge.items
    ]


def _other_halves(graph: Graph, node: Node) -> list[Node]:
    """Those that users need besides: of a group the clients that sign it in, of a client that signs
    users in every group, since of two groups of theirs one may sign them in and the other have the
    scope."""
    if node.kind == "group":
        return [one for one in graph.nodes if node.name in one.groups]
    return [one for one in graph.nodes if one.kind == "group"] if node.groups else []


def _with_other_halves(graph: Graph, node: Node, edges: set[Edge]) -> set[Edge]:
    """With how the other halves get the same scopes: by the roles of these edges where they have
    them so."""
    scopes = {edge.target for edge in edges if graph.by_id[edge.target].kind == "scope"}
    roles = {edge.source for edge in edges if edge.target in scopes}
    found: set[Edge] = set()
    for other in _other_halves(graph, node) if scopes else ():
        ways = [
            (holding, granting)
            for holding in graph.leaving.get(other.id, ())
            for granting in _after(graph, holding)
            if granting.target in scopes
        ]
        by_these = {
            granting.target for holding, granting in ways if holding.target in roles
        }
        for holding, granting in ways:
            if holding.target in roles or granting.target not in by_these:
                found |= {holding, granting}
    return edges | found


def _closed(graph: Graph, edges: Iterable[Edge], *, forward: bool) -> set[Edge]:
    """The edges, and all that follow them, or lead to them."""
    found = set(edges)
    waiting = list(edges)
    while waiting:
        edge = waiting.pop()
        near = _after(graph, edge) if forward else _before(graph, edge)
        waiting += [one for one in near if one not in found]
        found.update(near)
    return found


def _after(graph: Graph, edge: Edge) -> list[Edge]:
    """The edges by which what passes goes on."""
    return [
        one for one in graph.leaving.get(edge.target, ()) if _passes(graph, edge, one)
    ]


def _before(graph: Graph, edge: Edge) -> list[Edge]:
    return [
        one for one in graph.entering.get(edge.source, ()) if _passes(graph, one, edge)
    ]


def _passes(graph: Graph, edge: Edge, following: Edge) -> bool:
    """Whether something passes both: of a role only the scopes that its holder gets."""
    return graph.by_id[edge.target].kind != "role" or not {*edge.items}.isdisjoint(
        following.items
    )


def _part(graph: Graph, nodes: Iterable[Node], edges: set[Edge]) -> Graph:
    kept = {node.id for node in nodes} | {
        id_ for edge in edges for id_ in (edge.source, edge.target)
    }
    return replace(
        graph,
        nodes=tuple(node for node in graph.nodes if node.id in kept),
        edges=tuple(edge for edge in graph.edges if edge in edges),
    )
