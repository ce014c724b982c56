"""Checks of other stacks of an estate at the start of a run, before it makes anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pulumi
import pytest

from components import base, partition, state
from kong_oam.access.partitions import base_of, part_of
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import Settings
from kong_oam.engine.known_stacks import VARIABLE, Contents, known_stacks_file
from kong_oam.engine.state import StackState
from kong_oam.errors import EngineError
from kong_oam.identity.kinds import granted_in
from tests.support.estates import estate
from tests.support.partitioned_applications import MAIL, ORDERS, SHOP
from tests.support.small_stacks import APPLICATION, SETTINGS, state_with

BASE = {
    "generation": 3,
    "offered": {},
    "partitions": ["apis", "rest"],
    "providers": {},
    "gateway": {},
}


def settings(partition: str | None = None, **partitions: list[str]) -> Settings:
    parted = {"partitions": partitions} if partitions else {}
    return replace(parse("prod", {**SETTINGS, **parted}), partition=partition)


NOTHING = state_with()


def deployed(monkeypatch: pytest.MonkeyPatch, **states: StackState) -> None:
    """By stack of `prod`, with `prod` for its base; none of the others was ever deployed."""

    def recorded(stack: str) -> StackState:
        return states.get(stack.replace("-", "_"), NOTHING)

    for module in (base, partition):
        monkeypatch.setattr(module, "recorded", recorded)
        monkeypatch.setattr(
            module, "outputs_of", lambda stack: recorded(stack).outputs
        )


def run(of: Settings, own: StackState) -> partition.Part:
    applications = map(APPLICATION.format, ("apis", "shop"))
    return partition.part_of_run(of, estate(*applications, stack=of.stack), own)


def test_a_base_stops_while_a_partition_that_went_from_the_settings_has_components(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody would run that stack again: what it has would stay as it is for good. Also where all went."""
    deployed(monkeypatch, prod_apis=state_with("apis/one"))
    for new_settings in (settings(rest=["*"]), settings()):
        with pytest.raises(
            pulumi.RunError,
            match="partition 'apis' left kong-oam:partitions of 'prod'",
        ) as refused:
            run(new_settings, state_with(base=BASE))
        assert (
            "'prod-apis' still has apis/one. Run `python -m kong_oam move -s prod`"
            in str(refused.value)
        )
        assert "`pulumi destroy -s prod-apis`" in str(refused.value)
    deployed(
        monkeypatch,
        prod_apis=NOTHING,
        prod_rest=state_with("apis/one", "shop/one"),
    )
    assert (
        run(settings(rest=["*"]), state_with(base=BASE)).estate.role == "base"
    )


def test_a_partition_does_not_make_a_second_time_what_another_stack_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After its namespace moved here without `move`, in either order of runs."""
    rest_of_estate = settings("rest", apis=["other"], rest=["*"])
    for place in ("prod_apis", "prod"):
        states = {
            "prod": state_with(base=BASE),
            place: state_with("apis/one", base=BASE),
        }
        deployed(monkeypatch, **states)
        stack = place.replace("_", "-")
        with pytest.raises(
            pulumi.RunError,
            match=f"apis/one belong to this stack, .* state of '{stack}'. Move them",
        ):
            run(rest_of_estate, state_with("shop/one"))
    renamed = settings("new", new=["*"])  # the base was not run since
    deployed(
        monkeypatch,
        prod=state_with(base=BASE),
        prod_apis=state_with("apis/one"),
    )
    with pytest.raises(
        pulumi.RunError,
        match=r"apis/one belong to this stack, .* state of 'prod-apis'\. Move them",
    ):
        run(renamed, state_with())
    deployed(
        monkeypatch,
        prod=state_with(base=BASE),
        prod_apis=state_with("other/one"),
    )
    assert {*run(rest_of_estate, state_with("shop/one")).estate.own} == {
        "apis/one",
        "shop/one",
    }


def test_a_base_that_is_made_anew_is_no_older_than_what_partitions_were_made_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After it was destroyed, or a state of before was put back: else no run of it would ever be new enough."""
    new_settings = settings(apis=["apis"], rest=["*"])
    deployed(
        monkeypatch,
        prod_apis=state_with(generation=7),
        prod_rest=state_with(generation=5),
    )
    for before, expected in (
        (state_with(), 8),
        (state_with(base=BASE), 7),
        (state_with(base={**BASE, "generation": 9}), 9),
    ):
        part = run(new_settings, before)
        assert (
            base.exported(part.estate, before, part.made_with, {}, {})[
                "generation"
            ]
            == expected
        )
    with known_stacks_file(
        {"prod-apis": Contents(None, 8), "prod-rest": Contents([], 6)}
    ) as environment:  # and reads no state
        monkeypatch.setenv(VARIABLE, environment[VARIABLE])
        deployed(monkeypatch)
        assert run(new_settings, state_with()).made_with == 8


