"""Rate limits: the length of a wait, its announcement, and its end."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from kong_oam.http import rates
from tests.support.streams import Capsys

AT = {"Date": "Tue, 14 Nov 2023 22:13:20 GMT"}  # 1,700,000,000


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of each pause, without real waits."""
    pauses: list[float] = []
    monkeypatch.setattr(rates.time, "sleep", pauses.append)
    return pauses


def limited(**headers: str) -> httpx.Response:
    request = httpx.Request("GET", "https://acme.okta.com/api/v1/groups")
    return httpx.Response(
        429,
        headers={
            name.replace("_", "-"): item for name, item in headers.items()
        },
        request=request,
    )


def ended(
    answers: Iterator[httpx.Response], usual: float | None = None
) -> httpx.Response:
    return rates.send_with_waits(lambda: next(answers), usual)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "7"}, 7.0),
        ({"Retry_After": "0.5"}, 0.5),
        ({"Retry_After": "-3"}, 0.1),
        ({"Retry_After": "Tue, 14 Nov 2023 22:13:50 GMT", **AT}, 30.0),
        ({"Retry_After": "Tue, 14 Nov 2023 22:13:00 GMT", **AT}, 0.1),
        ({"X_Rate_Limit_Reset": "1700000010", **AT}, 11.0),
        ({"X_Rate_Limit_Reset": "1699999999", **AT}, 1.0),
    ],
)
def test_it_is_waited_as_long_as_the_server_says(
    headers: dict[str, str], seconds: float
) -> None:
    """The answer has seconds, or a date by the server's clock, whatever the local clock shows."""
    assert rates.seconds_to_wait(limited(**headers)) == seconds


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Retry_After": "soon"},
        {"Retry_After": "nan"},
        {"Retry_After": "inf", **AT},
        {"Retry_After": "Tue, 14 Nov 2023 22:13:50 GMT"},
        {"X_Rate_Limit_Reset": "later", **AT},
        {"X_Rate_Limit_Reset": "1700000010", "Date": "today"},
    ],
)
def test_an_unreadable_header_gives_no_time(
    headers: dict[str, str], slept: list[float]
) -> None:
    """There is no wait then, unless the product has a usual pause, which doubles each time."""
    assert rates.seconds_to_wait(limited(**headers)) is None
    assert ended(iter([limited(**headers)])).status_code == 429
    assert slept == []
    answers = iter(
        [limited(**headers), limited(**headers), httpx.Response(200)]
    )
    assert ended(answers, usual=5.0).status_code == 200
    assert slept == [5.0, 10.0]


def test_each_wait_prints_the_server_and_the_seconds(
    slept: list[float], capsys: Capsys
) -> None:
    """The line also has the remaining maximum."""
    answers = iter(
        [
            limited(Retry_After="42"),
            limited(Retry_After="60"),
            httpx.Response(200),
        ]
    )
    assert ended(answers).status_code == 200
    assert slept == [42.0, 60.0]
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == (
        "",
        [
            "waiting 42 s for the rate limit of acme.okta.com (at most 300 s)",
            "waiting 60 s for the rate limit of acme.okta.com (at most 258 s)",
        ],
    )


def test_it_is_not_waited_without_end(slept: list[float]) -> None:
    """One long pause, or too many pauses, end the wait: the answer is then an error with the
    requested time."""
    answer = ended(iter([limited(Retry_After="3600")]))
    assert (answer.status_code, slept) == (429, [])
    assert (
        rates.rate_limit_note(answer)
        == " (rate limit: wait 3600 s; a run waits at most 300 s for one request)"
    )
    always = (limited(Retry_After="65") for _ in range(100))
    assert ended(always).status_code == 429
    assert sum(slept) <= rates.LONGEST < sum(slept) + 65
    del slept[:]
    ended(limited(Retry_After="0") for _ in range(100))
    assert len(slept) == 10
    assert (
        rates.rate_limit_note(httpx.Response(200))
        == ""
        == rates.rate_limit_note(limited())
    )
