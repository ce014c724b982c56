"""Shared secrets of clients at a provider that keeps one secret a client: messages, and the command
that replaces them."""

from __future__ import annotations

import pytest

from sandbox import caller
from sandbox.browser import IssuerError
from sandbox.local import STACK
from tests.support.engine.calls import call, credential
from tests.support.engine.deployment import Deployment, Empty
from tests.support.engine.pods import CLIENTS, on
from tests.support.engine.shared_secrets import (
    DUE,
    orders,
    preview_text,
    replace_secret,
)

TYPE = "      type: okta\n"
SHARED = f"{TYPE}      clientSecrets: true\n"
SETTINGS = f"stacks/Pulumi.{STACK}.yaml"
SWITCHED = "warning: credentials: shop/checkout at okta: {}; running pods get no tokens until they restart"


def _app(deployment: Deployment) -> str:
    """Return the id of the app of `checkout`."""
    label = f"kong-oam {STACK} shop/checkout"
    (app,) = (
        app
        for app in deployment.local.okta.objects("apps")
        if app["label"] == label
    )
    return str(app["id"])


@pytest.fixture
def shop(empty: Empty) -> Deployment:
    deployment = empty()
    deployment.leave_out("hello", "reports", "desk")
    return deployment


@pytest.mark.deep
def test_a_due_shared_secret_is_announced_and_replaced_by_the_command(
    shop: Deployment,
) -> None:
    """No client is denied before the command runs. Then earlier pods are denied, and new pods are
    not."""
    shop.edit(SETTINGS, TYPE, SHARED)
    shop.run("up")
    before = credential(shop.local, "checkout")
    reported = {
        "generation": 1,
        "since": "2026-11-25",
        "due": "2027-02-23",
        "before": "ended",
    }
    first = shop.output("credentials")["shop/checkout at okta"]
    assert first == {**reported, "secretOf": _app(shop)}
    on(shop, 89)
    assert not DUE.search(preview_text(shop))
    on(shop, 90)
    shown = preview_text(shop)
    assert {(found[1], found[3]) for found in DUE.finditer(shown)} == {
        (f"shop/{c}", "2027-02-23") for c in CLIENTS
    }
    shop.assert_unchanged()
    assert shop.output("credentials")["shop/checkout at okta"] == first
    assert orders(shop, before) == 200
    held = caller.token(before)[0]

    replace_secret(shop, shown)
    after = credential(shop.local, "checkout")
    assert after["OAUTH_CLIENT_SECRET"] != before["OAUTH_CLIENT_SECRET"]
    assert orders(shop, after) == 200
    with pytest.raises(IssuerError, match="invalid_client"):
        caller.token(before)
    assert (
        call(shop.local, "GET", "orders.example.com", "/orders", held).status
        == 200
    )
    second = shop.output("credentials")["shop/checkout at okta"]
    assert (second["generation"], second["since"], second["due"]) == (
        2,
        "2027-02-23",
        "2027-05-24",
    )
    assert (second["secretOf"], after["OAUTH_CLIENT_ID"]) == (
        _app(shop),
        before["OAUTH_CLIENT_ID"],
    )
    assert second["secretOf"] != first["secretOf"]
    assert {found[1] for found in DUE.finditer(preview_text(shop))} == {
        "shop/web"
    }
    shop.assert_unchanged()


@pytest.mark.deep
def test_a_preview_warns_of_changed_credentials_of_running_pods(
    shop: Deployment,
) -> None:
    """From keys to a shared secret and back: earlier pods' credentials become invalid, and new pods
    get a new key or secret."""
    shop.run("up")
    assert "running pods get no tokens" not in preview_text(shop)
    keyed = credential(shop.local, "checkout")
    on(shop, 40)
    for old, new, to in (
        (TYPE, SHARED, "a shared secret replaces its key"),
        (SHARED, TYPE, "a key replaces the secret that it shared"),
    ):
        shop.edit(SETTINGS, old, new)
        assert SWITCHED.format(to) in preview_text(shop)
        before = credential(shop.local, "checkout")
        shop.run("up")
        assert "running pods get no tokens" not in preview_text(shop)
        with pytest.raises(IssuerError, match="invalid_client"):
            caller.token(before)
        assert orders(shop, credential(shop.local, "checkout")) == 200
        credentials = shop.output("credentials")["shop/checkout at okta"]
        assert (
            credentials["generation"],
            credentials["since"],
            credentials["due"],
        ) == (
            1,
            "2027-01-04",
            "2027-04-04",
        )
    assert (
        credential(shop.local, "checkout")["OAUTH_KEY_ID"]
        != keyed["OAUTH_KEY_ID"]
    )
