"""A browser and the app behind it, for tests and the demo: both get tokens as a real app does.

The parameter `sandbox_user=<login>` of the authorization request replaces a login page; only
stand-ins know it. If an issuer answers with its login page, the form is filled in with `PASSWORD`.
"""

from __future__ import annotations

import base64
import hashlib
import html
import http.client
import json
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Required, TypedDict
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sandbox.jose import base64url, signed

TIMEOUT = 10.0  # seconds
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME = 60  # seconds
PASSWORD = "sandbox"
"""The password of every user of the sandbox."""

_FORM = re.compile(r'<form[^>]*\saction="([^"]+)"', re.IGNORECASE)


class IssuerError(Exception):
    """The issuer denied the request: `error` and `error_description` (RFC 6749), and the HTTP
    `status`."""

    def __init__(self, error: str, error_description: str, status: int) -> None:
        super().__init__(f"{error}: {error_description}")
        self.error = error
        self.error_description = error_description
        self.status = status


class CrossOriginError(Exception):
    """The browser keeps an answer from a page: the issuer does not allow that page's origin to have
    it."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The authorization and token endpoints of an issuer."""

    authorization: str
    token: str


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A client's private key, RSA or P-256, in PEM, and the id of its public half at the issuer.

    If `certified`, the id is a certificate's thumbprint, and the assertion names it so. `algorithm`
    is the algorithm that the assertion names.
    """

    pem: str = field(repr=False)
    kid: str
    certified: bool = False
    algorithm: str = "RS256"

    def assertion(self, client_id: str, endpoint: str) -> str:
        """Return a JWT that proves to the token endpoint who sends it (RFC 7523), good once and for
        a minute."""
        now = int(time.time())
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": endpoint,
            "iat": now,
            "exp": now + ASSERTION_LIFETIME,
        }
        header = {
            "alg": self.algorithm,
            "x5t#S256" if self.certified else "kid": self.kid,
        }
        key = load_pem_private_key(self.pem.encode(), None)
        return signed(key, header, claims | {"jti": secrets.token_urlsafe(16)})


@dataclass(frozen=True, slots=True)
class ClusterToken:
    """A pod's token from its cluster, which the issuer accepts in place of the client's own (RFC
    7523)."""

    text: str = field(repr=False)
    certified: ClassVar[bool] = True
    """The client id is sent beside the token, as with a certificate: the token does not name it."""

    # The signature is the same as in PrivateKey.
    def assertion(self, client_id: str, endpoint: str) -> str:  # noqa: ARG002
        """Return the token."""
        return self.text


Proof = str | PrivateKey | ClusterToken | None
"""A client's proof: its secret, its key, its cluster's token, or None."""


class TokenAnswer(TypedDict, total=False):
    """The answer of a token endpoint (RFC 6749, section 5.1)."""

    access_token: Required[str]
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str
    id_token: str


def login(
    issuer: Endpoints,
    client_id: str,
    proof: Proof,
    redirect_uri: str,
    scopes: Iterable[str],
    user: str,
    origin: str | None = None,
) -> TokenAnswer:
    """Sign `user` in to an app and return the token endpoint's answer. PKCE is always used, and the
    client's proof if it has a secret or key.

    With `origin`, a page from there asks for the token; a form needs no preflight. Raises
    IssuerError if an endpoint rejects the request. Raises CrossOriginError if the page may not read
    the answer. Raises ValueError if the answer's `state` differs from the request's.
    """
    verifier = secrets.token_urlsafe(48)
    state = secrets.token_urlsafe(16)
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    asked = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
        "nonce": secrets.token_urlsafe(16),
        "code_challenge": base64url(digest),
        "code_challenge_method": "S256",
        "sandbox_user": user,
    }
    returned = dict(
        parse_qsl(
            urlsplit(
                _signed_in(f"{issuer.authorization}?{urlencode(asked)}", user)
            ).query
        )
    )
    if returned.get("state") != state:
        raise ValueError("the answer's state differs from the request's")
    if "error" in returned:
        raise IssuerError(
            returned["error"], returned.get("error_description", ""), 302
        )
    form = {
        "grant_type": "authorization_code",
        "code": returned["code"],
        "redirect_uri": redirect_uri,
    }
    return _token(
        issuer.token,
        client_id,
        proof,
        form | {"code_verifier": verifier},
        origin,
    )


def client_credentials(
    token_endpoint: str, client_id: str, proof: Proof, scopes: Iterable[str]
) -> TokenAnswer:
    """Get a token for a service as itself, and return the token endpoint's answer. Raises
    IssuerError."""
    form = {"grant_type": "client_credentials", "scope": " ".join(scopes)}
    return _token(token_endpoint, client_id, proof, form)


def refresh(
    token_endpoint: str, client_id: str, proof: Proof, refresh_token: str
) -> TokenAnswer:
    """Exchange a refresh token, and return the token endpoint's answer. Raises IssuerError."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _token(token_endpoint, client_id, proof, form)


