"""Rate limits: wait for an answer 429, announce the wait, and limit its length.

Sources: RFC 9110, section 10.2.3 (Retry-After: seconds or a date). Okta's guide to rate limits
(X-Rate-Limit-Reset by Okta's own clock, which Date shows). Microsoft Graph's guide to throttling
(Retry-After).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from math import isfinite

from httpx import Response

# Seconds that a run waits for one request, all pauses together. Most limits are per minute.
LONGEST = 300.0
_REPETITIONS = 10
_SHORTEST = 0.1


def send_with_waits(
    send: Callable[[], Response], usual: float | None = None
) -> Response:
    """Send a request, and repeat it after each answer 429 when the server allows. Return the last
    answer.

    Each wait is announced on stderr: host, seconds, and remaining maximum. `usual`: seconds of the
    first wait if the server does not say, doubled each time. With None, such an answer is returned
    at once.
    """
    left = LONGEST
    answer = send()
    for number in range(_REPETITIONS):
        seconds = seconds_to_wait(
            answer, None if usual is None else usual * 2**number
        )
        if seconds is None or seconds > left:
            return answer
        _announce(
            f"waiting {seconds:.0f} s for the rate limit of {answer.url.host} (at most "
            f"{left:.0f} s)"
        )
        time.sleep(seconds)
        left -= seconds
        answer = send()
    return answer


def seconds_to_wait(
    answer: Response, usual: float | None = None
) -> float | None:
    """Return the seconds until a rate limit ends, by the server's clock. None if there is no limit
    or no time."""
    if answer.status_code != 429:
        return None
    headers = answer.headers
    after = headers.get("retry-after")
    with suppress(TypeError, ValueError):
        seconds = float(after)
        # Python reads "nan" and "inf" as numbers, but nobody can wait that long.
        if isfinite(seconds):
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


def rate_limit_note(answer: Response) -> str:
    """Return how long an answer 429 asks to wait, as a note for a message. Return "" for other
    answers."""
    seconds = seconds_to_wait(answer)
    if seconds is None:
        return ""
    return (
        f" (rate limit: wait {seconds:.0f} s; "
        f"a run waits at most {LONGEST:.0f} s for one request)"
    )


def _announce(message: str) -> None:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
