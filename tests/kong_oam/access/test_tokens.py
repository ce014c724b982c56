"""Issuing tokens, and validating them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from kong_oam.access.issue import User, issue
from kong_oam.access.model import Call, Client
from kong_oam.access.providers import Listing, Provider, TokenType
from kong_oam.access.tokens import (
    Claims,
    Key,
    Refusal,
    authenticate,
    bearer,
    is_one_token,
)
from kong_oam.oam.document import read
from tests.support.estates import ISSUER, PROVIDER, SPELLING
from tests.support.json_object import JsonObject
from tests.support.tokens import EC, HEADER, NOW, RING, RSA, encoded, token

PLACE = read("a.yaml", b"a: 1")[0][0].position()
CALL = Call("orders/api", ("read", "write"), ("editor",), PLACE)
SERVICE = Client("shop/job", "service", "main", (CALL,), (), (), False, PLACE)
WEB = replace(
    SERVICE,
    component="shop/web",
    kind="web",
    groups=("sales",),
    redirect_uris=("https://w/cb",),
)
PAYLOAD = {
    "iss": ISSUER, "aud": "api://tests", "exp": NOW + 60, "jti": "AT.1", "cid": "job", "sub": "job", "scp": ["read"],
}  # fmt: skip


def test_a_services_token_counts() -> None:
    """It has the issued scopes, or none without a scope claim. It never has groups."""
    assert authenticate(token(HEADER, PAYLOAD), RING, NOW) == Claims(
        "main", "shop/job", "job", False, ("read",)
    )
    grouped = authenticate(
        token(HEADER, PAYLOAD | {"groups": ["sales"]}), RING, NOW
    )
    assert grouped == Claims("main", "shop/job", "job", False, ("read",))
    without = {name: value for name, value in PAYLOAD.items() if name != "scp"}
    assert authenticate(token(HEADER, without), RING, NOW) == Claims(
        "main", "shop/job", "job", False, ()
    )


@pytest.mark.parametrize(
    ("nbf", "exp", "counts"),
    [(NOW, NOW + 1, True), (NOW + 1, NOW + 2, False), (NOW - 1, NOW, False)],
)
def test_a_token_counts_from_its_first_second_to_before_its_last(
    nbf: float, exp: float, counts: bool
) -> None:
    """As in the gate: `nbf` is included, `exp` is excluded."""
    claims = authenticate(
        token(HEADER, PAYLOAD | {"nbf": nbf, "exp": exp}), RING, NOW
    )
    assert isinstance(claims, Claims) == counts


def test_every_mark_of_an_access_token_is_needed_and_no_claim_of_overage() -> (
    None
):
    """All marks and all claims of overage are checked, not only the first."""
    spelling = replace(
        SPELLING,
        marks=(*SPELLING.marks, TokenType("ver", "2.0")),
        overage=("more", "hasgroups"),
    )
    ring = replace(RING, provider=replace(PROVIDER, spelling=spelling))
    good = PAYLOAD | {"ver": "2.0"}
    assert isinstance(authenticate(token(HEADER, good), ring, NOW), Claims)
    for bad in (
        PAYLOAD,
        PAYLOAD | {"ver": "1.0"},
        good | {"jti": "ID.1"},
        good | {"more": 1},
        good | {"hasgroups": 1},
    ):
        assert isinstance(authenticate(token(HEADER, bad), ring, NOW), Refusal)


def test_a_users_token_counts() -> None:
    """The claim `user` makes it a user's token. Groups are as the provider lists them."""
    payload = PAYLOAD | {"uid": "u1", "sub": "someone", "groups": ["sales"]}
    assert authenticate(token(HEADER, payload), RING, NOW) == Claims(
        "main", "shop/job", "someone", True, ("read",), ("sales",)
    )


@pytest.mark.parametrize("client", ["other", "shop/job"])
def test_a_client_that_the_estate_does_not_have_is_no_component(
    client: str,
) -> None:
    """Its token is valid, but belongs to no component, even if its id looks like a component's key."""
    claims = authenticate(
        token(HEADER, PAYLOAD | {"cid": client, "sub": client}), RING, NOW
    )
    assert claims == Claims("main", "", client, False, ("read",))


