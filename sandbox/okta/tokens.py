"""The claims of the tokens that Okta's custom authorization servers issue, in Okta's names and
order.

Source: developer.okta.com, "OpenID Connect & OAuth 2.0 API", sections "Access token" and "ID
token". Times are epoch seconds. No `nbf`, no `typ`: Okta sends neither.
"""

import hashlib
import secrets

from sandbox.edges import Json
from sandbox.jose import base64url
from sandbox.okta.grants import configured_claims
from sandbox.okta.org import Org, client_of
from sandbox.okta.sessions import Session

ID_TOKEN_LIFETIME = 3600  # seconds, fixed on Okta


def access_token(
    org: Org,
    server: Json,
    app: Json,
    scopes: tuple[str, ...],
    lifetime: int,
    session: Session | None,
) -> str:
    """Return a signed access token. A service (`session` None) has its client id as `sub`."""
    client_id = client_of(app)["client_id"]
    now = int(org.now())
    member = org.members[session.login] if session else None
    claims: Json = {
        "ver": 1,
        "jti": f"AT.{secrets.token_urlsafe(32)}",
        "iss": server["issuer"],
        "aud": server["audiences"][0],
        "iat": now,
        "exp": now + lifetime,
        "cid": client_id,
    }
    if session and member:
        claims |= {
            "uid": member.id,
            "scp": list(scopes),
            "auth_time": session.auth_time,
            "sub": member.login,
        }
    else:
        claims |= {"scp": list(scopes), "sub": client_id}
    claims |= configured_claims(
        org, server, "RESOURCE", client_id, member, scopes
    )
    return org.keys[server["id"]].active.sign(claims)


def id_token(
    org: Org,
    server: Json,
    app: Json,
    session: Session,
    scopes: tuple[str, ...],
    access: str,
) -> str:
    """Return a signed ID token for the app; `access` is the access token that it comes with (for
    `at_hash`)."""
    client_id = client_of(app)["client_id"]
    now = int(org.now())
    member = org.members[session.login]
    half = hashlib.sha256(access.encode("ascii")).digest()[:16]
    claims: Json = {"sub": member.id}
    if "profile" in scopes:
        claims |= {"name": member.login, "preferred_username": member.login}
    if "email" in scopes:
        claims["email"] = member.login
    claims |= {
        "ver": 1,
        "iss": server["issuer"],
        "aud": client_id,
        "iat": now,
        "exp": now + ID_TOKEN_LIFETIME,
        "jti": f"ID.{secrets.token_urlsafe(32)}",
        "amr": ["pwd"],
        "idp": org.id,
        "auth_time": session.auth_time,
        "at_hash": base64url(half),
    }
    if session.nonce is not None:
        claims["nonce"] = session.nonce
    claims |= configured_claims(
        org, server, "IDENTITY", client_id, member, scopes
    )
    return org.keys[server["id"]].active.sign(claims)


def challenge(verifier: str) -> str:
    """Return the S256 code challenge of a verifier (RFC 7636, section 4.2)."""
    return base64url(hashlib.sha256(verifier.encode()).digest())
