"""The Admin API where programs depend on it: kept fields of an update, cascades of a deletion, and
its token."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.kong import Kong


@pytest.fixture
def kong() -> Iterator[Kong]:
    with Kong() as running:
        yield running


def ask(
    kong: Kong,
    method: str,
    path: str,
    body: Any = None,
    token: str | None = None,
) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | (
        {"Kong-Admin-Token": token} if token else {}
    )
    request = urllib.request.Request(
        kong.admin_url + path, data, headers, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, text = error.code, error.read()
    return status, json.loads(text) if text else None


def test_a_list_comes_in_pages(kong: Kong) -> None:
    """`next` leads through every entity once, in the order of ids."""
    for number in range(5):
        ask(kong, "PUT", f"/consumers/c{number}", {"tags": ["page"]})
    path, ids, pages = "/consumers?tags=page&size=2", [], 0
    while path:
        _, page = ask(kong, "GET", path)
        ids += [row["id"] for row in page["data"]]
        path, pages = page["next"], pages + 1
    assert (len(ids), pages, ids) == (5, 3, sorted(ids))


def test_without_the_admin_token_nothing_is_answered() -> None:
    """Where a token is set, a request without it or with another is 401."""
    with Kong(admin_token="letmein") as kong:
        assert ask(kong, "GET", "/services") == (
            401,
            {"message": "Unauthorized"},
        )
        assert ask(kong, "GET", "/", token="guess")[0] == 401
        assert ask(kong, "GET", "/services", token="letmein")[0] == 200
