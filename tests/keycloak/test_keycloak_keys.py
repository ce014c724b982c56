"""Keys of clients in a real Keycloak: they rotate, and no client is denied."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import browser, caller
from sandbox.browser import IssuerError
from sandbox.keycloak import Keycloak
from sandbox.local import Local
from tests.support.engine.calls import credential
from tests.support.engine.deployment import AT_ONCE, Deployment, project, start
from tests.support.engine.pods import Pods
from tests.support.engine.pods import on as on_day
from tests.support.engine.realm import on
from tests.support.json_object import JsonObject

pytestmark = [pytest.mark.deep, pytest.mark.timeout(300)]


@pytest.fixture
def shop(
    server: Keycloak, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Deployment]:
    """Orders and its callers."""
    with Local(lags=AT_ONCE) as local:
        deployment = on(
            server,
            start(local, project(tmp_path)),
            f"keys-{request.node.name[:30]}",
        )
        deployment.leave_out("hello", "reports", "desk")
        on_day(deployment, 0)
        deployment.run("up")
        yield deployment


def test_no_valid_call_is_denied_while_keys_rotate(shop: Deployment) -> None:
    """The next key is valid beside the earlier key until that ends. Meanwhile a proof with another
    algorithm than the key's is rejected."""
    pods = Pods(shop.local)
    with pods.calling():
        before = credential(shop.local, "checkout")
        on_day(shop, 90)
        shop.run("up")
        after = credential(shop.local, "checkout")
        pods.start()
        pods.go_on(20)
        shop.assert_unchanged("up", "--refresh")
        where = before["OAUTH_TOKEN_ENDPOINT"], before["OAUTH_CLIENT_ID"]
        for settings in (before, after):
            assert settings["OAUTH_KEY_ALGORITHM"] == "ES256"
            proof = caller.proof_of(settings)
            assert isinstance(proof, browser.PrivateKey)
            with pytest.raises(IssuerError):
                wrong = dataclasses.replace(proof, algorithm="ES384")
                browser.client_credentials(*where, wrong, ["orders.read"])

        pods.roll_the_last()
        on_day(shop, 97)
        shop.run("up")
        shop.assert_unchanged("up", "--refresh")
    assert set(pods.statuses) == {"200"}, pods.statuses
    assert pods.statuses["200"] > 100
    with pytest.raises(IssuerError):
        caller.token(before)


def test_a_new_key_is_given_out_after_each_reading_of_those_before_ends(
    server: Keycloak, shop: Deployment
) -> None:
    """A caller at the moment of the change may make the server keep the old keys: for 10 s, or the
    rest of them. No run waits for a key that ends."""
    realm = str(shop.local.env["KEYCLOAK_REALM"])
    server.admin(
        "PUT",
        f"/{realm}/events/config",
        {"adminEventsEnabled": True, "adminEventsDetailsEnabled": True},
    )
    apply, applied = shop.local.cluster.apply, []

    def noted(manifest: JsonObject, **how: bool) -> JsonObject:
        if (manifest["kind"], manifest["metadata"]["name"]) == (
            "Secret",
            "checkout-client",
        ) and not how.get("dry_run"):
            applied.append(time.time())
        return apply(manifest, **how)

    shop.run("up")
    shop.local.cluster.apply = noted  # type: ignore[method-assign]
    on_day(shop, 90)
    shop.run("up")
    changes = server.admin(
        "GET",
        f"/{realm}/admin-events?operationTypes=UPDATE&resourceTypes=CLIENT",
    ).body
    changed = (
        max(
            event["time"]
            for event in changes
            if '"shop/checkout"' in event.get("representation", "")
        )
        / 1000
    )
    assert applied and applied[0] - changed > 11

    began = time.monotonic()
    on_day(shop, 97)
    shop.run("up")
    assert time.monotonic() - began < 11
