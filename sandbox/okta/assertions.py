"""`private_key_jwt`: a client proves its identity by a JWT that it signs with its private key.

The assertion's `iss` and `sub` are the client id, and its `aud` is the token endpoint. It expires
within an hour. An assertion with a `jti` is accepted once. The key is found by `kid` in the app's
`jwks`, or at its `jwks_uri`. RS256 and ES256.

Not modelled: keys of other kinds, fetching a `jwks_uri` (`Okta.publish` sets its content),
encrypted assertions. Every key on a curve counts as P-256, also without `crv`: Okta's behaviour
without `crv` is unknown.

Source: developer.okta.com, "Build a JWT for client authentication"; RFC 7523, section 3.
"""

from typing import NoReturn

from sandbox.edges import Json
from sandbox.jose import public_key, read, verifies
from sandbox.okta.grants import OAuthError
from sandbox.okta.org import Org, client_of, settings_of

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST = 3600  # seconds


def client_named(assertion: str) -> str | None:
    """Return the client that an assertion, still unverified, claims to be from."""
    name = _read(assertion)[1].get("sub")
    return name if isinstance(name, str) else None


def verify(org: Org, app: Json, assertion: str, endpoint: str) -> None:
    """Raise invalid_client (401) if the assertion does not prove to `endpoint` that `app` is the
    client."""
    header, claims = _read(assertion)
    client_id = client_of(app)["client_id"]
    now = org.now()
    if not verifies(
        public_key(_key(org, app, header)), header.get("alg"), assertion
    ):
        _refuse("The client_assertion signature is invalid.")
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        _refuse(
            "The 'iss' and 'sub' of the client_assertion must be the client ID."
        )
    if endpoint not in (
        claims["aud"]
        if isinstance(claims.get("aud"), list)
        else [claims.get("aud")]
    ):
        _refuse(
            "The audience claim for client_assertion must be the endpoint invoked for the request."
        )
    expiry = claims.get("exp")
    if (
        not isinstance(expiry, int | float)
        or isinstance(expiry, bool)
        or expiry <= now
    ):
        _refuse("The client_assertion token is expired.")
    if expiry > now + LONGEST:
        _refuse(
            "The client_assertion token has an expiration too far into the future."
        )
    once = claims.get("jti")
    if once is not None:
        if (client_id, str(once)) in org.assertions:
            _refuse("The client_assertion token has already been used.")
        org.assertions.add((client_id, str(once)))


def _refuse(why: str) -> NoReturn:
    raise OAuthError("invalid_client", why, 401)


def _read(assertion: str) -> tuple[Json, Json]:
    try:
        return read(assertion)
    except ValueError:
        _refuse("The client_assertion is not a valid JWT.")


def _key(org: Org, app: Json, header: Json) -> Json:
    settings = settings_of(app)
    listed = (
        org.published.get(settings.get("jwks_uri", ""))
        or settings.get("jwks")
        or {"keys": []}
    )
    keys = [
        key
        for key in listed["keys"]
        if key.get("kid") == header.get("kid")
        and key.get("status") != "INACTIVE"
    ]
    if len(keys) != 1:
        _refuse(
            "The client_assertion is signed with a key that the client does not have."
        )
    key: Json = keys[0]
    return key