def test_a_client_that_was_moved_has_the_id_that_it_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its stack says it in its state until a run of that exports it: gates of others let it in all the while."""
    new_settings = settings("apis", apis=["orders"], rest=["*"])
    part = part_of(estate(ORDERS, SHOP, MAIL, stack=new_settings.stack), "apis")
    app = ("okta:app/oAuth:OAuth", "okta-app-shop/web")
    exported = state_with(clients={"okta": {"shop/web": "exported"}})
    for record, expected in (
        (NOTHING, "kong-oam.prod.shop.web"),
        (
            replace(state_with("shop/web"), client_ids={app: "made up"}),
            "made up",
        ),
        (replace(exported, client_ids={app: "made up"}), "exported"),
    ):
        deployed(monkeypatch, prod_rest=record)
        assert (
            partition._foreign_ids(new_settings, part)["okta"]["shop/web"]
            == expected
        )


def test_a_base_keeps_what_components_may_use_that_were_moved_and_not_run_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their gates are unchanged: in a new stack, or in a stack that left the settings."""
    new_settings = settings(new=["apis"], rest=["*"])
    offered = {
        "apis/one at okta": {
            "provider": "okta",
            "scopes": {"read": "Read"},
            "groups": [],
        }
    }
    before = state_with(
        base={**BASE, "partitions": ["old", "rest"], "offered": offered}
    )
    whole = estate(
        *map(APPLICATION.format, ("apis", "shop")), stack=new_settings.stack
    )
    of_shop = state_with("shop/one", uses={})
    moved, run_since = state_with("apis/one"), state_with("apis/one", uses={})
    for states, expected in (
        ({"prod_new": moved}, ["scope read of apis/one"]),
        ({"prod_new": run_since}, []),
        (
            {"prod_new": run_since, "prod_old": state_with(uses=offered)},
            ["scope read of apis/one"],
        ),
    ):
        deployed(monkeypatch, prod_rest=of_shop, **states)
        _, kept_uses = base.with_used_offers(
            base_of(whole),
            new_settings,
            before,
            partial(granted_in, new_settings.providers),
        )
        assert kept_uses == expected


def test_a_stack_that_is_not_there_yet_has_recorded_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The state of a new partition; any other error is no answer."""
    for name, value in (
        ("organization", "acme"),
        ("project", "kong-oam"),
        ("stack", "prod"),
    ):
        monkeypatch.setattr(pulumi, f"get_{name}", lambda value=value: value)
    message = 'invocation of pulumi:pulumi:readStackOutputs returned an error: unknown stack "acme/kong-oam/prod-new"'

    def invoke(token: str, arguments: Mapping[str, str]) -> None:
        raise Exception(message)

    monkeypatch.setattr(state, "invoke", invoke)
    assert (state.outputs_of("prod-new"), state.recorded("prod-new").urns) == (
        {},
        {},
    )
    with pytest.raises(EngineError):
        state.recorded()
    message = "connection refused"
    with pytest.raises(EngineError):
        state.outputs_of("prod-new")
