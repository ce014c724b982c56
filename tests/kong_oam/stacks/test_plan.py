"""The steps of a command over the stacks of an estate, for granted and revoked scopes."""

from __future__ import annotations

import pytest

from kong_oam.stacks.plan import (
    Exchange,
    GrantChanges,
    Plan,
    RunOrderError,
    Step,
    lines,
    plan_down,
    plan_up,
    waves,
)
from tests.support.documentation import page

ALL = (None, "apis", "shop")
SHOP_FIRST = GrantChanges({"apis": frozenset({"shop"})})
APIS_FIRST = GrantChanges({"shop": frozenset({"apis"})})
EACH_FIRST = GrantChanges(
    {"apis": frozenset({"shop"}), "shop": frozenset({"apis"})}
)


@pytest.mark.parametrize(
    ("chosen", "changes", "steps"),
    [
        (
            ALL,
            GrantChanges(),
            (Step(None), Step("apis", (1,)), Step("shop", (1,))),
        ),
        (("apis", "shop"), GrantChanges(), (Step("apis"), Step("shop"))),
        ((None,), GrantChanges(), (Step(None),)),
        (ALL, SHOP_FIRST, (Step(None), Step("shop", (1,)), Step("apis", (2,)))),
        (ALL, APIS_FIRST, (Step(None), Step("apis", (1,)), Step("shop", (2,)))),
        ((None, "apis"), SHOP_FIRST, (Step(None), Step("apis", (1,)))),
        # A wanted order is ignored if it causes a cycle.
        (
            ALL,
            GrantChanges({}, SHOP_FIRST.needed),
            (Step(None), Step("shop", (1,)), Step("apis", (2,))),
        ),
        (
            ALL,
            GrantChanges(SHOP_FIRST.needed, EACH_FIRST.needed),
            (Step(None), Step("shop", (1,)), Step("apis", (2,))),
        ),
        (
            ("apis", "shop", "rest"),
            SHOP_FIRST,
            (Step("shop"), Step("rest"), Step("apis", (1,))),
        ),
    ],
    ids=[
        "no grant",
        "no base",
        "the base alone",
        "shop first",
        "apis first",
        "without shop",
        "wanted",
        "a circle",
        "a third",
    ],
)
def test_the_steps_of_up(
    chosen: tuple[str | None, ...], changes: GrantChanges, steps: Plan
) -> None:
    assert plan_up(chosen, changes) == steps


def test_partitions_that_wait_for_each_other_have_no_order() -> None:
    with pytest.raises(RunOrderError) as refused:
        plan_up(ALL, EACH_FIRST)
    assert str(refused.value) == (
        "dependency cycle of partitions apis, shop: clients of each get or lose scopes while another's rules change. "
        "Make three changes, and run `up` for each: first give the new scopes, then change the rules, then take the old scopes"
    )
    assert plan_up((None, "shop"), EACH_FIRST) == (
        Step(None),
        Step("shop", (1,)),
    )


def test_a_client_that_exchanges_scopes_has_no_order() -> None:
    """The page shows the command's message."""
    exchange = Exchange(
        "jobs/report at okta",
        ("orders.view of orders/api",),
        ("orders.read of orders/api",),
    )
    with pytest.raises(RunOrderError) as refused:
        plan_up(ALL, GrantChanges(exchanges=(exchange,)))
    assert f"```text\nerror: {refused.value}\n```\n" in page(
        "how-to/deploy-in-partitions.md"
    )
    with pytest.raises(
        RunOrderError,
        match=r"takes orders.read of orders/api \(also for jobs/import\): calls",
    ):
        plan_up(
            ALL,
            GrantChanges(
                exchanges=(
                    exchange,
                    Exchange("jobs/import", ("x of a/b",), ("y of a/b",)),
                )
            ),
        )


def test_a_base_goes_down_after_its_partitions() -> None:
    assert plan_down(ALL) == (
        Step("apis"),
        Step("shop"),
        Step(None, after=(1, 2)),
    )
    assert plan_down(("shop",)) == (Step("shop"),)


def test_steps_that_wait_for_nothing_more_are_run_side_by_side() -> None:
    assert [[*wave] for wave in waves(plan_up(ALL, SHOP_FIRST))] == [
        [1],
        [2],
        [3],
    ]
    assert [[*wave] for wave in waves(plan_up(ALL))] == [[1], [2, 3]]


def test_a_plan_is_printed_as_the_page_shows_it() -> None:
    changes = GrantChanges({"rest": frozenset({"payments"})})
    printed = "\n".join(
        lines(plan_up((None, "payments", "rest"), changes), "prod")
    )
    assert (
        printed
        == " 1  prod\n 2  prod-payments  after 1\n 3  prod-rest  after 2"
    )
    assert (
        f"$ .venv/bin/python -m kong_oam up -s prod --plan\n3 of 3 stacks: prod, prod-payments, prod-rest\n{printed}\n"
        in page("how-to/deploy-in-partitions.md")
    )
