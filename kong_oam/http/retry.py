"""Requests to a provider that limits their rate: made again once the limit's window is over, where that is soon."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

_REPETITIONS = 3
_LONGEST_PAUSE = 65.0
"""Seconds. The limits of most providers are by the minute."""


def retried(send: Callable[[], httpx.Response], pause: Callable[[httpx.Response], float | None]) -> httpx.Response:
    """The answer of `send`, made up to four times. `pause` tells from an answer how many seconds to wait before the
    next time; None where there is nothing to wait for. A longer pause than a minute's is not waited for."""
    for _ in range(_REPETITIONS):
        answer = send()
        seconds = pause(answer)
        if seconds is None or seconds > _LONGEST_PAUSE:
            return answer
        time.sleep(seconds)
    return send()
