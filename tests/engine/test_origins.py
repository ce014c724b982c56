"""Pages that get tokens themselves: Okta allows a browser to read them for trusted origins of this
stack alone."""

from __future__ import annotations

import subprocess

import httpx
import pytest

from sandbox import launchers
from sandbox.local import STACK, Local
from sandbox.okta import browser
from tests.support.engine.applications import SHOP
from tests.support.engine.calls import credential
from tests.support.engine.deployment import Deployment, Empty

OKTA_IS_BEHIND = launchers.behind("resource-okta")

PAGE = "http://shop.example.com"
RESOURCE = f"okta-origin-{PAGE}"
GRANT, NO_GRANT = "[shop/page]", "[]"


def _trusted(local: Local) -> dict[str, str]:
    return {
        origin["origin"]: origin["name"]
        for origin in local.okta.objects("trustedOrigins")
    }


def _by_hand(local: Local, scopes: list[dict[str, str]]) -> None:
    """Give the origin another purpose, as an administrator does."""
    (origin,) = local.okta.objects("trustedOrigins")
    answer = httpx.put(
        f"{local.okta.url}/api/v1/trustedOrigins/{origin['id']}",
        json={**origin, "scopes": scopes},
        headers={"Authorization": f"SSWS {local.env['OKTA_API_TOKEN']}"},
    )
    answer.raise_for_status()


def _page_signs_in(local: Local, origin: str) -> bool:
    """Return whether a user of the page at `origin` gets a token for orders."""
    own = credential(local, "page")
    where = (
        own["OAUTH_ISSUER"],
        own["OAUTH_CLIENT_ID"],
        None,
        own["OAUTH_REDIRECT_URIS"],
    )
    try:
        return bool(
            browser.login(
                *where, ["orders.read", "openid"], "user-sales", origin
            )["access_token"]
        )
    except browser.CrossOriginError:
        return False


def _with_page(deployment: Deployment, there: bool) -> None:
    """Deploy the shop with its page, or without any client."""
    shop = deployment.folder / "applications/shop.yaml"
    if there:
        shop.write_text(SHOP.partition("    - name: app")[0])
    else:
        shop.unlink()
    old, new = (NO_GRANT, GRANT) if there else (GRANT, NO_GRANT)
    deployment.edit(
        "applications/orders.yaml", f"components: {old}", f"components: {new}"
    )


@pytest.fixture
def shop(empty: Empty) -> Deployment:
    """Orders, and a page that calls it; not deployed."""
    deployment = empty()
    for name in ("hello", "reports", "shop"):
        (deployment.folder / f"applications/{name}.yaml").unlink()
    deployment.edit(
        "applications/orders.yaml", "[shop/checkout, shop/web]", NO_GRANT
    )
    deployment.edit(
        "applications/orders.yaml", ", components: [shop/web]}", "}"
    )
    _with_page(deployment, True)
    return deployment


@pytest.mark.skipif(
    OKTA_IS_BEHIND is not None,
    reason=f"{OKTA_IS_BEHIND}: origins have another form",
)
def test_an_origin_is_trusted_as_long_as_pages_of_it_get_tokens(
    shop: Deployment,
) -> None:
    """It comes and goes with the client; no other page gets a token."""
    shop.run("up")
    assert _trusted(shop.local) == {PAGE: f"kong-oam {STACK} {PAGE}"}
    assert _page_signs_in(shop.local, PAGE)
    assert not any(
        _page_signs_in(shop.local, other)
        for other in ("http://orders.example.com", f"{PAGE}:81")
    )
    shop.assert_unchanged()
    _by_hand(shop.local, [{"type": "REDIRECT"}])
    assert not _page_signs_in(shop.local, PAGE)
    assert shop.changes("up", "--refresh") == {RESOURCE: "update"}
    assert _page_signs_in(shop.local, PAGE)
    _with_page(shop, False)
    assert shop.changes("up")[RESOURCE] == "delete"
    assert _trusted(shop.local) == {}


@pytest.mark.deep
def test_an_origin_that_stacks_share_is_removed_by_none_of_them(
    shop: Deployment,
) -> None:
    """It stays after its page is removed. A stack that needs it adopts it by the preview's command,
    with its purposes. A stack that no longer shares it owns it again."""
    settings, provider = "stacks/Pulumi.local.yaml", "      type: okta\n"
    shared = f"{provider}      sharedOrigins: [{PAGE}]\n"
    shop.run("up")
    shop.edit(settings, provider, shared)
    assert shop.changes("up") == {RESOURCE: "update"}
    assert _trusted(shop.local) == {PAGE: f"kong-oam {PAGE}"}
    both = [{"type": "CORS"}, {"type": "REDIRECT"}]
    _by_hand(shop.local, both)
    shop.assert_unchanged("up", "--refresh")
    _with_page(shop, False)
    shop.run("up")
    assert RESOURCE not in {
        resource["urn"].rsplit("::", 1)[1] for resource in shop.state()
    }
    assert _trusted(shop.local) == {PAGE: f"kong-oam {PAGE}"}
    _with_page(shop, True)
    output = shop.pulumi("preview", "-s", STACK, check=False).stdout
    (command,) = (
        line.strip()
        for line in output.splitlines()
        if line.strip().startswith("echo '{")
    )
    subprocess.run(
        ["bash", "-c", command],
        cwd=shop.folder,
        env=shop.local.env,
        timeout=90,
        check=True,
    )
    assert RESOURCE not in shop.changes("up")
    assert [
        origin["scopes"] for origin in shop.local.okta.objects("trustedOrigins")
    ] == [both]
    assert _page_signs_in(shop.local, PAGE)
    shop.edit(settings, shared, provider)
    assert shop.changes("up") == {RESOURCE: "update"}
    (own,) = shop.local.okta.objects("trustedOrigins")
    assert (own["name"], own["scopes"]) == (
        f"kong-oam {STACK} {PAGE}",
        [{"type": "CORS"}],
    )
    shop.run("destroy")
    assert _trusted(shop.local) == {}
