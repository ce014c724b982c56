"""The tokens of a tenant: access tokens of versions 1 and 2, and ID tokens, with their claims.

Sources: the Microsoft identity platform's pages on the flows (client credentials, authorization
code), certificate credentials, workload identity federation, and access token and optional
claims. Error codes are AADSTS numbers.

Not modelled: refresh tokens, consent by users (denied where an application requires an assignment),
conditional access, continuous access evaluation, expiry of secrets.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox.edges import Json
from sandbox.entra.directory import (
    MICROSOFT_GRAPH,
    SIGN_IN,
    Directory,
    redirect_uris,
)
from sandbox.jose import base64url, public_key, read, verifies
from sandbox.okta.signing import SigningKey

LIFETIME = 4500  # seconds; Entra gives 60 to 90 minutes
MOST_GROUPS = 200
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class LoginError(Exception):
    """An error of the token or authorization endpoint: OAuth's code, Entra's number and words."""

    def __init__(
        self, error: str, number: int, words: str, status: int = 400
    ) -> None:
        self.error = error
        self.number = number
        self.status = status
        self.description = f"AADSTS{number}: {words}"
        super().__init__(self.description)


@dataclass(frozen=True, slots=True)
class Code:
    """The sign-in behind an authorization code. `resource` is the API of the scopes."""

    client_id: str
    redirect_uri: str
    challenge: str
    user: str
    nonce: str | None
    resource: Json | None
    scopes: list[str]


@dataclass(slots=True)
class Login:
    """The identity platform for one tenant. `administrator`: an application with a secret, there
    from the start."""

    directory: Directory
    login: str
    administrator: tuple[str, str, str]
    """Client id, secret, and the object id of its service principal."""
    key: SigningKey = field(default_factory=SigningKey)
    codes: dict[str, Code] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"{self.login}/{self.directory.tenant}/v2.0"

    def metadata(self) -> Json:
        base = f"{self.login}/{self.directory.tenant}"
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def keys(self) -> Json:
        """Entra's keys have no `alg`."""
        return {
            "keys": [
                {
                    name: value
                    for name, value in self.key.jwk().items()
                    if name != "alg"
                }
            ]
        }

    def sign(self, claims: Json) -> str:
        """Test-only: a token over any claims. Tokens of every tenant are signed with the same
        keys."""
        return self.key.sign(claims, {"typ": "JWT"})

    # The two endpoints

    def authorize(self, query: Mapping[str, str]) -> Json:
        """Return the parameters of the redirect to the application. Raises LoginError if a redirect
        is not allowed."""
        app = self._app(query.get("client_id", ""))
        if query.get("redirect_uri") not in redirect_uris(app):
            raise LoginError(
                "invalid_request",
                50011,
                "The redirect URI does not match the application's redirect URIs.",
            )
        login = query.get("sandbox_user", "")
        try:
            if login not in self.directory.users:
                raise LoginError(
                    "access_denied",
                    50034,
                    "The user account does not exist in the tenant.",
                )
            principal = self._principal(app)
            self._let_in(principal, login)
            resource, scopes = self._consented(
                principal, query.get("scope", "")
            )
            if resource:
                self._let_in(resource, login)
        except LoginError as refused:
            return {
                "error": refused.error,
                "error_description": refused.description,
            }
        code = secrets.token_urlsafe(24)
        self.codes[code] = Code(
            app["appId"],
            query["redirect_uri"],
            query.get("code_challenge", ""),
            login,
            query.get("nonce"),
            resource,
            scopes,
        )
        return {"code": code}

    def token(
        self,
        form: Mapping[str, str],
        authorization: str,
        origin: str | None = None,
    ) -> Json:
        """Return the answer of the token endpoint. `origin` is the page's origin, None for other
        callers.

        Raises LoginError.
        """
        client_id, proof = self._proven(form, authorization)
        if client_id == self.administrator[0]:
            claims = {
                "oid": self.administrator[2],
                "appid": client_id,
                "tid": self.directory.tenant,
            }
            return self._given(
                self.sign(
                    {**claims, "exp": int(self.directory.now()) + LIFETIME}
                ),
                "",
            )
        app = self._app(client_id)
        if form.get("grant_type") == "client_credentials":
            return self._of_service(app, form.get("scope", ""), proof)
        if form.get("grant_type") == "authorization_code":
            return self._of_user(app, form, proof, origin)
        raise LoginError(
            "unsupported_grant_type",
            70003,
            "The app requested an unsupported grant type.",
        )

    def _of_service(self, app: Json, scope: str, proof: str) -> Json:
        if proof == "0":
            raise LoginError(
                "invalid_client",
                7000218,
                "The request body must contain a client secret or assertion.",
                401,
            )
        named, _, suffix = scope.rpartition("/")
        if " " in scope or suffix != ".default":
            raise LoginError(
                "invalid_scope",
                1002012,
                f"The provided value for scope {scope} is not valid.",
            )
        principal = self._principal(app)
        resource = self._resource(named)
        roles = list(self.directory.roles_of({principal["id"]}, resource))
        if resource["appRoleAssignmentRequired"] and not roles:
            message = (
                f"Application '{app['appId']}'({app['displayName']}) is not assigned to a "
                "role for the application."
            )
            raise LoginError("invalid_grant", 501051, message)
        about = {
            "oid": principal["id"],
            "sub": principal["id"],
            "azpacr": proof,
        }
        values = [value for _, value in roles if value]
        if self._adds(resource, "idtyp"):
            about["idtyp"] = "app"
        access = self._access(
            app, resource, about | ({"roles": values} if values else {})
        )
        return self._given(access, "")

    def _of_user(
        self, app: Json, form: Mapping[str, str], proof: str, origin: str | None
    ) -> Json:
        code = self.codes.pop(form.get("code", ""), None)
        if (
            code is None
            or code.client_id != app["appId"]
            or code.redirect_uri != form.get("redirect_uri")
        ):
            raise LoginError(
                "invalid_grant",
                70000,
                "The code is not valid for this client and redirect URI.",
            )
        _check_page(app, form["redirect_uri"], origin)
        challenge = base64url(
            hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        )
        if code.challenge != challenge:
            raise LoginError(
                "invalid_grant",
                501481,
                "The Code_Verifier does not match the code_challenge.",
            )
        if proof == "0" and form["redirect_uri"] in app["web"]["redirectUris"]:
            raise LoginError(
                "invalid_client",
                7000218,
                "The request body must contain a client secret or assertion.",
                401,
            )
        login = code.user
        resource = code.resource
        oid = hashlib.sha256(login.encode()).hexdigest()[:32]
        about: Json = {
            "oid": oid,
            "sub": f"{oid}-{app['appId']}",
            "name": login,
            "azpacr": proof,
        }
        base = {
            **self._usual(self.issuer),
            "aud": app["appId"],
            "ver": "2.0",
            "oid": oid,
            "sub": about["sub"],
        }
        tokens = {"id_token": self.sign({**base, "nonce": code.nonce})}
        if resource is None:
            return {**self._given("opaque", "openid"), **tokens}
        groups = self.directory.groups_of(login)
        roles = [
            value
            for _, value in self.directory.roles_of(groups, resource)
            if value
        ]
        about |= {
            "scp": " ".join(code.scopes),
            **({"roles": roles} if roles else {}),
            **self._groups(resource, groups),
        }
        listed = " ".join(
            f"{resource['appId']}/{scope}" for scope in code.scopes
        )
        return {
            **self._given(self._access(app, resource, about), listed),
            **tokens,
        }

    # The claims of a token

    def _usual(self, issuer: str) -> Json:
        now = int(self.directory.now())
        return {
            "iss": issuer,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "tid": self.directory.tenant,
        }

    def _access(self, app: Json, resource: Json, about: Json) -> str:
        """Return the token version, which the API's application chooses."""
        api = self.directory.by_app_id(resource["appId"]) or {}
        about = {**about, "uti": secrets.token_urlsafe(12)}
        if api["api"]["requestedAccessTokenVersion"] == 2:
            named = {
                "aud": resource["appId"],
                "azp": app["appId"],
                "ver": "2.0",
            }
            return self.sign({**self._usual(self.issuer), **named, **about})
        uris = api["identifierUris"] or [resource["appId"]]
        old = {
            "aud": uris[0],
            "appid": app["appId"],
            "appidacr": about.pop("azpacr"),
            "ver": "1.0",
        }
        return self.sign(
            {
                **self._usual(
                    f"https://sts.windows.net/{self.directory.tenant}/"
                ),
                **old,
                **about,
            }
        )

    def _adds(self, resource: Json, claim: str) -> bool:
        """Return whether the API's application requests an optional claim in access tokens."""
        optional = (self.directory.by_app_id(resource["appId"]) or {})[
            "optionalClaims"
        ] or {}
        return any(
            addition["name"] == claim
            for addition in optional.get("accessToken") or ()
        )

    def _groups(self, resource: Json, groups: set[str]) -> Json:
        """Return object ids of all the user's groups, if the API requests them; none if there are
        too many."""
        if not (self.directory.by_app_id(resource["appId"]) or {})[
            "groupMembershipClaims"
        ]:
            return {}
        if len(groups) <= MOST_GROUPS:
            return {"groups": sorted(groups)}
        return {
            "_claim_names": {"groups": "src1"},
            "_claim_sources": {"src1": {"endpoint": f"{self.login}/groups"}},
        }

    @staticmethod
    def _given(access: str, scopes: str) -> Json:
        lives = {"expires_in": LIFETIME - 1, "ext_expires_in": LIFETIME - 1}
        return {
            "token_type": "Bearer",
            **lives,
            "access_token": access,
            **({"scope": scopes} if scopes else {}),
        }

    # The client, its proof and the requested scopes

    def _app(self, client_id: str) -> Json:
        app = self.directory.by_app_id(client_id)
        if app is None:
            raise LoginError(
                "unauthorized_client",
                700016,
                f"Application with identifier '{client_id}' was not found.",
            )
        return app

    def _principal(self, app: Json) -> Json:
        principal = self.directory.principal_of(app["appId"])
        if principal is None or not principal["accountEnabled"]:
            raise LoginError(
                "unauthorized_client",
                700016,
                f"'{app['displayName']}' has no service principal.",
            )
        return principal

    def _resource(self, named: str) -> Json:
        for principal in self.directory.principals.values():
            app = self.directory.by_app_id(principal["appId"]) or {}
            if named in (principal["appId"], *app["identifierUris"]):
                return principal
        raise LoginError(
            "invalid_resource",
            500011,
            f"The resource principal named {named} was not found in the tenant.",
        )

    def _let_in(self, principal: Json, login: str) -> None:
        """Check that a group of the user is assigned, if the application requires an assignment."""
        if principal["appRoleAssignmentRequired"]:
            held = list(
                self.directory.roles_of(
                    self.directory.groups_of(login), principal
                )
            )
            if not held:
                raise LoginError(
                    "access_denied",
                    50105,
                    f"The signed in user '{login}' is not assigned to a role.",
                )

    def _consented(
        self, principal: Json, asked: str
    ) -> tuple[Json | None, list[str]]:
        """Return the API of the scopes, and the requested scopes that an administrator consented
        to.

        The sign-in scopes belong to Microsoft Graph, and need consent like all others.
        """
        graph = self.directory.principal_of(MICROSOFT_GRAPH)
        if set(SIGN_IN) & set(asked.split()) - set(
            self._granted(principal, graph or {})
        ):
            raise _no_consent()
        wanted = [
            scope.rpartition("/")
            for scope in asked.split()
            if scope not in SIGN_IN
        ]
        if not wanted:
            return None, []
        if len({api for api, _, _ in wanted}) > 1:
            raise LoginError(
                "invalid_scope",
                28000,
                "The input parameter scope names more than one resource.",
            )
        resource = self._resource(wanted[0][0])
        granted = [*self._granted(principal, resource)]
        scopes = [name for _, _, name in wanted]
        if scopes == [".default"]:
            scopes = granted
        if not scopes or set(scopes) - set(granted):
            raise _no_consent()
        return resource, scopes

    def _granted(self, principal: Json, resource: Json) -> Iterator[str]:
        """Yield the enabled permissions of a resource that a client has consent for."""
        api = self.directory.by_app_id(resource["appId"]) or {}
        enabled = {
            scope["value"]
            for scope in api["api"]["oauth2PermissionScopes"]
            if scope["isEnabled"]
        }
        parties = (principal["id"], resource["id"])
        for grant in self.directory.grants.values():
            if (grant["clientId"], grant["resourceId"]) == parties:
                yield from (
                    name for name in grant["scope"].split() if name in enabled
                )

    # How a client proves who it is

    def _proven(
        self, form: Mapping[str, str], authorization: str
    ) -> tuple[str, str]:
        """Return the client's id and its kind of proof, as in the claim azpacr.

        The proof is 0 for none, 1 for a secret, and 2 for a certificate or a token of a trusted
        issuer.
        """
        client_id = form.get("client_id", "")
        secret = form.get("client_secret")
        if authorization.startswith("Basic "):
            name, _, password = (
                base64.b64decode(authorization[6:]).decode().partition(":")
            )
            client_id = unquote_plus(name)
            secret = unquote_plus(password)
        if client_id == self.administrator[0]:
            if secret != self.administrator[1]:
                raise _wrong_secret()
            return client_id, "1"
        app = self._app(client_id)
        kept = self.directory.kept[app["id"]]
        if "client_assertion" in form:
            if form.get("client_assertion_type") != ASSERTION:
                raise LoginError(
                    "invalid_request",
                    900144,
                    "The request body must contain 'client_assertion_type'.",
                )
            self._check_assertion(app, form["client_assertion"])
            return client_id, "2"
        if secret is None:
            return client_id, "0"
        if secret not in kept.passwords.values():
            raise _wrong_secret()
        return client_id, "1"

    def _check_assertion(self, app: Json, assertion: str) -> None:
        try:
            header, claims = read(assertion)
        except ValueError:
            raise LoginError(
                "invalid_client",
                50027,
                "JWT token is invalid or malformed.",
                401,
            ) from None
        if claims.get("exp", 0) <= self.directory.now():
            raise LoginError(
                "invalid_client",
                700024,
                "Client assertion is not within its valid time range.",
                401,
            )
        if "iss" in claims and claims["iss"] != app["appId"]:
            self._check_federated(app, header, claims, assertion)
            return
        certificate = self._certificate(app, header.get("x5t#S256"))
        expected = f"{self.login}/{self.directory.tenant}/oauth2/v2.0/token"
        if claims.get("aud") != expected or claims.get("sub") != app["appId"]:
            raise LoginError(
                "invalid_client",
                50013,
                "Assertion failed: audience or subject.",
                401,
            )
        if not verifies(certificate.public_key(), header.get("alg"), assertion):
            raise LoginError(
                "invalid_client",
                700027,
                "The certificate's signature validation failed.",
                401,
            )

    def _certificate(
        self, app: Json, thumbprint: str | None
    ) -> x509.Certificate:
        now = self.directory.now()
        for certificate in self.directory.kept[app["id"]].certificates.values():
            digest = base64url(
                hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
            )
            lives = (
                certificate.not_valid_before_utc.timestamp()
                <= now
                < certificate.not_valid_after_utc.timestamp()
            )
            if digest == thumbprint and lives:
                return certificate
        raise LoginError(
            "invalid_client",
            700027,
            "The certificate used to sign the assertion is not registered.",
            401,
        )

    def _check_federated(
        self, app: Json, header: Json, claims: Json, assertion: str
    ) -> None:
        named = {"issuer": claims["iss"], "subject": claims.get("sub")}
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        trusted = any(
            named.items() <= federated.items()
            and set(federated["audiences"]) & set(audiences)
            for federated in self.directory.federated[app["id"]].values()
        )
        if not trusted:
            message = (
                "No matching federated identity record found "
                f"for presented assertion {named}."
            )
            raise LoginError("invalid_client", 700213, message, 401)
        for key in _published(claims["iss"]):
            if key.get("kid") == header.get("kid") and verifies(
                public_key(key), header.get("alg"), assertion
            ):
                return
        raise LoginError(
            "invalid_client",
            5001271,
            "The assertion's signature cannot be verified.",
            401,
        )


