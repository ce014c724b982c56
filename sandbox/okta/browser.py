"""A browser and the app behind it, for tests and the demo: they get tokens from an issuer as an app would.

The login page is stood in for by `/v1/authorize?sandbox_user=<login>`, which only the Okta stand-in has.
"""

import base64
import hashlib
import http.client
import json
import secrets
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

TIMEOUT = 10.0  # seconds


class RefusedError(Exception):
    """The issuer refused: `error` and `error_description` as it gave them (RFC 6749), `status` the HTTP status."""

    def __init__(self, error: str, error_description: str, status: int) -> None:
        super().__init__(f"{error}: {error_description}")
        self.error, self.error_description, self.status = error, error_description, status


def login(
    okta_issuer: str, client_id: str, client_secret: str | None, redirect_uri: str, scopes: Iterable[str], user: str
) -> dict[str, Any]:
    """Sign `user` in to an app and give the token endpoint's answer; PKCE always, a secret where the app has one.

    `okta_issuer` is the authorization server's issuer URL. Raises RefusedError, at the authorize or the token endpoint,
    and ValueError when the answer's `state` is not the one that was sent.
    """
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    asked = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
        "nonce": secrets.token_urlsafe(16),
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"),
        "code_challenge_method": "S256",
        "sandbox_user": user,
    }
    status, location, body = _call("GET", f"{okta_issuer}/v1/authorize?{urlencode(asked)}")
    if status != 302:
        raise _refused(status, body)
    returned = dict(parse_qsl(urlsplit(location).query))
    if returned.get("state") != state:
        raise ValueError("the answer's state is not the one that was sent")
    if "error" in returned:
        raise RefusedError(returned["error"], returned.get("error_description", ""), status)
    form = {"grant_type": "authorization_code", "code": returned["code"], "redirect_uri": redirect_uri}
    return _token(okta_issuer, client_id, client_secret, form | {"code_verifier": verifier})


def client_credentials(issuer: str, client_id: str, client_secret: str, scopes: Iterable[str]) -> dict[str, Any]:
    """Get a token for a service as itself; gives the token endpoint's answer. Raises RefusedError."""
    return _token(issuer, client_id, client_secret, {"grant_type": "client_credentials", "scope": " ".join(scopes)})


def refresh(issuer: str, client_id: str, client_secret: str | None, refresh_token: str) -> dict[str, Any]:
    """Exchange a refresh token; gives the token endpoint's answer. Raises RefusedError."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _token(issuer, client_id, client_secret, form)


def _token(issuer: str, client_id: str, client_secret: str | None, form: dict[str, str]) -> dict[str, Any]:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if client_secret is None:
        form = form | {"client_id": client_id}
    else:
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"
    status, _, body = _call("POST", f"{issuer}/v1/token", urlencode(form), headers)
    if status != 200:
        raise _refused(status, body)
    answer: dict[str, Any] = json.loads(body)
    return answer


def _call(
    method: str, url: str, body: str | None = None, headers: dict[str, str] | None = None
) -> tuple[int, str, bytes]:
    """Status, Location header and body; redirects are not followed, since the app behind them need not run."""
    split = urlsplit(url)
    connection = http.client.HTTPConnection(split.netloc, timeout=TIMEOUT)
    try:
        connection.request(method, f"{split.path}?{split.query}" if split.query else split.path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers.get("Location", ""), response.read()
    finally:
        connection.close()


def _refused(status: int, body: bytes) -> RefusedError:
    try:
        told = json.loads(body)
    except ValueError:
        told = {}
    error = told.get("error") or told.get("errorCode") or "server_error"
    return RefusedError(error, told.get("error_description") or told.get("errorSummary") or "", status)
