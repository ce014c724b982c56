"""Kinds of clients: which components may use them, their redirect addresses, and their grants."""

from __future__ import annotations

import pytest

from kong_oam.access.issue import User, issue
from kong_oam.access.tokens import Claims, Refusal
from tests.support.client_kinds import ORDERS, PATHS, messages, shop
from tests.support.estates import PROVIDER, api, estate


def uris(*listed: str) -> str:
    return f"            redirectUris: [{', '.join(f'{uri!r}' for uri in listed)}]\n"


@pytest.mark.parametrize(
    ("text", "redirects", "public"),
    [
        (shop("web", PATHS), ("https://shop.example.com/callback",), False),
        (shop("browser", PATHS), ("https://shop.example.com/callback",), True),
        (shop("native", PATHS), ("https://shop.example.com/callback",), True),
        (
            shop(
                "native",
                uris("com.example.shop:/callback", "http://127.0.0.1:8400/cb"),
                "external",
                "",
            ),
            ("com.example.shop:/callback", "http://127.0.0.1:8400/cb"),
            True,
        ),
    ],
    ids=["web", "browser", "native at home", "native elsewhere"],
)
def test_users_come_back_to_the_applications_own_addresses(
    text: str, redirects: tuple[str, ...], public: bool
) -> None:
    """Redirects go to the gateway trait's hosts or stay on the device. A client on users' devices
    has no secret."""
    (client,) = estate(ORDERS, text).clients
    assert (client.redirect_uris, client.public) == (redirects, public)
    assert client.groups == ("sales",)
    assert issue(PROVIDER, client, User("ann", ("sales",))) == Claims(
        "main", "shop/it", "ann", True, ("read", "openid"), ("sales",)
    )
    assert isinstance(issue(PROVIDER, client), Refusal)


@pytest.mark.parametrize(
    "uri",
    [
        "http://shop.example.com/callback",
        "http://127.0.0.1.example.com/callback",
        "http://127.0.0.1@example.com/callback",
        "https://shop.example.com/callback",
        "https://*.example.com/callback",
        "com.example.*:/callback",
        "app:/callback",
        "javascript:/x",
        "com.example.shop:/callback#x",
        "http://[::1/x",
    ],
)
def test_a_redirect_that_could_reach_somebody_else_is_refused(uri: str) -> None:
    """Another application may claim the address, or the network carries it in clear text."""
    (message,) = messages(shop("native", uris(uri), "external", ""))
    assert message.startswith(
        (f"ACC210: redirect URI '{uri}' ", "OAM103: redirectUris[0]")
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            shop("service", component="external", traits=""),
            "ACC220: a component of type 'external' cannot be a client of kind 'service'; use one of external, native",
        ),
        (
            shop("external", component="worker", traits=""),
            "ACC220: a component of type 'worker' cannot be a client of kind 'external'; use one of browser, native, service, web",
        ),
        (
            shop("external", component="external", traits=""),
            "ACC220: an external client needs jwksUri, the address of its public keys; add it",
        ),
        (
            shop("native", uris("com.example.shop:/callback"), "external", "", "jwksUri: https://p.example.com/k"),
            "ACC220: 'jwksUri' is only for clients of kind 'external'; this client is of kind 'native'",
        ),
        (
            shop("browser", PATHS + uris("com.example.shop:/callback")),
            "ACC210: a 'browser' client redirects users to its own pages; write redirectPaths instead of redirectUris",
        ),
        (
            shop("service", uris("com.example.shop:/callback"), "worker", ""),
            "ACC210: a client of kind 'service' does not sign in users; remove redirectUris",
        ),
        (
            shop("native", component="external", traits=""),
            "ACC210: a native client needs redirectPaths, and a gateway trait that exposes them, "
            "or redirectUris that stay on the device",
        ),
    ],
    ids=lambda value: value[:40] if value[:3] in ("ACC", "OAM") else "",
)  # fmt: skip
def test_a_kind_that_cannot_be_is_refused(text: str, message: str) -> None:
    """The message says how to correct it."""
    assert message in messages(text)


def test_a_partners_service_calls_as_itself() -> None:
    """The partner signs with keys that it publishes."""
    text = shop(
        "external",
        component="external",
        traits="",
        properties="jwksUri: https://p.example.com/keys.json",
    )
    (client,) = estate(ORDERS, text).clients
    assert (client.jwks_uri, client.keyed, client.public) == (
        "https://p.example.com/keys.json",
        False,
        False,
    )
    assert issue(PROVIDER, client) == Claims(
        "main", "shop/it", "shop/it", False, ("read",)
    )


def test_what_runs_elsewhere_has_no_objects_in_the_cluster() -> None:
    """A component of another application in the same namespace may have its name."""
    native = shop("native", uris("com.example.shop:/callback"), "external", "")
    web = (
        api("web", domain="w.example.com")
        .replace("name: api", "name: it")
        .replace("namespace: web", "namespace: shop")
    )
    assert estate(ORDERS, native, web).components["shop/it"].outside
