"""Keys of clients in a real Keycloak that the version before this one deployed: they become ones on a curve in turn."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import browser, caller
from sandbox.browser import RefusedError
from sandbox.cluster import AlreadyExistsError
from sandbox.keycloak import Keycloak
from sandbox.local import Local
from tests.support.engine.calls import credential
from tests.support.engine.deployment import AT_ONCE, Deployment, project, start
from tests.support.engine.keys_before import as_before, as_now, keys_of
from tests.support.engine.pods import Pods
from tests.support.engine.pods import on as on_day
from tests.support.engine.realm import on

pytestmark = [pytest.mark.engine, pytest.mark.deep, pytest.mark.timeout(300)]

CHECKOUT = "shop/checkout"


@pytest.fixture
def shop(server: Keycloak, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """Orders and its callers, deployed by the version before."""
    with Local(lags=AT_ONCE) as local:
        deployment = on(server, start(local, project(tmp_path, "components")), f"keys-{request.node.name[:30]}")
        for name in ("hello", "reports"):
            (deployment.folder / f"applications/{name}.yaml").unlink()
        as_before(deployment)
        on_day(deployment, 0)
        deployment.run("up")
        assert keys_of(deployment, CHECKOUT) == {"a": "RSA", "b": "RSA"}
        yield deployment


def test_nobody_is_refused_while_keys_become_ones_on_a_curve(shop: Deployment) -> None:
    """The update leaves every client what it is; the next key is on a curve, and counts beside the one of RSA until that
    ends. What signs with another algorithm than its key says is refused meanwhile."""
    pods = Pods(shop.local)
    with pods.calling():
        as_now(shop)
        before = credential(shop.local, "checkout")
        assert not {name for name in shop.changes("up") if name.startswith("keycloak-client")}
        assert keys_of(shop, CHECKOUT) == {"a": "RSA"}
        assert credential(shop.local, "checkout") == {**before, "OAUTH_KEY_ALGORITHM": "RS256"}
        assert shop.changes("up", "--refresh") == {}

        on_day(shop, 90)
        shop.run("up")
        assert keys_of(shop, CHECKOUT) == {"a": "RSA", "b": "ECDSA"}
        after = credential(shop.local, "checkout")
        assert after["OAUTH_KEY_ALGORITHM"] == "ES256"
        pods.start()
        pods.go_on(20)
        assert shop.changes("up", "--refresh") == {}
        where = before["OAUTH_TOKEN_ENDPOINT"], before["OAUTH_CLIENT_ID"]
        for settings, algorithm in ((before, "ES256"), (before, "RS512"), (after, "RS256"), (after, "ES384")):
            proof = caller.proof_of(settings)
            assert isinstance(proof, browser.PrivateKey)
            with pytest.raises(RefusedError):
                browser.client_credentials(*where, dataclasses.replace(proof, algorithm=algorithm), ["orders.read"])

        pods.roll_the_last()
        on_day(shop, 97)
        shop.run("up")
        assert keys_of(shop, CHECKOUT) == {"b": "ECDSA"}
        assert shop.changes("up", "--refresh") == {}
    assert set(pods.statuses) == {"200"}, pods.statuses
    assert pods.statuses["200"] > 100
    with pytest.raises(RefusedError):
        caller.token(before)


def test_a_new_key_is_given_out_after_each_reading_of_those_before_ends(server: Keycloak, shop: Deployment) -> None:
    """Who calls in the moment of the change may have the server keep the keys of before: for 10 s, and what is left of
    one. A key that ends is waited for by nobody."""
    realm = str(shop.local.env["KEYCLOAK_REALM"])
    server.admin("PUT", f"/{realm}/events/config", {"adminEventsEnabled": True, "adminEventsDetailsEnabled": True})
    apply, given = shop.local.cluster.apply, []

    def noted(manifest: dict[str, Any], **how: bool) -> dict[str, Any]:
        if (manifest["kind"], manifest["metadata"]["name"]) == ("Secret", "checkout-client") and not how.get("dry_run"):
            given.append(time.time())
        return apply(manifest, **how)

    as_now(shop)
    shop.run("up")
    shop.local.cluster.apply = noted  # type: ignore[method-assign]
    on_day(shop, 90)
    shop.run("up")
    changes = server.admin("GET", f"/{realm}/admin-events?operationTypes=UPDATE&resourceTypes=CLIENT").body
    changed = max(event["time"] for event in changes if '"shop/checkout"' in event.get("representation", "")) / 1000
    assert given and given[0] - changed > 11

    began = time.monotonic()
    on_day(shop, 97)
    shop.run("up")
    assert time.monotonic() - began < 11


def test_a_key_that_a_run_of_before_gave_somebody_stays(shop: Deployment) -> None:
    """It died in a rotation and recorded nothing: the other slot's key may be in use. The next one is on a curve."""
    local, apply = shop.local, shop.local.cluster.apply

    def unwell(manifest: dict[str, Any], **how: bool) -> dict[str, Any]:
        if (manifest["kind"], manifest["metadata"]["name"]) == ("Deployment", "checkout"):  # its Secret comes before
            raise AlreadyExistsError("the cluster is unwell")
        return apply(manifest, **how)

    local.cluster.apply = unwell  # type: ignore[method-assign]
    on_day(shop, 90)
    assert shop.run("up", check=False).returncode != 0
    local.cluster.apply = apply  # type: ignore[method-assign]
    assert shop.output("credentials")[f"{CHECKOUT} at keycloak"]["generation"] == 1
    pods = Pods(local)
    given = credential(local, "checkout")
    with pods.calling():
        as_now(shop)
        shop.run("up")
        assert keys_of(shop, CHECKOUT) == {"a": "RSA", "b": "RSA"}
        assert credential(local, "checkout") == {**given, "OAUTH_KEY_ALGORITHM": "RS256"}
        assert shop.changes("up") == {}
        pods.start()  # the other client's may be those of before: whose turn it was when the run died is chance
        pods.roll_the_last()
        on_day(shop, 97)
        shop.run("up")
        assert keys_of(shop, CHECKOUT) == {"b": "RSA"}
        on_day(shop, 180)
        shop.run("up")
        assert keys_of(shop, CHECKOUT) == {"a": "ECDSA", "b": "RSA"}
        pods.start()
        pods.go_on(20)
    assert set(pods.statuses) == {"200"}, pods.statuses
