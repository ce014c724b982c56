"""The time of the gateway's scripts with all traits and records, relative to admission and gate
alone."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from benchmarks.gateway import TRAITS, deployed
from benchmarks.scripts import LIMIT, lines, measure
from kong_oam.kong.at_kong import no_parts
from kong_oam.traits.at_kong import AT_KONG
from sandbox.kong import Kong


@pytest.mark.deep
def test_all_that_may_be_asked_for_is_within_the_limit(
    report: Callable[[str], None],
) -> None:
    """The measure is CPU time in LuaJIT, as a ratio within one process. benchmarks.gateway measures
    the rest on a real Kong."""
    seconds = measure(rounds=7, requests=500)
    for line in lines(seconds):
        report(line)
    assert seconds["all"] < LIMIT * seconds["guards"]


def test_calls_that_are_measured_on_a_real_kong_are_let_in_by_a_stand_in() -> (
    None
):
    """So what `benchmarks.gateway` deploys is whole; it takes away what it made."""
    with Kong() as kong:
        with deployed(kong.admin_url) as (_, deployed_estate):
            assert {
                name: kong.handle(request, "http").status
                for name, request in deployed_estate.items()
            } == dict.fromkeys(deployed_estate, 200)
        entities = {
            kind: httpx.get(f"{kong.admin_url}/{kind}").json()["data"]
            for kind in ("plugins", "services", "routes")
        }
        assert entities == {"plugins": [], "services": [], "routes": []}


def test_every_trait_is_measured() -> None:
    """Traits with scripts, or with entries that the gate reads, cost time for each request. The
    cost of other plugins is not ours. Connections to workloads stay open, and TLS costs time in
    nginx, not in Lua."""
    costing = {
        at_kong.key.name
        for at_kong in AT_KONG
        if at_kong.scripts or at_kong.behind or at_kong.entries is not no_parts
    }
    assert costing == {*TRAITS}
