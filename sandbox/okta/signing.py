"""Signing keys of an authorization server, and the compact JWTs that they sign.

RSA 2048 and RS256, as on Okta. A key is generated when it is first read or used (0.05 to 0.5 s), so
that a server that issues no token costs nothing. The key id is known at once.
"""

import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.edges import Json
from sandbox.jose import base64url, members, signed


class SigningKey:
    """One RSA key, generated on first use. `kid` has 43 characters, as Okta's ids of keys have."""

    def __init__(self) -> None:
        self.kid = base64url(secrets.token_bytes(32))
        self._private: rsa.RSAPrivateKey | None = None

    def _key(self) -> rsa.RSAPrivateKey:
        if self._private is None:
            self._private = rsa.generate_private_key(
                public_exponent=65537, key_size=2048
            )
        return self._private

    def jwk(self) -> Json:
        """Return the public half (RFC 7517), members as Okta publishes them."""
        return {
            **members(self._key().public_key()),
            "alg": "RS256",
            "kid": self.kid,
            "use": "sig",
        }

    def sign(self, claims: Json, header: Json | None = None) -> str:
        """Return a compact JWS over `claims`; its header is `kid` and `alg` (Okta sends no `typ`),
        updated by `header`."""
        head = {"kid": self.kid, "alg": "RS256"} | (header or {})
        return signed(self._key(), head, claims)


@dataclass(slots=True)
class KeyRing:
    """The keys of one authorization server: the active key, the next key, and the replaced keys.

    Okta's management API lists ACTIVE, NEXT and EXPIRED keys. Its JWKS has the active key first,
    then the replaced keys, but not the next key. Replaced keys are never dropped; Okta's timing is
    not modelled.
    """

    active: SigningKey = field(default_factory=SigningKey)
    upcoming: SigningKey = field(default_factory=SigningKey)
    expired: list[SigningKey] = field(default_factory=list)

    def rotate(self) -> None:
        """Let the NEXT key sign from now on."""
        self.expired.insert(0, self.active)
        self.active = self.upcoming
        self.upcoming = SigningKey()

    def listed(self) -> list[tuple[str, SigningKey]]:
        """Status and key, as the management API lists them."""
        expired = [("EXPIRED", key) for key in self.expired]
        return [("ACTIVE", self.active), ("NEXT", self.upcoming), *expired]

    def published(self) -> list[SigningKey]:
        """Return the keys of the JWKS document, the active one first."""
        return [self.active, *self.expired]
