"""`gateway.adopted`: an older configuration in the same Kong, until a date."""

from __future__ import annotations

from typing import Any

import pytest

from kong_oam.access.settings.adopted import AdoptedSettings
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import Settings, StackError
from tests.support.small_stacks import SETTINGS

ADOPTED = {
    "until": "2027-03-31",
    "reason": "services move one by one",
    "deck": ["old/kong.yaml"],
}


def parsed(
    adopted: dict[str, Any] | None, as_of: str = "2027-01-01"
) -> Settings:
    gateway = {**SETTINGS["gateway"]}
    if adopted is not None:
        gateway["adopted"] = adopted
    return parse("prod", {**SETTINGS, "asOf": as_of, "gateway": gateway})


def test_the_setting_is_a_value() -> None:
    assert parsed(ADOPTED).gateway.adopted == AdoptedSettings(
        "2027-03-31", "services move one by one", ("old/kong.yaml",)
    )


@pytest.mark.parametrize(
    ("as_of", "adopts"),
    [("2027-03-30", True), ("2027-03-31", True), ("2027-04-01", False)],
)
def test_older_routes_may_stay_up_to_and_including_the_date(
    as_of: str, adopts: bool
) -> None:
    assert parsed(ADOPTED, as_of).adopts is adopts


def test_without_the_setting_no_older_route_may_stay() -> None:
    assert parsed(None).adopts is False


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"until": "2027-02-30"}, "gateway.adopted.until: 2027-02-30 is not a date; write YYYY-MM-DD"),
        ({"until": "soon"}, 'gateway.adopted.until: "soon" does not match'),
        ({"reason": ""}, 'gateway.adopted.reason: "" is shorter than'),
        ({"since": "2027-01-01"}, "gateway.adopted has no setting 'since'"),
        ({"deck": None}, "gateway.adopted.deck: null is not of type"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_rejected_with_its_place(
    change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(StackError) as caught:
        parsed({**ADOPTED, **change})
    assert f"kong-oam:{problem}" in str(caught.value)


@pytest.mark.parametrize("field", ["until", "reason", "deck"])
def test_each_field_is_required(field: str) -> None:
    """A list of decK files is required, so that nobody forgets them."""
    adopted = {name: ADOPTED[name] for name in ADOPTED if name != field}
    with pytest.raises(StackError, match=f"gateway.adopted needs '{field}'"):
        parsed(adopted)
