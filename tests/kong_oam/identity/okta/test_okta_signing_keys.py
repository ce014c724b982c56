"""Signing keys of an authorization server, as the stand-in's management API lists them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kong_oam.errors import ManagementApiError
from kong_oam.identity.common.discovery import DiscoveryError, discover
from kong_oam.identity.okta.api import Account, client
from kong_oam.identity.okta.signing_keys import from_rows, server_keys
from sandbox.okta import Okta

TOKEN = "test-token"


@pytest.fixture
def okta() -> Iterator[Okta]:
    with Okta(api_token=TOKEN) as org:
        yield org


def account(okta: Okta, token: str = TOKEN) -> Account:
    return Account("sandbox", "okta.invalid", token, okta.url)


def server(okta: Okta) -> tuple[str, str]:
    """Id and issuer of a new authorization server."""
    with client(account(okta)) as org:
        made = org.post(
            "/authorizationServers",
            json={"name": "s", "description": "", "audiences": ["a"]},
        ).json()
    return made["id"], made["issuer"]


def test_the_next_key_is_known_before_it_signs(okta: Okta) -> None:
    """The published set has only the current key. After a rotation the old key is in previous_keys."""
    name, issuer = server(okta)
    first = server_keys(account(okta), name, issuer)
    assert discover(issuer, okta.url).keys == first.keys[:1]
    assert len(first.keys) == 2 and first.previous_keys == ()
    okta.rotate(name)
    second = server_keys(account(okta), name, issuer)
    assert second.keys[0] == first.keys[1]
    assert second.previous_keys == first.keys[:1]
    okta.rotate(name)
    assert (
        server_keys(account(okta), name, issuer).previous_keys
        == second.keys[:1]
    )


def test_a_listing_without_one_active_key_is_refused(okta: Okta) -> None:
    """None of them, or any, could be said to sign."""
    for rows, count in (
        ([{"status": "NEXT"}], 0),
        ([{"status": "ACTIVE"}] * 2, 2),
    ):
        with pytest.raises(
            DiscoveryError, match=f"Okta lists {count} active signing keys"
        ):
            from_rows(rows, "https://issuer.example.com")


def test_who_may_not_read_the_keys_is_told_so(okta: Okta) -> None:
    """A run without the next key would break at the next rotation."""
    name, issuer = server(okta)
    with pytest.raises(ManagementApiError, match="401"):
        server_keys(account(okta, "another"), name, issuer)
