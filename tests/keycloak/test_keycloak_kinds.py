"""Clients without a secret, and a partner's, in a real Keycloak: their objects, and users who sign
in with PKCE."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import browser
from sandbox.keycloak import Keycloak
from sandbox.local import Local
from tests.support.engine.applications import SHOP
from tests.support.engine.calls import call, credential
from tests.support.engine.deployment import AT_ONCE, Deployment, project, start
from tests.support.engine.realm import on

pytestmark = [pytest.mark.deep, pytest.mark.timeout(300)]

REALM = "kinds"


@pytest.fixture(scope="module")
def shop(
    server: Keycloak, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """A page, an application on devices and a partner's service that all call orders."""
    with Local(lags=AT_ONCE) as local:
        deployment = on(
            server,
            start(local, project(tmp_path_factory.mktemp("project"))),
            REALM,
        )
        deployment.leave_out("hello", "reports", "desk")
        (deployment.folder / "applications/shop.yaml").write_text(SHOP)
        deployment.edit(
            "applications/orders.yaml",
            "[shop/checkout, shop/web]",
            "[shop/page, shop/app, shop/partner]",
        )
        deployment.edit(
            "applications/orders.yaml",
            "components: [shop/web]",
            "components: [shop/app]",
        )
        deployment.run("up")
        yield deployment


def _signed_in(
    settings: dict[str, str], user: str, origin: str | None = None
) -> str:
    endpoints = browser.Endpoints(
        settings["OAUTH_AUTHORIZATION_ENDPOINT"],
        settings["OAUTH_TOKEN_ENDPOINT"],
    )
    redirect, scopes = (
        settings["OAUTH_REDIRECT_URIS"].split()[0],
        [*settings["OAUTH_SCOPES"].split(), "openid"],
    )
    tokens = browser.login(
        endpoints,
        settings["OAUTH_CLIENT_ID"],
        None,
        redirect,
        scopes,
        user,
        origin,
    )
    return str(tokens["access_token"])


def test_users_sign_in_without_a_secret_of_the_client(shop: Deployment) -> None:
    """Only the client that began the sign-in can exchange the code; the gate narrows scopes to the
    groups' roles."""
    local = shop.local
    page, app = credential(local, "page"), shop.output("elsewhere")["shop/app"]
    assert not {
        name
        for settings in (page, app)
        for name in settings
        if "SECRET" in name or "KEY" in name
    }
    sales, desk = (
        _signed_in(app, "user-sales"),
        _signed_in(app, "user-order-desk"),
    )
    assert (
        call(
            local,
            "GET",
            "orders.example.com",
            "/orders",
            _signed_in(page, "user-sales"),
        ).status
        == 200
    )
    assert (
        call(local, "GET", "orders.example.com", "/orders", sales).status == 200
    )
    assert (
        call(local, "POST", "orders.example.com", "/orders", sales).status
        == 403
    )
    assert (
        call(local, "POST", "orders.example.com", "/orders", desk).status == 200
    )
    assert (
        call(
            local,
            "GET",
            "orders.example.com",
            "/orders",
            _signed_in(app, "user-none"),
        ).status
        == 401
    )


def test_pages_have_tokens_at_their_own_origin_and_nowhere_else(
    shop: Deployment,
) -> None:
    """Keycloak names the origins of the client, and a browser follows it; other kinds of clients
    have none."""
    page, app = (
        credential(shop.local, "page"),
        shop.output("elsewhere")["shop/app"],
    )
    assert _signed_in(page, "user-sales", "http://shop.example.com")
    for settings, origin in (
        (page, "http://orders.example.com"),
        (page, "https://shop.example.com"),
        (app, "http://shop.example.com"),
    ):
        with pytest.raises(browser.CrossOriginError):
            _signed_in(settings, "user-sales", origin)


def test_each_kind_of_client_has_its_settings_in_the_realm(
    shop: Deployment, server: Keycloak
) -> None:
    """Public clients use PKCE; a partner only proves itself with its published keys."""
    made = {
        client["clientId"].rpartition(".")[2]: client
        for client in server.admin("GET", f"/{REALM}/clients").body
    }
    for name in ("page", "app"):
        assert made[name]["publicClient"] is True
        assert made[name]["attributes"]["pkce.code.challenge.method"] == "S256"
    assert (made["page"]["webOrigins"], made["app"]["webOrigins"]) == (
        ["http://shop.example.com"],
        [],
    )
    assert made["page"]["attributes"]["use.refresh.tokens"] == "true"
    partner = made["partner"]
    assert (partner["publicClient"], partner["clientAuthenticatorType"]) == (
        False,
        "client-jwt",
    )
    assert partner["attributes"]["use.jwks.url"] == "true"
    assert (
        partner["attributes"]["jwks.url"]
        == "https://partner.example.com/keys.json"
    )
    shown = shop.output("elsewhere")["shop/partner"]
    kept = server.admin(
        "GET", f"/{REALM}/clients/{partner['id']}/client-secret"
    ).body.get("value")
    for proof in (kept, "secret", None):
        with pytest.raises(browser.IssuerError):
            browser.client_credentials(
                shown["OAUTH_TOKEN_ENDPOINT"],
                shown["OAUTH_CLIENT_ID"],
                proof,
                ["orders.read"],
            )


def test_nothing_changes_again(shop: Deployment) -> None:
    shop.assert_unchanged("up", "--refresh")
