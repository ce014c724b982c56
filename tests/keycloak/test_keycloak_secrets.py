"""Secrets that clients share with a real Keycloak: a preview reports old secrets, and its command
replaces them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import caller
from sandbox.browser import IssuerError
from sandbox.keycloak import Keycloak
from sandbox.local import Local
from sandbox.project import set_providers
from tests.support.engine.calls import call, credential
from tests.support.engine.deployment import AT_ONCE, Deployment, project, start
from tests.support.engine.pods import on as on_day
from tests.support.engine.realm import on
from tests.support.engine.shared_secrets import (
    DUE,
    orders,
    preview_text,
    replace_secret,
)

pytestmark = pytest.mark.timeout(300)

REALM = "secrets"


@pytest.fixture
def shop(server: Keycloak, tmp_path: Path) -> Iterator[Deployment]:
    """Orders and its callers, which share secrets with the realm."""
    with Local(lags=AT_ONCE) as local:
        deployment = on(server, start(local, project(tmp_path)), REALM)
        deployment.leave_out("hello", "reports", "desk")
        entry = {
            "name": "keycloak",
            "type": "keycloak",
            "issuer": server.issuer(REALM),
            "audience": "api://sandbox",
        }
        set_providers(deployment.folder, [{**entry, "clientSecrets": True}])
        yield deployment


@pytest.mark.deep
def test_the_command_makes_the_client_anew_under_its_name(
    shop: Deployment,
) -> None:
    """A realm has each name once, so the old client is deleted first; earlier tokens stay valid."""
    shop.run("up")
    before = credential(shop.local, "checkout")
    held = caller.token(before)[0]
    on_day(shop, 90)
    shown = preview_text(shop)
    assert {(found[1], found[3]) for found in DUE.finditer(shown)} >= {
        ("shop/checkout", "2027-02-23")
    }
    shop.assert_unchanged()
    replace_secret(shop, shown)
    after = credential(shop.local, "checkout")
    assert after["OAUTH_CLIENT_ID"] == before["OAUTH_CLIENT_ID"]
    assert after["OAUTH_CLIENT_SECRET"] != before["OAUTH_CLIENT_SECRET"]
    assert orders(shop, after) == 200
    with pytest.raises(IssuerError, match="unauthorized_client"):
        caller.token(before)
    assert (
        call(shop.local, "GET", "orders.example.com", "/orders", held).status
        == 200
    )
    secret = shop.output("credentials")["shop/checkout at keycloak"]
    assert (secret["generation"], secret["since"], secret["due"]) == (
        2,
        "2027-02-23",
        "2027-05-24",
    )
    assert {found[1] for found in DUE.finditer(preview_text(shop))} == {
        "shop/web"
    }
    shop.assert_unchanged("up", "--refresh")
