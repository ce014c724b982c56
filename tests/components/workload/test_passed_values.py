"""Values of the cluster, read in place and put in place of placeholders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from components.workload.values import value_of, with_values
from kong_oam.oam.rendered import Awaited

ONE, OTHER = "awaited-value-0000000000000001", "awaited-value-0000000000000002"
ADDRESS = Awaited(
    ONE,
    "db",
    "v1",
    "Service",
    "shops",
    "db",
    ("status", "loadBalancer", "ingress", 0, "ip"),
)
STATUS = {
    "loadBalancer": {
        "ingress": [
            {"ip": "192.0.2.1", "port": 80, "up": True, "more": {}, "none": ""}
        ]
    }
}


@pulumi.runtime.test  # type: ignore[untyped-decorator]
def _asserted(value: Any, expected: Any) -> pulumi.Output[None]:
    def same(found: Any) -> None:
        assert found == expected

    return pulumi.Output.from_input(value).apply(same)


def read(
    status: Mapping[str, Any] | None, *last: str | int
) -> pulumi.Output[str]:
    resource: Any = SimpleNamespace(status=pulumi.Output.from_input(status))
    return value_of(
        resource, replace(ADDRESS, path=(*ADDRESS.path[: 5 - len(last)], *last))
    )


@pytest.mark.parametrize(
    ("field", "text"), [("ip", "192.0.2.1"), ("port", "80"), ("up", "true")]
)
def test_a_value_is_read_as_a_text(field: str, text: str) -> None:
    """Numbers and booleans as JSON has them."""
    _asserted(read(STATUS, field), text)


@pytest.mark.parametrize(
    ("status", "last"),
    [
        (None, ("ip",)),
        ({}, ("ip",)),
        (STATUS, ("name",)),
        (STATUS, ("more",)),
        (STATUS, ("none",)),
        (STATUS, (1, "ip")),
        (STATUS, ("x", "ip")),
        ({"loadBalancer": "text"}, ("ip",)),
    ],
)
def test_what_is_not_there_yet_is_an_error(
    status: Mapping[str, Any] | None,
    last: tuple[str | int, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is deployed with the text that stands in, which a preview shows."""
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    _asserted(read(status, *last), ONE)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    with pytest.raises(
        pulumi.RunError,
        match="Service 'shops/db' has no text or number at status",
    ):
        _asserted(read(status, *last), "")


def test_values_take_their_stand_ins_places() -> None:
    """At any depth, as often as they stand there; a stand-in that nobody knows is let be."""
    values = {
        ONE: pulumi.Output.from_input("1"),
        OTHER: pulumi.Output.from_input(ONE),
    }
    unknown = "awaited-value-0000000000000003"
    inputs = {
        "a": [f"x {ONE}{ONE} {OTHER}", {"b": f"{unknown} {ONE}"}],
        "c": unknown,
        "d": 1,
        "e": None,
    }
    expected = {
        "a": [f"x 11 {ONE}", {"b": f"{unknown} 1"}],
        "c": unknown,
        "d": 1,
        "e": None,
    }
    _asserted(with_values(inputs, values), expected)
