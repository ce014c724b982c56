"""Moves of components between stacks, and the cleanup after an interrupted move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kong_oam.access.settings.stack import read_file
from kong_oam.engine.cli import PulumiCliError
from kong_oam.engine.state import COMPONENT
from kong_oam.stacks import move
from kong_oam.stacks.component_moves import (
    Move,
    by_pair,
    has_all,
    ids_below,
    plan,
    without_resources,
)
from kong_oam.stacks.move import MoveError, Moves, perform
from tests.support.json_object import JsonObject
from tests.support.repository import ROOT

SERVICE = "kong:index/service:Service"
ROUTE = "kong:index/route:Route"


def urn(stack: str, kind: str, name: str) -> str:
    return f"urn:pulumi:{stack}::kong-oam::{kind}::{name}"


def component(stack: str, key: str) -> JsonObject:
    return {"urn": urn(stack, COMPONENT, key), "type": COMPONENT}


def child(
    stack: str, kind: str, name: str, parent: str, identifier: str
) -> JsonObject:
    """A resource under a component; its URN has the types of its parents."""
    return {
        "urn": urn(stack, f"{COMPONENT}${kind}", name),
        "type": kind,
        "id": identifier,
        "parent": urn(stack, COMPONENT, parent),
    }


def state(stack: str, *keys: str, identifier: str = "1") -> list[JsonObject]:
    """Return components with a service each, and a service without a component."""
    found = [
        {
            "urn": urn(stack, "pulumi:pulumi:Stack", "s"),
            "type": "pulumi:pulumi:Stack",
        }
    ]
    for key in keys:
        found += [
            component(stack, key),
            child(stack, SERVICE, f"{key}-service", key, f"{key} {identifier}"),
        ]
    return found


def test_a_component_in_another_stack_is_moved() -> None:
    """A component in its right stack stays, and so does a component without an Application."""
    states = {
        "prod": state("prod", "a/x", "b/y", "gone/z"),
        "prod-one": state("prod-one", "c/z"),
    }
    targets = {
        "a/x": "prod-one",
        "b/y": "prod-two",
        "c/z": "prod-one",
        "new/w": "prod-one",
    }
    assert plan(states, targets) == [
        Move("a/x", urn("prod", COMPONENT, "a/x"), "prod", "prod-one"),
        Move("b/y", urn("prod", COMPONENT, "b/y"), "prod", "prod-two"),
    ]


def test_a_component_that_an_interrupted_move_left_twice_is_forgotten_once() -> (
    None
):
    """Only the source forgets it, because the target already has it."""
    states = {
        "prod": state("prod", "a/x"),
        "prod-one": state("prod-one", "a/x"),
    }
    assert plan(states, {"a/x": "prod-one"}) == [
        Move(
            "a/x", urn("prod", COMPONENT, "a/x"), "prod", "prod-one", twice=True
        )
    ]


def test_a_component_in_two_other_stacks_is_moved_once() -> None:
    """The partition changed after an interrupted move: the first stack with the component gives it,
    and the other forgets it."""
    states = {
        "prod-one": state("prod-one", "a/x"),
        "prod": state("prod", "a/x"),
    }
    moves = plan(states, {"a/x": "prod-two"})
    assert [(move.source, move.twice) for move in moves] == [
        ("prod", False),
        ("prod-one", True),
    ]
    assert [pair for pair, _ in by_pair(reversed(moves))] == [
        ("prod", "prod-two"),
        ("prod-one", "prod-two"),
    ]


def test_all_that_lies_under_a_component_goes_along() -> None:
    """All depths are included, but no other component."""
    below = {
        "urn": urn("prod", f"{COMPONENT}${SERVICE}${ROUTE}", "r"),
        "type": ROUTE,
        "id": "r 1",
    }
    below["parent"] = urn("prod", f"{COMPONENT}${SERVICE}", "a/x-service")
    resources = [*state("prod", "a/x", "b/y"), below]
    assert ids_below(resources, [urn("prod", COMPONENT, "a/x")]) == {
        urn("prod", COMPONENT, "a/x"): "",
        urn("prod", f"{COMPONENT}${SERVICE}", "a/x-service"): "a/x 1",
        below["urn"]: "r 1",
    }


def test_a_copy_is_whole_with_every_resource_and_every_id() -> None:
    """Otherwise neither copy may be forgotten: the products have a single copy."""
    resources = state("prod", "a/x")
    moved = ids_below(resources, [urn("prod", COMPONENT, "a/x")])
    assert has_all(moved, state("prod-one", "a/x", "b/y"))
    assert not has_all(moved, state("prod-one", "a/x", identifier="2"))
    assert not has_all(moved, state("prod-one", "a/x")[:-1])
    assert not has_all(moved, [])


def test_no_remaining_resource_refers_to_a_forgotten_resource() -> None:
    """The engine rejects a state in which a resource depends on a missing resource."""
    resources = state("prod", "a/x")
    service = urn("prod", f"{COMPONENT}${SERVICE}", "a/x-service")
    service_of_another = urn("prod", SERVICE, "other")
    stays = {
        "urn": urn("prod", ROUTE, "kept"),
        "type": ROUTE,
        "dependencies": [service, service_of_another],
        "propertyDependencies": {
            "serviceId": [service],
            "name": [service_of_another],
            "none": None,
        },
        "deletedWith": service,
    }
    gone = ids_below(resources, [urn("prod", COMPONENT, "a/x")])
    remaining = without_resources([*resources, stays], gone)
    assert remaining == [
        resources[0],
        {
            "urn": stays["urn"],
            "type": ROUTE,
            "dependencies": [service_of_another],
            "propertyDependencies": {
                "serviceId": [],
                "name": [service_of_another],
                "none": [],
            },
        },
    ]
    assert stays["deletedWith"] == service  # the exported state stays unchanged


def test_a_move_that_is_interrupted_ends_between_two_pairs_of_stacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finished moves stay, and the message names the command that continues."""
    settings = read_file(ROOT / "stacks/Pulumi.local.yaml")
    found = Moves(
        (
            Move("a/x", "urn a", "local", "local-one"),
            Move("b/y", "urn b", "local", "local-two"),
        ),
        {
            name: {"deployment": {}}
            for name in ("local", "local-one", "local-two")
        },
        (),
    )
    (tmp_path / "stacks").mkdir()
    for name in found.states:
        (tmp_path / f"stacks/Pulumi.{name}.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(move, "check_no_active_run", lambda *_: None)
    commands: list[str] = []
    monkeypatch.setattr(
        move, "pulumi", lambda *words, **_: commands.append(words[-1])
    )
    with pytest.raises(
        MoveError,
        match=r"^interrupted: continue with `python -m kong_oam move -s local --yes`$",
    ):
        perform(settings, found, lambda: bool(commands))
    assert commands == ["urn a"]
    perform(settings, found)
    assert commands == ["urn a", "urn a", "urn b"]

    def gone(*_: str, **__: Any) -> str:
        raise PulumiCliError(
            "`pulumi state move` failed: no resources found to move"
        )

    monkeypatch.setattr(move, "pulumi", gone)
    with pytest.raises(
        MoveError,
        match=r"no resources found to move\. `.*move -s local` lists the remaining moves$",
    ):
        perform(settings, found)
