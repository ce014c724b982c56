"""Ports whose code the gateway has once, on a real Kong: they decide as `decide` does, and refuse without it.

All other entities of the tier bring their own code: a Kong has one global plugin of a kind.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from kong_oam.access.settings.logs import HttpSink, LogSettings
from kong_oam.access.stack import Records
from kong_oam.metrics.records import values_in
from tests.support.estates import estate
from tests.support.gateway_cases import Case, Coverage, cases, landmarks, refusals
from tests.support.gateway_estates import Scene, generated_applications, nested_applications
from tests.support.kong_deployment import Entities
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import RUN, SEED, issuers, stack, upstream_host
from tests.support.receivers import Receiver

STACK = f"{RUN}-code"
COVERAGE = Coverage()


def _scene() -> Scene:
    texts = [*nested_applications(f"{STACK}.example.com"), *generated_applications(f"g.{STACK}.example.com", 4, SEED)]
    return Scene(estate(*texts, stack=replace(stack(STACK), records=Records())), issuers(STACK))


SCENE = _scene()
LITERAL = [(case, case.meant(SCENE).status) for case in (*landmarks(SCENE), *refusals(SCENE))]


@pytest.fixture(scope="module")
def sink() -> Iterator[Receiver]:
    """What takes records, of a Kong on this machine."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def once(live: LiveGateway, sink: Receiver) -> Iterator[Entities]:
    """The tier's estate under other names, once every worker sees all of it."""
    logs = LogSettings(HttpSink(sink.url))
    with Entities(live.target.admin_url, live.target.token, logs=logs, shared=True) as made:
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


def test_without_the_code_every_request_is_refused(live: LiveGateway, once: Entities, sink: Receiver) -> None:
    """503, whoever asks, and nothing arrives; the record says just that. All is as before once it is back."""
    (path,) = (path for path in once.paths("/plugins", name="pre-function") if "service" not in once.made[path])
    once.change(path, {"enabled": False})
    without = [(case, 503) for case, _ in LITERAL]
    live.await_steady(without, bound=3 * once.facts.settle + 60)
    time.sleep(2)  # records come a second late
    sink.payloads.clear()
    assert all(live.send(case).arrived is None for case, _ in without)
    if upstream_host() == "127.0.0.1":
        until = time.monotonic() + 15
        while (missing := len(without) - len(records := _records(sink))) and time.monotonic() < until:
            time.sleep(0.1)
        assert not missing
        assert all((one["code"], one["status"]) == ("not-admitted", 503) and "path" not in one for one in records)
    once.change(path, {"enabled": True})
    live.await_steady(LITERAL, bound=3 * once.facts.settle + 60)


def _records(sink: Receiver) -> list[dict[str, Any]]:
    return [one for payload in tuple(sink.payloads) for one in values_in(payload)]
