"""The code that all ports run before authentication, of an estate in partitions: its base has it, first and last."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_oam.engine.state import from_outputs
from kong_oam.kong import code
from kong_oam.kong.names import CODE
from sandbox.project import set_gateway
from tests.support.engine.partitions import partition, stack_of
from tests.support.lua_scripts import spoil
from tests.support.mocks import Registered, States, run_stack
from tests.support.partition_program import PARTITIONS, estate_at, run_all


@pytest.fixture
def states(tmp_path: Path) -> Iterator[States]:
    """The sample estate in partitions, all of which were run."""
    with estate_at("oidc", tmp_path) as folder:
        partition(folder, PARTITIONS)
        states: States = {}
        run_all(states)
        yield states


def _versions(registered: list[Registered]) -> list[str]:
    """Those that the global plugin of a run has."""
    configs = [one.inputs["configJson"] for one in registered if one.name == CODE]
    return [code.version_in(script) for config in configs for script in code.left_by(config)]


def _called(registered: list[Registered]) -> set[str]:
    """The versions that a run's admissions call, or "own" for those that bring their code."""
    configs = [one.inputs["configJson"] for one in registered if one.name.endswith("-admission")]
    assert configs
    return {"own" if "LEAVE" in config else next(iter(code.called_by([config]))) for config in configs}


def _another_version(patch: pytest.MonkeyPatch) -> tuple[str, str]:
    before = code.version()
    spoil(patch, "'a preflight was answered", "'another preflight was answered")
    known = frozenset({before, code.version()})
    patch.setattr(code, "known", lambda: known)
    patch.setattr(code, "version_in", code.version_in.__wrapped__)
    return before, code.version()


def test_partitions_call_what_their_base_has(states: States) -> None:
    """And have no global plugin of their own."""
    for name in (None, *PARTITIONS):
        registered = run_stack(stack_of(name), states)
        assert _versions(registered) == ([] if name else [code.version()])
        assert name is None or _called(registered) == {code.version()}


def test_a_partition_that_is_run_before_its_base_brings_its_own(
    states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a version that the base does not have yet. The base then keeps the one before, which other partitions call,
    until there is a third; and a run of it behind theirs changes nothing."""
    before, now = _another_version(monkeypatch)
    assert _called(run_stack(stack_of("shops"), states)) == {"own"}
    assert _versions(run_stack(stack_of(None), states)) == [before, now]
    for name in PARTITIONS:
        assert _called(run_stack(stack_of(name), states)) == {now}
    assert _versions(run_stack(stack_of(None), states)) == [before, now]


def test_a_version_that_no_partition_calls_goes_with_the_next(states: States, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those do that were there when all partitions brought their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(code, "version", lambda: "another")
        patch.setattr(code, "code", code.code.__wrapped__)
        for name in PARTITIONS:
            run_stack(stack_of(name), states)
    _, now = _another_version(monkeypatch)
    assert _versions(run_stack(stack_of(None), states)) == [now]


def test_a_base_keeps_what_partitions_still_call(states: States) -> None:
    """Once each port is to have its own: it says so, and what is kept goes with the run behind theirs."""
    set_gateway(Path.cwd(), sharedCode=False)
    assert _versions(run_stack(stack_of(None), states)) == [code.version()]
    assert from_outputs(states[stack_of(None)]).outputs["kept"] == ["the code that ports run"]
    assert json.loads(json.dumps(from_outputs(states[stack_of(None)]).outputs))["base"]["gateway"]["code"]
    for name in PARTITIONS:
        assert _called(run_stack(stack_of(name), states)) == {"own"}
    assert _versions(run_stack(stack_of(None), states)) == []
    assert from_outputs(states[stack_of(None)]).outputs["kept"] == []
