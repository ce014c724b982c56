"""A stand-in for an existing issuer: discovery, keys, a token endpoint and a test login, on
loopback.

The caller passes the administrators' setup: clients with their scopes, and users with their groups.
Tokens follow RFC 9068, with the claim `sid` in users' tokens and `token_use: access` in access
tokens. Its key set also has a key for encryption, as key sets of real issuers do.

Not modelled: refresh tokens, consent, sessions, TLS.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar, Self
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.answering import JsonHandler, JsonServer
from sandbox.edges import Json
from sandbox.jose import base64url, members, signed

LIFETIME = 3600  # seconds


@dataclass(frozen=True, slots=True)
class Client:
    """A client of the issuer. With `redirect_uris`, users of a group of `groups` sign in through
    it; otherwise it calls as itself. Pages have no secret: it is None."""

    id: str
    secret: str | None
    scopes: tuple[str, ...]
    redirect_uris: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Code:
    """The sign-in behind an authorization code. `groups` are the user's."""

    client: str
    redirect_uri: str
    challenge: str
    scopes: list[str]
    user: str
    groups: tuple[str, ...]


class _OAuthError(Exception):
    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Key:
    """An elliptic-curve key: it signs with ES256."""

    kid: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def jwk(self, use: str = "sig") -> Json:
        """Return the public half (RFC 7517)."""
        return {
            **members(self.private.public_key()),
            "kid": self.kid,
            "use": use,
        }

    def sign(self, claims: Json) -> str:
        """Return a compact JWS over `claims`."""
        return signed(
            self.private,
            {"kid": self.kid, "alg": "ES256", "typ": "at+jwt"},
            claims,
        )


