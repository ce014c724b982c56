"""The graph of access as a value: who holds which roles, what these grant, and which requests that
opens.

It is layered. Groups and clients (`who`) lead to roles, roles to scopes, scopes to the component
that asks for them. Where any token of a provider is enough, `token` stands in the place of a role;
where none is needed, `public` stands in the place of a scope.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from kong_oam.access.data import Names, Texts

Kind = Literal[
    "group", "client", "role", "token", "scope", "public", "component"
]

# The kinds of nodes from left to right.
LAYERS: tuple[tuple[Kind, ...], ...] = (
    ("group", "client"),
    ("role", "token"),
    ("scope", "public"),
    ("component",),
)

# The layer of each kind, from 0.
LAYER: dict[Kind, int] = {}
for _number, _kinds in enumerate(LAYERS):
    LAYER.update(dict.fromkeys(_kinds, _number))

Change = Literal["added", "removed"]

# What stands before the text of what changed, for those who do not see its colour.
SIGNS: Mapping[Change | None, str] = {None: "", "added": "+ ", "removed": "− "}  # noqa: RUF001 - a minus, as wide as +


@dataclass(frozen=True, slots=True)
class Node:
    """One box. `details` are lines below its name; `component` is what a role, a scope or an API
    belongs to.

    `groups`: those whose users may sign in through a client, and then have what the group and the
    client both have.
    """

    kind: Kind
    name: str
    component: str = ""
    details: Names = ()
    groups: Names = ()
    change: Change | None = None

    @property
    def id(self) -> str:
        """Unique in a graph, and the same in every graph that has the node."""
        if self.component in ("", self.name):
            return f"{self.kind}:{self.name}"
        return f"{self.kind}:{self.component}:{self.name}"

    @property
    def application(self) -> str:
        """The Application that it belongs to; none of a group, or of any token."""
        key = self.name if self.kind == "client" else self.component
        return key.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Edge:
    """One line between two nodes, by their ids.

    `items` are what passes: scopes that somebody gets by a role, or requests that a scope opens.
    Where they are none, the line is there and leads nowhere, and `label` says why.
    """

    source: str
    target: str
    items: Names
    label: Names = ()
    change: Change | None = None

    @property
    def idle(self) -> bool:
        return not self.items


EdgesByNode = Mapping[str, Sequence[Edge]]


@dataclass(frozen=True)
class Graph:
    """Nodes in order, edges in order, and what is to be read above (`title`) and below (`notes`)
    the picture."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    notes: Names = ()

    @cached_property
    def by_id(self) -> Mapping[str, Node]:
        return {node.id: node for node in self.nodes}

    def of_kind(self, kind: Kind) -> list[Node]:
        return [node for node in self.nodes if node.kind == kind]

    @cached_property
    def leaving(self) -> EdgesByNode:
        """Edges by the id of their source."""
        return _grouped(self.edges, lambda edge: edge.source)

    @cached_property
    def entering(self) -> EdgesByNode:
        """Edges by the id of their target."""
        return _grouped(self.edges, lambda edge: edge.target)

    @cached_property
    def slugs(self) -> Texts:
        """Per node a name of letters, digits and `_`, which is the same in two graphs as far as
        that can be."""
        ids = {}
        for id_ in sorted(self.by_id):
            slug = re.sub(r"[^A-Za-z0-9]+", "_", id_).strip("_")[:80]
            while slug in ids:
                slug += "_"
            ids[slug] = id_
        return {id_: slug for slug, id_ in ids.items()}


def _grouped(edges: Iterable[Edge], key: Callable[[Edge], str]) -> EdgesByNode:
    result: dict[str, list[Edge]] = {}
    for edge in edges:
        result.setdefault(key(edge), []).append(edge)
    return result


def in_order(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """By layer, then by component and name: a node that comes or goes moves no other."""
    return tuple(sorted(nodes, key=_node_rank))


def _node_rank(node: Node) -> tuple[object, ...]:
    return LAYER[node.kind], node.kind, node.component, node.name


def edges_in_order(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    return tuple(sorted(edges, key=_edge_rank))


def _edge_rank(edge: Edge) -> tuple[object, ...]:
    return edge.source, edge.target, edge.change or "", edge.items


def users_in(group: str) -> str:
    """What passes to where any token of users in a group is enough."""
    return f"users in {group}"
