"""Sends requests to a provider's management API, again where a rate limit is soon over. A refusal is one message.

Sources: RFC 9110, section 10.2.3 (Retry-After); Okta's guide to rate limits (X-Rate-Limit-Reset).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from kong_oam.errors import RefusedError

Row = Mapping[str, Any]
"""An object as the API prints it."""

_REPETITIONS = 3
_LONGEST_PAUSE = 65.0
"""Seconds. The limits of most providers are by the minute."""
_SHOWN = 200  # characters of an answer that nobody knows


@dataclass(frozen=True, slots=True)
class ManagementApi:
    """The management API of one kind of provider.

    `name` is what it is called. `check` says what to look at where nobody answers, `remedies` what to do by status,
    `outage` where the server fails. `words` are the product's own of a body, None where they are not in it.
    `usual_pause`: seconds to wait where a limit does not say how long.
    """

    name: str
    check: str
    remedies: Mapping[int, str]
    outage: str
    words: Callable[[Any], str | None]
    usual_pause: float | None = None

    def send(self, client: httpx.Client, method: str, url: httpx.URL | str, **more: Any) -> httpx.Response:
        """Sends a request and gives the answer, whatever its status. Raises RefusedError where nobody answers."""
        try:
            for _ in range(_REPETITIONS):
                answer = client.request(method, url, **more)
                seconds = pause(answer, self.usual_pause)
                if seconds is None or seconds > _LONGEST_PAUSE:
                    return answer
                time.sleep(seconds)
            return client.request(method, url, **more)
        except httpx.HTTPError as error:
            host = client.base_url.host or httpx.URL(url).host
            raise RefusedError(f"{host} does not answer ({type(error).__name__}); check {self.check}") from None

    def accepted(self, answer: httpx.Response) -> httpx.Response:
        """Gives the answer back if it is no refusal. Raises RefusedError, with the product's own words."""
        if answer.status_code < 300:
            return answer
        words = self.words(_json(answer)) or " ".join(answer.text.split())[:_SHOWN] or "nothing"
        what = f"{answer.request.method} {answer.url.path} answers {answer.status_code} {words}"
        advice = self.remedies.get(answer.status_code, self.outage if answer.status_code >= 500 else "")
        raise RefusedError(f"{answer.url.host}: {what}{f'; {advice}' if advice else ''}")

    def row(self, answer: httpx.Response) -> Row:
        """Reads the object in an answer. Raises RefusedError."""
        body: Row = self._body(answer, dict)
        return body

    def rows(self, answer: httpx.Response) -> list[Row]:
        """Reads the list in an answer. Raises RefusedError."""
        body: list[Row] = self._body(answer, list)
        return body

    def _body(self, answer: httpx.Response, kind: type) -> Any:
        body: Any = _json(self.accepted(answer))
        if not isinstance(body, kind) or (isinstance(body, list) and not all(isinstance(row, dict) for row in body)):
            what = "list" if kind is list else "object"
            raise RefusedError(f"{answer.url.host}: {answer.url.path} answers no JSON {what}; is this {self.name}?")
        return body


def pages(first: str, ask: Callable[[str], tuple[list[Row], str]]) -> Iterator[Row]:
    """Yields all objects of a list. `ask` gives what is on a page, and where the next one is; "" ends the list."""
    url = first
    while url:
        rows, url = ask(url)
        yield from rows


def pause(answer: httpx.Response, usual: float | None = None) -> float | None:
    """Computes seconds until a limit's window is over, by the server's own clock; None for no limit, or no time."""
    if answer.status_code != 429:
        return None
    headers = answer.headers
    try:
        if "retry-after" in headers:
            return max(float(headers["retry-after"]), 0.1)
        until, now = int(headers["x-rate-limit-reset"]), parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return usual
    return max(until - now, 0.0) + 1.0


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
