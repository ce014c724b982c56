"""`python -m sandbox token`: a request that cannot be answered gets a message with the right
arguments."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sandbox import caller
from sandbox.__main__ import token
from sandbox.cluster import CLUSTER
from tests.support.streams import Capsys

PAGES = {"OAUTH_REDIRECT_URIS": "https://shop.example.com/callback"}


@pytest.fixture(autouse=True)
def _answering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a provider that gives a token to everybody."""
    monkeypatch.setenv(CLUSTER, "http://127.0.0.1:1")
    monkeypatch.setattr(caller, "token", lambda _, login: (f"of {login}", ""))


@pytest.mark.parametrize(
    ("settings", "user", "message"),
    [
        (PAGES, None, "users sign in to this client: add --user user-sales, user-order-desk, user-both or user-none"),
        (PAGES, "sales", "the sandbox has no user 'sales'; use one of user-sales, user-order-desk, user-both, user-none"),
        ({}, "user-sales", "no user signs in to this client, it calls as itself: leave --user out"),
    ],
    ids=["no user", "an unknown user", "of a service"],
)  # fmt: skip
def test_an_error_names_the_right_arguments(
    settings: Mapping[str, str],
    user: str | None,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
) -> None:
    """In one line, with status 1."""
    monkeypatch.setattr(caller, "environment", lambda *_: settings)
    assert token("shop/web", user, "default") == 1
    assert capsys.readouterr() == ("", f"error: shop/web: {message}\n")
