"""Clients of the Okta stand-in that authenticate with a key: valid and invalid assertions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sandbox.browser import ASSERTION, IssuerError, PrivateKey, _call
from sandbox.jose import members
from sandbox.okta.browser import client_credentials
from tests.support.gateway_tokens import ec_key, rsa_key
from tests.support.json_object import JsonObject
from tests.support.partner_keys import private_pem
from tests.support.sandbox.okta_org import Estate, app, client_id, secret
from tests.support.tokens import token

RSA, OTHER, EC = rsa_key(), rsa_key(), ec_key()
PEM = private_pem(RSA)


def jwk(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, kid: str
) -> dict[str, str]:
    return {"kid": kid, **members(key.public_key())}


@dataclass
class Signing:
    """An assertion as a client makes it, before something of it is changed."""

    header: JsonObject
    claims: JsonObject
    key: Any = RSA

    def __str__(self) -> str:
        return token(self.header, self.claims, self.key)


@pytest.fixture
def keyed(estate: Estate) -> Estate:
    """The estate's service with an RSA key, an elliptic key, and a deactivated key."""
    keys = {
        "keys": [
            jwk(RSA, "one"),
            jwk(EC, "two"),
            {**jwk(RSA, "off"), "status": "INACTIVE"},
        ]
    }
    body = app("checkout", "service", method="private_key_jwt", jwks=keys)
    status, answer = estate.admin.call(
        "PUT", f"/api/v1/apps/{estate.service['id']}", body
    )
    assert status == 200, answer
    return estate


def assertion(estate: Estate) -> Signing:
    name, endpoint = client_id(estate.service), f"{estate.issuer}/v1/token"
    claims = {
        "iss": name,
        "sub": name,
        "aud": endpoint,
        "exp": time.time() + 60,
        "jti": "once",
    }
    return Signing({"alg": "RS256", "kid": "one"}, claims)


def ask(
    estate: Estate,
    signed: object,
    more_headers: Mapping[str, str] = {},
    **form: str,
) -> tuple[int, JsonObject]:
    """Status and body; `more` are headers."""
    fields = {
        "grant_type": "client_credentials",
        "scope": "orders.read",
        "client_assertion_type": ASSERTION,
    }
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        **more_headers,
    }
    body = urlencode({**fields, "client_assertion": str(signed), **form})
    answer = _call("POST", f"{estate.issuer}/v1/token", body, headers)
    return answer.status, json.loads(answer.body)


def test_a_client_gets_a_token_with_its_key(keyed: Estate) -> None:
    """As often as it asks, each time with a new assertion. Its earlier secret is invalid."""
    key = PrivateKey(PEM, "one")
    for _ in range(2):
        answer = client_credentials(
            keyed.issuer, client_id(keyed.service), key, ["orders.read"]
        )
        assert answer["scope"] == "orders.read"
    with pytest.raises(IssuerError, match="invalid_client"):
        client_credentials(
            keyed.issuer,
            client_id(keyed.service),
            secret(keyed.service),
            ["orders.read"],
        )
    with pytest.raises(IssuerError, match="does not have"):
        client_credentials(
            keyed.issuer,
            client_id(keyed.service),
            PrivateKey(PEM, "three"),
            ["orders.read"],
        )


def _with(**changed: Any) -> Callable[[Signing, float], None]:
    def change(signing: Signing, now: float) -> None:
        for name, value in changed.items():
            part = signing.header if name in ("alg", "kid") else signing.claims
            part[name] = value(now) if callable(value) else value

    return change


def _signed_by_another(signing: Signing, _: float) -> None:
    signing.key = OTHER


def _without_expiry(signing: Signing, _: float) -> None:
    del signing.claims["exp"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_signed_by_another, "signature is invalid"),
        (_with(alg="ES256"), "signature is invalid"),
        (_with(alg="none"), "signature is invalid"),
        (_with(alg="HS256"), "signature is invalid"),
        (_with(kid="two"), "signature is invalid"),
        (_with(kid="three"), "a key that the client does not have"),
        (_with(kid="off"), "a key that the client does not have"),
        (_with(iss="another"), "must be the client ID"),
        (_with(sub="another"), "Invalid value for 'client_id'"),
        (_with(aud="https://elsewhere.example.com/v1/token"), "audience claim"),
        (_with(exp=lambda now: now - 1), "is expired"),
        (_without_expiry, "is expired"),
        (_with(exp=lambda now: now + 3601), "too far into the future"),
    ],
)
def test_an_assertion_that_does_not_count(
    keyed: Estate, change: Callable[[Signing, float], None], reason: str
) -> None:
    """One detail is wrong: 401, and why."""
    signing = assertion(keyed)
    change(signing, time.time())
    status, answer = ask(keyed, signing)
    assert (status, answer["error"]) == (401, "invalid_client")
    assert reason in answer["error_description"]
    assert ask(keyed, assertion(keyed))[0] == 200


def test_an_assertion_counts_once(keyed: Estate) -> None:
    """A copied assertion is useless."""
    signed = str(assertion(keyed))
    assert ask(keyed, signed)[0] == 200
    status, answer = ask(keyed, signed)
    assert (status, answer["error_description"]) == (
        401,
        "The client_assertion token has already been used.",
    )