def test_an_elliptic_key_signs_with_es256_only() -> None:
    """The algorithm follows from the key, never from the token."""
    assert isinstance(
        authenticate(
            token({"kid": "e", "alg": "ES256"}, PAYLOAD, EC), RING, NOW
        ),
        Claims,
    )
    assert authenticate(
        token({"kid": "e", "alg": "RS256"}, PAYLOAD), RING, NOW
    ) == Refusal("the signature does not match the key")


@pytest.mark.parametrize("length", [0, 1, 63, 65, 96, 256])
def test_a_signature_that_cannot_be_of_es256_is_refused_on_every_path(
    length: int,
) -> None:
    """Kong answers 500 to a signature that does not have 64 bytes, so the header is denied earlier."""
    head, body, _ = token({"kid": "e", "alg": "ES256"}, PAYLOAD, EC).split(".")
    assert isinstance(
        bearer([f"Bearer {head}.{body}.{encoded(bytes(length))}"]), Refusal
    )
    assert (
        bearer([f"Bearer {head}.{body}.{encoded(bytes(64))}"])
        == f"{head}.{body}.{encoded(bytes(64))}"
    )


def test_scopes_may_be_words() -> None:
    """The provider's claim names say whether scopes are one text."""
    ring = replace(
        RING,
        provider=replace(
            PROVIDER,
            spelling=replace(
                SPELLING,
                scopes=Listing("scp", "words"),
                service_scopes=Listing("scp", "words"),
            ),
        ),
    )
    claims = authenticate(
        token(HEADER, PAYLOAD | {"scp": "read  write"}), ring, NOW
    )
    assert isinstance(claims, Claims)
    assert claims.scopes == ("read", "write")
    tabbed = authenticate(
        token(HEADER, PAYLOAD | {"scp": "read\twrite"}), ring, NOW
    )
    assert isinstance(tabbed, Claims)
    assert tabbed.scopes == (
        "read\twrite",
    )  # only a space is between words (RFC 6749, 3.3)
    assert authenticate(token(HEADER, PAYLOAD), ring, NOW) == Refusal(
        "scopes or groups are malformed"
    )


@pytest.mark.parametrize(
    ("mark", "counting", "not_counting"),
    [
        (
            TokenType("ver", "2.0"),
            ["2.0"],
            ["2.01", "2", "12.0", 2.0, ["2.0"], None],
        ),
        (
            TokenType("ver", "2.", prefix=True),
            ["2.", "2.0", "2.1"],
            ["2", "12.0", 2.5, ["2.0"], None],
        ),
    ],
    ids=["whole", "prefix"],
)
def test_the_mark_of_an_access_token_is_a_text(
    mark: TokenType, counting: list[Any], not_counting: list[Any]
) -> None:
    """The claim equals the value, or starts with it."""
    ring = replace(
        RING,
        provider=replace(PROVIDER, spelling=replace(SPELLING, marks=(mark,))),
    )
    for value in counting:
        assert isinstance(
            authenticate(token(HEADER, PAYLOAD | {"ver": value}), ring, NOW),
            Claims,
        ), value
    for value in not_counting:
        answer = authenticate(
            token(HEADER, PAYLOAD | {"ver": value}), ring, NOW
        )
        assert answer == Refusal("not an access token: claim 'ver'"), value


@pytest.mark.parametrize("kid", ["", "r r", "r\n", "r,", "r\u00e9", "r" * 129])
def test_an_odd_key_id_is_refused_whatever_keys_there_are(kid: str) -> None:
    """Kong's `jwt` answers 500 to some of these ids. No issuer has such an id."""
    odd = replace(RING, keys={kid: Key(kid, RSA.public_key())})
    reason = "the key id is not a plain text, or not only in the header"
    assert authenticate(
        token(HEADER | {"kid": kid}, PAYLOAD), odd, NOW
    ) == Refusal(reason)


