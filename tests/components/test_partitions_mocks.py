"""An estate as base and partitions under Pulumi's mocks: together what it is as one stack, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.diff.snapshot import OUTPUT, join_models, load_model
from kong_oam.access.partitions import (
    granted,
    owners_of_scopes,
    part_of,
    uses_of,
)
from kong_oam.access.settings.stack import read_file
from kong_oam.engine.stacks import merge
from kong_oam.engine.state import from_outputs
from kong_oam.identity.kinds import describe, granted_in
from kong_oam.oam.application import read_files
from sandbox.local import STACK
from tests.support.engine.partitions import partition, stack_of
from tests.support.json_object import JsonObject
from tests.support.mocks import Registered, States, run_stack
from tests.support.partition_program import PARTITIONS, estate_at, run_all
from tests.support.tiers import deep_after

KINDS = ("okta", "keycloak", "entra", "oidc")
MADE = ("okta:", "keycloak:", "azuread:")
_OF_EACH_STACK = ("kong-oam:", "pulumi:providers:", "pulumi:pulumi:Stack")
"""Types of resources that each stack has for itself."""


@dataclass(frozen=True, slots=True)
class Stacks:
    """The registered resources of the estate as one stack, and as a base with partitions; and the
    stacks' outputs, the base first. `granted` are the present grants of each partition's clients
    in its state, and `meant` the intended grants."""

    whole: list[Registered]
    parts: dict[str | None, list[Registered]]
    outputs_of_whole: JsonObject
    outputs: list[JsonObject]
    granted: JsonObject
    meant: JsonObject
    states: States


@pytest.fixture(scope="module", params=deep_after(1, KINDS))
def stacks(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stacks]:
    """The sample estate with an identity provider of each kind."""
    with estate_at(request.param, tmp_path_factory.mktemp("project")) as folder:
        as_one: States = {}
        whole = run_stack(stack_of(None), as_one)
        partition(folder, PARTITIONS)
        states: States = {}
        parts = run_all(states)
        outputs = [_outputs(state) for state in states.values()]
        yield Stacks(
            whole,
            parts,
            _outputs(as_one[stack_of(None)]),
            outputs,
            *_grants(folder, states),
            states,
        )


def _grants(folder: Path, states: States) -> tuple[JsonObject, JsonObject]:
    settings = read_file(folder / "stacks" / f"Pulumi.{STACK}.yaml", describe)
    estate = compile_estate(
        read_files([folder / "applications"]), settings.stack
    ).estate
    assert estate is not None
    offered = uses_of(_outputs(states[STACK])["base"]["offered"])
    models = {name: from_outputs(states[stack_of(name)]) for name in PARTITIONS}
    owners = owners_of_scopes(estate, offered)
    return (
        {
            name: granted_in(settings.providers, state, owners)
            for name, state in models.items()
        },
        {name: granted(part_of(estate, name)) for name in PARTITIONS},
    )


def _outputs(state: dict[str, JsonObject]) -> JsonObject:
    found: JsonObject = from_outputs(state).outputs  # type: ignore[assignment]
    return found


def _resources(
    registered: list[Registered],
) -> dict[tuple[str, str], JsonObject]:
    """The inputs of resources by type and logical name, without tags that say the partition."""
    found = {}
    for resource in registered:
        if not resource.type.startswith(_OF_EACH_STACK):
            inputs = dict(resource.inputs)
            if resource.type.startswith("kong:"):
                inputs["tags"] = (
                    [tag for tag in inputs["tags"] if "-partition:" not in tag]
                    if "tags" in inputs
                    else None
                )
            assert (resource.type, resource.name) not in found
            found[resource.type, resource.name] = inputs
    return found


def test_states_say_what_clients_are_granted(stacks: Stacks) -> None:
    """Whatever the provider, but for one at which nothing is made; also that a client is granted nothing."""
    if any(resource.type.startswith(MADE) for resource in stacks.whole):
        found = {
            name: {
                client: {
                    called: sorted(scopes) for called, scopes in calls.items()
                }
                for client, calls in calls_by_client.items()
            }
            for name, calls_by_client in stacks.granted.items()
        }
        assert found == stacks.meant
        assert (
            sum(
                bool(scopes)
                for calls_by_client in found.values()
                for calls in calls_by_client.values()
                for scopes in calls.values()
            )
            > 3
        )
    else:
        assert not any(stacks.granted.values())


def test_a_run_that_changes_nothing_announces_nothing(
    stacks: Stacks, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where any token counts that a client of another partition gets for an API of a third."""
    caplog.clear()
    for name in PARTITIONS:
        run_stack(stack_of(name), stacks.states)
    assert not [
        message for message in caplog.messages if message.startswith("access:")
    ]


def test_base_and_partitions_are_the_whole(stacks: Stacks) -> None:
    """The same resources with the same inputs, each in one stack, whatever the identity provider."""
    together: dict[tuple[str, str], JsonObject] = {}
    for registered in stacks.parts.values():
        of_stack = _resources(registered)
        assert not together.keys() & of_stack.keys()
        together |= of_stack
    expected = _resources(stacks.whole)
    assert together.keys() == expected.keys()
    for key, inputs in expected.items():
        assert together[key] == inputs, key


def test_what_the_stacks_export_is_together_what_the_whole_does(
    stacks: Stacks,
) -> None:
    """The mappings that `verify` reads, and the model that `diff deployed:` does."""
    together: JsonObject = {}
    for outputs in stacks.outputs:
        together = merge(together, outputs)
    of_maps = {
        name
        for name, value in stacks.outputs_of_whole.items()
        if isinstance(value, dict)
    }
    assert {
        "audiences",
        "clients",
        "issuers",
        "credentials",
        "upstreams",
        "keySlots",
        "__revisions",
    } <= of_maps
    for name in of_maps:
        assert together[name] == stacks.outputs_of_whole[name], name
    model = load_model(
        join_models(outputs[OUTPUT] for outputs in stacks.outputs)
    )
    whole_model = load_model(stacks.outputs_of_whole[OUTPUT])
    assert model.estate.components == whole_model.estate.components
    assert model.workloads == whole_model.workloads
    assert _unplaced(model.facts) == _unplaced(whole_model.facts)


def _unplaced(facts: Any) -> dict[Any, JsonObject]:
    """The facts but for which partition a component is in, and which there are."""
    return {
        subject: {
            name: value
            for name, value in of_subject.items()
            if not name.startswith("partition")
        }
        for subject, of_subject in facts.items()
    }


def test_a_first_preview_of_a_partition_shows_all_of_it(stacks: Stacks) -> None:
    """The values of its base are unknown there, and stop nothing."""
    previewed = run_stack(stack_of("shops"), {}, preview=True)
    assert {(resource.type, resource.name) for resource in previewed} == {
        (resource.type, resource.name) for resource in stacks.parts["shops"]
    }
