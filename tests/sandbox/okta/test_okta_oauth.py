"""Tokens of the Okta stand-in: who gets one, who is refused how, and what is in it."""

import base64
import hashlib
import http.client
import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.okta import User
from sandbox.okta.browser import RefusedError, client_credentials, login, refresh
from tests.support.sandbox.okta_org import CALLBACK, Estate, app, build, client_id, new_okta, policy, rule, secret

POLICY_FAILED = "Policy evaluation failed for this request, please check the policy configurations."


def call(method: str, url: str, form: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one request; redirects are not followed."""
    split = urlsplit(url)
    connection = http.client.HTTPConnection(split.netloc, timeout=10)
    try:
        connection.request(method, f"{split.path}?{split.query}", urlencode(form or {}))
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()
    finally:
        connection.close()


def document(url: str) -> Any:
    """A JSON document that is served to everybody."""
    status, _, body = call("GET", url)
    assert status == 200
    return json.loads(body)


def decode(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def verified(token: str, issuer: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token whose signature is good under the issuer's published key of its kid."""
    head, payload, signature = token.split(".")
    header = decode(head)
    key = {key["kid"]: key for key in document(f"{issuer}/v1/keys")["keys"]}[header["kid"]]
    n, e = (int.from_bytes(base64.urlsafe_b64decode(key[part] + "==")) for part in ("n", "e"))
    data, raw = f"{head}.{payload}".encode(), base64.urlsafe_b64decode(signature + "==")
    rsa.RSAPublicNumbers(e, n).public_key().verify(raw, data, padding.PKCS1v15(), hashes.SHA256())
    return header, decode(payload)


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


def test_discovery_names_the_issuer_its_endpoints_and_its_public_scopes(estate: Estate) -> None:
    """Both documents say the same; a scope that is not published is not listed."""
    found = document(f"{estate.issuer}/.well-known/openid-configuration")
    assert found == document(f"{estate.issuer}/.well-known/oauth-authorization-server")
    assert found["issuer"] == estate.issuer
    assert found["token_endpoint"] == f"{estate.issuer}/v1/token"
    assert found["jwks_uri"] == f"{estate.issuer}/v1/keys"
    assert "openid" in found["scopes_supported"]
    assert "orders.read" not in found["scopes_supported"]


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


def test_a_service_authenticates_by_secret_in_header_or_form(estate: Estate) -> None:
    """Both give a token; a wrong secret, an unknown client, and no secret at all are 401 invalid_client."""
    url, client = f"{estate.issuer}/v1/token", client_id(estate.service)
    form = {"grant_type": "client_credentials", "scope": "orders.read", "client_id": client}
    assert call("POST", url, form | {"client_secret": secret(estate.service)})[0] == 200
    for wrong in (form | {"client_secret": "x" * 20}, form, form | {"client_id": "0oaNobody"}):
        status, _, body = call("POST", url, wrong)
        assert (status, json.loads(body)["error"]) == (401, "invalid_client")
    with pytest.raises(RefusedError) as caught:
        client_credentials(estate.issuer, client, "wrong-secret-here", ["orders.read"])
    assert (caught.value.status, caught.value.error) == (401, "invalid_client")


def test_an_app_that_authenticates_by_key_gets_no_token_by_secret(estate: Estate) -> None:
    """client_secret_jwt is not modelled, and nothing else is taken in its place."""
    body = app("checkout", "service", method="client_secret_jwt")
    assert estate.admin.call("PUT", f"/api/v1/apps/{estate.service['id']}", body)[0] == 200
    with pytest.raises(RefusedError, match="invalid_client"):
        as_service(estate, "orders.read")


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


def test_a_rule_matches_by_the_users_groups(estate: Estate) -> None:
    """A user who is assigned but in no group of a rule is denied; EVERYONE includes all."""
    everyone = estate.groups["Everyone"]
    estate.admin.call("PUT", f"/api/v1/apps/{estate.web['id']}/groups/{everyone}", {})
    assert refusal(estate, "user-none", "orders.read") == ("access_denied", POLICY_FAILED)
    found = estate.admin.get(f"{estate.path}/policies")[1]
    rules = f"{estate.path}/policies/{found['id']}/rules"
    estate.admin.make(rules, rule("everyone", "authorization_code", ["orders.read"], ["EVERYONE"]))
    assert as_user(estate, "user-none", "orders.read")["scope"] == "orders.read"
    assert refusal(estate, "user-none", "orders.write")[0] == "invalid_scope"


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


def test_a_groups_claim_over_more_than_100_groups_fails_the_request() -> None:
    """100 groups are listed, 101 are an error."""
    names = tuple(f"g{number:03}" for number in range(100))
    users = (User("user-100", (*names, "sales")), User("user-99", (*names[:98], "sales")))
    with new_okta(groups=(*names, "sales", "order-desk"), users=users) as okta:
        estate = build(okta)
        add_claim(estate, value="(g|sales|Everyone).*")
        listed = verified(as_user(estate, "user-99", "orders.read")["access_token"], estate.issuer)[1]["groups"]
        assert len(listed) == 100
        assert refusal(estate, "user-100", "orders.read")[0] == "invalid_request"


def authorization(estate: Estate, **change: str | None) -> str:
    """The URL of an authorization request that succeeds, unless `change` spoils it."""
    asked: dict[str, str | None] = {
        "client_id": client_id(estate.web),
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "orders.read",
        "state": "s1",
        "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).decode().rstrip("="),
        "code_challenge_method": "S256",
        "sandbox_user": "user-sales",
    }
    kept = {name: value for name, value in (asked | change).items() if value is not None}
    return f"{estate.issuer}/v1/authorize?{urlencode(kept)}"


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": CALLBACK + "?x=1"},
        {"redirect_uri": "https://evil.example.com/callback"},
        {"redirect_uri": None},
        {"client_id": "0oaNobody"},
    ],
)
def test_an_unregistered_redirect_uri_is_never_followed(estate: Estate, change: dict[str, str | None]) -> None:
    """Exact match; otherwise an error page and no redirect."""
    status, headers, _ = call("GET", authorization(estate, **change))
    assert status == 400
    assert "Location" not in headers


