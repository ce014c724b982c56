"""Client authentication at the token endpoint: a signed assertion, a secret (Basic or form), or
none for a public client with PKCE.

Okta shows its two secret methods as a single choice ("Client secret"), and accepts both for either
setting. `client_secret_jwt` is not modelled and rejected.

Source: developer.okta.com, "Client authentication methods"; RFC 6749, section 2.3.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from urllib.parse import unquote_plus

from sandbox.edges import Json
from sandbox.okta import assertions
from sandbox.okta.grants import OAuthError
from sandbox.okta.org import Org, client_of

BY_SECRET = ("client_secret_basic", "client_secret_post")


def authenticate(
    org: Org, authorization: str | None, form: Mapping[str, str], endpoint: str
) -> Json:
    """Return the active app that makes this request to `endpoint` (a URL); raises invalid_client
    (401) when it does not prove who it is."""
    if "client_assertion" in form:
        return _by_assertion(org, authorization, form, endpoint)
    client_id, secret = _credentials(authorization, form)
    app = active_app(org, client_id)
    method = client_of(app)["token_endpoint_auth_method"]
    if method == "none":
        if secret:
            raise OAuthError(
                "invalid_client",
                "Browser and native clients must not send a client secret.",
                401,
            )
    elif method not in BY_SECRET or not secret:
        raise OAuthError(
            "invalid_client",
            "Client authentication failed. No client authentication was found.",
            401,
        )
    elif not hmac.compare_digest(
        secret.encode(), org.client_secrets[app["id"]].encode()
    ):
        raise OAuthError(
            "invalid_client",
            "The client secret supplied for a confidential client is invalid.",
            401,
        )
    return app


def _by_assertion(
    org: Org, authorization: str | None, form: Mapping[str, str], endpoint: str
) -> Json:
    if authorization is not None or "client_secret" in form:
        raise OAuthError(
            "invalid_request", "Cannot supply multiple client credentials."
        )
    if form.get("client_assertion_type") != assertions.TYPE:
        raise OAuthError(
            "invalid_client",
            "The 'client_assertion_type' is not supported.",
            401,
        )
    named = assertions.client_named(form["client_assertion"])
    app = active_app(org, named)
    if form.get("client_id", named) != named:
        raise OAuthError(
            "invalid_client",
            "The 'client_id' differs from the client_assertion's.",
            401,
        )
    if client_of(app)["token_endpoint_auth_method"] != "private_key_jwt":
        raise OAuthError(
            "invalid_client",
            "The client does not authenticate with private_key_jwt.",
            401,
        )
    assertions.verify(org, app, form["client_assertion"], endpoint)
    return app


def active_app(org: Org, client_id: str | None, status: int = 401) -> Json:
    """Return the active app of that client id; raises invalid_client with that HTTP status."""
    app = org.client(client_id) if client_id else None
    if app is None or app["status"] != "ACTIVE":
        raise OAuthError(
            "invalid_client", "Invalid value for 'client_id' parameter.", status
        )
    return app


def _credentials(
    authorization: str | None, form: Mapping[str, str]
) -> tuple[str | None, str | None]:
    if authorization is None:
        return form.get("client_id"), form.get("client_secret")
    scheme, _, encoded = authorization.partition(" ")
    if "client_secret" in form or scheme.lower() != "basic":
        raise OAuthError(
            "invalid_request", "Cannot supply multiple client credentials."
        )
    try:
        name, colon, secret = (
            base64.b64decode(encoded, validate=True).decode().partition(":")
        )
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthError(
            "invalid_client",
            "The authorization header is not well-formed.",
            401,
        ) from None
    if not colon:
        raise OAuthError(
            "invalid_client",
            "The authorization header is not well-formed.",
            401,
        )
    return unquote_plus(name), unquote_plus(secret)
