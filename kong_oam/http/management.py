"""Client of a provider's management API: requests, pages of lists, and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import httpx

from kong_oam.access.data import JsonObject
from kong_oam.errors import ManagementApiError
from kong_oam.http.rates import rate_limit_note, send_with_waits

# An edge: an object as the API of a provider, or Kong's, prints it.
Row = JsonObject

# The objects of a page of a list, and the URL of the next page: "" after the last page.
Page = tuple[list[Row], str]

# The most names to look up singly. For more names, the whole list is read.
FEW = 10
# The most pages of a list. For groups at a provider, that is two million objects: a longer list has
# no end.
_MOST_PAGES = 2_000
_SHOWN = 200  # characters of an answer of unknown form


@dataclass(frozen=True, slots=True)
class ManagementApi:
    """The management API of one kind of provider.

    `name` is its display name. `check` tells the reader where to look if no server answers.
    `remedies` maps a status to advice; `outage` is the advice if the server fails. `words` returns
    the product's error text from a body, or None. `usual_pause`: seconds to wait if a rate limit
    does not say how long.
    """

    name: str
    check: str
    remedies: Mapping[int, str]
    outage: str
    words: Callable[[Any], str | None]
    usual_pause: float | None = None

    def send(
        self,
        client: httpx.Client,
        method: str,
        url: httpx.URL | str,
        **more: Any,
    ) -> httpx.Response:
        """Send a request and return the answer, whatever its status. Wait for rate limits.

        Raises ManagementApiError if no server answers.
        """
        try:
            return send_with_waits(
                lambda: client.request(method, url, **more), self.usual_pause
            )
        except httpx.HTTPError as error:
            host = client.base_url.host or httpx.URL(url).host
            raise ManagementApiError(
                f"{host} does not answer ({type(error).__name__}); check {self.check}"
            ) from None

    def accepted(self, answer: httpx.Response) -> httpx.Response:
        """Return the answer if it is a success. Raises ManagementApiError with the product's error
        text."""
        status = answer.status_code
        if status < 300:
            return answer
        text = " ".join(answer.text.split())
        words = self.words(_json(answer)) or text[:_SHOWN] or "nothing"
        message = (
            f"{answer.url.host}: {answer.request.method} {answer.url.path} answers {status} "
            f"{words}{rate_limit_note(answer)}"
        )
        advice = self.remedies.get(status, self.outage if status >= 500 else "")
        raise ManagementApiError(f"{message}; {advice}" if advice else message)

    def row(self, answer: httpx.Response) -> Row:
        """Return the object in an answer. Raises ManagementApiError."""
        body: Row = self._body(answer, dict)
        return body

    def rows(self, answer: httpx.Response) -> list[Row]:
        """Return the list in an answer. Raises ManagementApiError."""
        body: list[Row] = self._body(answer, list)
        return body

    def _body(self, answer: httpx.Response, kind: type) -> Any:
        body = _json(self.accepted(answer))
        is_one = are_rows(body) if kind is list else isinstance(body, kind)
        if not is_one:
            expected = "list" if kind is list else "object"
            raise ManagementApiError(
                f"{answer.url.host}: {answer.url.path} answers no JSON {expected}; is this "
                f"{self.name}?"
            )
        return body


def pages(whose: str, first: str, ask: Callable[[str], Page]) -> Iterator[Row]:
    """Yield all objects of a list. `ask` returns the objects of a page and the next page's URL, or
    "" after the last page.

    Raises ManagementApiError if a link returns to a page that was read, or if the list does not
    end. `whose` names the list's server in the message.
    """
    url = first
    read = {first}
    last = list[Row]()
    for _ in range(_MOST_PAGES):
        rows, url = ask(url)
        yield from rows
        if not url:
            return
        if url in read or (rows and rows == last):
            raise ManagementApiError(
                f"{whose} repeats a page of a list; check for a proxy in between"
            )
        read.add(url)
        last = rows
    raise ManagementApiError(
        f"{whose} sends more than {_MOST_PAGES} pages of one list; check for a proxy in between"
    )


def are_rows(value: Any) -> TypeGuard[list[Row]]:
    """Return whether a value is a list of objects."""
    return isinstance(value, list) and all(
        isinstance(row, dict) for row in value
    )


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