def code_of(estate: Estate) -> dict[str, str]:
    """The form of a token request that succeeds, with a new code."""
    _, headers, _ = call("GET", authorization(estate))
    return {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(headers["Location"]).query)["code"][0],
        "redirect_uri": CALLBACK,
        "code_verifier": "v" * 43,
        "client_id": client_id(estate.web),
        "client_secret": secret(estate.web),
    }


def test_a_code_without_its_verifier_is_refused(estate: Estate) -> None:
    """Leaving the verifier out does not skip PKCE."""
    form = code_of(estate)
    del form["code_verifier"]
    status, _, body = call("POST", f"{estate.issuer}/v1/token", form)
    assert (status, json.loads(body)) == (
        400,
        {"error": "invalid_grant", "error_description": "PKCE verification failed."},
    )


def test_the_policy_is_evaluated_again_when_the_code_is_exchanged(estate: Estate) -> None:
    """A grant that was revoked in between gives no token."""
    form = code_of(estate)
    found = estate.admin.get(f"{estate.path}/policies")[1]
    estate.admin.call("DELETE", f"/api/v1/{estate.path}/policies/{found['id']}")
    status, _, body = call("POST", f"{estate.issuer}/v1/token", form)
    assert (status, json.loads(body)["error"]) == (400, "access_denied")


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


def test_a_public_client_signs_in_with_pkce_alone(estate: Estate) -> None:
    """A native app has no secret; sending one is refused."""
    body = app("native", "web", application_type="native", method="none")
    native = estate.admin.make("apps", body)
    estate.admin.call("PUT", f"/api/v1/apps/{native['id']}/groups/{estate.groups['sales']}", {})
    held = estate.admin.make(f"{estate.path}/policies", policy("native", client_id(native)))
    users = rule("users", "authorization_code", ["*"], ["EVERYONE"])
    estate.admin.make(f"{estate.path}/policies/{held['id']}/rules", users)
    answer = login(estate.issuer, client_id(native), None, CALLBACK, ["orders.write"], "user-sales")
    assert verified(answer["access_token"], estate.issuer)[1]["scp"] == ["orders.write"]
    with pytest.raises(RefusedError, match="invalid_client"):
        login(estate.issuer, client_id(native), "x" * 20, CALLBACK, ["orders.write"], "user-sales")


def test_after_a_rotation_old_tokens_still_verify(estate: Estate) -> None:
    """The JWKS has the new key first and the old one after it; NEXT is not published."""
    old = as_service(estate, "orders.read")["access_token"]
    before = [key["kid"] for key in document(f"{estate.issuer}/v1/keys")["keys"]]
    estate.okta.rotate(estate.server["id"])
    new = as_service(estate, "orders.read")["access_token"]
    after = [key["kid"] for key in document(f"{estate.issuer}/v1/keys")["keys"]]
    assert len(before) == 1
    assert after[1:] == before
    assert verified(new, estate.issuer)[0]["kid"] == after[0]
    assert verified(old, estate.issuer)[0]["kid"] == after[1]
