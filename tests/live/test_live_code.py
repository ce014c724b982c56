"""Ports whose code the gateway has once, on a real Kong: they decide as `decide` does, and refuse without it.

All other entities of the tier bring their own code: a Kong has one global plugin of a kind.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support.estates import estate
from tests.support.gateway_cases import Case, Coverage, cases, landmarks, refusals
from tests.support.gateway_estates import Scene, generated_applications, nested_applications
from tests.support.kong_deployment import Entities
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import RUN, SEED, issuers, stack, upstream_host

STACK = f"{RUN}-code"
COVERAGE = Coverage()


def _scene() -> Scene:
    texts = [*nested_applications(f"{STACK}.example.com"), *generated_applications(f"g.{STACK}.example.com", 4, SEED)]
    return Scene(estate(*texts, stack=stack(STACK)), issuers(STACK))


SCENE = _scene()
LITERAL = [(case, case.meant(SCENE).status) for case in (*landmarks(SCENE), *refusals(SCENE))]


@pytest.fixture(scope="module")
def once(live: LiveGateway) -> Iterator[Entities]:
    """The tier's estate under other names, once every worker sees all of it."""
    with Entities(live.target.admin_url, live.target.token, shared=True) as made:
        made.estate(SCENE.estate, SCENE.pems, upstream_host(), live.upstream.port)
        live.await_steady(LITERAL, bound=3 * made.facts.settle + 60)
        yield made


@pytest.mark.timeout(0)
@seed(SEED)
@settings(
    max_examples=300, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck)
)
@given(case=st.deferred(lambda: cases(SCENE, "nobody.example.net")))
@pytest.mark.usefixtures("once")
def test_the_gateway_answers_as_decide(live: LiveGateway, case: Case) -> None:
    """For any request, with the identity that it verified."""
    meant = case.meant(SCENE)
    outcome = live.send(case)
    COVERAGE.add(SCENE, case, meant)
    assert outcome.status in case.statuses(meant), (outcome.status, meant)
    assert (outcome.arrived is not None) == meant.allowed
    if outcome.arrived is not None:
        assert outcome.told() == case.told(SCENE, meant)
        assert outcome.credentials() == case.handed_on(meant)


def test_without_the_code_every_request_is_refused(live: LiveGateway, once: Entities) -> None:
    """503, whoever asks, and nothing arrives; all is as before once it is back."""
    (path,) = (path for path in once.paths("/plugins", name="pre-function") if "service" not in once.made[path])
    once.change(path, {"enabled": False})
    without = [(case, 503) for case, _ in LITERAL]
    live.await_steady(without, bound=3 * once.facts.settle + 60)
    assert all(live.send(case).arrived is None for case, _ in without)
    once.change(path, {"enabled": True})
    live.await_steady(LITERAL, bound=3 * once.facts.settle + 60)
