"""Sends requests to a provider's management API, and reads its lists page by page. A refusal is one
message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import httpx

from kong_oam.access.data import JsonObject
from kong_oam.errors import ManagementApiError
from kong_oam.http.rates import patiently, unserved

# An edge: an object as the API of a provider, or Kong's, prints it.
Row = JsonObject

FEW = 10
"""Names that are asked for one by one at most: of more the whole list is read, which may be
longer."""
_MOST_PAGES = 2_000
"""Pages of one list. Of groups at a provider that is two million: a list that goes on is
none."""
_SHOWN = 200  # characters of an answer that nobody knows


@dataclass(frozen=True, slots=True)
class ManagementApi:
    """The management API of one kind of provider.

    `name` is what it is called. `check` says what to look at where nobody answers, `remedies` what
    to do by status, `outage` where the server fails. `words` are the product's own of a body, None
    where they are not in it. `usual_pause`: seconds to wait where a limit does not say how long.
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
        """Send a request and return the answer, whatever its status. Wait for a limit of rate.

        Raises ManagementApiError where nobody answers.
        """
        try:
            return patiently(
                lambda: client.request(method, url, **more), self.usual_pause
            )
        except httpx.HTTPError as error:
            host = client.base_url.host or httpx.URL(url).host
            raise ManagementApiError(
                f"{host} does not answer ({type(error).__name__}); check {self.check}"
            ) from None

    def accepted(self, answer: httpx.Response) -> httpx.Response:
        """Return the answer if it is no refusal. Raises ManagementApiError, with the product's own
        words."""
        status = answer.status_code
        if status < 300:
            return answer
        text = " ".join(answer.text.split())
        words = self.words(_json(answer)) or text[:_SHOWN] or "nothing"
        message = (
            f"{answer.url.host}: {answer.request.method} {answer.url.path} answers {status} "
            f"{words}{unserved(answer)}"
        )
        advice = self.remedies.get(status, self.outage if status >= 500 else "")
        raise ManagementApiError(f"{message}; {advice}" if advice else message)

    def row(self, answer: httpx.Response) -> Row:
        """Read the object in an answer. Raises ManagementApiError."""
        body: Row = self._body(answer, dict)
        return body

    def rows(self, answer: httpx.Response) -> list[Row]:
        """Read the list in an answer. Raises ManagementApiError."""
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


def pages(
    whose: str, first: str, ask: Callable[[str], tuple[list[Row], str]]
) -> Iterator[Row]:
    """Yield all objects of a list. `ask` gives what is on a page, and where the next one is; ""
    ends the list.

    Raises ManagementApiError, with `whose` list it is, where it leads back to what was read, or does not
    end.
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
                f"{whose} leads from a page of a list to one that was read; is a proxy in between?"
            )
        read.add(url)
        last = rows
    raise ManagementApiError(
        f"{whose} does not end a list after {_MOST_PAGES} pages"
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
