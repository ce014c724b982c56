"""Which scopes a base goes on offering under Pulumi's mocks: those that gates and clients of partitions still have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_oam.engine.state import PLUGIN
from tests.support.engine.partitions import partition, stack_of
from tests.support.mocks import Registered, States, run_stack
from tests.support.partition_program import estate_at

PARTITIONS = {"apis": ["orders"], "rest": ["*"]}


@pytest.fixture
def states(tmp_path: Path) -> Iterator[States]:
    """A scope of `apis`, which clients of `rest` are granted, gets another name, and the base has been run since."""
    states = States()
    with estate_at("okta", tmp_path) as folder:
        partition(folder, PARTITIONS)
        for name in (None, *PARTITIONS):
            run_stack(stack_of(name), states)
        for file in (folder / "applications").glob("*.yaml"):
            file.write_text(
                file.read_text("utf-8").replace("orders.read", "orders.view"),
                "utf-8",
            )
        run_stack(stack_of(None), states)
        yield states


def _leaving_out(name: str, states: States, *types: str) -> None:
    """A run of a partition whose flags leave what there is of these types as it is."""
    resources = dict(states[stack_of(name)])
    old = {
        (resource["type"], urn.rpartition("::")[2]): Registered(
            resource["type"],
            urn.rpartition("::")[2],
            dict(resource["outputs"]),
            frozenset(),
            frozenset(),
            {},
            frozenset(),
        )
        for urn, resource in resources.items()
        if resource["type"] in types
    }
    assert old
    run_stack(stack_of(name), states, stays=old)
    states[stack_of(name)] |= {
        urn: resource
        for urn, resource in resources.items()
        if resource["type"] in types
    }


def _scopes(states: States) -> set[str]:
    """The scopes that a run of the base has."""
    return {
        resource.inputs["name"]
        for resource in run_stack(stack_of(None), states)
        if resource.type.endswith(":ServerScope")
    }


def test_one_that_a_gate_asks_for_stays_though_the_run_exported_what_was_meant(
    states: States,
) -> None:
    run_stack(stack_of("rest"), states)
    for _ in "ab":  # the second run does not rely on the first run's record
        _leaving_out("apis", states, PLUGIN)
        assert {"orders.read", "orders.view"} <= _scopes(states)
    run_stack(stack_of("apis"), states)
    assert "orders.read" not in _scopes(states)


def test_one_that_a_client_is_granted_stays_whatever_its_partition_uses(
    states: States,
) -> None:
    run_stack(stack_of("apis"), states)
    _leaving_out("rest", states, "okta:auth/serverPolicyRule:ServerPolicyRule")
    assert {"orders.read", "orders.view"} <= _scopes(states)
    run_stack(stack_of("rest"), states)
    assert "orders.read" not in _scopes(states)
