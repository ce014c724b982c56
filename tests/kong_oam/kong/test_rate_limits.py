"""The budget that a request counts against, on a stand-in for Kong: the callers that get 429."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kong_oam.access.settings.redis import RedisSettings
from sandbox.kong import Kong
from sandbox.kong.proxy import Answer
from tests.support.gateway_estates import Scene, issuers, stack
from tests.support.kong_deployment import Entities
from tests.support.limits import MOST, PAGE, Step, limited, steps
from tests.support.redis import PASSWORD, redis

DOMAIN = "limits.example.com"
STACK = replace(stack("limits", "http"), redis=True)
NOW = time.time()
ISSUERS = issuers(STACK, NOW)
STEPS = list(steps(ISSUERS["main"], ISSUERS["other"]))
(A_CLIENT,) = (step for step in STEPS if step.name == "a client")


@pytest.fixture
def kong() -> Iterator[Kong]:
    """A node whose workloads answer 200."""
    with Kong(now=lambda: NOW) as node:
        yield node


def deploy(
    kong: Kong, policy: str = "local", counts_in: RedisSettings | None = None
) -> None:
    estate = limited(DOMAIN, STACK, policy)
    with Entities(kong.admin_url, keep=True) as made:
        made.settings = replace(
            made.settings,
            gateway=replace(made.settings.gateway, redis=counts_in),
        )
        made.estate(estate, Scene(estate, ISSUERS).pems, "upstream.test")


def answer_to(kong: Kong, step: Step, address: str = "127.0.0.1") -> Answer:
    lines = [f"GET {step.path} HTTP/1.1", f"Host: {step.application}.{DOMAIN}"]
    lines += [f"Authorization: Bearer {step.token}"] if step.token else []
    lines += [f"{step.header[0]}: {step.header[1]}"] if step.header else []
    return kong.handle(
        "\r\n".join([*lines, "", ""]).encode(), scheme="http", peer=address
    )


def statuses_of_steps(kong: Kong) -> dict[str, tuple[int, ...]]:
    return {
        step.name: tuple(answer_to(kong, step).status for _ in step.statuses)
        for step in STEPS
    }


def test_each_budget_is_used_up_by_those_whose_it_is(kong: Kong) -> None:
    """Neither forged nor foreign tokens, nor a flood without any, use up what is another's, nor get around their own."""
    deploy(kong)
    assert statuses_of_steps(kong) == {
        step.name: step.statuses for step in STEPS
    }


@pytest.mark.parametrize(
    "token",
    [
        None,
        ISSUERS["main"].service(["x"], "stranger"),
        ISSUERS["main"].token([], aud="api://x"),
    ],
)
def test_many_addresses_are_no_way_around_the_budget_of_a_component(
    kong: Kong, token: str | None
) -> None:
    """Callers without a valid token share one budget, with or without a token of the issuer, from
    any address."""
    deploy(kong)
    flood = Step("from everywhere", "component", (), token, "/open")
    assert [
        answer_to(kong, flood, f"192.0.2.{last}").status for last in range(4)
    ] == [
        200,
        200,
        429,
        429,
    ]


def test_answers_say_what_is_left_and_the_workload_hears_nothing_of_it(
    kong: Kong,
) -> None:
    """RateLimit headers on each answer, Retry-After on a refusal, and whose budget it was on neither side."""
    deploy(kong)
    answers = [answer_to(kong, A_CLIENT) for _ in range(MOST + 1)]
    headers_of_answers = [dict(answer.headers) for answer in answers]
    assert [
        (headers["RateLimit-Limit"], headers["RateLimit-Remaining"])
        for headers in headers_of_answers
    ] == [
        ("2", "1"),
        ("2", "0"),
        ("2", "0"),
    ]
    assert ["Retry-After" in headers for headers in headers_of_answers] == [
        False,
        False,
        True,
    ]
    assert (
        headers_of_answers[-1]["Retry-After"]
        == headers_of_answers[-1]["RateLimit-Reset"]
    )
    upstream = answers[0].upstream
    assert upstream is not None
    names = {name.lower() for name, _ in upstream.headers}
    assert "x-auth-client" in names and "x-auth-budget" not in names
    assert not any(
        "budget" in name.lower()
        for answer in answers
        for name, _ in answer.headers
    )


def test_a_page_may_read_that_it_is_refused_and_its_preflights_count_nowhere(
    kong: Kong,
) -> None:
    """The page may also read the rest of its budget."""
    deploy(kong)
    preflight = f"OPTIONS /orders HTTP/1.1\r\nHost: client.{DOMAIN}\r\nOrigin: {PAGE}\r\n"
    preflight += "Access-Control-Request-Method: GET\r\n\r\n"
    before = [
        kong.handle(preflight.encode(), scheme="http") for _ in range(MOST + 1)
    ]
    assert {answer.status for answer in before} == {204}
    answers = [
        answer_to(kong, replace(A_CLIENT, header=("Origin", PAGE)))
        for _ in range(MOST + 1)
    ]
    assert [answer.status for answer in answers] == [200, 200, 429]
    for headers in (dict(answer.headers) for answer in answers):
        assert headers["Access-Control-Allow-Origin"] == PAGE
        assert "RateLimit-Remaining" in headers["Access-Control-Expose-Headers"]


def test_redis_counts_the_same(kong: Kong, tmp_path: Path) -> None:
    """In a database of a Redis that asks for a password."""
    with redis(tmp_path, password=PASSWORD) as running:
        deploy(kong, "redis", running.settings(password=PASSWORD))
        assert statuses_of_steps(kong) == {
            step.name: step.statuses for step in STEPS
        }


def test_a_redis_that_is_away_refuses_everybody(
    kong: Kong, tmp_path: Path
) -> None:
    """Unless the stack says otherwise: then nothing is limited. Redis that refuses the password is as good as away."""
    with redis(tmp_path, password=PASSWORD) as running:
        deploy(kong, "redis", running.settings(password="another"))
        assert answer_to(kong, A_CLIENT).status == 500
    assert answer_to(kong, A_CLIENT).status == 500


def test_a_redis_that_is_away_may_open(kong: Kong) -> None:
    """Where the stack says so."""
    deploy(kong, "redis", RedisSettings("127.0.0.1", 1, tls=False, away="open"))
    assert [answer_to(kong, A_CLIENT).status for _ in range(MOST + 1)] == [
        200
    ] * (MOST + 1)
