"""Tokens of the Okta stand-in: answers, errors, and claims."""

from typing import Any

import httpx
import pytest

from sandbox import jose
from sandbox.okta.browser import IssuerError, client_credentials, login
from tests.support.json_object import JsonObject
from tests.support.sandbox.okta_org import (
    CALLBACK,
    Estate,
    app,
    build,
    client_id,
    new_okta,
    secret,
)

POLICY_FAILED = "Policy evaluation failed for this request, please check the policy configurations."


def verified(token: str, issuer: str) -> tuple[JsonObject, JsonObject]:
    """Header and claims of a token whose signature is good under the issuer's published key of its kid."""
    header, claims = jose.read(token)
    (key,) = (
        key
        for key in httpx.get(f"{issuer}/v1/keys").json()["keys"]
        if key["kid"] == header["kid"]
    )
    assert jose.verifies(jose.public_key(key), "RS256", token)
    return header, claims


def as_service(estate: Estate, *scopes: str) -> JsonObject:
    return client_credentials(
        estate.issuer, client_id(estate.service), secret(estate.service), scopes
    )


def as_user(estate: Estate, user: str, *scopes: str) -> JsonObject:
    return login(
        estate.issuer,
        client_id(estate.web),
        secret(estate.web),
        CALLBACK,
        scopes,
        user,
    )


def add_claim(estate: Estate, **claim: Any) -> None:
    body = {
        "name": "groups",
        "claimType": "RESOURCE",
        "valueType": "GROUPS",
        "group_filter_type": "REGEX",
        "value": ".*",
    }
    estate.admin.make(f"{estate.path}/claims", {**body, **claim})


def refusal(estate: Estate, user: str, *scopes: str) -> tuple[str, str]:
    with pytest.raises(IssuerError) as caught:
        as_user(estate, user, *scopes)
    return caught.value.error, caught.value.error_description


def test_a_service_token_has_oktas_claims() -> None:
    """Header of kid and alg only; no nbf, uid or auth_time; sub is the client id; the rule's lifetime."""
    with new_okta(now=lambda: 1_000_000.0) as okta:
        estate = build(okta)
        answer = as_service(estate, "orders.read")
        header, claims = verified(answer["access_token"], estate.issuer)
        client = client_id(estate.service)
        assert header == {
            "kid": estate.server["credentials"]["signing"]["kid"],
            "alg": "RS256",
        }
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
        assert answer == {
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": "orders.read",
        }


@pytest.mark.parametrize(
    ("scopes", "error"),
    [
        # Exists, but the rule does not list it.
        (
            ("orders.write",),
            "invalid_scope",
        ),
        (("orders.read", "orders.write"), "invalid_scope"),
        (("orders.drop",), "invalid_scope"),  # does not exist
        # No scope is requested, and the server has no default scope.
        (
            (),
            "invalid_scope",
        ),
        (("openid",), "invalid_scope"),  # needs a user
    ],
)
def test_a_scope_that_is_not_granted_is_refused(
    estate: Estate, scopes: tuple[str, ...], error: str
) -> None:
    """All or nothing: there is no token with fewer scopes."""
    with pytest.raises(IssuerError) as caught:
        as_service(estate, *scopes)
    assert (caught.value.status, caught.value.error) == (400, error)


def test_a_client_that_no_policy_covers_is_denied(estate: Estate) -> None:
    """access_denied with Okta's sentence."""
    other = estate.admin.make("apps", app("other", "service"))
    with pytest.raises(IssuerError) as caught:
        client_credentials(
            estate.issuer, client_id(other), secret(other), ["orders.read"]
        )
    assert (caught.value.error, caught.value.error_description) == (
        "access_denied",
        POLICY_FAILED,
    )


def test_an_unassigned_user_is_denied(
    estate: Estate,
) -> None:
    """Assignment is by group; removing a group from the app removes its users."""
    error = ("access_denied", "User is not assigned to the client application.")
    assert refusal(estate, "user-none", "orders.read") == error
    estate.admin.call(
        "DELETE",
        f"/api/v1/apps/{estate.web['id']}/groups/{estate.groups['sales']}",
    )
    assert refusal(estate, "user-sales", "orders.read") == error
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
    assert (
        verified(answer["access_token"], estate.issuer)[1].get("groups")
        == expected
    )
    assert "groups" not in verified(answer["id_token"], estate.issuer)[1]
    assert (
        "groups"
        not in verified(
            as_service(estate, "orders.read")["access_token"], estate.issuer
        )[1]
    )
