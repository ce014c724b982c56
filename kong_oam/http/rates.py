"""Keeps to limits of rate: an answer 429 is waited for, and told, and is not waited for without
end.

Sources: RFC 9110, section 10.2.3 (Retry-After: seconds or a date); Okta's guide to rate limits
(X-Rate-Limit-Reset, by Okta's own clock, which Date tells); Microsoft Graph's guide to throttling
(Retry-After).
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime

import httpx

LONGEST = 300.0
"""Seconds that a run waits for one request, all its pauses together. Most limits are by the
minute."""
_REPETITIONS = 10
_SHORTEST = 0.1


def patiently(
    send: Callable[[], httpx.Response], usual: float | None = None
) -> httpx.Response:
    """Send a request, and again after each answer 429, as long as the server asks for. Return the
    last answer.

    Each wait is announced on stderr: for whom, how long, and how long at most. `usual`: seconds of the
    first one where the server does not say, doubled each time; None: such an answer is not waited
    for.
    """
    left = LONGEST
    answer = send()
    for number in range(_REPETITIONS):
        seconds = pause(answer, None if usual is None else usual * 2**number)
        if seconds is None or seconds > left:
            return answer
        _tell(
            f"waiting {seconds:.0f} s for {answer.url.host}, whose limit of rate is used up (at "
            f"most {left:.0f} s)"
        )
        time.sleep(seconds)
        left -= seconds
        answer = send()
    return answer


def pause(answer: httpx.Response, usual: float | None = None) -> float | None:
    """Compute seconds until a limit's window is over, by the server's own clock; None for no
    limit, or no time."""
    if answer.status_code != 429:
        return None
    headers = answer.headers
    after = headers.get("retry-after")
    with suppress(TypeError, ValueError):
        seconds = float(after)
        # "nan" and "inf" are numbers to Python, and no time to wait.
        if math.isfinite(seconds):
            return max(seconds, _SHORTEST)
    try:
        now = parsedate_to_datetime(headers["date"]).timestamp()
        if after is not None:
            return max(
                parsedate_to_datetime(after).timestamp() - now, _SHORTEST
            )
        return max(int(headers["x-rate-limit-reset"]) - now, 0.0) + 1.0
    except (KeyError, ValueError, OverflowError):
        return usual


def unserved(answer: httpx.Response) -> str:
    """Say of an answer 429 that was not waited for how long that would have been; "" of any
    other."""
    seconds = pause(answer)
    if seconds is None:
        return ""
    return (
        f" (it asks to wait {seconds:.0f} s more; a run waits {LONGEST:.0f} s at most for one "
        "request)"
    )


def _tell(message: str) -> None:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
