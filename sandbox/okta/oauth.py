"""OAuth endpoints of the custom authorization servers, under `/oauth2/{server}`: discovery, keys,
authorize, token.

A TEST LOGIN replaces the browser: the query parameter `sandbox_user=<login>` of `/v1/authorize`
names the user. There is no login page, session or consent. All later steps are as on Okta.

Not modelled: introspection, revocation, userinfo, logout, the implicit and password grants,
response modes but `query`.

Source: developer.okta.com, "OpenID Connect & OAuth 2.0 API", with its error texts; RFC 6749, 7636,
8414.
"""

import math
import secrets
from urllib.parse import urlencode

from sandbox.edges import Json
from sandbox.okta import cors, tokens
from sandbox.okta.answers import Answer, Request, not_found
from sandbox.okta.clients import BY_SECRET, active_app, authenticate
from sandbox.okta.grants import (
    Lifetimes,
    OAuthError,
    evaluate_policies,
    requested_scopes,
    require_assignment,
)
from sandbox.okta.org import Org, client_of, settings_of
from sandbox.okta.routes import Route
from sandbox.okta.sessions import Code, Refresh, Session

CODE_LIFETIME = 300  # seconds; Okta: "The authorization code ... has a lifetime of 300 seconds"
GRANTS = ("authorization_code", "refresh_token", "client_credentials")


def read_metadata(org: Org, request: Request) -> Answer:
    """GET /.well-known/openid-configuration and /.well-known/oauth-authorization-server: the same
    content."""
    server = _server(org, request)
    base = f"{server['issuer']}/v1"
    published = [
        scope["name"]
        for scope in org.rows("scopes", server["id"])
        if scope["metadataPublish"] == "ALL_CLIENTS"
    ]
    return Answer(
        200,
        {
            "issuer": server["issuer"],
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "jwks_uri": f"{base}/keys",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": list(GRANTS),
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": published,
            "token_endpoint_auth_methods_supported": [
                *BY_SECRET,
                "private_key_jwt",
                "none",
            ],
            "code_challenge_methods_supported": ["S256"],
        },
    )


def read_keys(org: Org, request: Request) -> Answer:
    """GET /v1/keys: the JWKS, the active key first."""
    server = _server(org, request)
    return Answer(
        200, {"keys": [key.jwk() for key in org.keys[server["id"]].published()]}
    )


def authorize(org: Org, request: Request) -> Answer:
    """GET /v1/authorize: 302 to the redirect URI, with `code` or with `error`, and `state`.

    An unknown client or a redirect URI that the app does not have exactly is answered with 400 and
    never redirected.
    """
    server = _server(org, request)
    query = request.query
    app = active_app(org, query.get("client_id"), 400)
    redirect_uri = query.get("redirect_uri", "")
    if redirect_uri not in settings_of(app)["redirect_uris"]:
        text = (
            "The 'redirect_uri' parameter must be a "
            "Login redirect URI in the client app settings."
        )
        raise OAuthError("invalid_request", text)
    try:
        answer = {"code": _authorize(org, server, app, request)}
    except OAuthError as error:
        answer = {"error": error.error, "error_description": error.description}
    if "state" in query:
        answer["state"] = query["state"]
    separator = "&" if "?" in redirect_uri else "?"
    return Answer(
        302, None, {"Location": f"{redirect_uri}{separator}{urlencode(answer)}"}
    )


def _authorize(org: Org, server: Json, app: Json, request: Request) -> str:
    query = request.query
    if query.get("response_type") != "code":
        raise OAuthError(
            "unsupported_response_type",
            "The response type is not supported by the authorization server.",
        )
    if query.get("response_mode", "query") != "query":
        raise OAuthError(
            "invalid_request",
            "This stand-in models the response mode 'query' only.",
        )
    if not query.get("state"):
        raise OAuthError(
            "invalid_request",
            "The authentication request has an invalid 'state' parameter.",
        )
    _require_grant(app, "authorization_code")
    challenge = query.get("code_challenge")
    if challenge is None and client_of(app)["pkce_required"]:
        raise OAuthError(
            "invalid_request",
            "PKCE code challenge is required by the application.",
        )
    if challenge is not None and query.get("code_challenge_method") != "S256":
        raise OAuthError(
            "invalid_request", "The code challenge method must be 'S256'."
        )
    scopes = requested_scopes(org, server, query.get("scope", ""))
    _require_offline(app, scopes)
    member = org.members.get(query.get("sandbox_user", ""))
    if member is None:
        raise OAuthError(
            "login_required",
            "No user of that 'sandbox_user' (the test login that stands in for a browser).",
        )
    require_assignment(org, app, member)
    evaluate_policies(org, server, app, "authorization_code", member, scopes)
    session = Session(
        server["id"],
        app["id"],
        member.login,
        scopes,
        int(org.now()),
        query.get("nonce"),
    )
    code = secrets.token_urlsafe(32)
    org.codes[code] = Code(
        session, query["redirect_uri"], challenge, org.now() + CODE_LIFETIME
    )
    return code


