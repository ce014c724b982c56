"""The run of a partition that adds grants while gates stay, under Pulumi's mocks: what it leaves as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kong_oam.engine.known_stacks import VARIABLE, Contents, shared
from kong_oam.engine.stacks import GATES_STAY, KEEP_GRANTS
from kong_oam.engine.state import from_outputs
from tests.support.engine.partitions import partition, stack_of
from tests.support.mocks import Registered, States, run_stack
from tests.support.partition_program import estate_at

PARTITIONS = {"apis": ["orders"], "rest": ["*"]}
CLIENTS = ("shop/checkout", "shop/web")
"""Those of `rest` that get a grant in `apis`."""


@dataclass(frozen=True, slots=True)
class Run:
    """What the run registered, and what the stack exported before it and after it."""

    registered: list[Registered]
    before: dict[str, Any]
    after: dict[str, Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A scope gets another name, and in the same change each component another image, and one is new."""
    rest, states = stack_of("rest"), States()
    with estate_at("okta", tmp_path_factory.mktemp("project")) as folder, pytest.MonkeyPatch.context() as patch:
        partition(folder, PARTITIONS)
        for name in (None, *PARTITIONS):
            run_stack(stack_of(name), states)
        before = dict(from_outputs(states[rest]).outputs)
        _change(folder / "applications")
        run_stack(stack_of(None), states)
        patch.setenv(KEEP_GRANTS, GATES_STAY)
        with shared({rest: Contents(None)}) as told:  # as its recorded run left it
            patch.setenv(VARIABLE, told[VARIABLE])
            yield Run(run_stack(rest, states), before, dict(from_outputs(states[rest]).outputs))


def _change(applications: Path) -> None:
    for file in applications.glob("*.yaml"):
        text = file.read_text("utf-8").replace("orders.read", "orders.view").replace("image: ", "image: mirror/")
        file.write_text(text.replace("groups: [sales, order-desk]", "groups: [order-desk]"), "utf-8")
    text = (applications / "hello.yaml").read_text("utf-8")
    (applications / "news.yaml").write_text(text.replace("hello", "news"), "utf-8")


def test_of_workloads_only_those_whose_clients_get_a_grant_change(run: Run) -> None:
    """What is there of the others is left as it is, whatever it is to become; what is new is made."""
    objects = [one for one in run.registered if one.type.startswith("kubernetes:")]
    assert {one.parent for one in objects if "*" not in one.ignored} == {*CLIENTS, "news/news-world"}
    assert {one.parent for one in objects if "*" in one.ignored} >= {"reports/library", "hello/hello-world"}
    assert not any("*" in one.ignored for one in run.registered if one not in objects)


@pytest.mark.deep
def test_nothing_needs_what_the_engine_leaves_out(run: Run) -> None:
    """What is at the gateway, and not there yet: the engine would stop."""
    gateway = {one.name for one in run.registered if one.type.startswith("kong:")}
    assert gateway
    assert not [one for one in run.registered if not one.type.startswith("kong:") and one.after & gateway]


def test_the_gateway_comes_after_the_rest_and_its_state_does_not_say_so(run: Run) -> None:
    """The state of each entity would name all else, and be written for that."""
    apart = ("kong:", "kong-oam:", "pulumi:")
    rest = {one.name for one in run.registered if not one.type.startswith(apart)}
    gateway = [one for one in run.registered if one.type.startswith("kong:")]
    assert gateway[-1].behind >= rest
    assert not [one for one in gateway if one.after >= rest]


def test_what_the_stack_exports_stays_but_for_what_clients_have(run: Run) -> None:
    """Others go by it: gates are not those of the Applications yet. The base keeps what is used now or was before."""
    clients = {"elsewhere", "clients", "generation", "uses"}
    kept = {name: value for name, value in run.after.items() if name not in clients}
    assert kept == {name: value for name, value in run.before.items() if name not in clients}
    rule = next(one for one in run.registered if one.name == "okta-rule-shop/checkout")
    assert rule.inputs["scopeWhitelists"] == ["orders.read", "orders.view"]
    assert {*run.after["uses"]["orders/api at okta"]["scopes"]} == {"orders.read", "orders.view", "orders.write"}
    assert run.after["uses"]["reports/library at okta"]["groups"] == ["order-desk", "sales"]
    assert run.after["generation"] > run.before["generation"]