def _signed_in(url: str, user: str) -> str:
    """Return the URL that the issuer redirects the browser to."""
    answer = _call("GET", url)
    if answer.status == 200 and (
        form := _FORM.search(answer.body.decode("utf-8", "replace"))
    ):
        filled = urlencode({"username": user, "password": PASSWORD})
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": "; ".join(answer.cookies),
        }
        answer = _call("POST", html.unescape(form[1]), filled, headers)
    if answer.status not in (302, 303):
        raise _refused(answer)
    return answer.location


def _token(
    url: str,
    client_id: str,
    proof: Proof,
    form: dict[str, str],
    origin: str | None = None,
) -> TokenAnswer:
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        **({"Origin": origin} if origin else {}),
    }
    if isinstance(proof, str):
        pair = f"{quote_plus(client_id)}:{quote_plus(proof)}"
        headers["Authorization"] = (
            f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"
        )
    elif proof is None:
        form = form | {"client_id": client_id}
    else:
        form = form | {
            "client_assertion_type": ASSERTION,
            "client_assertion": proof.assertion(client_id, url),
        }
        if proof.certified:
            form["client_id"] = client_id
    answer = _call("POST", url, urlencode(form), headers)
    if origin and answer.allowed not in (origin, "*"):
        raise CrossOriginError(
            f"{urlsplit(url).path} answers {answer.status} and allows {answer.allowed or 'no page'}"
        )
    if answer.status != 200:
        raise _refused(answer)
    tokens: TokenAnswer = json.loads(answer.body)
    return tokens


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    location: str
    cookies: tuple[str, ...]
    body: bytes
    allowed: str = ""
    """The origin whose pages may have it."""


def _call(
    method: str,
    url: str,
    body: str | None = None,
    headers: dict[str, str] | None = None,
) -> _Answer:
    """One request; redirects are not followed, since the app behind them need not run."""
    split = urlsplit(url)
    connection = http.client.HTTPConnection(split.netloc, timeout=TIMEOUT)
    try:
        connection.request(
            method,
            f"{split.path}?{split.query}" if split.query else split.path,
            body,
            headers or {},
        )
        response = connection.getresponse()
        cookies = tuple(
            cookie.split(";")[0]
            for cookie in response.headers.get_all("Set-Cookie", [])
        )
        response_headers = response.headers
        allowed = response_headers.get("Access-Control-Allow-Origin", "")
        return _Answer(
            response.status,
            response_headers.get("Location", ""),
            cookies,
            response.read(),
            allowed,
        )
    finally:
        connection.close()


def _refused(answer: _Answer) -> IssuerError:
    try:
        problem = json.loads(answer.body)
    except ValueError:
        problem = {}
    error = problem.get("error") or problem.get("errorCode") or "server_error"
    return IssuerError(
        error,
        problem.get("error_description") or problem.get("errorSummary") or "",
        answer.status,
    )