def _check_page(app: Json, redirect: str, origin: str | None) -> None:
    """Check that a page redeems the code of a page, and an app the code of an app. Raises
    LoginError."""
    page = redirect in app["spa"]["redirectUris"]
    if page and origin is None:
        message = (
            "Tokens issued for the 'Single-Page Application' client-type may only be "
            "redeemed via cross-origin "
        )
        raise LoginError("invalid_request", 9002327, f"{message}requests.")
    if origin is not None and not page:
        message = (
            "Cross-origin token redemption is permitted only for the 'Single-Page "
            "Application' client-type. "
        )
        raise LoginError(
            "invalid_request", 9002326, f"{message}Request origin: '{origin}'."
        )


def _no_consent() -> LoginError:
    return LoginError(
        "consent_required",
        65001,
        "The user or administrator has not consented to use the application.",
    )


def _wrong_secret() -> LoginError:
    return LoginError(
        "invalid_client",
        7000215,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client "
        "secret value, not the client secret ID.",
        401,
    )


def _published(issuer: str) -> list[Json]:
    document = httpx.get(
        f"{issuer}/.well-known/openid-configuration", timeout=10
    ).json()
    keys: list[Json] = httpx.get(document["jwks_uri"], timeout=10).json()[
        "keys"
    ]
    return keys
