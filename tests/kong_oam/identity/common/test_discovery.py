"""Discovery: which issuers are believed, and which of their keys may sign."""

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from kong_oam.identity.common.discovery import (
    DiscoveryError,
    SigningKey,
    discover,
    signing_keys,
)
from tests.support.json_object import JsonObject

RSA = rsa.generate_private_key(
    public_exponent=65537, key_size=2048
).public_key()
SMALL = rsa.generate_private_key(
    public_exponent=65537, key_size=1024
).public_key()
EC = ec.generate_private_key(ec.SECP256R1()).public_key()


def b64(number: int, size: int = 0) -> str:
    return (
        base64.urlsafe_b64encode(
            number.to_bytes(size or (number.bit_length() + 7) // 8)
        )
        .rstrip(b"=")
        .decode()
    )


def rsa_jwk(key: rsa.RSAPublicKey = RSA, **changes: Any) -> JsonObject:
    numbers = key.public_numbers()
    return {
        "kty": "RSA",
        "kid": "r",
        "use": "sig",
        "alg": "RS256",
        "n": b64(numbers.n),
        "e": b64(numbers.e),
    } | changes


def ec_jwk(**changes: Any) -> JsonObject:
    numbers = EC.public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "kid": "e",
        "x": b64(numbers.x, 32),
        "y": b64(numbers.y, 32),
    } | changes


def keys(*items: Mapping[str, Any]) -> tuple[SigningKey, ...]:
    return signing_keys({"keys": list(items)}, "https://issuer")


def test_rsa_and_p256_keys_are_taken_with_the_algorithm_of_their_kind() -> None:
    """RS256 and ES256, in the order of the set; `use` and `alg` may be left out (RFC 7517, 4.2 and 4.4)."""
    first, second, third = keys(
        rsa_jwk(),
        ec_jwk(),
        {k: v for k, v in rsa_jwk(kid="s").items() if k not in ("use", "alg")},
    )
    assert (
        first.kid,
        first.algorithm,
        second.kid,
        second.algorithm,
        third.kid,
    ) == (
        "r",
        "RS256",
        "e",
        "ES256",
        "s",
    )
    assert load_pem_public_key(first.pem.encode()) == RSA
    assert load_pem_public_key(second.pem.encode()) == EC


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (rsa_jwk(use="enc"), "not for signatures"),
        (rsa_jwk(key_ops=["encrypt"]), "not for signatures"),
        ({k: v for k, v in rsa_jwk().items() if k != "kid"}, "it has no id"),
        (rsa_jwk(kid=7), "it has no id"),
        (
            rsa_jwk(SMALL),
            "an RSA key of 1024 bits is too short; use at least 2048",
        ),
        (
            rsa_jwk(alg="RS512"),
            "algorithm 'RS512' is unsupported; use RS256 or ES256",
        ),
        (rsa_jwk(n="a+b"), "'n' is not base64url"),
        (rsa_jwk(e=None), "it has no 'e'"),
        (
            ec_jwk(crv="P-384"),
            "kind 'EC' on curve 'P-384' is unsupported; use RSA or EC P-256",
        ),
        (
            {"kty": "oct", "kid": "o", "k": "c2VjcmV0"},
            "kind 'oct' is unsupported; use RSA or EC P-256",
        ),
    ],
)
def test_a_key_that_cannot_sign_is_left_out_with_the_reason(
    odd: JsonObject, reason: str
) -> None:
    """Encryption keys, keys without an id, weak and unknown keys: beside a good key they are
    ignored."""
    assert [key.kid for key in keys(odd, rsa_jwk(kid="good"))] == ["good"]
    with pytest.raises(
        DiscoveryError, match="no key in its key set can verify tokens"
    ) as refused:
        keys(odd)
    assert str(refused.value).endswith(f": {reason}")


def test_a_point_that_is_not_on_the_curve_is_no_key() -> None:
    """The library checks it; it must not end in a traceback."""
    assert [key.kid for key in keys(ec_jwk(y=ec_jwk()["x"]), rsa_jwk())] == [
        "r"
    ]


def test_two_different_keys_of_one_id_are_refused() -> None:
    """Kong finds a key by its id: one could pass for the other. The same key twice is one key."""
    with pytest.raises(
        DiscoveryError, match="two different signing keys share the id 'r'"
    ):
        keys(rsa_jwk(), ec_jwk(kid="r"))
    assert len(keys(rsa_jwk(), rsa_jwk())) == 1


@pytest.mark.parametrize("odd", [{}, {"keys": {}}, {"keys": [1]}, {"keys": []}])
def test_a_set_without_keys_is_refused(odd: Mapping[str, Any]) -> None:
    """Also a document in another form than a key set."""
    with pytest.raises(DiscoveryError):
        signing_keys(odd, "https://issuer")


