"""Tokens of the Okta stand-in: who gets one, who is refused how, and what is in it."""

from typing import Any

import httpx
import pytest

from sandbox import jose
from sandbox.okta.browser import RefusedError, client_credentials, login, refresh
from tests.support.sandbox.okta_org import CALLBACK, Estate, app, build, client_id, new_okta, policy, rule, secret

POLICY_FAILED = "Policy evaluation failed for this request, please check the policy configurations."


def verified(token: str, issuer: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token whose signature is good under the issuer's published key of its kid."""
    header, claims = jose.read(token)
    (key,) = (one for one in httpx.get(f"{issuer}/v1/keys").json()["keys"] if one["kid"] == header["kid"])
    assert jose.verifies(jose.public_key(key), "RS256", token)
    return header, claims


def as_service(estate: Estate, *scopes: str) -> dict[str, Any]:
    return client_credentials(estate.issuer, client_id(estate.service), secret(estate.service), scopes)


def as_user(estate: Estate, user: str, *scopes: str) -> dict[str, Any]:
    return login(estate.issuer, client_id(estate.web), secret(estate.web), CALLBACK, scopes, user)


def add_claim(estate: Estate, **claim: Any) -> None:
    body = {
        "name": "groups",
        "claimType": "RESOURCE",
        "valueType": "GROUPS",
        "group_filter_type": "REGEX",
        "value": ".*",
    }
    estate.admin.make(f"{estate.path}/claims", {**body, **claim})


def replace_app(estate: Estate, body: dict[str, Any]) -> None:
    status, answer = estate.admin.call("PUT", f"/api/v1/apps/{estate.web['id']}", body)
    assert status == 200, answer


def refusal(estate: Estate, user: str, *scopes: str) -> tuple[str, str]:
    with pytest.raises(RefusedError) as caught:
        as_user(estate, user, *scopes)
    return caught.value.error, caught.value.error_description


def test_a_service_token_holds_what_oktas_holds() -> None:
    """Header of kid and alg only; no nbf, uid or auth_time; sub is the client id; the rule's lifetime."""
    with new_okta(now=lambda: 1_000_000.0) as okta:
        estate = build(okta)
        answer = as_service(estate, "orders.read")
        header, claims = verified(answer["access_token"], estate.issuer)
        client = client_id(estate.service)
        assert header == {"kid": estate.server["credentials"]["signing"]["kid"], "alg": "RS256"}
        assert claims.pop("jti").startswith("AT.")
        assert claims == {
            "ver": 1,
            "iss": estate.issuer,
            "aud": "api://estate",
            "iat": 1_000_000,
            "exp": 1_003_600,
            "cid": client,
            "scp": ["orders.read"],
            "sub": client,
        }
        del answer["access_token"]
        assert answer == {"token_type": "Bearer", "expires_in": 3600, "scope": "orders.read"}


def test_a_user_token_holds_what_oktas_holds() -> None:
    """uid, auth_time and the login as sub; the ID token is for the client and has the user's id as sub."""
    with new_okta(now=lambda: 1_000_000.0) as okta:
        estate = build(okta)
        answer = as_user(estate, "user-sales", "openid", "profile", "orders.read")
        _, access = verified(answer["access_token"], estate.issuer)
        _, identity = verified(answer["id_token"], estate.issuer)
        assert (access["sub"], access["auth_time"], access["cid"]) == ("user-sales", 1_000_000, client_id(estate.web))
        assert access["scp"] == ["openid", "profile", "orders.read"]
        assert access["uid"].startswith("00u")
        assert identity["jti"].startswith("ID.")
        assert (identity["aud"], identity["sub"], identity["amr"]) == (client_id(estate.web), access["uid"], ["pwd"])
        assert identity["preferred_username"] == "user-sales"
        assert len(identity["nonce"]) > 10
        assert "scp" not in identity
        assert "cid" not in identity
        assert "refresh_token" not in answer


@pytest.mark.parametrize(
    ("scopes", "error"),
    [
        (("orders.write",), "invalid_scope"),  # exists, but the rule does not list it
        (("orders.read", "orders.write"), "invalid_scope"),
        (("orders.drop",), "invalid_scope"),  # does not exist
        ((), "invalid_scope"),  # none asked for, and the server has no default scope
        (("openid",), "invalid_scope"),  # needs a user
    ],
)
def test_a_scope_that_is_not_granted_is_refused(estate: Estate, scopes: tuple[str, ...], error: str) -> None:
    """All or nothing: there is no token with fewer scopes."""
    with pytest.raises(RefusedError) as caught:
        as_service(estate, *scopes)
    assert (caught.value.status, caught.value.error) == (400, error)


def test_a_client_that_no_policy_covers_is_denied(estate: Estate) -> None:
    """access_denied with Okta's sentence."""
    other = estate.admin.make("apps", app("other", "service"))
    with pytest.raises(RefusedError) as caught:
        client_credentials(estate.issuer, client_id(other), secret(other), ["orders.read"])
    assert (caught.value.error, caught.value.error_description) == ("access_denied", POLICY_FAILED)


def test_the_first_rule_that_matches_decides(estate: Estate) -> None:
    """A rule without all scopes asked for is skipped, in favour of the next one and of the next policy."""
    found = estate.admin.get(f"{estate.path}/policies")[0]
    rules = f"{estate.path}/policies/{found['id']}/rules"
    short = {"token": {"accessTokenLifetimeMinutes": 5}}
    estate.admin.make(rules, rule("all", "client_credentials", ["*"], [], priority=2, actions=short))
    assert as_service(estate, "orders.read")["expires_in"] == 3600
    assert as_service(estate, "orders.read", "orders.write")["expires_in"] == 300
    low = estate.admin.make(f"{estate.path}/policies", policy("all", "ALL_CLIENTS"))
    medium = {"token": {"accessTokenLifetimeMinutes": 10}}
    below = rule("all", "client_credentials", ["*"], [], actions=medium)
    estate.admin.make(f"{estate.path}/policies/{low['id']}/rules", below)
    assert as_service(estate, "orders.write")["expires_in"] == 300
    last = estate.admin.get(rules)[1]["id"]
    estate.admin.call("DELETE", f"/api/v1/{rules}/{last}")
    assert as_service(estate, "orders.write")["expires_in"] == 600


def test_a_user_who_is_not_assigned_to_the_app_is_denied(estate: Estate) -> None:
    """Assignment is by group; removing a group from the app removes its users."""
    told = ("access_denied", "User is not assigned to the client application.")
    assert refusal(estate, "user-none", "orders.read") == told
    estate.admin.call("DELETE", f"/api/v1/apps/{estate.web['id']}/groups/{estate.groups['sales']}")
    assert refusal(estate, "user-sales", "orders.read") == told
    assert as_user(estate, "user-both", "orders.read")["scope"] == "orders.read"


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("STARTS_WITH", "s", ["sales"]),
        ("EQUALS", "sales", ["sales"]),
        ("CONTAINS", "e", ["Everyone", "sales", "order-desk"]),
        ("REGEX", "s.*", ["sales"]),
        ("REGEX", "s", None),
    ],
)
def test_a_groups_claim_lists_the_groups_that_pass_its_filter(
    estate: Estate, kind: str, value: str, expected: list[str] | None
) -> None:
    """In access tokens of users only; without a match there is no claim."""
    add_claim(estate, group_filter_type=kind, value=value)
    answer = as_user(estate, "user-both", "openid", "orders.read")
    assert verified(answer["access_token"], estate.issuer)[1].get("groups") == expected
    assert "groups" not in verified(answer["id_token"], estate.issuer)[1]
    assert "groups" not in verified(as_service(estate, "orders.read")["access_token"], estate.issuer)[1]


