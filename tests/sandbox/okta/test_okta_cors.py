"""Whose pages a browser hands the token endpoint's answers to: those of trusted origins, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.okta.browser import BlockedError, login
from tests.support.sandbox.okta_org import CALLBACK, Estate, app, build, client_id, new_okta, policy, rule

PAGE = "https://shop.example.com"


def _page(estate: Estate) -> dict[str, Any]:
    """A page of everybody, which may be given openid."""
    made: dict[str, Any] = estate.admin.make("apps", app("page", "web", application_type="browser", method="none"))
    everyone = estate.groups["Everyone"]
    assert estate.admin.call("PUT", f"/api/v1/apps/{made['id']}/groups/{everyone}", {})[0] == 200
    held = estate.admin.make(f"{estate.path}/policies", policy("page", client_id(made)))
    allowed = rule("page", "authorization_code", ["openid"], [everyone])
    estate.admin.make(f"{estate.path}/policies/{held['id']}/rules", allowed)
    return made


def test_a_page_has_its_token_where_its_origin_is_trusted() -> None:
    """For CORS, and as long as it is active: not where users are only sent to, and never from another origin."""
    with new_okta() as okta:
        estate = build(okta)
        page = _page(estate)

        def signed_in(origin: str | None) -> Any:
            return login(estate.issuer, client_id(page), None, CALLBACK, ["openid"], "user-sales", origin)

        def trust(scope: str, **about: str) -> None:
            body = {"name": "shop", "origin": PAGE, "scopes": [{"type": scope}], **about}
            status, _ = estate.admin.call("PUT", f"/api/v1/trustedOrigins/{made['id']}", body)
            assert status == 200

        assert signed_in(None)["access_token"]
        with pytest.raises(BlockedError, match="answers 200 and allows no page"):
            signed_in(PAGE)
        made = estate.admin.make("trustedOrigins", {"name": "shop", "origin": PAGE, "scopes": [{"type": "CORS"}]})
        assert signed_in(PAGE)["access_token"]
        for other in ("https://shop.example.com:8443", "http://shop.example.com", "https://example.com"):
            with pytest.raises(BlockedError):
                signed_in(other)
        for scope, status in (("REDIRECT", "ACTIVE"), ("CORS", "INACTIVE")):
            trust(scope, status=status)
            with pytest.raises(BlockedError):
                signed_in(PAGE)