def test_a_key_id_of_128_characters_is_one() -> None:
    """It may have letters, digits, and the characters of base64, thumbprints and URLs."""
    kid = "aZ0._~:=+/-".ljust(128, "k")
    ring = replace(RING, keys={kid: Key(kid, RSA.public_key())})
    assert isinstance(
        authenticate(token(HEADER | {"kid": kid}, PAYLOAD), ring, NOW), Claims
    )


def test_a_payload_may_be_32_deep() -> None:
    """The gate reads this depth, too. A payload with one more level is a case of the next table."""
    deep: Any = "x"
    for _ in range(31):
        deep = [deep]
    assert isinstance(
        authenticate(token(HEADER, PAYLOAD | {"deep": deep}), RING, NOW), Claims
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://other"}, "another issuer"),
        ({"iss": [ISSUER]}, "another issuer"),
        ({"aud": "api://other"}, "for another audience"),
        ({"aud": ["api://tests", 7]}, "for another audience"),
        ({"aud": None}, "for another audience"),
        ({"exp": NOW}, "expired"),
        ({"exp": None}, "no expiry"),
        ({"exp": "9999999999"}, "no expiry"),
        ({"exp": True}, "no expiry"),
        ({"nbf": NOW + 1}, "not valid yet"),
        ({"nbf": None}, "not valid yet"),
        ({"jti": "ID.1"}, "not an access token: claim 'jti'"),
        ({"jti": None}, "not an access token: claim 'jti'"),
        ({"more": False}, "the user has too many groups for the token"),
        ({"cid": ""}, "client or subject is missing or malformed"),
        ({"cid": ["job"]}, "client or subject is missing or malformed"),
        (
            {"sub": "a\r\nX-Auth-Scopes: write"},
            "client or subject is missing or malformed",
        ),
        ({"sub": "someone"}, "neither a user's token nor the client's own"),
        ({"uid": None}, "claim 'uid' is malformed"),
        ({"uid": ""}, "claim 'uid' is malformed"),
        ({"scp": "read"}, "scopes or groups are malformed"),
        ({"scp": None}, "scopes or groups are malformed"),
        ({"groups": "sales"}, "scopes or groups are malformed"),
        ({"groups": None}, "scopes or groups are malformed"),
        (
            {"kid": "r"},
            "the key id is not a plain text, or not only in the header",
        ),
    ],
)
def test_a_claim_that_is_not_as_it_must_be_refuses_the_token(
    changes: JsonObject, reason: str
) -> None:
    """Each claim that is used must have the right type and value."""
    assert authenticate(token(HEADER, PAYLOAD | changes), RING, NOW) == Refusal(
        reason
    )


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (token(HEADER, PAYLOAD, rsa.generate_private_key(public_exponent=65537, key_size=2048)), "the signature does not match the key"),
        (token(HEADER, PAYLOAD)[:-5] + "AAAAA", "the signature does not match the key"),
        (token(HEADER | {"kid": "x"}, PAYLOAD), "signed with a key that this issuer does not have"),
        (token(HEADER | {"kid": 1}, PAYLOAD), "the key id is not a plain text, or not only in the header"),
        (token(HEADER | {"alg": "none"}, PAYLOAD), "the signature does not match the key"),
        (token(HEADER | {"alg": "HS256"}, PAYLOAD), "the signature does not match the key"),
        (token(b'{"kid":"x","kid":"r","alg":"RS256"}', PAYLOAD), "malformed: it has a key twice"),
        (token(HEADER, json.dumps(PAYLOAD).encode()[:-1] + b',"scp":["write"]}'), "malformed: it has a key twice"),
        (token(HEADER, b'{"a":{"b":1,"b":2}}'), "malformed: it has a key twice"),
        (token(HEADER, b'{"exp":NaN}'), "malformed: NaN is not JSON"),
        (token(HEADER, b"[]"), "malformed: not a JSON object of moderate depth"),
        (token(HEADER, b'{"a":' * 5000), "malformed: nested too deeply"),
        (token(HEADER, b'{"a":' * 33 + b"1" + b"}" * 33), "malformed: not a JSON object of moderate depth"),
        ("a.b", "not three parts"),
        ("a.b.c.d", "not three parts"),
        ("!.b.c", "malformed: not base64url"),
    ],
    ids=lambda value: None if len(value) > 60 else value,
)  # fmt: skip
def test_a_token_that_could_be_read_in_two_ways_is_refused(
    bad: str, reason: str
) -> None:
    """The signature is checked first, then one strict reader parses the JSON."""
    assert authenticate(bad, RING, NOW) == Refusal(reason)


