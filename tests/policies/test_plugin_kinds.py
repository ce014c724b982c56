"""Plugins that are not ours: the policy pack and `verify` judge a kind alike."""

from __future__ import annotations

import datetime
import typing
from dataclasses import replace

import pytest

from kong_oam.kong.effects import Effect, effect_of
from kong_oam.kong.plugin_kinds import PLUGIN_KINDS, PluginEffect
from policies.catalogue import RULES
from policies.deployed import DeployedModel
from policies.gateway import SCRIPTS, STRICT
from tests.support.estates import api, estate
from tests.support.sound_deployment import ACCESS, beside, plugin, resource

(UNDISTURBED,) = (rule for rule in RULES if rule.id == "gate-undisturbed")


@pytest.mark.parametrize("kind", [*PLUGIN_KINDS, "somebodys-own"])
def test_both_judge_a_kind_alike(kind: str) -> None:
    """Plugins that the pack accepts only observe, or deny some calls; no setting of an organisation
    allows other effects."""
    effect = effect_of({"name": kind, "config": {}})
    deployment = beside(plugin("one", kind, {}))
    reads = (
        PLUGIN_KINDS.get(kind) == "lets pages read"
    )  # which does not decide who may call, but belongs to the gate, too
    assert bool(UNDISTURBED.findings(deployment, {})) == (
        reads or effect in (Effect.CLOSES, Effect.UNKNOWN)
    )
    assert (effect is Effect.NONE) == (
        reads or PLUGIN_KINDS.get(kind) == "harmless"
    )
    may_be_allowed = PLUGIN_KINDS.get(kind, "depends") in (
        "harmless",
        "limits",
        "depends",
    )
    assert (
        bool(UNDISTURBED.findings(deployment, {"allow": [kind]}))
        != may_be_allowed
    )


def test_both_know_every_word_of_the_file() -> None:
    """Our own kinds are not in it: their place decides."""
    assert {*PLUGIN_KINDS.values()} == {*typing.get_args(PluginEffect)}
    assert not PLUGIN_KINDS.keys() & {*SCRIPTS, *STRICT}


@pytest.mark.parametrize(
    ("kind", "doing"),
    [
        ("kafka-log", "harmless"),
        ("response-transformer-advanced", "depends"),
        ("request-transformer", "rewrites"),
    ],
)
def test_what_only_logs_is_harmless_and_what_may_run_code_is_not(
    kind: str, doing: str
) -> None:
    """Two lists disagreed about these kinds."""
    assert PLUGIN_KINDS[kind] == doing


def _waived(
    kind: str, until: str = "2026-01-31", application: str = "orders"
) -> DeployedModel:
    waiver = f"{{name: {kind}, waiver: {{reason: r, until: {until}}}}}"
    asking = estate(
        api(application, access=ACCESS)
        + f"        - {{type: kong-plugin, properties: {waiver}}}\n"
    )
    return DeployedModel(asking, cloud="aws", as_of=datetime.date(2026, 1, 31))


def test_the_pack_accepts_by_a_waiver_what_its_application_asks_for() -> None:
    """That kind, before that component, until that day, on a service alone; and a script of ours at no other place."""
    service = resource("kong:index/service:Service", "api-service").urn
    cache = beside(plugin("cache", "proxy-cache", {}, serviceId=service))
    assert UNDISTURBED.findings(cache, {}), "nobody asks for it"
    assert not UNDISTURBED.findings(
        replace(cache, model=_waived("proxy-cache")), {}
    )
    assert UNDISTURBED.findings(
        replace(cache, model=_waived("redirect")), {}
    ), "another kind"
    assert UNDISTURBED.findings(
        replace(cache, model=_waived("proxy-cache", "2026-01-30")), {}
    ), "its day is over"
    assert UNDISTURBED.findings(
        replace(cache, model=_waived("proxy-cache", application="shop")), {}
    ), "of another"
    everywhere = beside(plugin("cache", "proxy-cache", {}))
    assert UNDISTURBED.findings(
        replace(everywhere, model=_waived("proxy-cache")), {}
    )
    on_a_route = beside(
        plugin("cache", "proxy-cache", {}, serviceId=service, routeId="x")
    )
    assert UNDISTURBED.findings(
        replace(on_a_route, model=_waived("proxy-cache")), {}
    )
    script = beside(
        plugin(
            "more",
            "pre-function",
            {"access": ["x"]},
            serviceId=service,
            routeId="x",
        )
    )
    assert UNDISTURBED.findings(
        replace(script, model=_waived("pre-function")), {}
    )


@pytest.mark.parametrize(
    "scope", [{}, {"serviceId": "ours"}, {"routeId": "x"}, {"consumerId": "x"}]
)
def test_what_lets_pages_read_is_a_violation_wherever_it_stands(
    scope: dict[str, str],
) -> None:
    """Kong's `cors`, which answers preflights before the gate, and its response headers. Pages
    ignore other headers."""
    if scope.get("serviceId"):
        scope = {
            "serviceId": resource(
                "kong:index/service:Service", "api-service"
            ).urn
        }
    add = {"add": {"headers": ["Access-Control-Allow-Origin:*"]}}
    for kind, config in (
        ("cors", {}),
        ("response-transformer", add),
        ("response-transformer-advanced", add),
    ):
        (found,) = UNDISTURBED.findings(
            beside(plugin("more", kind, config, **scope)), {"allow": [kind]}
        )
        assert "tells browsers which pages may read answers" in found.message
    marks = {"add": {"headers": ["X-Team:orders"]}}
    assert not UNDISTURBED.findings(
        beside(plugin("more", "response-transformer", marks, **scope)), {}
    )


def test_what_lets_pages_read_is_accepted_by_a_waiver() -> None:
    service = resource("kong:index/service:Service", "api-service").urn
    deployment = beside(plugin("more", "cors", {}, serviceId=service))
    assert not UNDISTURBED.findings(
        replace(deployment, model=_waived("cors")), {}
    )
    assert UNDISTURBED.findings(
        replace(deployment, model=_waived("cors", "2026-01-30")), {}
    ), "its day is over"