class Issuer:
    """An issuer on loopback: what it answers, by path, and with which `status`. A text is sent as it is."""

    def __init__(self) -> None:
        answers: JsonObject = {}
        paths: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                paths.append(self.path)
                body = answers.get(self.path)
                self.send_response(
                    404 if body is None else answers.get("status", 200)
                )
                self.end_headers()
                self.wfile.write(
                    (
                        body if isinstance(body, str) else json.dumps(body)
                    ).encode()
                )

            def log_message(self, *_: Any) -> None:
                pass

        self.answers, self.asked = answers, paths
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def says(self, **changes: Any) -> None:
        document = {
            "issuer": self.url,
            "token_endpoint": f"{self.url}/token",
            "authorization_endpoint": f"{self.url}/authorize",
            "jwks_uri": f"{self.url}/keys",
        } | changes
        self.answers["/.well-known/openid-configuration"] = document
        self.answers["/keys"] = {
            "keys": [rsa_jwk(), rsa_jwk(kid="x", use="enc")]
        }


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    server = Issuer()
    thread = threading.Thread(target=server.server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.server.shutdown()
    server.server.server_close()
    thread.join(10)


def test_an_issuer_says_where_its_endpoints_and_keys_are(
    issuer: Issuer,
) -> None:
    """Its document is read first, then its key set."""
    issuer.says()
    document = discover(issuer.url)
    assert (document.issuer, document.token_endpoint) == (
        issuer.url,
        f"{issuer.url}/token",
    )
    assert document.authorization_endpoint == f"{issuer.url}/authorize"
    assert [key.kid for key in document.keys] == ["r"]


def test_an_issuer_that_calls_itself_something_else_is_refused(
    issuer: Issuer,
) -> None:
    """Byte by byte: a slash at the end is another issuer (OpenID Connect Discovery 4.3)."""
    issuer.says(issuer=f"{issuer.url}/")
    with pytest.raises(
        DiscoveryError, match=f"publishes the issuer '{issuer.url}/'"
    ):
        discover(issuer.url)
    assert issuer.asked == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize("changes", [{"jwks_uri": None}, {"token_endpoint": 7}])
def test_an_issuer_without_keys_or_tokens_is_refused(
    issuer: Issuer, changes: JsonObject
) -> None:
    """Endpoints that are missing or no text."""
    issuer.says(**changes)
    with pytest.raises(
        DiscoveryError, match="names no token_endpoint or no jwks_uri"
    ):
        discover(issuer.url)


def test_keys_are_fetched_over_https_only(issuer: Issuer) -> None:
    """Plain http counts on loopback only, for the issuer and for where it sends us."""
    with pytest.raises(DiscoveryError, match="is not https"):
        discover("http://issuer.example.com")
    issuer.says(jwks_uri="http://keys.example.com/keys")
    with pytest.raises(DiscoveryError, match="is not https"):
        discover(issuer.url)


def test_an_issuer_that_does_not_answer_as_one_is_an_error_that_says_so(
    issuer: Issuer,
) -> None:
    """Nobody there, nothing there, no JSON, or an answer of a server that says it has failed."""
    with pytest.raises(DiscoveryError, match="does not answer"):
        discover("https://127.0.0.1:9")
    with pytest.raises(DiscoveryError, match="answers 404"):
        discover(issuer.url)
    issuer.answers["/.well-known/openid-configuration"] = "<html>"
    with pytest.raises(DiscoveryError, match="without a JSON object"):
        discover(issuer.url)
    issuer.says()
    issuer.answers["status"] = 500
    with pytest.raises(DiscoveryError, match="answers 500"):
        discover(issuer.url)


def test_through_a_proxy_the_issuer_is_asked_by_its_full_name(
    issuer: Issuer,
) -> None:
    """In absolute form and plain http, as Okta's SDK does with its `http_proxy`."""
    url_of_issuer = "http://acme.okta.com/oauth2/a"
    document = {
        "issuer": "https://acme.okta.com/oauth2/a",
        "token_endpoint": "t",
        "jwks_uri": "https://acme.okta.com/oauth2/a/v1/keys",
    }
    issuer.answers[f"{url_of_issuer}/.well-known/openid-configuration"] = (
        document
    )
    issuer.answers[f"{url_of_issuer}/v1/keys"] = {"keys": [rsa_jwk()]}
    assert [
        key.kid
        for key in discover("https://acme.okta.com/oauth2/a", issuer.url).keys
    ] == ["r"]
