"""Find the budget that a request counts against, on a live Kong: in its memory, and in a Redis that
starts and stops."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kong_oam.access.settings.redis import RedisSettings
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene
from tests.support.kong_deployment import Entities
from tests.support.limits import Step, limited, steps
from tests.support.live.engine import engine
from tests.support.live.gateway import LiveGateway, Outcome
from tests.support.live.run import RUN, issuers, stack, upstream_host
from tests.support.redis import redis

DOMAIN = f"limits.{RUN}.example.com"
NAME = f"{RUN}-limits"


@pytest.fixture
def made(live: LiveGateway) -> Iterator[Entities]:
    with live.target.deploying() as entities:
        yield entities


def deploy(
    live: LiveGateway, made: Entities, counts_in: RedisSettings | None = None
) -> list[Step]:
    """Deploy the components, wait until every worker limits them, and return their requests."""
    own = replace(stack(NAME), redis=True)
    estate = limited(DOMAIN, own, "redis" if counts_in else "local")
    made.settings = replace(
        made.settings, gateway=replace(made.settings.gateway, redis=counts_in)
    )
    made.estate(
        estate,
        Scene(estate, issuers(NAME)).pems,
        upstream_host(),
        live.upstream.port,
    )
    await_plugins(live, made)
    return list(steps(issuers(NAME)["main"], issuers(NAME)["other"]))


def await_plugins(live: LiveGateway, made: Entities) -> None:
    """Wait until every worker has the plugins. Requests that `jwt` denies count in no budget; a
    worker that sees the limits has read the plugins again."""
    live.await_steady(
        [(Case("GET", f"closed.{DOMAIN}", b"/orders"), 401)],
        3 * made.facts.settle + 60,
    )
    time.sleep(made.facts.settle)


def outcome_of(live: LiveGateway, step: Step) -> Outcome:
    time.sleep(0.05)  # Kong counts in memory just after its answer
    headers = (
        [f"{step.header[0]}: {step.header[1]}".encode()] if step.header else []
    )
    tokens = (f"Bearer {step.token}",) if step.token else ()
    return live.send(
        Case("GET", f"{step.application}.{DOMAIN}", step.path.encode(), tokens),
        *headers,
    )


def all_asked(
    live: LiveGateway, wanted: list[Step]
) -> dict[str, tuple[int, ...]]:
    return {
        step.name: tuple(outcome_of(live, step).status for _ in step.statuses)
        for step in wanted
    }


def test_each_budget_is_used_up_only_by_its_callers(
    live: LiveGateway, made: Entities
) -> None:
    """Forged or foreign tokens, and floods without a token, neither spend another's budget nor
    evade their own."""
    if not live.alone:
        pytest.skip("each node counts for itself, and calls may reach several")
    wanted = deploy(live, made)
    first = outcome_of(live, wanted[0])
    assert (
        first.status == 200 and "x-auth-budget" not in first.identity_headers()
    )
    rest = replace(wanted[0], statuses=wanted[0].statuses[1:])
    assert all_asked(live, [rest, *wanted[1:]]) == {
        step.name: step.statuses for step in (rest, *wanted[1:])
    }


def test_redis_counts_the_same_and_away_it_refuses_unless_it_opens(
    live: LiveGateway, made: Entities, tmp_path: Path
) -> None:
    """Without its Redis, Kong answers 500, or allows all calls if the stack says so."""
    if lacking := live.target.lacks("rate-limiting.redis"):
        pytest.skip(lacking)
    if upstream_host() != "127.0.0.1":
        pytest.skip("the tier's Redis is on loopback, and this Kong elsewhere")
    with redis(tmp_path) as running:
        wanted = deploy(live, made, running.settings())
        assert all_asked(live, wanted) == {
            step.name: step.statuses for step in wanted
        }
    assert [outcome_of(live, wanted[0]).status for _ in range(2)] == [500, 500]
    for path in made.paths("/plugins", name="rate-limiting"):
        made.change(path, {"config": {"fault_tolerant": True}})
    await_plugins(live, made)
    assert [outcome_of(live, wanted[0]).status for _ in range(2)] == [200, 200]


@pytest.mark.timeout(900)
def test_a_limit_settles_wherever_it_is_counted(
    live: LiveGateway, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Kong prints some fields under two names: its answers still have the program's values for the
    plugin."""
    with engine(live, tmp_path_factory.mktemp("limits"), "limits") as made:
        made.configure(
            "redis: {host: 127.0.0.1, port: 1, tls: false, away: open, password: '{vault://env/none}'}"
        )
        limit = "- {type: rate-limit, properties: {per: client, requests: {minute: 100}, policy: %s}}\n        - type: access"
        made.edit("- type: access", limit % "local")
        made.up()
        assert made.changes("up") == {}
        made.edit("policy: local", "policy: redis")
        if live.target.lacks("rate-limiting.redis"):
            refused = made.pulumi("preview", "-s", made.stack, check=False)
            assert refused.returncode != 0
            assert "lacks redis; use Kong 3.6 or newer" in refused.stdout
            return
        limits = {
            f"orders/api-{made.port}-{role}": "update"
            for role in ("rate-limit", "rate-limit-ring")
        }
        assert made.changes("up") == limits
        assert made.changes("up") == {}
        made.refresh()
        assert made.changes("up") == {}
        made.edit("policy: redis", "policy: local")
        made.edit("minute: 100", "hour: 100")
        assert made.changes("up") == limits
        assert made.changes("up") == {}
