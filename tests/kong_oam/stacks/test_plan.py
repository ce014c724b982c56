"""The steps of a command over the stacks of an estate, for what a change gives clients and takes from them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.engine.stacks import GATES_CHANGE, GATES_STAY
from kong_oam.stacks.plan import Plan, Step, lines, plan_down, plan_up, waves
from kong_oam.stacks.regranted import Regranted
from tests.support.documentation import page

ALL = (None, "apis", "shop")
SHOP_AT_APIS = Regranted(frozenset({"shop/web"}), frozenset({"apis"}), frozenset({"apis"}))
SHOP_GETS = Regranted(frozenset({"shop/web"}), frozenset({"apis"}))
SHOP_LOSES = Regranted(lost=frozenset({"apis"}))
APIS_AT_SHOP = Regranted(frozenset({"apis/api"}), frozenset({"shop"}), frozenset({"shop"}))
SHOP_AT_HOME = Regranted(frozenset({"shop/web"}), frozenset({"shop"}), frozenset({"shop"}))


@pytest.mark.parametrize(
    ("chosen", "changes", "steps"),
    [
        pytest.param(ALL, {}, (Step(None), Step("apis", after=(1,)), Step("shop", after=(1,))), id="no grant"),
        pytest.param(("apis", "shop"), {}, (Step("apis"), Step("shop")), id="no base"),
        pytest.param((None,), {}, (Step(None),), id="the base alone"),
        pytest.param(
            ALL,
            {"shop": SHOP_GETS},
            (Step(None), Step("shop", GATES_STAY, (1,)), Step("apis", after=(2,)), Step("shop", after=(2,))),
            id="a client gets a grant",
        ),
        pytest.param(
            ALL,
            {"shop": SHOP_LOSES},
            (Step(None), Step("apis", after=(1,)), Step("shop", after=(2,))),
            id="a client loses a grant",
        ),
        pytest.param(
            ALL,
            {"shop": SHOP_AT_APIS},
            (Step(None), Step("shop", GATES_STAY, (1,)), Step("apis", after=(2,)), Step("shop", after=(2, 3))),
            id="a client gets another grant",
        ),
        pytest.param(
            ALL,
            {"shop": SHOP_AT_HOME},
            (
                Step(None),
                Step("shop", GATES_STAY, (1,)),
                Step("apis", after=(1,)),
                Step("shop", GATES_CHANGE, (2,)),
                Step("shop", after=(2, 4)),
            ),
            id="a client gets another grant in its own partition",
        ),
        pytest.param(
            ALL,
            {"shop": SHOP_AT_APIS, "apis": APIS_AT_SHOP},
            (
                Step(None),
                Step("apis", GATES_STAY, (1,)),
                Step("shop", GATES_STAY, (1,)),
                Step("apis", GATES_CHANGE, (2, 3)),
                Step("shop", GATES_CHANGE, (2, 3)),
                Step("apis", after=(2, 3, 4, 5)),
                Step("shop", after=(2, 3, 4, 5)),
            ),
            id="clients of two partitions get other grants at each other's gates",
        ),
        pytest.param(
            ALL,
            {"shop": replace(SHOP_GETS, readdressed=True)},
            (Step(None), Step("shop", GATES_CHANGE, (1,)), Step("apis", after=(2,)), Step("shop", after=(2,))),
            id="a client that gets a grant gets another port",
        ),
        pytest.param(
            ("apis", "shop"),
            {"shop": replace(SHOP_GETS, moved=True)},
            (Step("shop", GATES_STAY, whole=True), Step("apis", after=(1,)), Step("shop", after=(1,))),
            id="a client that was moved gets a grant",
        ),
    ],
)
def test_the_steps_of_up(chosen: tuple[str | None, ...], changes: dict[str, Regranted], steps: Plan) -> None:
    assert plan_up(chosen, changes) == steps


def test_a_base_goes_down_after_its_partitions() -> None:
    assert plan_down(ALL) == (Step("apis"), Step("shop"), Step(None, after=(1, 2)))
    assert plan_down(("shop",)) == (Step("shop"),)


def test_steps_that_wait_for_nothing_more_are_run_side_by_side() -> None:
    steps = plan_up(ALL, {"shop": SHOP_AT_APIS})
    assert [[*wave] for wave in waves(steps)] == [[1], [2], [3], [4]]
    assert [[*wave] for wave in waves(plan_up(ALL, {}))] == [[1], [2, 3]]


def test_a_plan_is_printed_as_the_page_shows_it() -> None:
    changes = {"payments": Regranted(frozenset({"billing/job"}), frozenset({"rest"}), frozenset({"rest"}))}
    printed = "\n".join(lines(plan_up((None, "payments", "rest"), changes), "prod"))
    assert printed == (
        " 1  prod\n"
        " 2  prod-payments  old and new grants, gates stay; after 1\n"
        " 3  prod-rest  after 2\n"
        " 4  prod-payments  after 2, 3"
    )
    assert (
        f"$ python -m kong_oam up -s prod --plan\n3 of 3 stacks: prod, prod-payments, prod-rest\n{printed}\n"
        in page("how-to/deploy-in-partitions.md")
    )
