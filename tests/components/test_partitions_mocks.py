"""An estate as base and partitions under Pulumi's mocks: together what it is as one stack, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from kong_oam.access.diff.snapshot import OUTPUT, joined, load_model
from kong_oam.engine.stacks import merge
from kong_oam.engine.state import from_outputs
from tests.support.engine.partitions import partition, stack_of
from tests.support.mocks import Registered, States, run_stack
from tests.support.partition_program import PARTITIONS, estate_at, run_all

KINDS = ("okta", "keycloak", "entra", "oidc")
_OF_EACH_STACK = ("kong-oam:", "pulumi:providers:", "pulumi:pulumi:Stack")
"""Types of what each stack has for itself."""


@dataclass(frozen=True, slots=True)
class Stacks:
    """What the program registers for the estate as one stack, and on its base and each partition; and what the stacks
    export, the base first."""

    whole: list[Registered]
    parts: dict[str | None, list[Registered]]
    outputs_of_whole: dict[str, Any]
    outputs: list[dict[str, Any]]


@pytest.fixture(scope="module", params=KINDS)
def stacks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stacks]:
    """The sample estate with an identity provider of each kind."""
    with estate_at(request.param, tmp_path_factory.mktemp("project")) as folder:
        as_one: States = {}
        whole = run_stack(stack_of(None), as_one)
        partition(folder, PARTITIONS)
        states: States = {}
        parts = run_all(states)
        yield Stacks(whole, parts, _outputs(as_one[stack_of(None)]), [_outputs(state) for state in states.values()])


def _outputs(state: dict[str, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = from_outputs(state).outputs  # type: ignore[assignment]
    return found


def _resources(registered: list[Registered]) -> dict[tuple[str, str], dict[str, Any]]:
    """The inputs of resources by type and logical name, without tags that say the partition."""
    found = {}
    for one in registered:
        if not one.type.startswith(_OF_EACH_STACK):
            inputs = dict(one.inputs)
            if one.type.startswith("kong:"):
                inputs["tags"] = (
                    [tag for tag in inputs["tags"] if "-partition:" not in tag] if "tags" in inputs else None
                )
            assert (one.type, one.name) not in found
            found[one.type, one.name] = inputs
    return found


def test_base_and_partitions_are_the_whole(stacks: Stacks) -> None:
    """The same resources with the same inputs, each in one stack, whatever the identity provider."""
    together: dict[tuple[str, str], dict[str, Any]] = {}
    for registered in stacks.parts.values():
        of_stack = _resources(registered)
        assert not together.keys() & of_stack.keys()
        together |= of_stack
    meant = _resources(stacks.whole)
    assert together.keys() == meant.keys()
    for which, inputs in meant.items():
        assert together[which] == inputs, which


def test_what_the_stacks_export_is_together_what_the_whole_does(stacks: Stacks) -> None:
    """The mappings that `verify` reads, and the model that `diff deployed:` does."""
    together: dict[str, Any] = {}
    for outputs in stacks.outputs:
        together = merge(together, outputs)
    of_maps = {name for name, value in stacks.outputs_of_whole.items() if isinstance(value, dict)}
    assert {"audiences", "clients", "issuers", "credentials", "upstreams", "keySlots"} <= of_maps
    for name in of_maps:
        assert together[name] == stacks.outputs_of_whole[name], name
    model = load_model(joined(outputs[OUTPUT] for outputs in stacks.outputs))
    meant = load_model(stacks.outputs_of_whole[OUTPUT])
    assert model.estate.components == meant.estate.components
    assert model.workloads == meant.workloads
    assert _unplaced(model.facts) == _unplaced(meant.facts)


def _unplaced(facts: Any) -> dict[Any, dict[str, Any]]:
    """The facts but for which partition a component is in, and which there are."""
    return {
        subject: {name: value for name, value in of_subject.items() if not name.startswith("partition")}
        for subject, of_subject in facts.items()
    }


def test_a_first_preview_of_a_partition_shows_all_of_it(stacks: Stacks) -> None:
    """What its base will give is unknown there, and stops nothing."""
    previewed = run_stack(stack_of("shops"), {}, preview=True)
    assert {(one.type, one.name) for one in previewed} == {(one.type, one.name) for one in stacks.parts["shops"]}