def issue_token(org: Org, request: Request) -> Answer:
    """POST /v1/token: the grants client_credentials, authorization_code and refresh_token."""
    server = _server(org, request)
    form = request.body
    app = authenticate(
        org,
        request.headers.get("authorization"),
        form,
        f"{server['issuer']}/v1/token",
    )
    grant = form.get("grant_type")
    if grant not in GRANTS:
        configured = ", ".join(settings_of(app)["grant_types"])
        text = "The authorization grant type is not supported by the authorization server. "
        raise OAuthError(
            "unsupported_grant_type",
            f"{text}Configured grant types: [{configured}].",
        )
    _require_grant(app, grant)
    if grant == "client_credentials":
        scopes = requested_scopes(org, server, form.get("scope", ""))
        if "openid" in scopes or "offline_access" in scopes:
            text = (
                "The scopes 'openid' and 'offline_access' need a user and are not allowed for "
                "this grant type."
            )
            raise OAuthError("invalid_scope", text)
        lifetimes = evaluate_policies(org, server, app, grant, None, scopes)
        access = tokens.access_token(
            org, server, app, scopes, lifetimes.access, None
        )
        return Answer(200, _token_body(access, lifetimes, scopes))
    return (
        _exchange(org, server, app, form)
        if grant == "authorization_code"
        else _refresh(org, server, app, form)
    )


def _exchange(org: Org, server: Json, app: Json, form: Json) -> Answer:
    code = org.codes.pop(form.get("code", ""), None)
    if (
        code is None
        or code.expires <= org.now()
        or (code.session.server, code.session.app) != (server["id"], app["id"])
    ):
        raise OAuthError(
            "invalid_grant", "The authorization code is invalid or has expired."
        )
    if form.get("redirect_uri") != code.redirect_uri:
        text = (
            "The 'redirect_uri' does not match the redirection URI used in the authorization "
            "request."
        )
        raise OAuthError("invalid_grant", text)
    verifier = form.get("code_verifier")
    if code.challenge != (
        None if verifier is None else tokens.challenge(verifier)
    ):
        raise OAuthError("invalid_grant", "PKCE verification failed.")
    answer, lifetimes = _user_tokens(
        org, server, app, code.session, code.session.scopes
    )
    if "offline_access" in code.session.scopes:
        end = org.now() + lifetimes.refresh if lifetimes.refresh else math.inf
        answer["refresh_token"] = _keep(
            org, Refresh(code.session, end, org.now() + lifetimes.window)
        )
    return Answer(200, answer)


def _refresh(org: Org, server: Json, app: Json, form: Json) -> Answer:
    refresh_token = form.get("refresh_token", "")
    kept = org.refresh_tokens.get(refresh_token)
    if (
        kept is None
        or min(kept.expires, kept.idle) <= org.now()
        or (kept.session.server, kept.session.app) != (server["id"], app["id"])
    ):
        raise OAuthError(
            "invalid_grant", "The refresh token is invalid or expired."
        )
    scopes = tuple(form.get("scope", "").split()) or kept.session.scopes
    if not set(scopes) <= set(kept.session.scopes):
        raise OAuthError(
            "invalid_scope",
            "The requested scopes exceed those that the refresh token was granted.",
        )
    answer, lifetimes = _user_tokens(org, server, app, kept.session, scopes)
    renewed = Refresh(kept.session, kept.expires, org.now() + lifetimes.window)
    if settings_of(app)["refresh_token"]["rotation_type"] == "ROTATE":
        del org.refresh_tokens[refresh_token]
        refresh_token = _keep(org, renewed)
    org.refresh_tokens[refresh_token] = renewed
    return Answer(200, answer | {"refresh_token": refresh_token})


def _user_tokens(
    org: Org, server: Json, app: Json, session: Session, scopes: tuple[str, ...]
) -> tuple[Json, Lifetimes]:
    member = org.members[session.login]
    require_assignment(org, app, member)
    lifetimes = evaluate_policies(
        org, server, app, "authorization_code", member, scopes
    )
    access = tokens.access_token(
        org, server, app, scopes, lifetimes.access, session
    )
    answer = _token_body(access, lifetimes, scopes)
    if "openid" in scopes:
        answer["id_token"] = tokens.id_token(
            org, server, app, session, scopes, access
        )
    return answer, lifetimes


def _keep(org: Org, refresh: Refresh) -> str:
    token = secrets.token_urlsafe(32)
    org.refresh_tokens[token] = refresh
    return token


def _token_body(
    access: str, lifetimes: Lifetimes, scopes: tuple[str, ...]
) -> Json:
    return {
        "token_type": "Bearer",
        "expires_in": lifetimes.access,
        "access_token": access,
        "scope": " ".join(scopes),
    }


def _require_grant(app: Json, grant: str) -> None:
    configured = settings_of(app)["grant_types"]
    if grant not in configured:
        text = (
            "The client is not authorized to use the provided grant type. Configured grant "
            f"types: {configured}."
        )
        raise OAuthError("unauthorized_client", text.replace("'", ""))


def _require_offline(app: Json, scopes: tuple[str, ...]) -> None:
    if (
        "offline_access" in scopes
        and "refresh_token" not in settings_of(app)["grant_types"]
    ):
        text = (
            "The scope 'offline_access' needs the grant type 'refresh_token', which the client "
            "does not have."
        )
        raise OAuthError("invalid_scope", text)


def _server(org: Org, request: Request) -> Json:
    server = org.get("authorizationServers", request.place["server"])
    if server["status"] != "ACTIVE":
        raise not_found(server["id"], "AuthorizationServer")
    return server


_ISSUER = "/oauth2/{server}"
OAUTH: tuple[Route, ...] = (
    ("GET", f"{_ISSUER}/.well-known/openid-configuration", read_metadata),
    ("GET", f"{_ISSUER}/.well-known/oauth-authorization-server", read_metadata),
    ("GET", f"{_ISSUER}/v1/keys", read_keys),
    ("GET", f"{_ISSUER}/v1/authorize", authorize),
    ("POST", f"{_ISSUER}/v1/token", issue_token),
    ("OPTIONS", f"{_ISSUER}/v1/token", cors.preflight),
)