def test_a_refresh_token_is_issued_only_where_granted(estate: Estate) -> None:
    """With the grant refresh_token and the scope offline_access; ROTATE replaces it at each use."""
    grants = ["authorization_code", "refresh_token"]
    rotating = {"rotation_type": "ROTATE", "leeway": 0}
    replace_app(estate, app("web", "web", grant_types=grants, refresh_token=rotating))
    assert "refresh_token" not in as_user(estate, "user-sales", "orders.read")
    first = as_user(estate, "user-sales", "orders.read", "offline_access")["refresh_token"]
    client = (client_id(estate.web), secret(estate.web))
    second = refresh(estate.issuer, *client, first)
    assert verified(second["access_token"], estate.issuer)[1]["sub"] == "user-sales"
    assert second["refresh_token"] != first
    with pytest.raises(RefusedError, match="invalid_grant"):
        refresh(estate.issuer, *client, first)
    estate.admin.call("DELETE", f"/api/v1/apps/{estate.web['id']}/groups/{estate.groups['sales']}")
    with pytest.raises(RefusedError, match="access_denied"):
        refresh(estate.issuer, *client, second["refresh_token"])


def test_after_a_rotation_old_tokens_still_verify(estate: Estate) -> None:
    """The JWKS has the new key first and the old one after it; NEXT is not published."""
    old = as_service(estate, "orders.read")["access_token"]
    before = [key["kid"] for key in httpx.get(f"{estate.issuer}/v1/keys").json()["keys"]]
    estate.okta.rotate(estate.server["id"])
    new = as_service(estate, "orders.read")["access_token"]
    after = [key["kid"] for key in httpx.get(f"{estate.issuer}/v1/keys").json()["keys"]]
    assert len(before) == 1
    assert after[1:] == before
    assert verified(new, estate.issuer)[0]["kid"] == after[0]
    assert verified(old, estate.issuer)[0]["kid"] == after[1]