class Issuer:
    """A context manager that runs the issuer. `clients` are by id, `users` are groups by login.
    `url` is the issuer, known after entering.

    Tests may change `published` (its key set, the first key signs), `named` (its issuer claim) and
    `down` at any time.
    """

    def __init__(
        self,
        audience: str,
        clients: Mapping[str, Client] | None = None,
        users: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.audience = audience
        self.clients = dict(clients or {})
        self.users = dict(users or {})
        self.published = [Key()]
        self.named: str | None = None
        self.down = False
        self._encryption = Key()
        self._codes: dict[str, _Code] = {}
        self._server = JsonServer(_Handler, self)
        self.url = self._server.url

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def metadata(self) -> Json:
        """Return the discovery document (OpenID Connect Discovery 1.0, 3)."""
        return {
            "issuer": self.named or self.url,
            "authorization_endpoint": f"{self.url}/sign-in",
            "token_endpoint": f"{self.url}/tokens",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    def keys(self) -> Json:
        return {
            "keys": [
                self._encryption.jwk("enc"),
                *(key.jwk() for key in self.published),
            ]
        }

    def origins(self) -> set[str]:
        """Return the origins of pages that may read the token endpoint's answers."""
        origins: set[str] = set()
        for client in self.clients.values():
            if client.secret is None:
                origins.update(
                    "/".join(uri.split("/")[:3]) for uri in client.redirect_uris
                )
        return origins

    def authorize(self, query: Mapping[str, str]) -> str:
        """Return the address that the browser is sent to. Raises _OAuthError if it must not be sent
        anywhere."""
        client = self.clients.get(query.get("client_id", ""))
        if (
            client is None
            or query.get("redirect_uri") not in client.redirect_uris
        ):
            raise _OAuthError("invalid_request")
        answer = {"state": query.get("state", "")}
        groups = self.users.get(query.get("sandbox_user", ""))
        asked = query.get("scope", "").split()
        if groups is None or not set(groups) & set(client.groups):
            answer["error"] = "access_denied"
        elif excess := set(asked) - {*client.scopes, "openid"}:
            answer |= {
                "error": "invalid_scope",
                "error_description": " ".join(sorted(excess)),
            }
        else:
            answer["code"] = code = secrets.token_urlsafe(16)
            self._codes[code] = _Code(
                client.id,
                query["redirect_uri"],
                query.get("code_challenge", ""),
                asked,
                query["sandbox_user"],
                groups,
            )
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: Mapping[str, str], authorization: str) -> Json:
        """Return the answer of the token endpoint. Raises _OAuthError."""
        client = self._authenticated(form, authorization)
        if (
            form.get("grant_type") == "client_credentials"
            and not client.redirect_uris
        ):
            asked = form.get("scope", "").split()
            if not asked or set(asked) - set(client.scopes):
                raise _OAuthError("invalid_scope")
            return self._given(client, asked, {"sub": client.id})
        code = self._codes.pop(form.get("code", ""), None)
        if (
            form.get("grant_type") != "authorization_code"
            or code is None
            or code.client != client.id
        ):
            raise _OAuthError("invalid_grant")
        challenge = base64url(
            sha256(form.get("code_verifier", "").encode()).digest()
        )
        if (code.redirect_uri, code.challenge) != (
            form.get("redirect_uri"),
            challenge,
        ):
            raise _OAuthError("invalid_grant")
        user = {
            "sub": code.user,
            "sid": secrets.token_hex(8),
            "groups": list(code.groups),
        }
        return self._given(client, code.scopes, user)

    def _authenticated(
        self, form: Mapping[str, str], authorization: str
    ) -> Client:
        named = self.clients.get(form.get("client_id", ""))
        if named is not None and named.secret is None and not authorization:
            return named
        kind, _, pair = authorization.partition(" ")
        name, _, secret = (
            base64.b64decode(pair).decode().partition(":")
            if kind == "Basic"
            else ("", "", "")
        )
        client = self.clients.get(unquote_plus(name))
        if (
            client is None
            or client.secret is None
            or not secrets.compare_digest(unquote_plus(secret), client.secret)
        ):
            raise _OAuthError("invalid_client")
        return client

    def _given(self, client: Client, scopes: list[str], about: Json) -> Json:
        now = int(time.time())
        base = {"iss": self.url, "iat": now, "exp": now + LIFETIME, **about}
        claims = {
            "aud": self.audience,
            "client_id": client.id,
            "jti": secrets.token_hex(8),
            "token_use": "access",
        }
        access = self.published[0].sign(
            {**base, **claims, "scope": " ".join(scopes)}
        )
        tokens = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "scope": " ".join(scopes),
        }
        if "openid" in scopes:
            tokens["id_token"] = self.published[0].sign(
                {**base, "aud": client.id, "token_use": "id"}
            )
        return tokens


class _Handler(JsonHandler):
    owner: ClassVar[Issuer]

    def do_GET(self) -> None:
        """Discovery, keys, and the authorization endpoint with its test login."""
        parts = urlsplit(self.path)
        if self.owner.down:
            self._answer(503, {})
        elif parts.path == "/.well-known/openid-configuration":
            self._answer(200, self.owner.metadata())
        elif parts.path == "/keys":
            self._answer(200, self.owner.keys())
        elif parts.path == "/sign-in":
            try:
                where = self.owner.authorize(dict(parse_qsl(parts.query)))
            except _OAuthError as refused:
                self._answer(400, {"error": refused.error})
            else:
                self._answer(302, {}, where)
        else:
            self._answer(404, {})

    def do_POST(self) -> None:
        """The token endpoint."""
        form = dict(parse_qsl(self.body().decode()))
        try:
            self._answer(
                200,
                self.owner.token(form, self.headers.get("Authorization", "")),
            )
        except _OAuthError as refused:
            self._answer(
                401 if refused.error == "invalid_client" else 400,
                {"error": refused.error},
            )

    def _answer(
        self, status: int, body: Json, location: str | None = None
    ) -> None:
        headers = {"Location": location} if location else {}
        if (
            self.command == "POST"
            and self.headers.get("Origin") in self.owner.origins()
        ):
            headers["Access-Control-Allow-Origin"] = self.headers["Origin"]
        self.answer(status, body, headers)
