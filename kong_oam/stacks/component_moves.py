"""Moves between the stacks of an estate, derived from their states. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kong_oam.access.data import without
from kong_oam.engine.export import Entry
from kong_oam.engine.state import COMPONENT, Resources, logical_name
from kong_oam.oam.position import Texts


@dataclass(frozen=True, slots=True)
class Move:
    """A component, by key and URN, that moves from one stack to another. `twice`: the target
    already has it, because an earlier move was interrupted between its two writes."""

    component: str
    urn: str
    source: str
    target: str
    twice: bool = False


def plan(states: Mapping[str, Resources], targets: Texts) -> list[Move]:
    """Return the moves by component. `states`: the resources of each stack; `targets`: the intended
    stack of each component.

    A component without an Application does not move: its present stack deletes it.
    """
    urns: dict[str, dict[str, str]] = {}
    for stack, resources in sorted(states.items()):
        for resource in resources:
            if resource["type"] == COMPONENT:
                urn = resource["urn"]
                urns.setdefault(logical_name(urn), {})[stack] = urn
    moves = []
    for key, by_stack in sorted(urns.items()):
        target = targets.get(key)
        if target is None:
            continue
        twice = target in by_stack
        for source, urn in by_stack.items():
            if source != target:
                moves.append(Move(key, urn, source, target, twice))
                twice = True  # after this move, the target has it
    return moves


def ids_below(resources: Resources, urns: Iterable[str]) -> dict[str, str]:
    """Return the ids, by URN, of components and of everything below them."""
    ids = {}
    wanted = {*urns}
    for resource in resources:  # a parent precedes its children
        urn = resource["urn"]
        if urn in wanted or resource.get("parent") in wanted:
            wanted.add(urn)
            ids[urn] = resource.get("id", "")
    return ids


def has_all(kept: Texts, copied: Resources) -> bool:
    """Return whether another state has all these resources with the same ids, so that this state
    may forget them."""
    there = {
        (
            resource["type"],
            logical_name(resource["urn"]),
            resource.get("id", ""),
        )
        for resource in copied
    }
    return there.issuperset(
        (_type(urn), logical_name(urn), identifier)
        for urn, identifier in kept.items()
    )


def without_resources(resources: Resources, gone: Iterable[str]) -> list[Entry]:
    """Return a state's resources without some of them, and without references to them."""
    forgotten = frozenset(gone)
    return [
        _detached(resource, forgotten)
        for resource in resources
        if resource["urn"] not in forgotten
    ]


def _detached(resource: Entry, forgotten: frozenset[str]) -> Entry:
    result = dict(resource)
    if "dependencies" in result:
        result["dependencies"] = without(result["dependencies"], forgotten)
    if "propertyDependencies" in result:
        result["propertyDependencies"] = {
            name: without(urns or (), forgotten)
            for name, urns in result["propertyDependencies"].items()
        }
    if result.get("deletedWith") in forgotten:
        del result["deletedWith"]
    return result


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def by_pair(
    moves: Iterable[Move],
) -> Iterator[tuple[tuple[str, str], list[Move]]]:
    """Yield the moves of each pair of source and target; one engine command performs them."""
    pairs = defaultdict(list)
    for move in moves:
        pairs[move.source, move.target].append(move)
    yield from sorted(pairs.items())
