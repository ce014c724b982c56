"""A stack whose resources lie under the components of the version before this one: they stay what they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.engine.deployment import operations
from tests.support.faults.stacks import Empty, Stack
from tests.support.faults.tiny import TINY

pytestmark = pytest.mark.engine

COMPONENT = "kong-oam:index:Component"
APPLICATION, WORKLOAD = "kong-oam:index:Application", "kong-oam:workload:Workload"
GATED, ROUTES = "kong-oam:gateway:GatedService", "kong-oam:gateway:Routes"
START = "urn:pulumi:local::kong-oam::"


def before(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same resources as the version before this one made them: under an Application, with components for workload,
    gated service and routes."""
    (root,) = (one["urn"] for one in resources if one["type"] == "pulumi:pulumi:Stack")
    moved, parents, made = {}, {}, {}
    for one in resources:
        if not one["urn"].startswith(f"{START}{COMPONENT}$"):
            continue
        name = one["urn"].rsplit("::", 1)[1]
        *above, (kind, called) = _above(one["type"], name)
        for depth in range(len(above) + 1):
            chain = [*above, (kind, called)][: depth + 1]
            urn = f"{START}{'$'.join(kind for kind, _ in chain)}::{chain[-1][1]}"
            parent = f"{START}{'$'.join(kind for kind, _ in chain[:-1])}::{chain[-2][1]}" if depth else root
            made[urn] = {"urn": urn, "custom": False, "type": chain[-1][0], "parent": parent}
        moved[one["urn"]] = (
            f"{START}{'$'.join(kind for kind, _ in above)}{'$' * bool(above)}{kind}${one['type']}::{name}"
        )
        parents[one["urn"]] = urn
    kept = [one for one in resources if one["type"] != COMPONENT]
    there = [{**one, "parent": parents.get(one["urn"], one.get("parent"))} for one in kept]
    told = json.dumps(there)
    for now, then in moved.items():
        told = told.replace(json.dumps(now), json.dumps(then))
    resources = json.loads(told)
    after = [one["urn"] for one in resources].index(root) + 1
    return [*resources[:after], *made.values(), *resources[after:]]


def _above(kind: str, name: str) -> Iterator[tuple[str, str]]:
    """The components that a resource lay under, with their names, the outermost first."""
    application, rest = name.split("/", 1)
    component = f"{application}/{rest.split('-')[0]}"
    if kind == "kong:index/route:Route" or "-optional-" in name:
        yield ROUTES, component
        return
    yield APPLICATION, application
    yield (WORKLOAD, component) if kind.startswith("kubernetes:") else (GATED, name.rsplit("-", 1)[0])


def changed_by(stack: Stack, verb: str) -> list[tuple[str, str]]:
    """Type and operation of all that `verb` did, but what stayed."""
    done = operations(stack.run(verb, "--json").stdout)
    return sorted(
        (urn.split("::")[2].rpartition("$")[2], op) for urn, op in done.items() if op not in ("same", "read", "refresh")
    )


def test_nothing_but_the_components_themselves_changes(empty: Empty) -> None:
    """No product is asked to change anything, the next run has nothing to do, and `destroy` finds all of it."""
    stack = empty(applications=[TINY])
    stack.run("up")
    stack.rewrite(before)
    assert not any(COMPONENT in one["urn"] for one in stack.state())
    assert "resources lie under other components than in the state, and move" in stack.pulumi("preview").stdout
    entities, objects = len(stack.local.kong.past()), list(stack.local.cluster.objects())
    changed = changed_by(stack, "up")
    assert {kind for kind, operation in changed if operation == "create"} == {COMPONENT}
    assert {kind for kind, operation in changed if operation == "delete"} == {APPLICATION, WORKLOAD, GATED, ROUTES}
    assert {operation for _, operation in changed} == {"create", "delete"}
    assert len(stack.local.kong.past()) == entities and list(stack.local.cluster.objects()) == objects
    assert changed_by(stack, "up") == []
    assert all("aliases" not in one for one in stack.state()), "who they were is not kept for ever"
    stack.run("destroy")
    assert stack.state() == []