def test_bearer_headers() -> None:
    """No token if no header mentions bearer, a token for exactly one well-formed header, and
    otherwise a refusal."""
    good = token(HEADER, PAYLOAD)
    assert bearer(()) is None
    assert bearer(("Basic abc",)) is None
    assert bearer((f"Bearer {good}",)) == good
    for values in (
        (f"bearer {good}",), (f"Bearer  {good}",), (f" Bearer {good}",), (f"Bearer {good} ",), (f"Bearer {good}\n",), ("Bearer",), ("Bearer x",),
        (f"Bearer {good}", "Basic x"), (f"Basic x, Bearer {good}",), (f"Bearer {good},Bearer {good}",), ("Negotiate BEARER",),
        (f"Bearer {token(HEADER | {'kid': 1}, PAYLOAD)}",), (f"Bearer {token(HEADER, PAYLOAD | {'kid': 'r'})}",),
    ):  # fmt: skip
        assert isinstance(bearer(values), Refusal), values


def test_one_token_of_any_form() -> None:
    """The form of RFC 6750: a scheme, a space, and a token without spaces or commas."""
    for value in ("Bearer x", "bearer a.b.c", "Bearer a+b/c~d-e_f=="):
        assert is_one_token((value,)), value
    for values in (
        (), ("Bearer",), ("Bearer ",), ("BEARER x",), ("Bearer  x",), ("Bearer x,y",), ("Bearer x y",), ("Bearer a=b",), ("Bearer x\n",),
        ("Basic x",), ("Bearer x", "Bearer x"), ("Bearer x", "Basic y"), (" Bearer x",),
    ):  # fmt: skip
        assert not is_one_token(values), values


def test_a_service_is_issued_what_it_was_granted() -> None:
    """All granted scopes by default, requested scopes otherwise, and no other scopes."""
    assert issue(PROVIDER, SERVICE) == Claims(
        "main", "shop/job", "shop/job", False, ("read", "write")
    )
    assert issue(PROVIDER, SERVICE, scopes=["read"]) == Claims(
        "main", "shop/job", "shop/job", False, ("read",)
    )
    assert issue(PROVIDER, SERVICE, scopes=["read", "admin"]) == Refusal(
        "shop/job was not granted admin"
    )
    assert issue(PROVIDER, replace(SERVICE, calls=())) == Refusal(
        "shop/job was granted nothing"
    )
    alone = Refusal(
        "shop/job calls only as itself: users cannot sign in through it"
    )
    for client in (SERVICE, replace(SERVICE, groups=("sales",))):
        assert issue(PROVIDER, client, User("someone", ("sales",))) == alone
    assert issue(replace(PROVIDER, name="other"), SERVICE) == Refusal(
        "shop/job has no client at provider 'other'"
    )


def test_a_user_is_issued_a_token_through_a_client_that_their_group_may_use() -> (
    None
):
    """A user in none of the client's groups gets no token. Groups have the provider's names."""
    claims = Claims(
        "main",
        "shop/web",
        "someone",
        True,
        ("read", "write", "openid"),
        ("sales", "staff"),
    )
    assert issue(PROVIDER, WEB, User("someone", ("sales", "staff"))) == claims
    assert issue(PROVIDER, WEB, User("someone", ("staff",))) == Refusal(
        "the user is in no group that shop/web is assigned to"
    )
    assert issue(PROVIDER, WEB) == Refusal(
        "shop/web calls only for users: a user must sign in"
    )
    renamed = Provider(
        "main", "api://tests", SPELLING, groups={"sales": "ACME Sales"}
    )
    assert isinstance(
        issue(renamed, WEB, User("someone", ("ACME Sales",))), Claims
    )
    assert isinstance(issue(renamed, WEB, User("someone", ("sales",))), Refusal)
