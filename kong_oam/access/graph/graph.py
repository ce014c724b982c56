"""The graph of access as a value: role holders, roles, scopes, and the requests that they open.

The graph has layers. Groups and clients lead to roles, roles to scopes, and scopes to the
components that require them. If any token of a provider suffices, a `token` node replaces the role.
If no token is needed, a `public` node replaces the scope. Pods that connect inside the cluster lead
to the component itself. A client with an old credential has a second node, `consumer`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from kong_oam.access.data import Names, Texts

Kind = Literal[
    "group",
    "client",
    "pods",
    "peer",
    "consumer",
    "role",
    "token",
    "scope",
    "public",
    "component",
]

# Nodes of these kinds have a component's key as name.
OF_COMPONENTS: tuple[Kind, ...] = ("client", "pods", "consumer")

# The kinds of nodes from left to right.
LAYERS: tuple[tuple[Kind, ...], ...] = (
    ("group", "client", "pods", "peer", "consumer"),
    ("role", "token"),
    ("scope", "public"),
    ("component",),
)

# The layer of each kind, from 0.
LAYER: dict[Kind, int] = {}
for _number, _kinds in enumerate(LAYERS):
    LAYER.update(dict.fromkeys(_kinds, _number))

Change = Literal["added", "removed"]

# The sign before a changed text, for readers who cannot see its colour. The minus is as wide as +.
SIGNS: Mapping[Change | None, str] = {None: "", "added": "+ ", "removed": "− "}  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Node:
    """A node. `details` are lines below its name; `component` owns a role, a scope or an API.

    `groups`: groups whose users sign in through a client. Such users have the scopes that both the
    group and the client have.
    """

    kind: Kind
    name: str
    component: str = ""
    details: Names = ()
    groups: Names = ()
    change: Change | None = None

    @property
    def id(self) -> str:
        """The node's id: unique in a graph, and the same in every graph with the node."""
        if self.component in ("", self.name):
            return f"{self.kind}:{self.name}"
        return f"{self.kind}:{self.component}:{self.name}"

    @property
    def application(self) -> str:
        """The node's Application; empty for a group, a peer and any token."""
        is_caller = self.kind in OF_COMPONENTS
        key = self.name if is_caller else self.component
        return key.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge between two nodes, by their ids.

    `items` are the scopes that a holder gets from a role, the requests that a scope opens, or the
    connections of pods.
    Without items the edge has no effect, and `label` gives the reason.
    """

    source: str
    target: str
    items: Names
    label: Names = ()
    change: Change | None = None

    @property
    def idle(self) -> bool:
        return not self.items

    @property
    def is_connection(self) -> bool:
        """Whether pods connect to the component inside the cluster, past the gate."""
        return self.source.startswith(("pods:", "peer:"))


EdgesByNode = Mapping[str, Sequence[Edge]]


@dataclass(frozen=True)
class Graph:
    """Nodes and edges in order, with the text above (`title`) and below (`notes`) the drawing."""

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
        """A name for each node of letters, digits and `_`, mostly the same in different graphs."""
        ids = {}
        for id_ in sorted(self.by_id):
            slug = re.sub(r"[^A-Za-z0-9]+", "_", id_).strip("_")[:80]
            while slug in ids:
                slug += "_"
            ids[slug] = id_
        return {id_: slug for slug, id_ in ids.items()}


def _grouped(edges: Iterable[Edge], key: Callable[[Edge], str]) -> EdgesByNode:
    result = defaultdict(list)
    for edge in edges:
        result[key(edge)].append(edge)
    return result


def in_order(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Return the nodes by layer, component and name, so that an added or removed node moves no
    other."""
    return tuple(sorted(nodes, key=_node_rank))


def _node_rank(node: Node) -> tuple[object, ...]:
    return LAYER[node.kind], node.kind, node.component, node.name


def edges_in_order(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    return tuple(sorted(edges, key=_edge_rank))


def _edge_rank(edge: Edge) -> tuple[object, ...]:
    return edge.source, edge.target, edge.change or "", edge.items


def users_in(group: str) -> str:
    """Return the item of users in a group, for an edge to an any-token node."""
    return f"users in {group}"
