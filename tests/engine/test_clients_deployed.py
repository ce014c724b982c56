"""Clients that keep no secret, deployed: a page in the browser, an application on devices; and a partner's service."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)

from kong_oam.identity.common.jwk import jwk
from sandbox import launchers
from sandbox.browser import PrivateKey
from sandbox.local import STACK, Local
from sandbox.okta import browser
from tests.support.engine.applications import SHOP
from tests.support.engine.calls import call, credential
from tests.support.engine.deployment import Empty
from tests.support.partner_keys import private_pem

OKTA_IS_BEHIND = launchers.behind("resource-okta")


def _partner_calls(local: Local, settings: dict[str, str]) -> None:
    """Call as the partner, with the stack's outputs and its own key. First no key is known; its
    owner then publishes two."""
    endpoint, client, scopes = (
        settings[f"OAUTH_{name}"] for name in ("ISSUER", "CLIENT_ID", "SCOPES")
    )
    assert settings["API_URL_ORDERS__API"] == "http://orders.example.com/orders"
    assert not {name for name in settings if "KEY" in name or "SECRET" in name}
    for _ in range(2):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = private_pem(key)
        public = jwk(
            key.public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )
        own = PrivateKey(pem, public["kid"])
        with pytest.raises(
            browser.IssuerError, match="a key that the client does not have"
        ):
            browser.client_credentials(endpoint, client, own, [scopes])
        local.okta.publish(
            "https://partner.example.com/keys.json", {"keys": [dict(public)]}
        )
        token = str(
            browser.client_credentials(endpoint, client, own, [scopes])[
                "access_token"
            ]
        )
        assert (
            call(local, "GET", "orders.example.com", "/orders", token).status
            == 200
        )
        assert (
            call(local, "POST", "orders.example.com", "/orders", token).status
            == 403
        )


@pytest.mark.skipif(
    OKTA_IS_BEHIND is not None,
    reason=f"{OKTA_IS_BEHIND}: origins have another form",
)
def test_applications_without_a_secret_sign_users_in_with_pkce(
    empty: Empty,
) -> None:
    """Neither has a secret, Okta accepts none from them, and the gate removes scopes that their
    users' groups lack."""
    deployment = empty()
    local = deployment.local
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
    assert not [
        name for name in deployment.changes("preview") if "shop" in name
    ]
    assert [
        deployment["metadata"]["name"]
        for deployment in local.cluster.objects("Deployment")
    ] == [
        "api",
        "page",
    ]

    page, app = (
        credential(local, "page"),
        deployment.output("elsewhere")["shop/app"],
    )
    assert app["API_URL_ORDERS__API"] == "http://orders.example.com/orders"
    for settings in (page, app):
        assert not {name for name in settings if "SECRET" in name}
    apps = {app["label"]: app for app in local.okta.objects("apps")}
    for name, kind in (("page", "browser"), ("app", "native")):
        made = apps[f"kong-oam {STACK} shop/{name}"]
        assert made["settings"]["oauthClient"]["application_type"] == kind
        assert (
            made["credentials"]["oauthClient"]["token_endpoint_auth_method"]
            == "none"
        )
        assert made["credentials"]["oauthClient"]["pkce_required"] is True
    assert (
        apps[f"kong-oam {STACK} shop/page"]["settings"]["oauthClient"][
            "refresh_token"
        ]["rotation_type"]
        == "ROTATE"
    )

    _partner_calls(local, deployment.output("elsewhere")["shop/partner"])

    def signed_in(
        settings: dict[str, str],
        user: str,
        secret: str | None = None,
        origin: str | None = None,
    ) -> str:
        issuer, client_id, redirect = (
            settings[f"OAUTH_{name}"]
            for name in ("ISSUER", "CLIENT_ID", "REDIRECT_URIS")
        )
        scopes = [*settings["OAUTH_SCOPES"].split(), "openid"]
        answer = browser.login(
            issuer, client_id, secret, redirect, scopes, user, origin
        )
        return str(answer["access_token"])

    sales, desk = (
        signed_in(app, "user-sales"),
        signed_in(app, "user-order-desk"),
    )
    of_page = signed_in(page, "user-sales", origin="http://shop.example.com")
    assert (
        call(local, "GET", "orders.example.com", "/orders", of_page).status
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
    with pytest.raises(browser.IssuerError, match="invalid_client"):
        signed_in(app, "user-sales", "a-secret-of-somebody")
