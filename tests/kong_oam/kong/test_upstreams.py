"""Kong's Upstream of an external component: its targets, and its name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.access.upstream import Target, Upstream
from kong_oam.kong.table import address
from kong_oam.kong.upstreams import addresses, digest, used_upstreams

TWO = Upstream(
    (Target("b.net", 2), Target("a.net", 1)), "https", "a.net", None, True
)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ((Target("b.net", 2), Target("a.net", 1)), ("a.net:1", "b.net:2")),
        ((Target("a.net", 1), Target("a.net", 1)), ("a.net:1",)),
        (
            (Target("2001:db8::1", 443),),
            ("[2001:0db8:0000:0000:0000:0000:0000:0001]:443",),
        ),
    ],
)
def test_targets_are_as_kong_writes_them(
    targets: tuple[Target, ...], expected: tuple[str, ...]
) -> None:
    assert addresses(replace(TWO, targets=targets)) == expected


@pytest.mark.parametrize(
    "other",
    [
        replace(TWO, targets=(Target("a.net", 1),)),
        replace(TWO, targets=(Target("a.net", 1), Target("b.net", 3))),
        replace(TWO, server_name="b.net"),
        replace(TWO, health="/up"),
        replace(TWO, health="/ready"),
        replace(TWO, host_header="a.net:8443"),
    ],
)
def test_every_change_makes_another_upstream(other: Upstream) -> None:
    """The gate goes over to it together with its rules."""
    assert digest(other) != digest(TWO)


def test_the_order_of_targets_makes_no_difference() -> None:
    assert digest(replace(TWO, targets=TWO.targets[::-1])) == digest(TWO)


def test_upstreams_in_the_state_are_known_by_component() -> None:
    recorded = [
        ("kong:index/upstream:Upstream", "legacy/crm-upstream-1a2b3c4d"),
        ("kong:index/upstream:Upstream", "a/b-upstream-x-upstream-1a2b3c4d"),
        ("kong:index/upstream:Upstream", "gateway-nowhere"),
        ("kong:index/service:Service", "a/b-upstream-1a2b3c4d"),
    ]
    assert used_upstreams(recorded) == {
        "legacy/crm": {"legacy/crm-upstream-1a2b3c4d"},
        "a/b-upstream-x": {"a/b-upstream-x-upstream-1a2b3c4d"},
    }


@pytest.mark.parametrize("host", ["2001:db8::1", "[2001:db8::1]"])
def test_an_ipv6_address_has_brackets_once(host: str) -> None:
    assert address(host, 443) == '{"host":"[2001:db8::1]","port":443}'


def test_the_gate_gets_the_host_header_of_the_stack() -> None:
    assert address("crm", 80, host_header="crm.example.net:80") == (
        '{"host":"crm","host_header":"crm.example.net:80","port":80}'
    )
